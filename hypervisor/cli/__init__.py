"""The command line: each module here attaches its commands; heavy imports wait inside them."""

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from sensors._errors import TerritoryError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The territorial hypervisor: sensors in, alarms people trust out.",
)


@app.callback()
def instance(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option("--data", envvar="HYPERVISOR_DATA", help="The instance's data folder."),
    ] = None,
) -> None:
    """Remember which instance the command speaks to: `context.obj` is its data folder or None."""
    context.obj = data


def main() -> None:
    """Run one command; an error a person can mend is one line, not a traceback."""
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        importlib.import_module(f"hypervisor.cli.{info.name}").attach(app)
    try:
        app()
    except TerritoryError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
