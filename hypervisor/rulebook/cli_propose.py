"""`hypervisor rules propose`: thresholds from a gauge's record."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.rulebook.cli import rules

if TYPE_CHECKING:
    from hypervisor.rulebook.proposal import ProposalOptions


def attach(app: typer.Typer) -> None:  # noqa: ARG001  it belongs to `rules`
    rules.command()(propose)


def propose(
    context: typer.Context,
    gauge: Annotated[str, typer.Argument(metavar="DEVICE|SITE", help="The gauge, or its site.")],
    first: Annotated[str, typer.Option("--from", help="Start of the record.")] = "",
    last: Annotated[str, typer.Option("--to", help="End of the record.")] = "",
    hours: Annotated[
        str, typer.Option(help="Hours per year above each of the three levels.")
    ] = "100 24 4",
    returns: Annotated[
        str, typer.Option(help="Return periods of the upper two in years; needs ten yearly maxima.")
    ] = "2 10",
    alarms: Annotated[
        float, typer.Option(help="Alarms per year allowed for a rate of rise.")
    ] = 6.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a quantity.")] = False,
) -> None:
    """Propose a gauge's thresholds, with the alarms each would have raised. Nothing is changed."""
    from rich.console import Console

    from hypervisor.database.command import open_database, parse_instant
    from hypervisor.rulebook import formatting_proposal as telling
    from hypervisor.rulebook.gauge_records import list_proposals
    from sensors._domain import catalogue

    waiting = Console(stderr=True).status("evaluating the record with each value …")
    with waiting, open_database(context) as connection:
        gauge_proposals = list_proposals(
            connection,
            gauge,
            catalogue=catalogue(),
            wishes=_parse_options(hours, returns, alarms),
            first=parse_instant(first, "--from") if first else None,
            last=parse_instant(last, "--to") if last else None,
        )
    if as_json:
        for proposal in gauge_proposals:
            print(json.dumps(telling.proposal_row(proposal), ensure_ascii=False))
        return
    from rich.table import Table

    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 140)
    for proposal in gauge_proposals:
        table = Table("", "threshold", "value", "why", "alarms", "a year", "hours a year", box=None)
        for candidate in proposal.candidates:
            table.add_row(*telling.candidate_cells(candidate, proposal.years))
        print(telling.format_heading(proposal))
        console.print(table)
        for note in proposal.notes:
            print(f"  - {note}")
        print()
    print(*telling.format_commands(gauge_proposals), sep="\n")


def _parse_options(hours: str, returns: str, alarms: float) -> "ProposalOptions":
    from hypervisor.rulebook.proposal import ProposalOptions

    first, second, third = _parse_numbers(hours, 3, "--hours")
    rare, rarer = _parse_numbers(returns, 2, "--returns")
    return ProposalOptions(hours=(first, second, third), returns=(rare, rarer), alarms=alarms)


def _parse_numbers(text: str, count: int, option: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != count or min(numbers) <= 0:
        raise typer.BadParameter(f"expected {count} numbers above zero", param_hint=option)
    return numbers
