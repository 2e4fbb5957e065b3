"""SQL of the timeline: transitions and acts of a span, and the alarm log as known at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.alarms.lifecycle import BaseState
from hypervisor.database.connect import Connection

# The transitions that people read; `fresh`, merges and splits are for inquiries.
KINDS = ("raised", "severity", "stale", "cleared", "retrospective", "revised", "withdrawn")

_SEEN = {"acknowledge": True, "close": True, "unacknowledge": False}


@dataclass(frozen=True, kw_only=True)
class TimelineEvent:
    """A transition (`author` None) or an act, on the instance's clock.

    `severity`: the alarm's after it. `event_time`: when it became true.
    """

    at: datetime
    number: int
    alarm: int
    kind: str
    author: str | None
    reason: str
    event_time: datetime | None
    severity: str
    title: str
    title_fr: str | None
    site: str | None
    site_title: str | None
    domain: str
    assignee: str | None
    until: datetime | None


_ALARM = "a.title, a.title_fr, site.name, site.title, a.domain"
_TRANSITIONS = f"""
    SELECT t.noticed_at, t.id, t.alarm, t.kind, NULL::text, t.reason, t.event_time,
        COALESCE(t.snapshot->'severity'->-1->>1, a.severity->-1->>1), {_ALARM},
        NULL::text, NULL::timestamptz
    FROM transition t JOIN alarm a ON a.id = t.alarm LEFT JOIN site ON site.id = a.site
    WHERE t.noticed_at >= %(since)s AND t.noticed_at < %(until)s AND t.kind = ANY (%(kinds)s)
        AND (%(domains)s::text[] IS NULL OR a.domain = ANY (%(domains)s))
        AND (%(alarms)s::bigint[] IS NULL OR a.id = ANY (%(alarms)s))
        AND (%(category)s::text IS NULL OR a.category = %(category)s)
"""  # noqa: S608  our own columns
_ACTS = f"""
    SELECT COALESCE(d.scenario_at, d.at), d.id, d.alarm, d.kind, d.author, d.reason,
        NULL::timestamptz, a.severity->-1->>1, {_ALARM},
        d.details->>'assignee', (d.details->>'until')::timestamptz
    FROM alarm_act d JOIN alarm a ON a.id = d.alarm LEFT JOIN site ON site.id = a.site
    WHERE COALESCE(d.scenario_at, d.at) >= %(since)s AND COALESCE(d.scenario_at, d.at) < %(until)s
        AND (%(domains)s::text[] IS NULL OR a.domain = ANY (%(domains)s))
        AND (%(alarms)s::bigint[] IS NULL OR a.id = ANY (%(alarms)s))
        AND (%(category)s::text IS NULL OR a.category = %(category)s)
"""  # noqa: S608  our own columns


@dataclass(frozen=True, kw_only=True)
class TimelineFilter:
    """From `since` to before `until` on the instance's clock; the latest `limit`."""

    since: datetime
    until: datetime
    domains: tuple[str, ...] | None = None
    alarms: tuple[int, ...] | None = None
    category: str | None = "hazard"
    limit: int = 2_000


def list_events(connection: Connection, span: TimelineFilter) -> list[TimelineEvent]:
    """Transitions and acts, oldest first."""
    rows = connection.execute(
        f"SELECT * FROM ({_TRANSITIONS} UNION ALL {_ACTS}) every"  # noqa: S608  our own text
        " ORDER BY 1 DESC, 2 DESC LIMIT %(limit)s",
        {
            "since": span.since,
            "until": span.until,
            "kinds": list(KINDS),
            "domains": None if span.domains is None else list(span.domains),
            "alarms": None if span.alarms is None else list(span.alarms),
            "category": span.category,
            "limit": span.limit,
        },
    ).fetchall()
    names = TimelineEvent.__dataclass_fields__
    return [TimelineEvent(**dict(zip(names, row, strict=True))) for row in reversed(rows)]


def list_alarms_as_known(connection: Connection, at: datetime) -> list[dict[str, Any]]:
    """The plain values of each alarm as known at a time, latest first.

    `at`: wall clock, in an exercise the scenario's. `state` and `assignee` follow from the acts
    until then; alarms withdrawn by then are left out.
    """
    rows = connection.execute(
        "SELECT DISTINCT ON (alarm) alarm, snapshot FROM transition WHERE noticed_at <= %s"
        " ORDER BY alarm, id DESC",
        [at],
    ).fetchall()
    snapshots = {number: snapshot for number, snapshot in rows if snapshot["withdrawn"] is None}
    acts: dict[int, list[tuple[str, Mapping[str, Any]]]] = {}
    for number, kind, details in connection.execute(
        "SELECT alarm, kind, details FROM alarm_act WHERE alarm = ANY(%s)"
        " AND COALESCE(scenario_at, at) <= %s ORDER BY id",
        [list(snapshots), at],
    ):
        acts.setdefault(number, []).append((kind, details))
    alarms = [
        {**alarm, **_fold_acts(alarm, acts.get(number, []))} for number, alarm in snapshots.items()
    ]
    return sorted(alarms, key=lambda alarm: (alarm["began"], alarm["id"]), reverse=True)


def _fold_acts(
    alarm: Mapping[str, Any], acts: Iterable[tuple[str, Mapping[str, Any]]]
) -> dict[str, Any]:
    seen = closing = False
    assignee = None
    for kind, details in acts:
        seen = _SEEN.get(kind, seen)
        closing = closing or kind == "close"
        assignee = details.get("assignee") if kind == "assign" else assignee
    if alarm["ended"] is not None:
        base = BaseState.NORMAL if seen else BaseState.RETURNED
    elif closing:
        base = BaseState.CLOSING
    else:
        base = BaseState.ACKNOWLEDGED if seen else BaseState.UNACKNOWLEDGED
    return {"state": base.value, "assignee": assignee}
