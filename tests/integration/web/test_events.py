"""Server-sent events over the real database: in order, none missed by a client that reconnects."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from hypervisor.access import passwords, queries_tokens
from hypervisor.access import queries as access_queries
from hypervisor.access import service as access_service
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act, perform
from hypervisor.base.duties import Role
from hypervisor.base.instance import Mode
from hypervisor.database import events
from hypervisor.database.connect import Connection, connect
from tests.integration.evaluation.world import Sent, World, make_world
from tests.integration.web.served import server, serving, signed_in

pytestmark = pytest.mark.integration

NOW = datetime(2024, 1, 2, tzinfo=UTC)
ROOT = Administrator(name="root")


@dataclass(frozen=True, kw_only=True)
class Event:
    kind: str
    id: str
    data: dict[str, Any]


@dataclass(kw_only=True)
class Ear:
    """Somebody who listens; `last` is what a browser would come again with."""

    lines: Iterator[str]
    last: str = ""
    heard: list[Event] = field(default_factory=list)

    def until(self, kind: str, key: str | None = None) -> Event:
        """Listen until such an event."""
        while True:
            one = self.next()
            if one.kind == kind and key in (None, one.data.get("key")):
                return one

    def next(self) -> Event:
        words: dict[str, str] = {}
        for line in self.lines:
            name, _, said = line.partition(": ")
            if line:
                words[name] = said
                continue
            self.last = words.get("id", self.last)
            if "data" in words:
                found = Event(
                    kind=words["event"], id=words.get("id", ""), data=json.loads(words["data"])
                )
                self.heard.append(found)
                return found
            words = {}
        raise AssertionError(f"the stream ended after {self.heard}")


@contextmanager
def listening(client: httpx.Client, last: str = "") -> Iterator[Ear]:
    headers = {"Last-Event-ID": last} if last else {}
    with client.stream("GET", "/api/v1/events", headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        ear = Ear(lines=answer.iter_lines())
        if not last:
            while not ear.last:  # it says where it begins
                if next(ear.lines).startswith("id: "):
                    ear.last = "begun"
        yield ear


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = make_world(database_url, connect(database_url))
    made.register(["orge", "yvette"])
    made.record_rules()
    made.join()
    made.settle()
    yield made
    made.close()


def rise(world: World, site: str = "orge", *, since: float = 0) -> int:
    """An alarm there; its number."""
    for at, value in ((0, 2.0), (5, 3.1), (10, 3.2), (15, 3.3), (20, 3.3)):
        world.store([Sent(site=site, at=since + at, value=value)])
    world.beat(since + 20)
    world.settle()
    return next(alarm.id for alarm in world.alarms() if alarm.place == site)


def test_what_is_done_to_an_alarm_is_heard_in_order(world: World) -> None:
    with serving(world.url) as client, listening(client) as ear:
        number = rise(world)
        raised = ear.until("alarm", str(number))
        with closing(connect(world.url)) as connection, connection:
            done = Act(alarm=number, kind=ActKind.ACKNOWLEDGE, author="anne")
            perform(connection, done, now=NOW)
        acknowledged = ear.until("alarm", str(number))
        client.get("/api/v1/incidents").raise_for_status()
        incident = ear.until("incident")
    assert raised.data == {
        "kind": "alarm",
        "key": str(number),
        "site": "orge",
        "domain": "flood",
        "severity": "minor",
        "state": "unacknowledged",
        "version": 1,
        "new": True,
    }
    assert (acknowledged.data["state"], acknowledged.data["version"]) == ("acknowledged", 2)
    assert incident.data["key"] == str(min(alarm.id for alarm in world.alarms()))
    positions = [events.Position.parse(event.id) for event in ear.heard if event.id]
    assert positions == sorted(position for position in positions if position)


def test_readings_are_heard_once_they_are_judged(world: World) -> None:
    with serving(world.url) as client, listening(client) as ear:
        assert world.memory is not None
        world.memory.touched.announced_at = float("-inf")  # a second has passed
        world.store([Sent(site="yvette", at=0, value=1.0)])
        world.settle()
        assert ear.until("reading").data["sites"] == ["yvette"]


def test_a_threshold_and_what_people_do_to_data_are_heard(world: World) -> None:
    with serving(world.url) as client, listening(client) as ear:
        fact = world.fact("threshold", "orge/alert", {"value": 4.5, "unit": "m"})
        world.revise(fact)
        changed = ear.until("rule")
        world.connection.execute(
            "INSERT INTO audit (author, kind, subject, reason)"
            " VALUES ('anne', 'observe', 'orge/level', 'read at the staff')"
        )
        world.connection.commit()
        logged = ear.until("log")
        world.connection.execute(
            "INSERT INTO log_entry (at, author, kind, text, site) SELECT now(), 'anne', 'note',"
            " 'the mayor called', id FROM site WHERE name = 'yvette'"
        )
        world.connection.commit()
        noted = ear.until("log")
    assert changed.data["key"] == "threshold/orge/alert"
    assert (logged.data["site"], logged.data["act"]) == ("orge", "observe")
    assert noted.data["entry"] == "note"


def test_who_comes_again_missed_nothing_and_hears_nothing_twice(world: World) -> None:
    """Though a transaction that began before the network was cut ends after it."""
    late = connect(world.url)
    with serving(world.url) as client:
        with listening(client) as ear:
            tell(world, "before")
            ear.until("log", "before")
            events.record(late, "log", "late", sites=None)  # it waits to be committed
            tell(world, "after")
        late.commit()
        late.close()
        tell(world, "last")
        with listening(client, ear.last) as again:
            again.until("log", "last")
            assert [event.data["key"] for event in again.heard] == ["late", "after", "last"]


def test_another_web_process_goes_on_where_the_first_one_stopped(world: World) -> None:
    with serving(world.url) as client, listening(client) as ear:
        tell(world, "one")
        ear.until("log", "one")
    number = rise(world)  # while nobody serves
    with serving(world.url) as client, listening(client, ear.last) as again:
        assert again.until("alarm", str(number)).data["new"] is True


def test_a_lost_line_to_the_database_is_mended_and_nothing_missed(world: World) -> None:
    with serving(world.url) as client, listening(client) as ear:
        with closing(connect(world.url, autocommit=True)) as connection:
            (ended,) = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE '%FROM evaluation_progress()%'"
                " AND query LIKE '%worker%' AND pid <> pg_backend_pid()"
            ).fetchone() or (0,)
        assert ended >= 1
        tell(world, "while it was away")
        ear.until("log", "while it was away")


def test_our_own_health_is_heard_when_it_changes(database_url: str) -> None:
    with closing(make_world(database_url, connect(database_url), mode=Mode.LIVE)) as live:
        live.register(["orge"])
        live.join()
        with serving(live.url) as client, listening(client) as ear:
            live.connection.execute("UPDATE worker SET heartbeat_at = now()")
            live.connection.commit()
            tell(live, "anything")  # it is looked at soon anyway
            event = ear.until("health")
    assert event.data == {"kind": "health", "key": "", "ok": True, "late": []}
    assert not event.id


def test_a_stream_ends_when_it_was_asked_to(world: World) -> None:
    with serving(world.url) as client:
        answer = client.get("/api/v1/events?seconds=0.2")
    assert answer.text.startswith("retry: 2000\n")
    assert answer.text.endswith("retry: 200\n\n")  # come again at once


def test_two_web_processes_tell_the_same(world: World) -> None:
    with serving(world.url) as one, serving(world.url) as two:  # noqa: SIM117  told apart
        with listening(one) as first, listening(two) as second:
            tell(world, "both")
            assert first.until("log", "both") == second.until("log", "both")


def test_what_was_forgotten_is_asked_anew(world: World) -> None:
    with serving(world.url) as client:
        with listening(client) as ear:
            tell(world, "old")
            ear.until("log", "old")
        for position in ("nonsense", "1-0", f"{10**12}-0"):
            with listening(client, position) as again:
                assert again.next().kind == "resync"
        tell(world, "older than is kept")
        with closing(connect(world.url, autocommit=True)) as connection:
            assert events.prune(connection, timedelta(hours=1)) == 0
            assert events.prune(connection, timedelta(0)) > 0
        with listening(client, ear.last) as again:
            assert again.next().kind == "resync"
            tell(world, "new")
            again.until("log", "new")
            position = again.last
        with listening(client, position) as again:
            tell(world, "newer")
            assert again.until("log").data["key"] == "newer"


def test_another_territory_is_silent(world: World) -> None:
    """Nor does what happens there count as missed."""
    for code, site in (("91477", "orge"), ("91692", "yvette")):
        world.connection.execute(
            "INSERT INTO area (code, kind, name) VALUES (%s, 'commune', %s)", [code, site]
        )
        world.connection.execute("UPDATE site SET commune = %s WHERE name = %s", [code, site])
    world.connection.commit()
    with (
        server(world.url) as base,
        signed_in(base, world.url) as everyone,
        signed_in(base, world.url, "yves", [("viewer", "91692")]) as yves,
        listening(everyone) as whole,
        listening(yves) as part,
    ):
        rise(world, "orge")
        number = rise(world, "yvette", since=30)
        world.connection.execute(
            "INSERT INTO audit (author, kind, subject, reason)"
            " VALUES ('anne', 'inventory', 'orge.yaml', 'new')"
        )
        tell(world, "end")
        whole.until("log", "end")
        part.until("log", "end")
    assert {event.data["site"] for event in part.heard if event.kind == "alarm"} == {"yvette"}
    assert str(number) in {event.data["key"] for event in part.heard if event.kind == "alarm"}
    assert {event.data["site"] for event in whole.heard if event.kind == "alarm"} == {
        "orge",
        "yvette",
    }
    assert [event.data["key"] for event in part.heard if event.kind == "log"] == ["end"]
    named = [event.data["sites"] for event in part.heard if event.kind == "reading"]
    assert "orge" not in {site for sites in named for site in sites or ()}


def _disable(connection: Connection) -> None:
    account_service.set_disabled(connection, "vera", ROOT, at=NOW)


def _reset(connection: Connection) -> None:
    account_service.set_password(connection, "vera", passwords.generate(), ROOT, at=NOW)


def _move(connection: Connection) -> None:
    account_service.set_roles(connection, "vera", ((Role.VIEWER, "91477"),), ROOT)


def _sign_out(connection: Connection) -> None:
    vera = access_queries.get_person(connection, access_queries.get_account(connection, "vera").id)
    access_service.sign_out(connection, vera, everywhere=True)


def _revoke(connection: Connection) -> None:
    (token,) = queries_tokens.list_tokens(
        connection, access_queries.get_account(connection, "vera").id
    )
    access_service.revoke_token(connection, token.id, now=NOW, author="root")


@pytest.mark.parametrize("program", [False, True])
@pytest.mark.parametrize("end", [_disable, _reset, _move, _sign_out, _revoke])
def test_nothing_is_heard_once_the_right_to_it_ended(
    world: World, end: Callable[[Connection], None], *, program: bool
) -> None:
    """Not even what happens within the same second."""
    world.connection.execute("INSERT INTO area VALUES ('91477', 'commune', 'Orge')")
    world.connection.commit()
    vera = (("viewer", None),)
    with server(world.url) as base, signed_in(base, world.url, "vera", vera) as browser:
        ends = (NOW + timedelta(days=1)).isoformat()
        made = browser.post("/api/v1/auth/tokens", json={"name": "ear", "ends_at": ends})
        bearer = {"Authorization": f"Bearer {made.json()['secret']}"}
        with httpx.Client(base_url=base, headers=bearer, timeout=20) as token:
            client = token if program else browser
            with listening(client) as ear:
                tell(world, "before")
                ear.until("log", "before")
                with connect(world.url) as connection:
                    end(connection)
                tell(world, "after")
                if (end, program) in {(_sign_out, True), (_revoke, False)}:
                    assert ear.until("log", "after"), "the other one's end is not its own"
                    return
                assert not [line for line in ear.lines if "after" in line]
            if end is not _move:
                assert client.get("/api/v1/events?seconds=0.1").status_code == 401


@pytest.mark.parametrize("program", [False, True])
def test_a_stream_ends_with_its_token_or_session(world: World, *, program: bool) -> None:
    """Also where the end is no person's act."""
    clock = [NOW]
    vera = (("viewer", None),)
    with (
        server(world.url, clock=lambda: clock[0]) as base,
        signed_in(base, world.url, "vera", vera) as browser,
    ):
        ends = (NOW + timedelta(days=1)).isoformat()  # as that of the session
        made = browser.post("/api/v1/auth/tokens", json={"name": "ear", "ends_at": ends})
        bearer = {"Authorization": f"Bearer {made.json()['secret']}"}
        with (
            httpx.Client(base_url=base, headers=bearer, timeout=20) as token,
            listening(token if program else browser) as ear,
        ):
            clock[0] += timedelta(days=1) - timedelta(seconds=1)
            tell(world, "before")
            ear.until("log", "before")
            clock[0] += timedelta(seconds=1)
            tell(world, "after")
            assert not [line for line in ear.lines if "after" in line]


def test_nobody_listens_without_signing_in(world: World) -> None:
    with serving(world.url, name=None) as client:
        assert client.get("/api/v1/events").status_code == 401


def tell(world: World, key: str) -> None:
    events.record(world.connection, "log", key, sites=None)
    world.connection.commit()
