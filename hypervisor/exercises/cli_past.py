"""`hypervisor simulate-past`: a simulated past of an inventory's rivers, as a recording."""

from pathlib import Path
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(simulate_past)


def simulate_past(
    output: Annotated[Path, typer.Option(help="The recording: wide CSV, gzip with .gz.")],
    inventory: Annotated[
        list[str], typer.Option(help="Sites and devices: an example's name or files.")
    ],
    until: Annotated[str, typer.Option(help="Its end.")] = "2024-10-07",
    days: Annotated[int, typer.Option(min=1, max=400, help="Its length.")] = 365,
    seed: Annotated[int, typer.Option(help="The same seed gives the same storms.")] = 7,
) -> None:
    """Write what gauges would have measured in months of simulated storms, without an instance."""
    from hypervisor.backtest.registries import of_inventory
    from hypervisor.database.command import parse_instant
    from hypervisor.exercises.territory import describe_field
    from sensors._domain import catalogue
    from simulators import _recordings
    from simulators._past import past_rows

    ends = parse_instant(until, "--until")
    field = describe_field(of_inventory(inventory, catalogue(), ()), catalogue(), ends)
    rows = past_rows(field, seed, ends, days=days)
    _recordings.write(rows, output)
    gauges = rows["device"].nunique()
    typer.echo(f"{output}: {len(rows):,} readings of {gauges} gauges until {ends:%Y-%m-%d}")
