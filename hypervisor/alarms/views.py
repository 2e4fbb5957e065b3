"""The alarm list page: filtered, grouped by incident, most urgent first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_course, queries_list, views_words
from hypervisor.alarms.queries_list import AlarmFilter, AlarmRow
from hypervisor.alarms.views_filter import WHICH, Filter
from hypervisor.registry.queries_works import load_in_force
from hypervisor.web import marks

BEFORE, AFTER = timedelta(hours=12), timedelta(hours=2)
_NO_INCIDENT = 0  # the group of alarms that are alone in their incident
_HISTORY = 500
_GAP = 2 * 3600  # s: no line is drawn across a longer gap


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the list. `fresh`: changed since the last visit."""

    row: AlarmRow
    how: str
    rank: int
    spark: Mapping[str, Any] | None
    fresh: bool


@dataclass(frozen=True, kw_only=True)
class Group:
    """An incident (`number` None: single alarms) and its rows."""

    number: int | None
    title: str
    opened: datetime | None
    lines: Sequence[Line]
    total: int
    waiting: int
    assignees: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class AlarmList:
    """The whole list. `counts`: how many alarms each `which` would show."""

    filter: Filter
    counts: Mapping[str, int]
    groups: Sequence[Group]
    total: int
    shown: int
    hidden_waiting: int
    changed: int
    since: datetime | None
    last: tuple[datetime, str, str | None] | None


def build_list(context: RequestContext, filters: Filter, since: datetime | None) -> AlarmList:
    """The list that the address asks for. `since`: the last visit."""
    now = context.now()
    rows = queries_list.list_rows(context.connection, _to_query(context, filters), now)
    chosen = [row for row in rows if filters.incident is not None or _matches(row, filters.which)]
    changed = [row for row in chosen if since is not None and row.changed > since]
    groups = group_rows(
        changed if filters.changed else chosen, flat=filters.flat or filters.which == "over"
    )
    ordered = [row for _, members in groups for row in members]
    shown = {row.id for row in ordered[: filters.show]}
    sparks = _draw_sparks(context, [row for row in ordered if row.id in shown], now)
    return AlarmList(
        filter=filters,
        counts=_count_by_which(context, filters, rows),
        groups=_build_groups(context, groups, shown, sparks, since),
        total=len(ordered),
        shown=len(shown),
        hidden_waiting=sum(row.waits for row in ordered if row.id not in shown),
        changed=len(changed),
        since=since,
        last=None if ordered else queries_list.find_latest(context.connection),
    )


def group_rows(rows: Iterable[AlarmRow], *, flat: bool = False) -> list[tuple[int, list[AlarmRow]]]:
    """Rows by incident, most urgent first; single alarms share a group.

    `flat`: one group for all, by priority only.
    """
    members: dict[int, list[AlarmRow]] = {}
    for row in rows:
        members.setdefault(_NO_INCIDENT if flat else row.incident or _NO_INCIDENT, []).append(row)
    incidents: dict[int, list[AlarmRow]] = {}
    for number, together in members.items():
        incidents.setdefault(number if len(together) > 1 else _NO_INCIDENT, []).extend(together)
    for together in incidents.values():
        together.sort(key=urgency)
    return sorted(incidents.items(), key=lambda incident: (urgency(incident[1][0]), incident[0]))


def urgency(row: AlarmRow) -> tuple[bool, bool, int, bool, float, int]:
    """The sort key: open, not held, priority, unacknowledged, latest."""
    return (
        row.state == "normal",
        row.hold is not None,
        marks.priority(row.severity),
        not row.waits,
        -row.began.timestamp(),
        -row.id,
    )


def mark_style(row: AlarmRow) -> str:
    """The CSS class of its mark."""
    return "shv" if row.hold else marks.of_base(row.state)


def threshold_key(row: AlarmRow, rule: Mapping[str, Any] | None) -> str | None:
    """The key of the threshold that its present severity refers to."""
    name = views_words.threshold_of(rule, row.severity)
    if name is None or row.subject.startswith("group/"):
        return None
    return f"{row.subject}/{name}"


def _to_query(context: RequestContext, filters: Filter) -> AlarmFilter:
    over = filters.which == "over"
    return AlarmFilter(
        over=over,
        incident=filters.incident,
        severity=filters.severity,
        domain=filters.domain,
        area=filters.area,
        text=filters.text,
        assignee=context.person.name if filters.mine else None,
        most=_HISTORY if over else 5_000,
    )


def _matches(row: AlarmRow, which: str) -> bool:
    match which:
        case "waiting":
            return row.waits
        case "stale":
            return row.stale and row.hold is None
        case "shelved":
            return row.hold is not None
        case "over":
            return True
        case _:
            return row.hold is None


def _count_by_which(
    context: RequestContext, filters: Filter, rows: Sequence[AlarmRow]
) -> dict[str, int]:
    """How many alarms each chip would show."""
    if filters.which == "over" or filters.incident is not None:
        query = replace(_to_query(context, filters), over=False, incident=None, most=5_000)
        rows = queries_list.list_rows(context.connection, query, context.now())
    return {which: sum(_matches(row, which) for row in rows) for which in WHICH if which != "over"}


def _build_groups(
    context: RequestContext,
    groups: Sequence[tuple[int, list[AlarmRow]]],
    shown: set[int],
    sparks: Mapping[int, Mapping[str, Any] | None],
    since: datetime | None,
) -> list[Group]:
    titles = queries_list.read_incident_titles(
        context.connection, [number for number, _ in groups if number]
    )
    views = []
    for number, members in groups:
        incident = titles.get(number)
        lines = [
            Line(
                row=row,
                how=mark_style(row),
                rank=marks.priority(row.severity),
                spark=sparks.get(row.id),
                fresh=since is not None and row.changed > since,
            )
            for row in members
            if row.id in shown
        ]
        if not lines:
            continue
        views.append(
            Group(
                number=number if incident else None,
                title=views_words.incident(incident) if incident else "",
                opened=datetime.fromisoformat(incident[3]) if incident else None,
                lines=lines,
                total=len(members),
                waiting=sum(row.waits for row in members),
                assignees=sorted({row.assignee for row in members if row.assignee}),
            )
        )
    return views


def _draw_sparks(
    context: RequestContext, rows: Sequence[AlarmRow], now: datetime
) -> dict[int, Mapping[str, Any] | None]:
    """Sparklines: twelve hours back, two ahead, with the threshold."""
    measured = [row for row in rows if row.last_value and row.ended is None]
    series = queries_course.find_series(
        context.connection,
        [(row.id, row.subject, str((row.last_value or {})["quantity"])) for row in measured],
    )
    courses = queries_course.read_trends(context.connection, series, now - BEFORE, now)
    rules = load_in_force(context.connection, "rule", now)
    keys = {row.id: threshold_key(row, rules.get(row.rule)) for row in measured}
    limits = queries_course.read_thresholds(
        context.connection, sorted({key for key in keys.values() if key}), now
    )
    return {
        row.id: _draw_spark(row, courses.get(row.id, ()), limits.get(keys[row.id] or ""), now)
        for row in measured
    }


def _draw_spark(
    row: AlarmRow,
    points: Sequence[tuple[float, float]],
    limit: tuple[float, str, bool] | None,
    now: datetime,
) -> Mapping[str, Any] | None:
    if len(points) < 3 or len({value for _, value in points}) < 2:
        return None
    value = row.last_value or {}
    ahead = None
    if row.ended is None and value.get("per_hour") is not None:
        since = datetime.fromisoformat(str(value["time"]))
        hours = (now + AFTER - since).total_seconds() / 3600
        ahead = float(value["value"]) + float(value["per_hour"]) * min(hours, 4.0)
    return marks.spark(
        [(datetime.fromtimestamp(at, UTC), reading) for at, reading in points],
        begins=now - BEFORE,
        now=now,
        ends=now + AFTER,
        limit=None if limit is None or limit[1] != value.get("unit") else limit[0],
        projected=ahead,
        width=72,
        height=24,
    )


def split_at_gaps(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Split a series at long gaps."""
    pieces: list[list[tuple[float, float]]] = [[points[0]]] if points else []
    for before, after in pairwise(points):
        if after[0] - before[0] > _GAP:
            pieces.append([])
        pieces[-1].append(after)
    return pieces
