"""The alarm list page: filtered by its address, grouped by incident, most urgent first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_chart, queries_list, views_words
from hypervisor.alarms.queries_list import MOST, PAGE, AlarmFilter, AlarmRow
from hypervisor.registry.queries_works import load_in_force
from hypervisor.web import marks
from sensors._scalars import parse_whole

WHICH = ("open", "waiting", "stale", "external", "shelved", "over")
BEFORE, AFTER = timedelta(hours=12), timedelta(hours=2)
FARTHEST = timedelta(hours=4)  # a projection reaches no further
_NO_INCIDENT = 0  # the group of alarms that are alone in their incident


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the list. `fresh`: changed since the last visit."""

    row: AlarmRow
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
    """The list. `counts`: how many alarms each `which` would show."""

    counts: Mapping[str, int]
    groups: Sequence[Group]
    total: int
    shown: int
    hidden_waiting: int
    changed: int
    since: datetime | None
    last: tuple[datetime, str, str | None] | None


def parse_filter(query: Mapping[str, str]) -> AlarmFilter:
    """The filter of an address; invalid parts are ignored."""

    def word(name: str) -> str | None:
        return query.get(name, "").strip()[:200].replace("\0", "") or None

    def number(name: str) -> int | None:
        return parse_whole(query.get(name, ""))

    which = query.get("which", "open")
    severity = query.get("severity")
    return AlarmFilter(
        which=which if which in WHICH else "open",
        severity=severity if severity in marks.PRIORITIES else None,
        domain=word("domain"),
        area=word("area"),
        text=word("q"),
        mine=query.get("mine") == "1",
        changed=query.get("changed") == "1",
        flat=query.get("flat") == "1",
        show=max(PAGE, min(number("show") or PAGE, MOST)),
    )


def build_address(filters: AlarmFilter, number: int | None = None, **changed: Any) -> str:
    """The address of the list or of one alarm; `changed`: fields to replace."""
    default = AlarmFilter()
    parameters = {
        "q" if name == "text" else name: int(value) if isinstance(value, bool) else value
        for name, value in asdict(replace(filters, **changed)).items()
        if value != getattr(default, name)
    }
    path = "/alarms" if number is None else f"/alarms/{number}"
    return f"{path}?{urlencode(parameters)}" if parameters else path


def build_list(context: RequestContext, filters: AlarmFilter, since: datetime | None) -> AlarmList:
    """The list that the address asks for. `since`: the last visit."""
    now, person = context.now(), context.person.name
    rows = queries_list.list_rows(context.connection, filters, now, person=person)
    chosen = [row for row in rows if _matches(row, filters.which)]
    changed = [row for row in chosen if since is not None and row.changed > since]
    groups = group_rows(
        changed if filters.changed else chosen, flat=filters.flat or filters.which == "over"
    )
    ordered = [row for _, members in groups for row in members]
    sparks = _draw_sparks(context, ordered[: filters.show], now)
    if filters.which == "over":
        query = replace(filters, which="open")
        rows = queries_list.list_rows(context.connection, query, now, person=person)
    return AlarmList(
        counts={which: sum(_matches(row, which) for row in rows) for which in WHICH[:-1]},
        groups=_build_groups(
            context, groups, {row.id for row in ordered[: filters.show]}, sparks, since
        ),
        total=len(ordered),
        shown=len(ordered[: filters.show]),
        hidden_waiting=sum(row.waits for row in ordered[filters.show :]),
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
        together.sort(key=lambda row: row.urgency)
    return sorted(incidents.items(), key=lambda incident: (incident[1][0].urgency, incident[0]))


def threshold_key(row: AlarmRow, rule: Mapping[str, Any] | None) -> str | None:
    """The key of the threshold that readings are compared with at its present severity."""
    last = row.last_value or {}
    name = views_words.threshold_of(rule, row.severity, str(last.get("quantity", "")))
    if name is None or row.subject.startswith("group/") or last.get("judged"):
        return None
    return f"{row.subject}/{name}"


def _matches(row: AlarmRow, which: str) -> bool:
    match which:
        case "waiting":
            return row.waits
        case "stale":
            return row.stale and row.hold is None
        case "external":
            return row.source is not None and row.hold is None
        case "shelved":
            return row.hold is not None
        case "over":
            return True
        case _:
            return row.hold is None


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
    trends = read_trends(context, measured, now - BEFORE, now, "15 minutes")
    rules = load_in_force(context.connection, "rule", now)
    keys = {row.id: threshold_key(row, rules.get(row.rule)) for row in measured}
    limits = queries_chart.read_thresholds(
        context.connection, sorted({key for key in keys.values() if key}), now
    )
    return {
        row.id: _draw_spark(row, trends.get(row.id, ()), limits.get(keys[row.id] or ""), now)
        for row in measured
    }


def read_trends(
    context: RequestContext, rows: Sequence[AlarmRow], begins: datetime, ends: datetime, piece: str
) -> dict[int, list[tuple[float, float]]]:
    """By alarm the series of its last value: (s since the epoch, average of a piece)."""
    series = queries_chart.find_series(
        context.connection,
        [(row.id, row.subject, str(row.last_value["quantity"])) for row in rows if row.last_value],
    )
    return queries_chart.read_trends(context.connection, series, begins, ends, piece)


def _draw_spark(
    row: AlarmRow,
    points: Sequence[tuple[float, float]],
    limit: tuple[float, str, bool] | None,
    now: datetime,
) -> Mapping[str, Any] | None:
    if len(points) < 3 or len({value for _, value in points}) < 2:
        return None
    return marks.spark(
        [(datetime.fromtimestamp(at, UTC), reading) for at, reading in points],
        begins=now - BEFORE,
        now=now,
        ends=now + AFTER,
        limit=None if limit is None or limit[1] != (row.last_value or {}).get("unit") else limit[0],
        projected=project(row, now + AFTER),
        width=72,
        height=24,
    )


def project(row: AlarmRow, until: datetime) -> float | None:
    """The value at a time if the present trend continues; None: no trend, or the alarm ended."""
    last = row.last_value or {}
    if row.ended is not None or last.get("per_hour") is None:
        return None
    span = min(until - datetime.fromisoformat(str(last["time"])), FARTHEST)
    return float(last["value"]) + float(last["per_hour"]) * span.total_seconds() / 3600
