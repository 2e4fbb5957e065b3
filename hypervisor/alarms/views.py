"""The list of alarms: what is asked for in the address, grouped by incident, the worst first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_course, queries_list, views_words
from hypervisor.alarms.queries_list import AlarmFilter, AlarmRow
from hypervisor.alarms.views_filter import WHICH, Filter
from hypervisor.web import marks

BEFORE, AFTER = timedelta(hours=12), timedelta(hours=2)
_ALONE = 0  # the group of those that are an incident by themselves
_HISTORY = 500
_GAP = 2 * 3600  # s: a line is not drawn over a longer silence


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row as it is drawn. `fresh`: changed since the last look."""

    row: AlarmRow
    how: str
    rank: int
    spark: Mapping[str, Any] | None
    fresh: bool


@dataclass(frozen=True, kw_only=True)
class Group:
    """An incident (`number` None: several that stand alone) and its alarms that are shown."""

    number: int | None
    title: str
    opened: datetime | None
    lines: Sequence[Line]
    total: int
    waiting: int
    assignees: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the page shows. `counts` by `which`, of what else the address asks for."""

    filter: Filter
    counts: Mapping[str, int]
    groups: Sequence[Group]
    total: int
    shown: int
    hidden_waiting: int
    changed: int
    since: datetime | None
    last: tuple[datetime, str, str | None] | None


def look(context: RequestContext, found: Filter, since: datetime | None) -> Look:
    """What the address asks for, as it is now. `since`: the last look."""
    now = context.now()
    rows = queries_list.rows(context.connection, _wanted(context, found), now)
    chosen = [row for row in rows if found.incident is not None or _is(row, found.which)]
    changed = [row for row in chosen if since is not None and row.changed > since]
    groups = grouped(changed if found.changed else chosen, flat=found.flat or found.which == "over")
    ordered = [row for _, members in groups for row in members]
    shown = {row.id for row in ordered[: found.show]}
    sparks = _sparks(context, [row for row in ordered if row.id in shown], now)
    return Look(
        filter=found,
        counts=_counts(context, found, rows),
        groups=_groups(context, groups, shown, sparks, since),
        total=len(ordered),
        shown=len(shown),
        hidden_waiting=sum(row.waits for row in ordered if row.id not in shown),
        changed=len(changed),
        since=since,
        last=None if ordered else queries_list.last(context.connection),
    )


def grouped(rows: Iterable[AlarmRow], *, flat: bool = False) -> list[tuple[int, list[AlarmRow]]]:
    """Incidents and their alarms, the worst first; those of one alarm each are put together.

    `flat`: all in one group, by priority alone.
    """
    members: dict[int, list[AlarmRow]] = {}
    for row in rows:
        members.setdefault(_ALONE if flat else row.incident or _ALONE, []).append(row)
    found: dict[int, list[AlarmRow]] = {}
    for number, together in members.items():
        found.setdefault(number if len(together) > 1 else _ALONE, []).extend(together)
    for together in found.values():
        together.sort(key=urgency)
    return sorted(found.items(), key=lambda one: (urgency(one[1][0]), one[0]))


def urgency(row: AlarmRow) -> tuple[bool, bool, int, bool, float, int]:
    """By what alarms are ordered: open, priority, unacknowledged, the latest to begin."""
    return (
        row.state == "normal",
        row.hold is not None,
        marks.priority(row.severity),
        not row.waits,
        -row.began.timestamp(),
        -row.id,
    )


def how(row: AlarmRow) -> str:
    """How its mark looks."""
    return "shv" if row.hold else marks.of_base(row.state)


def limit_keys(row: AlarmRow, rule: Mapping[str, Any] | None) -> str | None:
    """The threshold that its severity now is of: its key."""
    name = views_words.threshold_of(rule, row.severity)
    if name is None or row.subject.startswith("group/"):
        return None
    return f"{row.subject}/{name}"


def _wanted(context: RequestContext, found: Filter) -> AlarmFilter:
    over = found.which == "over"
    return AlarmFilter(
        over=over,
        incident=found.incident,
        severity=found.severity,
        domain=found.domain,
        area=found.area,
        text=found.text,
        assignee=context.person.name if found.mine else None,
        most=_HISTORY if over else 5_000,
    )


def _is(row: AlarmRow, which: str) -> bool:
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


def _counts(context: RequestContext, found: Filter, rows: Sequence[AlarmRow]) -> dict[str, int]:
    """How many each chip would show."""
    if found.which == "over" or found.incident is not None:
        wanted = replace(_wanted(context, found), over=False, incident=None, most=5_000)
        rows = queries_list.rows(context.connection, wanted, context.now())
    return {which: sum(_is(row, which) for row in rows) for which in WHICH if which != "over"}


def _groups(
    context: RequestContext,
    groups: Sequence[tuple[int, list[AlarmRow]]],
    shown: set[int],
    sparks: Mapping[int, Mapping[str, Any] | None],
    since: datetime | None,
) -> list[Group]:
    titles = queries_list.titles(context.connection, [number for number, _ in groups if number])
    made = []
    for number, members in groups:
        known = titles.get(number)
        lines = [
            Line(
                row=row,
                how=how(row),
                rank=marks.priority(row.severity),
                spark=sparks.get(row.id),
                fresh=since is not None and row.changed > since,
            )
            for row in members
            if row.id in shown
        ]
        if not lines:
            continue
        made.append(
            Group(
                number=number if known else None,
                title=views_words.incident(known) if known else "",
                opened=datetime.fromisoformat(known[3]) if known else None,
                lines=lines,
                total=len(members),
                waiting=sum(row.waits for row in members),
                assignees=sorted({row.assignee for row in members if row.assignee}),
            )
        )
    return made


def _sparks(
    context: RequestContext, rows: Sequence[AlarmRow], now: datetime
) -> dict[int, Mapping[str, Any] | None]:
    """Twelve hours back and two ahead, against the threshold that was passed."""
    told = [row for row in rows if row.last_value and row.ended is None]
    series = queries_course.series(
        context.connection,
        [(row.id, row.subject, str((row.last_value or {})["quantity"])) for row in told],
    )
    courses = queries_course.courses(context.connection, series, now - BEFORE, now)
    rules = queries_course.written(context.connection, sorted({row.rule for row in told}), now)
    keys = {row.id: limit_keys(row, rules.get(row.rule)) for row in told}
    limits = queries_course.thresholds(
        context.connection, sorted({key for key in keys.values() if key}), now
    )
    return {
        row.id: _spark(row, courses.get(row.id, ()), limits.get(keys[row.id] or ""), now)
        for row in told
    }


def _spark(
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
        [(datetime.fromtimestamp(at, UTC), said) for at, said in points],
        begins=now - BEFORE,
        now=now,
        ends=now + AFTER,
        limit=None if limit is None or limit[1] != value.get("unit") else limit[0],
        projected=ahead,
        width=72,
        height=24,
    )


def runs(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """A course in pieces, without the long silences between them."""
    found: list[list[tuple[float, float]]] = [[points[0]]] if points else []
    for before, after in pairwise(points):
        if after[0] - before[0] > _GAP:
            found.append([])
        found[-1].append(after)
    return found
