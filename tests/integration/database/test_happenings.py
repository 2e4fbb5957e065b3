"""What happens, as the store tells it: in order, none skipped, and what is known no more."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
from datetime import timedelta
from typing import Any

import pytest

from hypervisor.base.person import Territory
from hypervisor.database import events, tenancy
from hypervisor.database.connect import Connection, connect
from hypervisor.database.credentials import Credential
from hypervisor.database.events import LoggedEvent, News, Parts, Position, Valid
from tests.integration.database.standing import make_places

pytestmark = pytest.mark.integration

TOKEN = Credential(account=1, token=1)


@pytest.fixture
def told(connection: Connection) -> Connection:
    """Happenings of transactions 10, 20 and 30; of those before 8 nobody knows."""
    connection.execute("UPDATE event_log_horizon SET xid = '8'")
    for xid, key in ((20, "b"), (10, "a"), (20, "c"), (30, "d")):
        connection.execute(
            "INSERT INTO event_log (xid, kind, key, sites, data)"
            " VALUES (%s::xid8, 'log', %s, '{mill}', '{}')",
            [str(xid), key],
        )
    return connection


def test_a_happening_as_it_is_told(connection: Connection) -> None:
    events.record(connection, "log", "7", sites=["mill", "source"], data={"n": 1})
    events.record(connection, "rule", "8", sites=None)
    (mine,) = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone() or (0,)
    (first, second) = events.list_between(connection, Position(xid=mine), mine + 1, most=2) or []
    assert first.position.xid == second.position.xid == mine
    assert 0 < first.position.id < second.position.id
    assert first == LoggedEvent(
        position=first.position,
        kind="log",
        key="7",
        sites=frozenset({"mill", "source"}),
        data={"n": 1},
    )
    assert (second.kind, second.key, second.sites, second.data) == ("rule", "8", None, {})


def test_what_happened_between_two_looks(told: Connection) -> None:
    def keys(after: Position, before: int, most: int = 9) -> str | None:
        between = events.list_between(told, after, before, most=most)
        return None if between is None else "".join(one.key for one in between)

    every = events.list_between(told, Position(xid=8), 31, most=9)
    assert every is not None
    second = every[1].position
    assert keys(Position(xid=8), 31) == "abcd"
    assert keys(Position(xid=7), 31) is None, "that is known no more"
    assert keys(second, 31) == "cd"
    assert keys(Position(xid=10), 30) == "abc"
    assert keys(Position(xid=20), 20) == ""
    assert keys(Position(xid=21), 20) is None, "a position of another database"
    assert keys(Position(xid=8), 31, most=4) == "abcd"
    assert keys(Position(xid=8), 31, most=3) is None, "more than somebody reads"


def test_what_is_forgotten_is_known_to_be(told: Connection) -> None:
    told.execute(
        "UPDATE event_log SET at = clock_timestamp() - INTERVAL '2 hours' WHERE xid < '30'"
    )
    assert events.prune(told, timedelta(hours=3)) == 0
    assert events.list_between(told, Position(xid=8), 31, most=9) is not None
    (swept,) = told.execute("SELECT pruned_at FROM event_log_horizon").fetchone() or (None,)
    assert events.prune(told, timedelta(hours=1)) == 3
    assert events.list_between(told, Position(xid=20), 31, most=9) is None
    left = events.list_between(told, Position(xid=21), 31, most=9) or []
    assert [one.key for one in left] == ["d"]
    (later,) = told.execute("SELECT pruned_at FROM event_log_horizon").fetchone() or (None,)
    assert later > swept
    assert events.prune(told, timedelta(hours=1)) == 0


def test_the_sites_of_a_territory(database_url: str) -> None:
    def within(*communes: str, unplaced: bool) -> set[str]:
        territory = Territory(communes=frozenset(communes), unplaced=unplaced)
        tenancy.become(connection, territory)
        try:
            return set(events.list_sites(connection))
        finally:
            tenancy.own(connection)

    with connect(database_url) as connection:
        make_places(connection)
        connection.commit()
        assert within("91001", unplaced=False) == {"mill", "square"}
        assert within("91001", "91002", unplaced=True) == {"mill", "square", "source", "nowhere"}
        assert within(unplaced=False) == set()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (" 7-5 ", Position(xid=7, id=5)),
        (f"{10**17}-{10**17}", Position(xid=10**17, id=10**17)),
        (f"{10**18}-1", None),
        (f"1-{10**18}", None),
        ("7-", None),
        ("-7", None),
        ("7", None),
        ("x-7", None),
        ("7-x", None),
        ("²-7", None),
        ("7-²", None),
        ("7-5-", None),
    ],
)
def test_a_position_as_somebody_wrote_it(written: str, expected: Position | None) -> None:
    assert Position.parse(written) == expected


def test_positions_follow_one_another() -> None:
    assert Position(xid=7) == Position(xid=7, id=0)
    assert Position(xid=7) < Position(xid=7, id=1) < Position(xid=8)
    assert str(Position(xid=7)) == "7-0"


def test_who_follows_hears_of_the_parts_then_of_who_is_let_in_then_of_news(
    database_url: str,
) -> None:
    with closing(connect(database_url, autocommit=True)) as connection:
        make_places(connection)
        asyncio.run(_follow(connection, database_url))


async def _next(following: AsyncGenerator[Any, None], kind: type) -> Any:
    item = await anext(following)
    assert isinstance(item, kind)
    return item


async def _follow(connection: Connection, url: str) -> None:
    shown: list[Credential] = []
    events.record(connection, "log", "before", sites=None)
    async with aclosing(events.follow(url, None, patience=0.01, shown=lambda: shown)) as following:
        assert await _next(following, Parts) == Parts(late=(), registry=0)
        news = await _next(following, News)
        assert news.events == [], "it begins now"
        connection.execute(
            "INSERT INTO worker (name, heartbeat_at, joined_at, drained_at) VALUES"
            " ('d', now() - INTERVAL '1 min', now(), now()), ('b', now(), now(), NULL),"
            " ('c', now() - INTERVAL '1 min', now(), NULL), ('a', NULL, now(), NULL)"
        )
        connection.execute("INSERT INTO evaluation_state (cursor, engine) VALUES ('0', 'e')")
        connection.execute("INSERT INTO feed (kind) VALUES ('registry'), ('heartbeat')")
        shown.append(TOKEN)
        for key in ("first", "second"):
            events.record(connection, "log", key, sites=["mill"])
        late = ("ingest a", "ingest c", "watch")
        assert await _next(following, Parts) == Parts(late=late, registry=1)
        nobody = Valid(shown=frozenset([TOKEN]), good=frozenset())
        assert await _next(following, Valid) == nobody
        after = await _next(following, News)
        assert [one.key for one in after.events] == ["first", "second"]
        assert after.upto > news.upto
        connection.execute("UPDATE evaluation_state SET evaluated_to = now()")
        connection.execute("UPDATE worker SET heartbeat_at = now() - INTERVAL '25 s'")
        shown.clear()
        assert await _next(following, Parts) == Parts(late=(), registry=1)
        assert (await _next(following, News)).events == [], "none is told twice"
        connection.execute("UPDATE evaluation_state SET evaluated_to = now() - INTERVAL '1 min'")
        assert (await _next(following, Parts)).late == ("watch",)
        await _next(following, News)
        connection.execute("UPDATE instance SET mode = 'exercise'")
        assert (await _next(following, Parts)).late == (), "its clock is the scenario's"
        await _next(following, News)
        connection.execute("DELETE FROM instance")
        assert await _next(following, Parts) == Parts(late=(), registry=0), "it is none yet"
    async with aclosing(events.follow(url, news.upto, patience=0.01)) as again:
        await _next(again, Parts)
        told = await _next(again, News)
        assert [one.key for one in told.events] == ["first", "second"]
    async with aclosing(events.follow(url, after.upto, patience=0.01)) as again:
        await _next(again, Parts)
        assert (await _next(again, News)).events == []


def test_who_follows_hears_at_once_and_holds_nothing_meanwhile(database_url: str) -> None:
    with closing(connect(database_url, autocommit=True)) as connection:
        asyncio.run(_hear_at_once(connection, database_url))


async def _hear_at_once(connection: Connection, url: str) -> None:
    async with aclosing(events.follow(url, None, patience=600)) as following, asyncio.timeout(120):
        await _next(following, Parts)
        await _next(following, News)
        held = connection.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND xact_start < now()"
        ).fetchall()
        assert held == [], "a transaction that stays open keeps the feed from all others"
        events.record(connection, "log", "first", sites=None)
        await _next(following, Parts)
        assert [event.key for event in (await _next(following, News)).events] == ["first"]


def test_what_commits_during_a_look_waits_for_the_next(database_url: str) -> None:
    """An event of the transaction at which a look ends: there before its rows are read."""
    with closing(connect(database_url, autocommit=True)) as connection:
        (mine,) = connection.execute(
            "INSERT INTO event_log (xid, kind, key, sites, data) SELECT"
            " (pg_current_xact_id()::text::bigint + n)::text::xid8, 'log', 'x', NULL, '{}'"
            " FROM generate_series(0, 1) n RETURNING pg_current_xact_id()::text::bigint"
        ).fetchone() or (0,)
        asyncio.run(_look_once(database_url, mine))


async def _look_once(url: str, since: int) -> None:
    async with aclosing(events.follow(url, since, patience=0.01)) as following:
        await _next(following, Parts)
        news = await _next(following, News)
    assert news.events
    assert all(one.position.xid < news.upto for one in news.events)


def test_transactions_that_left_nothing_do_not_move_a_follower_on(database_url: str) -> None:
    """Another machine that becomes the primary may give their numbers to others again."""
    with closing(connect(database_url, autocommit=True)) as connection:
        events.record(connection, "log", "kept", sites=None)
        asyncio.run(_look_before_and_after_rollbacks(connection, database_url))


async def _look_before_and_after_rollbacks(connection: Connection, url: str) -> None:
    async with aclosing(events.follow(url, None, patience=0.01)) as following:
        await _next(following, Parts)
        begun = await _next(following, News)
        for _ in range(3):
            with connection.transaction(force_rollback=True):
                events.record(connection, "log", "undone", sites=None)
        await _next(following, Parts)
        assert await _next(following, News) == News(events=[], upto=begun.upto)
    (last,) = connection.execute("SELECT max(xid::text::bigint) FROM event_log").fetchone() or (0,)
    assert begun.upto == last + 1
