"""Before and after, row by row: what a threshold that is tried would change, and where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

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
    """One line of the table; texts. `change` empty: there is nothing to compare."""

    name: str
    today: str
    tried: str
    change: str


@dataclass(frozen=True, kw_only=True)
class Touched:
    """An event, or an alarm of none: `what` is hit, miss, false or alarm; `effect` in a word.

    `before`, `after`: the lead, or how long it lasted, as text.
    """

    at: datetime
    until: datetime
    name: str
    peak: float | None
    before: str
    after: str
    what: str
    effect: str


def rows(tried: Tried) -> list[ComparisonRow]:
    """What people weigh: hits and misses first, where anything is known to have happened."""
    today, edit = tried.today, tried.edit
    known = any(side and side.worth.outcomes for side in (today, edit))
    judged = any(
        spell.false is not None for side in (today, edit) if side for spell in side.worth.spells
    )
    found: list[ComparisonRow] = []
    if known:
        found += [
            _row(_("Events told"), today, edit, _hits, _told_of),
            _row(_("Events missed"), today, edit, lambda one: one.worth.misses),
        ]
    if known or judged:
        found.append(_row(_("False alarms"), today, edit, lambda one: len(one.worth.false)))
    if known:
        found += [
            _row(_("Median lead"), today, edit, lambda one: one.worth.lead, _span),
            _row(_("Shortest lead"), today, edit, lambda one: one.worth.shortest, _span),
        ]
    return [
        *found,
        _row(_("Alarms"), today, edit, lambda one: len(one.worth.spells)),
        _row(_("Time in alarm"), today, edit, lambda one: one.worth.in_alarm, _span),
        _row(_("Worst load in 10 min"), today, edit, lambda one: one.worth.busiest),
    ]


def touched(tried: Tried) -> list[Touched]:
    """Events and alarms of none, the latest first."""
    today, edit = tried.today, tried.edit
    touched_sites = [
        _event(tried, before, after)
        for before, after in _paired(
            today.worth.outcomes if today else (), edit.worth.outcomes if edit else ()
        )
    ]
    known = bool(touched_sites)
    spells = [
        [spell for spell in side.worth.spells if spell.false or not known] if side else []
        for side in (today, edit)
    ]
    touched_sites += [_alarm(tried, *pair) for pair in _overlapping(*spells)]
    return sorted(touched_sites, key=lambda one: one.at, reverse=True)


def _row(
    name: str,
    today: Side | None,
    edit: Side | None,
    of: Callable[[Side], float | None],
    say: Callable[[float, Side], str] | None = None,
) -> ComparisonRow:
    values: list[float | None] = []
    words: list[str] = []
    for side in (today, edit):
        value = None if side is None else of(side)
        values.append(value)
        if side is None or value is None:
            words.append(NOTHING)
        else:
            words.append(number(value) if say is None else say(value, side))
    before, after = values
    change = ""
    if before is not None and after is not None:
        change = _moved(after - before) if say is _span else signed(after - before)
    return ComparisonRow(name=name, today=words[0], tried=words[1], change=change)


def _hits(side: Side) -> int:
    return side.worth.hits


def _told_of(value: float, side: Side) -> str:
    return f"{value:g} / {len(side.worth.outcomes)}"


def _span(value: float, _side: Side | None = None) -> str:
    if value < 0:
        return _("%(span)s late") % {"span": duration(-value / _SECOND)}
    return duration(value / _SECOND) if value else "0"


def _moved(value: float) -> str:
    if not value:
        return "0"
    return ("+" if value > 0 else "\N{MINUS SIGN}") + duration(abs(value) / _SECOND)


def _paired(
    before: Sequence[Outcome], after: Sequence[Outcome]
) -> list[tuple[Outcome | None, Outcome | None]]:
    """The same event on both sides: events do not depend on what is tried."""
    if not before or not after:
        return [(outcome, None) for outcome in before] + [(None, outcome) for outcome in after]
    return list(zip(before, after, strict=True))


def _event(tried: Tried, before: Outcome | None, after: Outcome | None) -> Touched:
    event = (before or after).event  # type: ignore[union-attr]  # one of them is there
    told = [outcome is not None and outcome.alarm is not None for outcome in (before, after)]
    if after is None:
        effect = _("told in time") if told[0] else _("missed")
    elif before is None:
        effect = _("told in time") if told[1] else _("missed")
    else:
        effect = {
            (True, True): _("useful"),
            (False, True): _("won"),
            (True, False): _("lost"),
            (False, False): _("missed"),
        }[told[0], told[1]]
    last = told[1] if after is not None else told[0]
    return Touched(
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
    return _("missed") if outcome.lead is None else _span(outcome.lead)


def _overlapping(
    before: Sequence[Spell], after: Sequence[Spell]
) -> list[tuple[Spell | None, Spell | None]]:
    """Alarms of the two sides; of one subject and time they are the same."""
    rest = list(after)
    spells: list[tuple[Spell | None, Spell | None]] = []
    for one in before:
        other = next((two for two in rest if _overlap(one, two)), None)
        if other is not None:
            rest.remove(other)
        spells.append((one, other))
    return spells + [(None, spell) for spell in rest]


def _overlap(one: Spell, two: Spell) -> bool:
    return (
        one.subject == two.subject
        and one.began <= (two.ended or _FOREVER)
        and two.began <= (one.ended or _FOREVER)
    )


def _alarm(tried: Tried, before: Spell | None, after: Spell | None) -> Touched:
    one = after or before
    assert one is not None  # noqa: S101  one of them is there
    false = bool(one.false)
    peaks = [tried.peaks.get(spell.began) for spell in (before, after) if spell is not None]
    effect = _("false alarm") if false else _("as today")
    if tried.today is not None and tried.edit is not None:
        if before is None:
            effect = _("false, new") if false else _("new alarm")
        elif after is None:
            effect = _("false, avoided") if false else _("no alarm any more")
    return Touched(
        at=moment(one.began),
        until=moment(tried.until if one.ended is None else one.ended),
        name="",
        peak=next((peak for peak in peaks if peak is not None), None),
        before=_lasted(tried, before),
        after=_lasted(tried, after),
        what="false" if false else "alarm",
        effect=effect,
    )


def _lasted(tried: Tried, one: Spell | None) -> str:
    if one is None:
        return NOTHING
    ended = tried.until if one.ended is None else one.ended
    return _span(ended - max(one.began, tried.since))
