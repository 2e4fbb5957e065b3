"""Groups of commands to which several modules add."""

import typer


def group(app: typer.Typer, name: str) -> typer.Typer:
    """The group of that name, which some `cli.py` added: they come before each `cli_*.py`."""
    return next(
        registered_group.typer_instance
        for registered_group in reversed(app.registered_groups)
        if registered_group.name == name and registered_group.typer_instance is not None
    )
