"""Comparison of the current with the proposed threshold: figures, events, alarms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from hypervisor.backtest.edits import Side, Tried
from hypervisor.backtest.scoring import Outcome
from hypervisor.backtest.worth import Spell
from hypervisor.base.instants import moment
from hypervisor.base.translation import translate as _
from hypervisor.web.filters import NOTHING, duration, number, signed

_SECOND = 1_000_000
_FOREVER = 2**62


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """One table row of texts. `change` is empty if there is nothing to compare."""

    name: str
    today: str
    tried: str
    change: str


@dataclass(frozen=True, kw_only=True)
class AffectedRow:
    """An event, or an alarm without one: `what` is hit, miss, false or alarm; `effect` a text.

    `before`, `after`: lead time, or duration of the alarm, as text.
    """

    at: datetime
    until: datetime
    name: str
    peak: float | None
    before: str
    after: str
    what: str
    effect: str


def comparison_rows(tried: Tried) -> list[ComparisonRow]:
    """Table rows: hits and misses first if there are events."""
    today, edit = tried.today, tried.edit
    has_events = any(side and side.worth.outcomes for side in (today, edit))
    judged = any(
        spell.false is not None for side in (today, edit) if side for spell in side.worth.spells
    )
    table: list[ComparisonRow] = []
    if has_events:
        table += [
            _comparison_row(_("Events detected"), today, edit, _hits, _hits_of_events),
            _comparison_row(_("Events missed"), today, edit, lambda side: side.worth.misses),
        ]
    if has_events or judged:
        table.append(
            _comparison_row(_("False alarms"), today, edit, lambda side: len(side.worth.false))
        )
    if has_events:
        table += [
            _comparison_row(
                _("Median lead time"), today, edit, lambda side: side.worth.lead, _format_span
            ),
            _comparison_row(
                _("Shortest lead time"), today, edit, lambda side: side.worth.shortest, _format_span
            ),
        ]
    return [
        *table,
        _comparison_row(_("Alarms"), today, edit, lambda side: len(side.worth.spells)),
        _comparison_row(
            _("Time in alarm"), today, edit, lambda side: side.worth.in_alarm, _format_span
        ),
        _comparison_row(_("Worst load in 10 min"), today, edit, lambda side: side.worth.busiest),
    ]


def affected_rows(tried: Tried) -> list[AffectedRow]:
    """Events and alarms without event, the latest first."""
    today, edit = tried.today, tried.edit
    affected = [
        _event_row(tried, before, after)
        for before, after in _pair_outcomes(
            today.worth.outcomes if today else (), edit.worth.outcomes if edit else ()
        )
    ]
    has_events = bool(affected)
    spells = [
        [spell for spell in side.worth.spells if spell.false or not has_events] if side else []
        for side in (today, edit)
    ]
    affected += [_alarm_row(tried, *pair) for pair in _pair_spells(*spells)]
    return sorted(affected, key=attrgetter("at"), reverse=True)


def _comparison_row(
    name: str,
    today: Side | None,
    edit: Side | None,
    value_of: Callable[[Side], float | None],
    format_value: Callable[[float, Side], str] | None = None,
) -> ComparisonRow:
    values: list[float | None] = []
    words: list[str] = []
    for side in (today, edit):
        value = None if side is None else value_of(side)
        values.append(value)
        if side is None or value is None:
            words.append(NOTHING)
        else:
            words.append(number(value) if format_value is None else format_value(value, side))
    before, after = values
    change = ""
    if before is not None and after is not None:
        change = (
            _format_span_change(after - before)
            if format_value is _format_span
            else signed(after - before)
        )
    return ComparisonRow(name=name, today=words[0], tried=words[1], change=change)


def _hits(side: Side) -> int:
    return side.worth.hits


def _hits_of_events(value: float, side: Side) -> str:
    return f"{value:g} / {len(side.worth.outcomes)}"


def _format_span(value: float, _side: Side | None = None) -> str:
    if value < 0:
        return _("%(span)s late") % {"span": duration(-value / _SECOND)}
    return duration(value / _SECOND) if value else "0"


def _format_span_change(value: float) -> str:
    if not value:
        return "0"
    return ("+" if value > 0 else "\N{MINUS SIGN}") + duration(abs(value) / _SECOND)


def _pair_outcomes(
    before: Sequence[Outcome], after: Sequence[Outcome]
) -> list[tuple[Outcome | None, Outcome | None]]:
    """Pair outcomes of the same event: events do not depend on the threshold."""
    if not before or not after:
        return [(outcome, None) for outcome in before] + [(None, outcome) for outcome in after]
    return list(zip(before, after, strict=True))


def _event_row(tried: Tried, before: Outcome | None, after: Outcome | None) -> AffectedRow:
    event = (before or after).event  # type: ignore[union-attr]  # one of them is there
    alarmed = [outcome is not None and outcome.alarm is not None for outcome in (before, after)]
    if after is None:
        effect = _("detected in time") if alarmed[0] else _("missed")
    elif before is None:
        effect = _("detected in time") if alarmed[1] else _("missed")
    else:
        effect = {
            (True, True): _("useful"),
            (False, True): _("gained"),
            (True, False): _("lost"),
            (False, False): _("missed"),
        }[alarmed[0], alarmed[1]]
    last = alarmed[1] if after is not None else alarmed[0]
    return AffectedRow(
        at=moment(event.crossed),
        until=moment(event.until),
        name=event.name,
        peak=tried.peaks.get(event.crossed),
        before=_lead(before),
        after=_lead(after),
        what="hit" if last else "miss",
        effect=effect,
    )


def _lead(outcome: Outcome | None) -> str:
    if outcome is None:
        return NOTHING
    return _("missed") if outcome.lead is None else _format_span(outcome.lead)


def _pair_spells(
    before: Sequence[Spell], after: Sequence[Spell]
) -> list[tuple[Spell | None, Spell | None]]:
    """Pair overlapping alarms of the same subject."""
    rest = list(after)
    spells: list[tuple[Spell | None, Spell | None]] = []
    for spell in before:
        other = next((candidate for candidate in rest if _overlap(spell, candidate)), None)
        if other is not None:
            rest.remove(other)
        spells.append((spell, other))
    return spells + [(None, spell) for spell in rest]


def _overlap(first: Spell, second: Spell) -> bool:
    return (
        first.subject == second.subject
        and first.began <= (second.ended or _FOREVER)
        and second.began <= (first.ended or _FOREVER)
    )


def _alarm_row(tried: Tried, before: Spell | None, after: Spell | None) -> AffectedRow:
    spell = after or before
    assert spell is not None  # noqa: S101  one of them is there
    false = bool(spell.false)
    peaks = [tried.peaks.get(spell.began) for spell in (before, after) if spell is not None]
    effect = _("false alarm") if false else _("as today")
    if tried.today is not None and tried.edit is not None:
        if before is None:
            effect = _("false, new") if false else _("new alarm")
        elif after is None:
            effect = _("false, avoided") if false else _("alarm gone")
    return AffectedRow(
        at=moment(spell.began),
        until=moment(tried.until if spell.ended is None else spell.ended),
        name="",
        peak=next((peak for peak in peaks if peak is not None), None),
        before=_format_duration(tried, before),
        after=_format_duration(tried, after),
        what="false" if false else "alarm",
        effect=effect,
    )


def _format_duration(tried: Tried, spell: Spell | None) -> str:
    if spell is None:
        return NOTHING
    ended = tried.until if spell.ended is None else spell.ended
    return _format_span(ended - max(spell.began, tried.since))
