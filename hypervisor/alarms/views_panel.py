"""One alarm beside the list: what it says, what to do, what may be done, what was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import (
    queries,
    queries_acts,
    queries_chart,
    queries_lifecycle,
    queries_list,
    service_list,
    views_chart,
    views_words,
)
from hypervisor.alarms.lifecycle import TABLE, ActKind, AlarmState
from hypervisor.alarms.log import Transition
from hypervisor.alarms.model import ActRecord, HandledAlarm, Suppression
from hypervisor.alarms.queries_list import AlarmFilter, AlarmRow
from hypervisor.alarms.views import AFTER, BEFORE, project, read_trends, threshold_key
from hypervisor.alarms.views_chart import Chart
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import moment
from hypervisor.base.reader import current
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.registry.queries_works import load_in_force
from hypervisor.web import filters, marks
from hypervisor.web.refusals import refusal

_DELIVERED = mark("Sent via %(route)s (%(channel)s)")
_WAITING = mark("Not yet sent via %(route)s (%(channel)s)")
_SYSTEM_ACTS = ("escalate", "remind")
_LINKS = {
    "generator": mark("Its source"),
    "dashboard": mark("Dashboard"),
    "panel": mark("Chart"),
    "silence": mark("Silence it there"),
    "image": mark("Picture"),
}


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
    """The panel of one alarm. `allowed`: acts that its state allows; `may`: this person may act.

    `labels`, `links` (name and address): what the source of an external alarm says.
    """

    row: AlarmRow
    alarm: HandledAlarm
    advice: str
    limit: Limit | None
    chart: Chart | None
    suppressed: Sequence[Suppression]
    history: Sequence[Entry]
    allowed: frozenset[str]
    may: bool
    people: Sequence[tuple[str, str]]
    assignee: str | None
    longest: timedelta
    labels: Mapping[str, str]
    links: Sequence[tuple[str, str]]


def build_panel(context: RequestContext, number: int) -> Panel:
    """The panel of an alarm. Raises NotFoundError: no such alarm, or not visible to this person."""
    now, connection = context.now(), context.connection
    rows = queries_list.list_rows(connection, AlarmFilter(numbers=(number,)), now)
    if not rows:
        raise NotFoundError(_("No alarm has the number %(n)s.") % {"n": number})
    row = rows[0]
    alarm = service_list.get_alarm(connection, number, wall=context.clock())
    limit = _find_limit(context, row, now)
    with context.owning() as owner:
        names = queries_list.read_account_titles(owner)
        people = queries_list.list_operators(owner, {row.commune})
    may = context.person.territory(Duty.OPERATE).holds(row.commune)
    settings = queries_lifecycle.read_settings(connection)
    details = queries_list.read_details(connection, number)
    return Panel(
        row=row,
        alarm=alarm,
        advice=(current().language == "fr" and alarm.advice_fr) or alarm.advice,
        limit=limit,
        chart=_draw_chart(context, row, limit, now),
        suppressed=[why for why in alarm.suppressed if why.kind in views_words.SUPPRESSIONS],
        history=build_history(context, number, names),
        allowed=frozenset(
            kind.value for kind in ActKind if isinstance(TABLE[alarm.lifecycle, kind], AlarmState)
        ),
        may=may and Duty.OPERATE in context.person.scopes,
        people=people,
        assignee=names.get(row.assignee, row.assignee) if row.assignee else None,
        longest=timedelta(microseconds=settings.shelve_longest),
        labels=details.labels,
        links=[(_(_LINKS[name]), address) for name, address in details.links.items()],
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
    for notice in queries_list.list_notices(context.connection, [number]):
        template = _DELIVERED if notice.state == "sent" else _WAITING
        what = _(template) % {"route": notice.route, "channel": notice.channel}
        entries.append(Entry(at=notice.at, who=None, what=what, more=""))
    ordered = sorted(enumerate(entries), key=lambda entry: (entry[1].at, entry[0]), reverse=True)
    return [entry for _place, entry in ordered]


def list_changes_since(context: RequestContext, number: int, version: int) -> list[Entry]:
    """Acts on an alarm since a version, latest first."""
    with context.owning() as owner:
        names = queries_list.read_account_titles(owner)
    acts = queries_acts.list_acts(context.connection, [number])
    return [_act_entry(act, names) for act in reversed(acts) if act.version > version]


def _find_limit(context: RequestContext, row: AlarmRow, now: datetime) -> Limit | None:
    rules = load_in_force(context.connection, "rule", now)
    key = threshold_key(row, rules.get(row.rule))
    if key is None or row.last_value is None:
        return None
    threshold = queries_chart.read_thresholds(context.connection, [key], now).get(key)
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
    ends = min(now, row.ended + AFTER) if row.ended else now
    begins = ends - BEFORE
    trends = read_trends(context, [row], begins, ends, "5 minutes")
    return views_chart.draw_chart(
        trends.get(row.id, ()),
        begins=begins,
        now=ends,
        ends=ends + AFTER,
        limit=limit.value if limit else None,
        limit_label=f"{limit.name} {filters.value(limit.value, limit.unit)}" if limit else "",
        projected=project(row, ends + AFTER),
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


def _act_entry(act: ActRecord, names: Mapping[str, str]) -> Entry:
    who, until = str(act.details.get("assignee") or ""), act.details.get("until")
    kind = "unassign" if act.kind == "assign" and not who else act.kind
    words: dict[str, Any] = {
        "who": names.get(who, who),
        "until": filters.day_time(datetime.fromisoformat(str(until))) if until else "",
    }
    return Entry(
        at=moment(act.time),
        who=None if act.kind in _SYSTEM_ACTS else names.get(act.author, act.author),
        what=_(views_words.ACTS.get(kind, kind)) % words,
        more=act.reason,
    )
