"""The command line: each room's `cli*.py` attaches its commands; heavy imports wait inside them."""

import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hypervisor.base import rooms
from sensors._errors import TerritoryError
from sensors._foreign import make_showable


class _ByName(TyperGroup):
    """Commands in alphabetical order, whatever room they come from."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx))


app = typer.Typer(
    cls=_ByName,
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
    if isinstance(sys.stdout, TextIOWrapper):  # a file's name may be no UTF-8, and is printed
        with suppress(OSError):  # a pipe that took the place of a file
            sys.stdout.reconfigure(errors="backslashreplace")


def attach_commands(to: typer.Typer) -> None:
    """Those of every room: each `cli.py`, then each `cli_*.py`, which may add to a group."""
    modules = rooms.modules("cli")
    for module in sorted(modules, key=lambda each: not each.__name__.endswith(".cli")):
        if hasattr(module, "attach"):
            module.attach(to)


def build() -> Callable[[], Any]:
    """The whole command line, which reads `sys.argv` when it is called."""
    attach_commands(app)
    return typer.main.get_command(app)


def main(command: Callable[[], Any] | None = None) -> None:
    """Run one command; an error a person can mend is one line, not a traceback."""
    gc.set_threshold(100_000, 20, 20)  # its search among modules took a fifth of a start
    try:
        _require_text()
        (command or build())()
    except Exception as error:
        sentence = _explain(error)
        if sentence is None:
            raise
        print(f"error: {make_showable(sentence)}", file=sys.stderr)
        raise SystemExit(2) from error


def _require_text() -> None:
    """Refuse names of another encoding than UTF-8: neither the database nor JSON can hold them."""
    for word in (*sys.argv[1:], os.environ.get("HYPERVISOR_DATA", "")):
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            excerpt = word[:200].encode(errors="backslashreplace").decode()
            raise TerritoryError(f"{excerpt} is not UTF-8: rename the file, or type it again")


def _explain(error: Exception) -> str | None:
    """A sentence for what a person can mend; None: a fault of ours."""
    from hypervisor.database.errors import explain

    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    mendable = error if isinstance(error, TerritoryError) else explain(error)
    return None if mendable is None else str(mendable)
