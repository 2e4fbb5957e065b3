"""One alarm beside the list: what it says, what to do, what may be done, what was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.accounts.duties import Duty
from hypervisor.alarms import dials
from hypervisor.alarms.lifecycle import TABLE, Kind, State
from hypervisor.alarms.situation import situation
from hypervisor.alarms.suppression import Suppression
from hypervisor.api.access import Access
from hypervisor.api.problems import NotFoundError
from hypervisor.console import formats, marks
from hypervisor.console.reader import current
from hypervisor.console.refusals import refusal
from hypervisor.console.views import alarm_chart, alarm_words
from hypervisor.console.views.alarm_chart import Chart
from hypervisor.console.views.alarms import AFTER, BEFORE, Line, how, limit_keys
from hypervisor.console.words import translate as _
from hypervisor.instants import moment, moment_if
from hypervisor.store.alarms import alarm_acts, alarm_course, alarm_list, alarms, lifecycle
from hypervisor.store.alarms.alarm_acts import Done
from hypervisor.store.alarms.alarm_list import Row, Wanted
from hypervisor.store.alarms.alarms import Alarm, Transition

_SYSTEMS = ("escalate", "remind")
_FARTHEST = timedelta(hours=4)  # no reading says more than so far ahead of itself


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The threshold that its severity is of; `margin`: how far above it (below: negative)."""

    name: str
    value: float
    unit: str
    illustrative: bool
    margin: float


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something of its history. `who`: None where the watch noticed it; `more`: its reason."""

    at: datetime
    who: str | None
    what: str
    more: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """All that stands beside the list."""

    line: Line
    advice: str
    quantity: str
    per_hour: float | None
    unit: str | None
    value_time: datetime | None
    limit: Limit | None
    chart: Chart | None
    silent: Sequence[Suppression]
    history: Sequence[Entry]
    allowed: frozenset[str]
    may: bool
    people: Sequence[tuple[str, str]]
    assignee: str | None
    longest: timedelta
    merged_into: int | None

    @property
    def row(self) -> Row:
        return self.line.row


def look(asked: Access, number: int) -> Panel:
    """One alarm.

    Raises:
        NotFoundError: there is none of this number, or they may not see it.
    """
    now = asked.now()
    found = alarm_list.rows(asked.connection, Wanted(number=number), now)
    alarm = alarms.find(asked.connection, number)
    if not found or alarm is None:
        raise NotFoundError(_("No alarm has the number %(n)s.") % {"n": number})
    row = found[0]
    told = row.last_value or {}
    limit = _limit(asked, row, now)
    handled = lifecycle.handling(asked.connection, [number], now)[number]
    with asked.owning() as owner:
        names = alarm_list.names(owner)
        people = alarm_list.people(owner, row.commune)
    may = asked.person.territory(Duty.OPERATE).holds(row.commune)
    settings = dials.of(lifecycle.settings(asked.connection))
    return Panel(
        line=Line(
            row=row, how=how(row), rank=marks.priority(row.severity), spark=None, fresh=False
        ),
        advice=(current().language == "fr" and alarm.advice_fr) or alarm.advice,
        quantity=alarm_words.quantity(str(told["quantity"])) if told else "",
        per_hour=told.get("per_hour"),
        unit=told.get("unit"),
        value_time=datetime.fromisoformat(str(told["time"])) if told else None,
        limit=limit,
        chart=_chart(asked, row, limit, now),
        silent=_silent(asked, alarm),
        history=history(asked, number, names),
        allowed=frozenset(
            kind.value for kind in Kind if isinstance(TABLE[handled.state, kind], State)
        ),
        may=may and Duty.OPERATE in asked.person.scopes,
        people=people,
        assignee=names.get(row.assignee, row.assignee) if row.assignee else None,
        longest=timedelta(microseconds=settings.shelve_longest),
        merged_into=handled.merged_into,
    )


def history(asked: Access, number: int, names: Mapping[str, str]) -> list[Entry]:
    """What was seen, done and sent, the latest first."""
    found = [_noticed(one) for one in alarms.transitions(asked.connection, [number])]
    found += [_done(one, names) for one in alarm_acts.acts(asked.connection, [number])]
    found += [
        Entry(
            at=at,
            who=None,
            what=_("Sent by %(route)s (%(channel)s)") % {"route": route, "channel": channel}
            if state == "sent"
            else _("Not sent yet by %(route)s (%(channel)s)")
            % {"route": route, "channel": channel},
            more="",
        )
        for at, state, route, channel in alarm_list.told(asked.connection, number)
    ]
    ordered = sorted(enumerate(found), key=lambda one: (one[1].at, one[0]), reverse=True)
    return [entry for _place, entry in ordered]


def since(asked: Access, number: int, version: int) -> list[Entry]:
    """What was done to an alarm since a version of it, the latest first."""
    with asked.owning() as owner:
        names = alarm_list.names(owner)
    acts = alarm_acts.acts(asked.connection, [number])
    return [_done(one, names) for one in reversed(acts) if one.version > version]


def _silent(asked: Access, alarm: Alarm) -> Sequence[Suppression]:
    """Why it speaks to nobody, beside what people said."""
    if not alarm.active:
        return ()
    found = situation(asked.connection, wall=asked.clock()).of(asked.connection, [alarm.id])
    return [one for one in found.get(alarm.id, ()) if one.kind not in {"shelved", "out-of-service"}]


def _limit(asked: Access, row: Row, now: datetime) -> Limit | None:
    rules = alarm_course.written(asked.connection, [row.rule], now)
    key = limit_keys(row, rules.get(row.rule))
    if key is None or row.last_value is None:
        return None
    found = alarm_course.thresholds(asked.connection, [key], now).get(key)
    if found is None or found[1] != row.last_value.get("unit"):
        return None
    value, unit, illustrative = found
    return Limit(
        name=alarm_words.threshold(key.rpartition("/")[2]),
        value=value,
        unit=unit,
        illustrative=illustrative,
        margin=float(row.last_value["value"]) - value,
    )


def _chart(asked: Access, row: Row, limit: Limit | None, now: datetime) -> Chart | None:
    told = row.last_value
    if not told:
        return None
    series = alarm_course.series(asked.connection, [(row.id, row.subject, str(told["quantity"]))])
    ends = min(now, row.ended + AFTER) if row.ended else now
    begins = ends - BEFORE
    found = alarm_course.courses(asked.connection, series, begins, ends, "5 minutes")
    ahead = None
    if row.ended is None and told.get("per_hour") is not None:
        span = min(ends + AFTER - datetime.fromisoformat(str(told["time"])), _FARTHEST)
        ahead = float(told["value"]) + float(told["per_hour"]) * span.total_seconds() / 3600
    return alarm_chart.draw(
        found.get(row.id, ()),
        begins=begins,
        now=ends,
        ends=ends + AFTER,
        limit=limit.value if limit else None,
        limit_label=f"{limit.name} {formats.value(limit.value, limit.unit)}" if limit else "",
        projected=ahead,
    )


def _noticed(one: Transition) -> Entry:
    steps = one.snapshot.get("severity") or [["", ""]]
    words = {
        "severity": marks.priority_name(str(steps[-1][1])).lower(),
        "other": one.other,
    }
    said = _(alarm_words.CHANGES.get(one.kind, one.kind))
    said_already = one.kind in {"stale", "fresh"} or one.reason in marks.PRIORITIES
    more = "" if said_already else refusal(one.reason)
    return Entry(at=moment(one.noticed), who=None, what=said % words, more=more)


def _done(one: Done, names: Mapping[str, str]) -> Entry:
    kind, details = one.kind, dict(one.details)
    if kind == "assign" and not details.get("assignee"):
        kind = "unassign"
    who = str(details.get("assignee") or "")
    until = details.get("until")
    words: dict[str, Any] = {
        "who": names.get(who, who),
        "until": formats.day_time(datetime.fromisoformat(str(until))) if until else "",
    }
    return Entry(
        at=moment_if(one.scenario_at) or moment(one.at),
        who=None if one.kind in _SYSTEMS else names.get(one.author, one.author),
        what=_(alarm_words.ACTS.get(kind, kind)) % words,
        more=one.reason,
    )
