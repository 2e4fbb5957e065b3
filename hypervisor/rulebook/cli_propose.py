"""`hypervisor rules propose`: thresholds from a gauge's record."""

from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import (
    open_database,
    parse_optional_instant,
    print_json,
    print_table,
)
from hypervisor.rulebook.cli import rules

if TYPE_CHECKING:
    from hypervisor.rulebook.proposal import Proposal


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

    from hypervisor.rulebook.gauge_records import list_proposals
    from hypervisor.rulebook.proposal import ProposalOptions, format_commands
    from sensors._domain import catalogue

    low, middle, high = _parse_numbers(hours, 3, "--hours")
    rare, rarer = _parse_numbers(returns, 2, "--returns")
    waiting = Console(stderr=True).status("evaluating the record with each value …")
    with waiting, open_database(context) as connection:
        proposals = list_proposals(
            connection,
            gauge,
            catalogue=catalogue(),
            options=ProposalOptions(
                hours=(low, middle, high), returns=(rare, rarer), alarms=alarms
            ),
            first=parse_optional_instant(first, "--from"),
            last=parse_optional_instant(last, "--to"),
        )
    if as_json:
        print_json(proposals)
        return
    for proposal in proposals:
        _print_proposal(proposal)
    print(*format_commands(proposals), sep="\n")


def _print_proposal(proposal: "Proposal") -> None:
    """The record and its candidates; yearly rates need a record of a year."""
    from hypervisor.registry.formatting import format_duration

    years = proposal.years
    length = f"{years:.1f} years" if years >= 1 else f"{years * 365.25:.0f} days"
    print(
        f"{proposal.owner}, {proposal.quantity}: {proposal.first:%Y-%m-%d}"
        f" to {proposal.last:%Y-%m-%d}, {length} of readings;"
        f" every {format_duration(proposal.interval_s)},"
        f" in steps of {proposal.resolution:g} {proposal.unit}"
    )
    columns = ("", "threshold", "value", "why", "alarms", "a year", "hours a year")
    rows = [
        (
            "*" if candidate.chosen else "",
            candidate.threshold,
            f"{candidate.value:g} {candidate.unit}",
            candidate.basis,
            str(candidate.count),
            f"{candidate.alarms:.1f}" if years >= 1 else "",
            f"{candidate.hours:.0f}" if years >= 1 else "",
        )
        for candidate in proposal.candidates
    ]
    print_table(columns, rows)
    if proposal.margins:
        headings = ("", "ends when", "", "alarms", "again within 24 h", "hours a year")
        lines = [
            (
                "*" if margin.chosen else "",
                margin.clear,
                margin.basis,
                str(margin.count),
                str(margin.restarts),
                f"{margin.hours:.0f}",
            )
            for margin in proposal.margins
        ]
        print()
        print_table(headings, lines)
    for note in proposal.notes:
        print(f"  - {note}")
    print()


def _parse_numbers(text: str, count: int, option: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != count or min(numbers) <= 0:
        raise typer.BadParameter(f"expected {count} numbers above zero", param_hint=option)
    return numbers
