"""`hypervisor rules propose`: thresholds of a gauge out of its own record."""

import typer


def attach(app: typer.Typer) -> None:
    """Nothing yet."""
