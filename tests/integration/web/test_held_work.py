"""Who is held to an EPCI costs the database about what the whole territory's reader costs it.

On the demonstration's territory every route that reads is asked by both. What counts is the rows
that the plans go through, not the time: a condition that may not be looked at before a policy
(`||`, and all that is not leakproof) turns an index into a scan, for each row of another table.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import ConnectionPool

from hypervisor.database import databases, pool
from hypervisor.database.connect import Connection, connect
from tests.conftest import TEMPLATE, Stack
from tests.integration.web.demonstration import EPCI, make_demonstration
from tests.integration.web.others import NOWHERE
from tests.integration.web.served import NOW, server, signed_in
from tests.integration.web.trying import OPEN, SAFE, Route, address, every_route, send

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(900)]

TIMES = 2  # as much as the whole territory's, at most …
REST = 20_000  # … and so many rows a statement, by which it is known what is one's own
# Rows read so far in a transaction, those within functions included.
_TOUCHED = (
    "SELECT COALESCE(sum(pg_stat_get_xact_tuples_returned(oid)"
    " + pg_stat_get_xact_tuples_fetched(oid)), 0) FROM pg_class WHERE relkind IN ('r', 'i')"
)
_weighed: Counter[str] = Counter()  # rows by statement, of the request that runs


class Weighing(psycopg.Cursor[TupleRow]):
    """Counts the rows that each statement's plan goes through, before it is run."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "Weighing":
        text = query.as_string(self) if isinstance(query, sql.Composable) else query
        text = text.decode() if isinstance(text, bytes) else text
        if text.lstrip()[:6].upper().strip() in {"SELECT", "WITH"} and "set_config" not in text:
            before = self._first(_TOUCHED)
            plan = self._first(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {text}", params)
            rows = _rows(plan[0]["Plan"]) + int(self._first(_TOUCHED)) - int(before)
            _weighed[" ".join(text.split())[:200]] += rows
        super().execute(query, params, **options)
        return self

    def _first(self, query: str, params: Any = None) -> Any:
        made, self.row_factory = self.row_factory, tuple_row
        super().execute(query.encode(), params)
        row = self.fetchone()
        self.row_factory = made
        return row[0] if row else None


class WeighingPool(ConnectionPool[Connection]):
    """Its connections weigh."""

    def __init__(self, url: str, *, kwargs: dict[str, Any], **options: Any) -> None:
        super().__init__(url, kwargs={**kwargs, "cursor_factory": Weighing}, **options)


def _rows(plan: dict[str, Any]) -> int:
    """Of a plan and all below it: what came out, and what was looked at and left out."""
    own = sum(
        plan.get(key, 0)
        for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    )
    return int(own * plan["Actual Loops"]) + sum(_rows(below) for below in plan.get("Plans", ()))


@pytest.fixture(scope="module")
def url(stack: Stack) -> Iterator[str]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    with closing(connect(stack.database.url(name))) as connection:
        make_demonstration(connection)
        for function in ("pg_stat_get_xact_tuples_returned", "pg_stat_get_xact_tuples_fetched"):
            connection.execute(f"GRANT EXECUTE ON FUNCTION {function} TO PUBLIC".encode())
        connection.commit()
    yield stack.database.url(name)
    databases.drop(stack.maintenance_url, name)


@pytest.fixture
def base(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The application, whose reading connections weigh what they are asked."""
    monkeypatch.setattr(pool, "ConnectionPool", WeighingPool)
    with server(url) as found:
        yield found


def _things(connection: Connection) -> dict[str, Any]:
    """Something of the EPCI for each parameter."""
    row = connection.execute(
        "SELECT site.name, device.name, series.quantity, alarm.id, incident_alarm.incident,"
        " log_entry.id, alarm.rule, site.commune,"
        " (SELECT min(id) FROM dead_letter WHERE topic = 'devices/' || device.name || '/readings')"
        " FROM site JOIN area ON area.code = site.commune JOIN device ON device.site = site.id"
        " JOIN series ON series.device = device.id JOIN alarm ON alarm.site = site.id"
        " JOIN incident_alarm ON incident_alarm.alarm = alarm.id"
        " JOIN log_entry ON log_entry.site = site.id"
        " WHERE area.parent = %s ORDER BY site.domain, device.name, alarm.id LIMIT 1",
        [EPCI],
    ).fetchone()
    assert row is not None
    site, device, quantity, alarm, incident, entry, rule, commune, letter = row
    return {
        **NOWHERE,
        **dict.fromkeys(("site", "owner", "subject", "name", "sites"), site),
        **dict.fromkeys(("device", "devices"), device),
        **dict.fromkeys(("/api/v1/devices name", "/admin/devices name"), device),
        **dict.fromkeys(("area", "code"), EPCI),
        **dict.fromkeys(("alarm", "number", "from_alarm"), alarm),
        **dict.fromkeys(("incident", "/api/v1/incidents number"), incident),
        **dict.fromkeys(("/api/v1/log number", "/log number", "about"), entry),
        **dict.fromkeys(("/api/v1/dead-letters number", "/quality/letters number"), letter),
        "commune": commune,
        "quantity": quantity,
        "rule": rule,
        "key": f"{site}/alert",
        "group": "nosuch",
        "source": "october-flood",
        "topic": f"devices/{device}/readings",
        "/admin/inventory kind": "site",
        "/admin/inventory key": site,
        "/admin/inventory what": "sites",
        "/help name": "alarms",
        "from": "2024-01-01T00:00:00Z",
        "to": NOW.isoformat(),
    }


def test_every_route_costs_about_the_same(url: str, base: str) -> None:
    with connect(url) as connection:
        things = _things(connection)
    heavy = []
    with (
        signed_in(base, url, "whole", (("operator", None),)) as whole,
        signed_in(base, url, "held", (("operator", EPCI),)) as held,
    ):
        for route in every_route():
            if route.method not in SAFE or route.path in OPEN or route.path.endswith("/events"):
                continue
            for named in (False, True) if route.query else (False,):
                usual, _ = _weigh(whole, route, things, named=named)
                rows, statements = _weigh(held, route, things, named=named)
                if rows > TIMES * usual + REST * len(statements):
                    heavy.append(f"{route} {named}: {rows:,} rows for {usual:,}; {statements[:2]}")
    assert not heavy, "\n".join(heavy)


def _weigh(
    client: httpx.Client, route: Route, things: dict[str, Any], *, named: bool
) -> tuple[int, list[tuple[str, int]]]:
    """The rows of one request, and its statements, the heaviest first."""
    _weighed.clear()
    try:
        answer = send(client, route, things, named=named)
    except httpx.TimeoutException:
        return sys.maxsize, _weighed.most_common()
    if answer.status_code >= 500:
        return sys.maxsize, [(f"{address(route, things)}: {answer.text[:300]}", 0)]
    return sum(_weighed.values()), _weighed.most_common()
