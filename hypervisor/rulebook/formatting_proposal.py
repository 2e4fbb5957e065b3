"""A proposal told: a table, what is to be said of it, and the lines that a person may take over."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from hypervisor.base.instants import moment, text
from hypervisor.registry.formatting import format_duration
from hypervisor.rulebook.proposal import Candidate, Proposal

_SECOND = 1_000_000


def head(one: Proposal) -> str:
    """Whose record, of when, how long and how fine."""
    return (
        f"{one.owner}, {one.quantity}: {moment(one.first):%Y-%m-%d} to {moment(one.last):%Y-%m-%d},"
        f" {length(one.years)} of it known; every {format_duration(one.interval / _SECOND)},"
        f" in steps of {one.resolution:g} {one.unit}"
    )


def length(years: float) -> str:
    """How long a record is."""
    return f"{years:.1f} years" if years >= 1 else f"{years * 365.25:.0f} days"


def cells(one: Candidate, years: float) -> tuple[str, ...]:
    """A row of the table; the star is what is proposed. A record of months tells of no year."""
    return (
        "*" if one.chosen else "",
        one.threshold,
        f"{one.value:g} {one.unit}",
        one.basis,
        str(one.count),
        f"{one.alarms:.1f}" if years >= 1 else "",
        f"{one.hours:.0f}" if years >= 1 else "",
    )


def chosen(found: Iterable[Proposal]) -> list[Candidate]:
    """What is proposed."""
    return [
        candidate for proposal in found for candidate in proposal.candidates if candidate.chosen
    ]


def lines(found: Sequence[Proposal]) -> list[str]:
    """What a person may take over: as an inventory, or one by one. Nothing is changed by it."""
    proposed = chosen(found)
    if not proposed:
        return ["nothing is proposed: the record is too short"]
    owner = found[0].owner
    said = ["For an inventory (`hypervisor inventory apply`):", ""]
    said += ["sites:", f"  - name: {owner}", "    thresholds:"]
    said += [
        f"      {candidate.threshold}: {{value: {candidate.value:g} {candidate.unit},"
        f" reason: {_quoted(candidate)}}}"
        for candidate in proposed
    ]
    said += ["", "Or one by one:", ""]
    said += [
        f"hypervisor rules threshold set {owner} {candidate.threshold}"
        f" '{candidate.value:g} {candidate.unit}' --reason {_quoted(candidate)}"
        for candidate in proposed
    ]
    return said


def row(one: Proposal) -> dict[str, Any]:
    """A proposal as plain values."""
    return {
        "owner": one.owner,
        "quantity": one.quantity,
        "unit": one.unit,
        "first": text(one.first),
        "last": text(one.last),
        "years": round(one.years, 3),
        "interval_s": one.interval / _SECOND,
        "resolution": one.resolution,
        "candidates": [
            {
                **asdict(candidate),
                "alarms": round(candidate.alarms, 3),
                "hours": round(candidate.hours, 3),
            }
            for candidate in one.candidates
        ],
        "notes": list(one.notes),
    }


def _quoted(one: Candidate) -> str:
    return f'"proposed from its record: {one.basis}"'
