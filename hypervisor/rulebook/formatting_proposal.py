"""Proposals as table rows, JSON, and commands to copy."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from hypervisor.base.instants import moment, text
from hypervisor.registry.formatting import format_duration
from hypervisor.rulebook.proposal import Candidate, Proposal

_SECOND = 1_000_000


def format_heading(proposal: Proposal) -> str:
    """Owner, period, length, interval and resolution of a record."""
    return (
        f"{proposal.owner}, {proposal.quantity}: {moment(proposal.first):%Y-%m-%d}"
        f" to {moment(proposal.last):%Y-%m-%d}, {format_years(proposal.years)} of readings;"
        f" every {format_duration(proposal.interval / _SECOND)},"
        f" in steps of {proposal.resolution:g} {proposal.unit}"
    )


def format_years(years: float) -> str:
    """A record's length in years or days."""
    return f"{years:.1f} years" if years >= 1 else f"{years * 365.25:.0f} days"


def candidate_cells(candidate: Candidate, years: float) -> tuple[str, ...]:
    """A table row; proposed values have a star. Yearly rates need a record of a year."""
    return (
        "*" if candidate.chosen else "",
        candidate.threshold,
        f"{candidate.value:g} {candidate.unit}",
        candidate.basis,
        str(candidate.count),
        f"{candidate.alarms:.1f}" if years >= 1 else "",
        f"{candidate.hours:.0f}" if years >= 1 else "",
    )


def list_chosen(proposals: Iterable[Proposal]) -> list[Candidate]:
    """Proposed candidates."""
    return [
        candidate for proposal in proposals for candidate in proposal.candidates if candidate.chosen
    ]


def format_commands(proposals: Sequence[Proposal]) -> list[str]:
    """The proposed thresholds as an inventory and as commands."""
    proposed = list_chosen(proposals)
    if not proposed:
        return ["nothing is proposed: the record is too short"]
    owner = proposals[0].owner
    text_lines = ["For an inventory (`hypervisor inventory apply`):", ""]
    text_lines += ["sites:", f"  - name: {owner}", "    thresholds:"]
    text_lines += [
        f"      {candidate.threshold}: {{value: {candidate.value:g} {candidate.unit},"
        f" reason: {_quote_reason(candidate)}}}"
        for candidate in proposed
    ]
    text_lines += ["", "Or one by one:", ""]
    text_lines += [
        f"hypervisor rules threshold set {owner} {candidate.threshold}"
        f" '{candidate.value:g} {candidate.unit}' --reason {_quote_reason(candidate)}"
        for candidate in proposed
    ]
    return text_lines


def proposal_row(proposal: Proposal) -> dict[str, Any]:
    """A proposal as plain values."""
    return {
        "owner": proposal.owner,
        "quantity": proposal.quantity,
        "unit": proposal.unit,
        "first": text(proposal.first),
        "last": text(proposal.last),
        "years": round(proposal.years, 3),
        "interval_s": proposal.interval / _SECOND,
        "resolution": proposal.resolution,
        "candidates": [
            {
                **asdict(candidate),
                "alarms": round(candidate.alarms, 3),
                "hours": round(candidate.hours, 3),
            }
            for candidate in proposal.candidates
        ],
        "notes": list(proposal.notes),
    }


def _quote_reason(candidate: Candidate) -> str:
    return f'"proposed from its record: {candidate.basis}"'
