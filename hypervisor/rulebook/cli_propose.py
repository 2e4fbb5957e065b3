"""`hypervisor rules propose`: thresholds of a gauge out of its own record."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.rulebook.cli import rules

if TYPE_CHECKING:
    from hypervisor.rulebook.proposal import Wishes


def attach(app: typer.Typer) -> None:  # noqa: ARG001  it belongs to `rules`
    rules.command()(propose)


def propose(
    context: typer.Context,
    gauge: Annotated[str, typer.Argument(metavar="DEVICE|SITE", help="Whose stored record.")],
    first: Annotated[str, typer.Option("--from", help="Only from this time on.")] = "",
    last: Annotated[str, typer.Option("--to", help="Only up to this time.")] = "",
    hours: Annotated[
        str, typer.Option(help="Hours a year above the three levels, on average.")
    ] = "100 24 4",
    returns: Annotated[
        str, typer.Option(help="Years, of the upper two; from ten yearly maxima on.")
    ] = "2 10",
    alarms: Annotated[float, typer.Option(help="Alarms a year that a rate may raise.")] = 6.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a quantity.")] = False,
) -> None:
    """Propose a gauge's thresholds, and say what each would have meant. Nothing is changed."""
    from rich.console import Console

    from hypervisor.database.command import instant, opened
    from hypervisor.rulebook import formatting_proposal as telling
    from hypervisor.rulebook.gauges import proposals
    from sensors._domain import catalogue

    waiting = Console(stderr=True).status("judging the record by each value …")
    with waiting, opened(context) as connection:
        found = proposals(
            connection,
            gauge,
            catalogue=catalogue(),
            wishes=_wishes(hours, returns, alarms),
            first=instant(first, "--from") if first else None,
            last=instant(last, "--to") if last else None,
        )
    if as_json:
        for proposal in found:
            print(json.dumps(telling.row(proposal), ensure_ascii=False))
        return
    from rich.table import Table

    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 140)
    for proposal in found:
        table = Table("", "threshold", "value", "why", "alarms", "a year", "hours a year", box=None)
        for candidate in proposal.candidates:
            table.add_row(*telling.cells(candidate, proposal.years))
        print(telling.head(proposal))
        console.print(table)
        for note in proposal.notes:
            print(f"  - {note}")
        print()
    print(*telling.lines(found), sep="\n")


def _wishes(hours: str, returns: str, alarms: float) -> "Wishes":
    from hypervisor.rulebook.proposal import Wishes

    first, second, third = _numbers(hours, 3, "--hours")
    rare, rarer = _numbers(returns, 2, "--returns")
    return Wishes(hours=(first, second, third), returns=(rare, rarer), alarms=alarms)


def _numbers(text: str, count: int, option: str) -> list[float]:
    try:
        found = [float(part) for part in text.split()]
    except ValueError:
        found = []
    if len(found) != count or min(found) <= 0:
        raise typer.BadParameter(f"expected {count} numbers above zero", param_hint=option)
    return found
