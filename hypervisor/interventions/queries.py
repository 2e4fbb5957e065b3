"""SQL of work orders and their events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection
from hypervisor.database.instance import SCENARIO_CLOCK
from hypervisor.interventions.model import (
    Intervention,
    InterventionEvent,
    NewIntervention,
    OrderAct,
    OrderState,
    Priority,
)

_ORDER: LiteralString = """
SELECT i.id, i.title, i.description, i.priority, i.due, s.name AS site, s.title AS site_title,
    i.alarm, i.commune, a.name AS commune_name, i.address,
    coalesce(i.lon, s.lon) AS lon, coalesce(i.lat, s.lat) AS lat,
    t.name AS team, t.title AS team_title, i.state, i.version, i.opened_at, i.closed_at
FROM intervention i
LEFT JOIN site s ON s.id = i.site LEFT JOIN team t ON t.id = i.team
LEFT JOIN area a ON a.code = i.commune
"""
_SELECTED: LiteralString = """
WHERE (%(open)s::boolean IS NULL OR (i.closed_at IS NULL) = %(open)s)
    AND (%(states)s::text[] IS NULL OR i.state = ANY (%(states)s))
    AND (%(team)s::text IS NULL OR t.name = %(team)s)
    AND (%(site)s::text IS NULL OR s.name = %(site)s)
    AND (%(alarms)s::bigint[] IS NULL OR i.alarm = ANY (%(alarms)s))
    AND (%(numbers)s::bigint[] IS NULL OR i.id = ANY (%(numbers)s))
    AND (%(priority)s::text IS NULL OR i.priority = %(priority)s)
    AND (%(overdue_at)s::timestamptz IS NULL OR i.closed_at IS NULL AND i.due < %(overdue_at)s)
    AND (%(since)s::timestamptz IS NULL OR i.opened_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR i.opened_at <= %(until)s)
    AND (%(account)s::integer IS NULL OR i.team IN (
        SELECT m.team FROM team_member m WHERE m.account = %(account)s))
    AND (%(before)s::bigint IS NULL OR i.id < %(before)s)
ORDER BY i.id DESC LIMIT %(limit)s
"""
_EVENTS: LiteralString = """
SELECT e.intervention, e.number, e.act, e.state, e.at, e.noted_at, e.scenario_at, e.author,
    t.title AS team, e.text, e.details
FROM intervention_event e LEFT JOIN team t ON t.id = e.team
WHERE e.intervention = ANY (%s) ORDER BY e.intervention, e.number
"""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which orders. `overdue_at`: due before then and not finished; `account`: of its teams.

    `open`: not finished, or finished.
    """

    open: bool | None = None
    states: tuple[OrderState, ...] | None = None
    team: str | None = None
    site: str | None = None
    alarms: Sequence[int] | None = None
    numbers: Sequence[int] | None = None
    priority: Priority | None = None
    overdue_at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    account: int | None = None


def list_interventions(
    connection: Connection,
    selection: Selection,
    *,
    before: int | None = None,
    limit: int = 100,
) -> list[Intervention]:
    """Orders, the latest first; `before`: only those with a lower number."""
    states = selection.states
    parameters = {
        **vars(selection),
        "states": None if states is None else [state.value for state in states],
        "alarms": None if selection.alarms is None else list(selection.alarms),
        "numbers": None if selection.numbers is None else list(selection.numbers),
        "before": before,
        "limit": limit,
    }
    rows = connection.cursor(row_factory=dict_row).execute(_ORDER + _SELECTED, parameters)
    return [_make(row) for row in rows]


def find_intervention(connection: Connection, number: int) -> Intervention | None:
    """An order by its number."""
    cursor = connection.cursor(row_factory=dict_row)
    row = cursor.execute(_ORDER + " WHERE i.id = %s", [number]).fetchone()
    return None if row is None else _make(row)


def lock_intervention(connection: Connection, number: int) -> Intervention | None:
    """An order, locked until the transaction's end."""
    connection.execute("SELECT FROM intervention WHERE id = %s FOR UPDATE", [number])
    return find_intervention(connection, number)


def _make(row: Mapping[str, Any]) -> Intervention:
    return Intervention(
        **{**row, "priority": Priority(row["priority"]), "state": OrderState(row["state"])}
    )


def list_events(
    connection: Connection, numbers: Sequence[int]
) -> dict[int, tuple[InterventionEvent, ...]]:
    """The events of orders, the oldest first."""
    events: dict[int, list[InterventionEvent]] = {number: [] for number in numbers}
    rows = connection.cursor(row_factory=dict_row).execute(_EVENTS, [list(numbers)])
    for row in rows:
        own = events[row.pop("intervention")]
        row |= {"act": OrderAct(row["act"]), "state": OrderState(row["state"])}
        own.append(InterventionEvent(**row))
    return {number: tuple(own) for number, own in events.items()}


def find_from_command(connection: Connection, key: UUID) -> Intervention | None:
    """The last order that was made from a command, and not cancelled."""
    row = (
        connection.cursor(row_factory=dict_row)
        .execute(
            _ORDER + " JOIN intervention_event e ON e.intervention = i.id AND e.act = 'create'"
            " WHERE e.details ->> 'command' = %s AND i.state <> 'cancelled'"
            " ORDER BY i.id DESC LIMIT 1",
            [str(key)],
        )
        .fetchone()
    )
    return None if row is None else _make(row)


def list_done_between(
    connection: Connection, since: datetime, until: datetime | None
) -> list[tuple[Intervention, InterventionEvent]]:
    """What was done on orders in a span of the wall's clock, in order."""
    rows = connection.execute(
        "SELECT DISTINCT intervention FROM intervention_event"
        " WHERE at >= %s AND (%s::timestamptz IS NULL OR at <= %s)",
        [since, until, until],
    ).fetchall()
    numbers = [number for (number,) in rows]
    orders = list_interventions(connection, Selection(numbers=numbers), limit=len(numbers))
    events = list_events(connection, numbers)
    done = [
        (order, event)
        for order in orders
        for event in events[order.id]
        if event.at >= since and (until is None or event.at <= until)
    ]
    return sorted(done, key=lambda pair: (pair[1].at, pair[0].id, pair[1].number))


def find_keyed(connection: Connection, key: UUID) -> tuple[int, str, OrderAct, int] | None:
    """(order, author, act, event) of an act that was stored under this key."""
    row = connection.execute(
        "SELECT intervention, author, act, number FROM intervention_event WHERE key = %s", [key]
    ).fetchone()
    return None if row is None else (row[0], row[1], OrderAct(row[2]), row[3])


def lock_key(connection: Connection, key: UUID) -> None:
    """Lock the key of an act until the transaction's end."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 120))", [str(key)])


def insert_intervention(
    connection: Connection,
    new: NewIntervention,
    *,
    site: int | None,
    commune: str | None,
    now: datetime,
) -> int:
    """An order without an event yet; its number. `now`: the instance's clock."""
    row = connection.execute(
        "INSERT INTO intervention (title, description, priority, due, site, alarm, commune,"
        " address, lon, lat, opened_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [
            *(new.title, new.description, new.priority.value, new.due, site, new.alarm, commune),
            *(new.address, new.lon, new.lat, now),
        ],
    ).fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """An act to store. `at`, `noted_at`: the wall's clock."""

    act: OrderAct
    author: str
    at: datetime
    noted_at: datetime
    team: int | None = None
    text: str = ""
    details: Mapping[str, Any] | None = None
    key: UUID | None = None


def insert_event(connection: Connection, order: int, version: int, event: NewEvent) -> None:
    """Append an event behind that of `version`; the order follows it."""
    connection.execute(
        "INSERT INTO intervention_event (intervention, number, act, state, at, noted_at,"  # noqa: S608  a constant
        " scenario_at, author, team, text, details, key)"
        f" VALUES (%s, %s, %s, '', %s, %s, {SCENARIO_CLOCK}, %s, %s, %s, %s, %s)",
        [
            *(order, version + 1, event.act.value, event.at, event.noted_at),
            *(event.author, event.team, event.text, Jsonb(dict(event.details or {})), event.key),
        ],
    )


def find_scenario_time(
    connection: Connection, noted_at: datetime, *, wall: datetime
) -> datetime | None:
    """Where the scenario stood at `noted_at`; None: no act before then says so. `wall`: now.

    Between two acts, or the last one and now, the scenario is taken to go at one speed.
    """
    row = connection.execute(
        "SELECT before.scenario_at + (after.scenario_at - before.scenario_at)"  # noqa: S608  a constant
        " * extract(epoch FROM %(noted)s - before.at)"
        " / greatest(extract(epoch FROM after.at - before.at), 1e-6)"
        " FROM (SELECT at, scenario_at FROM intervention_event"
        "  WHERE scenario_at IS NOT NULL AND at <= %(noted)s ORDER BY at DESC LIMIT 1) before,"
        " (SELECT at, scenario_at FROM intervention_event"
        "  WHERE scenario_at IS NOT NULL AND at > %(noted)s"
        f" UNION ALL SELECT %(wall)s, {SCENARIO_CLOCK} ORDER BY at LIMIT 1) after",
        {"noted": noted_at, "wall": wall},
    ).fetchone()
    return None if row is None else row[0]


def find_place(connection: Connection, site: str) -> tuple[int, str | None] | None:
    """The number and commune of a site."""
    row = connection.execute("SELECT id, commune FROM site WHERE name = %s", [site]).fetchone()
    return None if row is None else (row[0], row[1])


def find_alarm_place(connection: Connection, alarm: int) -> tuple[str | None, str | None] | None:
    """The site and commune of an alarm; None: there is none."""
    row = connection.execute(
        "SELECT s.name, coalesce(s.commune, a.commune) FROM alarm a"
        " LEFT JOIN site s ON s.id = a.site WHERE a.id = %s",
        [alarm],
    ).fetchone()
    return None if row is None else (row[0], row[1])


def list_unfinished_of(connection: Connection, account: int) -> list[Intervention]:
    """The orders that wait for the teams of an account, the most urgent first."""
    orders = list_interventions(connection, Selection(open=True, account=account), limit=200)
    ranks = {priority: rank for rank, priority in enumerate(Priority)}
    return sorted(
        orders, key=lambda order: (ranks[order.priority], order.due is None, order.due or order.id)
    )


def find_team_of(connection: Connection, order: int, account: int) -> int | None:
    """The team of an account that has, or last had, an order; None: none of its teams."""
    row = connection.execute(
        "SELECT e.team FROM intervention_event e JOIN team_member m ON m.team = e.team"
        " WHERE e.intervention = %s AND e.act = 'assign' AND m.account = %s"
        " ORDER BY e.number DESC LIMIT 1",
        [order, account],
    ).fetchone()
    return None if row is None else int(row[0])


def is_of(connection: Connection, order: int, account: int) -> bool:
    """Whether a team of the account has the order now."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM intervention i JOIN team_member m ON m.team = i.team"
        " WHERE i.id = %s AND m.account = %s)",
        [order, account],
    ).fetchone()
    return bool(row and row[0])
