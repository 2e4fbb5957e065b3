"""One alarm beside the list: what it says, what to do, what may be done, what was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import (
    queries,
    queries_acts,
    queries_course,
    queries_lifecycle,
    queries_list,
    views_chart,
    views_words,
)
from hypervisor.alarms import settings as dials
from hypervisor.alarms.lifecycle import TABLE, ActKind, AlarmState
from hypervisor.alarms.queries import Alarm, Transition
from hypervisor.alarms.queries_acts import ActRecord
from hypervisor.alarms.queries_list import AlarmFilter, AlarmRow
from hypervisor.alarms.situation import read_suppression
from hypervisor.alarms.suppression import Suppression
from hypervisor.alarms.views import AFTER, BEFORE, Line, mark_style, threshold_key
from hypervisor.alarms.views_chart import Chart
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import moment, moment_if
from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.registry.queries_works import load_in_force
from hypervisor.web import filters, marks
from hypervisor.web.refusals import refusal

_SYSTEM_ACTS = ("escalate", "remind")
_FARTHEST = timedelta(hours=4)  # a projection reaches no further


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The threshold of its severity; `margin`: last value minus threshold."""

    name: str
    value: float
    unit: str
    illustrative: bool
    margin: float


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the history. `who`: None for transitions; `more`: the reason."""

    at: datetime
    who: str | None
    what: str
    more: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The panel of one alarm."""

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
    def row(self) -> AlarmRow:
        return self.line.row


def build_panel(context: RequestContext, number: int) -> Panel:
    """The panel of an alarm.

    Raises:
        NotFoundError: no such alarm, or not visible to this person.
    """
    now = context.now()
    rows = queries_list.list_rows(context.connection, AlarmFilter(number=number), now)
    alarm = queries.find_alarm(context.connection, number)
    if not rows or alarm is None:
        raise NotFoundError(_("No alarm has the number %(n)s.") % {"n": number})
    row = rows[0]
    last = row.last_value or {}
    limit = _find_limit(context, row, now)
    handled = queries_lifecycle.read_handling(context.connection, [number], now)[number]
    with context.owning() as owner:
        names = queries_list.read_account_titles(owner)
        people = queries_list.list_operators(owner, row.commune)
    may = context.person.territory(Duty.OPERATE).holds(row.commune)
    settings = dials.from_stored(queries_lifecycle.read_settings(context.connection))
    return Panel(
        line=Line(
            row=row, how=mark_style(row), rank=marks.priority(row.severity), spark=None, fresh=False
        ),
        advice=(current().language == "fr" and alarm.advice_fr) or alarm.advice,
        quantity=views_words.quantity(str(last["quantity"])) if last else "",
        per_hour=last.get("per_hour"),
        unit=last.get("unit"),
        value_time=datetime.fromisoformat(str(last["time"])) if last else None,
        limit=limit,
        chart=_draw_chart(context, row, limit, now),
        silent=_list_suppressions(context, alarm),
        history=build_history(context, number, names),
        allowed=frozenset(
            kind.value for kind in ActKind if isinstance(TABLE[handled.state, kind], AlarmState)
        ),
        may=may and Duty.OPERATE in context.person.scopes,
        people=people,
        assignee=names.get(row.assignee, row.assignee) if row.assignee else None,
        longest=timedelta(microseconds=settings.shelve_longest),
        merged_into=handled.merged_into,
    )


def build_history(context: RequestContext, number: int, names: Mapping[str, str]) -> list[Entry]:
    """Transitions, acts and deliveries, latest first."""
    entries = [
        _transition_entry(transition)
        for transition in queries.list_transitions(context.connection, [number])
    ]
    entries += [
        _act_entry(act, names) for act in queries_acts.list_acts(context.connection, [number])
    ]
    entries += [
        Entry(
            at=at,
            who=None,
            what=_("Sent via %(route)s (%(channel)s)") % {"route": route, "channel": channel}
            if state == "sent"
            else _("Not yet sent via %(route)s (%(channel)s)")
            % {"route": route, "channel": channel},
            more="",
        )
        for at, state, route, channel in queries_list.list_deliveries(context.connection, number)
    ]
    ordered = sorted(enumerate(entries), key=lambda entry: (entry[1].at, entry[0]), reverse=True)
    return [entry for _place, entry in ordered]


def list_changes_since(context: RequestContext, number: int, version: int) -> list[Entry]:
    """Acts on an alarm since a version, latest first."""
    with context.owning() as owner:
        names = queries_list.read_account_titles(owner)
    acts = queries_acts.list_acts(context.connection, [number])
    return [_act_entry(act, names) for act in reversed(acts) if act.version > version]


def _list_suppressions(context: RequestContext, alarm: Alarm) -> Sequence[Suppression]:
    """Suppressions other than holds by hand."""
    if not alarm.active:
        return ()
    suppressions = read_suppression(context.connection, wall=context.clock()).of(
        context.connection, [alarm.id]
    )
    return [
        suppression
        for suppression in suppressions.get(alarm.id, ())
        if suppression.kind not in {"shelved", "out-of-service"}
    ]


def _find_limit(context: RequestContext, row: AlarmRow, now: datetime) -> Limit | None:
    rules = load_in_force(context.connection, "rule", now)
    key = threshold_key(row, rules.get(row.rule))
    if key is None or row.last_value is None:
        return None
    threshold = queries_course.read_thresholds(context.connection, [key], now).get(key)
    if threshold is None or threshold[1] != row.last_value.get("unit"):
        return None
    value, unit, illustrative = threshold
    return Limit(
        name=views_words.threshold(key.rpartition("/")[2]),
        value=value,
        unit=unit,
        illustrative=illustrative,
        margin=float(row.last_value["value"]) - value,
    )


def _draw_chart(
    context: RequestContext, row: AlarmRow, limit: Limit | None, now: datetime
) -> Chart | None:
    last = row.last_value
    if not last:
        return None
    series = queries_course.find_series(
        context.connection, [(row.id, row.subject, str(last["quantity"]))]
    )
    ends = min(now, row.ended + AFTER) if row.ended else now
    begins = ends - BEFORE
    courses = queries_course.read_trends(context.connection, series, begins, ends, "5 minutes")
    ahead = None
    if row.ended is None and last.get("per_hour") is not None:
        span = min(ends + AFTER - datetime.fromisoformat(str(last["time"])), _FARTHEST)
        ahead = float(last["value"]) + float(last["per_hour"]) * span.total_seconds() / 3600
    return views_chart.draw_chart(
        courses.get(row.id, ()),
        begins=begins,
        now=ends,
        ends=ends + AFTER,
        limit=limit.value if limit else None,
        limit_label=f"{limit.name} {filters.value(limit.value, limit.unit)}" if limit else "",
        projected=ahead,
    )


def _transition_entry(transition: Transition) -> Entry:
    steps = transition.snapshot.get("severity") or [["", ""]]
    words = {
        "severity": marks.priority_name(str(steps[-1][1])).lower(),
        "other": transition.other,
    }
    template = _(views_words.CHANGES.get(transition.kind, transition.kind))
    redundant = transition.kind in {"stale", "fresh"} or transition.reason in marks.PRIORITIES
    more = "" if redundant else refusal(transition.reason)
    return Entry(at=moment(transition.noticed), who=None, what=template % words, more=more)


def _act_entry(done: ActRecord, names: Mapping[str, str]) -> Entry:
    kind, details = done.kind, dict(done.details)
    if kind == "assign" and not details.get("assignee"):
        kind = "unassign"
    who = str(details.get("assignee") or "")
    until = details.get("until")
    words: dict[str, Any] = {
        "who": names.get(who, who),
        "until": filters.day_time(datetime.fromisoformat(str(until))) if until else "",
    }
    return Entry(
        at=moment_if(done.scenario_at) or moment(done.at),
        who=None if done.kind in _SYSTEM_ACTS else names.get(done.author, done.author),
        what=_(views_words.ACTS.get(kind, kind)) % words,
        more=done.reason,
    )
