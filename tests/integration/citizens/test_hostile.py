"""Hostile push subscriptions beside honest ones: refused at once, or they fail alone."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from benchmarks import hostile
from benchmarks.hostile import Attack, HostileService
from benchmarks.subscribers import make_point
from hypervisor.citizens import push_key
from hypervisor.citizens import queries_subscriptions as queries
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.lane import Lane
from hypervisor.citizens.mailing import build_lane
from hypervisor.citizens.push_service import Browser
from hypervisor.database.connect import Connection, connect
from tests.integration.publications.conftest import ORGE, Room
from tests.integration.stack import certificates

pytestmark = pytest.mark.integration
SECRET = "a secret of forty letters, and not less!"
KEY = AddressKey(secret=SECRET)
POINT, AUTH = make_point(), "A" * 22
_HONEST = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.issued(tmp_path_factory.mktemp("hostile") / "certificates")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[HostileService]:
    with hostile.serve(folder / "broker.crt", folder / "broker.key") as made:
        yield made


@pytest.fixture(scope="module")
def room(make_room: Callable[..., Room], service: HostileService) -> Room:
    return make_room(
        public_page="public",
        public_url="https://alerte.example",
        citizens_push=service.hosts,
        citizens_key=SECRET,
        citizens_pushes_per_minute=60_000,
        notify_timeout_seconds=2,
    )


@pytest.fixture
def connection(
    room: Room, service: HostileService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connection]:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.crt"))
    service.taken.clear()
    with connect(room.world.url, autocommit=True) as made:
        if push_key.load(made, KEY) is None:
            push_key.make(made, KEY, author="test", replace=False)
        made.execute("DELETE FROM subscription")
        yield made


def open_lane(connection: Connection, room: Room, said: list[str]) -> Lane:
    lane = build_lane("push", connection, room.settings, said.append, room.clock)
    assert lane is not None
    return lane


def subscribe(connection: Connection, rows: list[hostile.Row]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO subscription (channel, digest, address, commune, language, confirmed_at)"
            " VALUES ('push', %s, %s, %s, 'fr', now())",
            [(*row, ORGE) for row in rows],
        )


def make_honest(service: HostileService, count: int) -> list[hostile.Row]:
    made = []
    for number in range(count):
        endpoint = f"https://127.0.0.1:{service.port}/honest/{number}"
        address = Browser(endpoint=endpoint, p256dh=POINT, auth=AUTH).write()
        made.append((KEY.digest(endpoint), KEY.encrypt(address)))
    return made


def count(connection: Connection, which: str) -> int:
    row = connection.execute(
        f"SELECT count(*) FROM subscription_delivery WHERE {which}"  # noqa: S608  ours
    ).fetchone()
    return int(row[0]) if row else 0


def go_round(lane: Lane, true: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        lane.wait(min(0.05, lane.turn()))


def test_every_honest_browser_is_warned_and_only_hostile_ones_fail(
    room: Room, connection: Connection, service: HostileService
) -> None:
    attack = Attack(service=service, key=KEY, keys=(POINT, AUTH), dice=random.Random(1))
    subscribe(connection, attack.make_rows(60))  # all of them before the first honest one
    subscribe(connection, make_honest(service, _HONEST))
    room.publish((ORGE,))
    said: list[str] = []
    with closing(open_lane(connection, room, said)) as lane:
        go_round(lane, lambda: len(service.taken) == _HONEST)
        lane.finish(20)
        assert count(connection, "sent_at IS NOT NULL") == _HONEST
        assert count(connection, "error IS NOT NULL AND attempts = 1") == 60
        for _try in range(2 * queries.TRIES):  # in the end they are given up: of 60, 40 a turn
            connection.execute(
                "UPDATE subscription_delivery SET due_at = now() WHERE attempts < 8"
                " AND error NOT LIKE '%imeout%'"
            )
            lane.turn()
            lane.finish(20)
            lane._allowed = 40  # noqa: SLF001  as after a while
    assert count(connection, "given_up_at IS NOT NULL") > 0
    assert not [line for line in said if line.startswith(("send failed", "no record"))]


def test_a_delivery_that_kills_its_sender_is_given_up_and_no_neighbour_is(
    room: Room, connection: Connection, service: HostileService, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(connection, make_honest(service, 20))
    row = connection.execute("SELECT id FROM subscription ORDER BY id OFFSET 5 LIMIT 1").fetchone()
    assert row is not None
    room.publish((ORGE,))
    start = Lane._start_delivery  # noqa: SLF001

    def die(lane: Lane, delivery: queries.Delivery, messages: dict[int, object]) -> None:
        if delivery.subscription == row[0]:
            raise SystemExit
        start(lane, delivery, messages)  # type: ignore[arg-type]

    monkeypatch.setattr(Lane, "_start_delivery", die)
    deaths = 0
    for _life in range(40):
        queries.release(connection, "push")
        with closing(open_lane(connection, room, [])) as lane, suppress(SystemExit):
            deaths += 1
            for _turn in range(4):
                lane._allowed = 40  # noqa: SLF001
                lane.turn()
                lane.finish(20)
            deaths -= 1
        if count(connection, "sent_at IS NULL AND given_up_at IS NULL") == 0 and deaths:
            break
    assert count(connection, "given_up_at IS NOT NULL") == 1
    assert count(connection, "error = 'the sender died while it sent this, or ended'") == 1
    assert deaths == queries.TRIES
    assert count(connection, "sent_at IS NOT NULL") == 19


def test_a_message_that_cannot_be_read_fails_its_deliveries_alone(
    room: Room, connection: Connection, service: HostileService, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(connection, make_honest(service, 3))
    said: list[str] = []
    with closing(open_lane(connection, room, said)) as lane:
        find, first = lane._find_message, []  # noqa: SLF001

        def look_up(number: int) -> object:
            first.append(number)
            if number == first[0]:
                raise KeyError("kind")
            return find(number)

        monkeypatch.setattr(lane, "_find_message", look_up)
        room.publish((ORGE,))
        lane.turn()
        connection.execute("UPDATE subscription_delivery SET given_up_at = now()")
        connection.execute("DELETE FROM subscription WHERE id = (SELECT min(id) FROM subscription)")
        room.publish((ORGE,))
        go_round(lane, lambda: len(service.taken) == 2)
        lane.finish(20)
    assert count(connection, "error LIKE 'KeyError%' AND attempts = 1") == 2


def test_warnings_go_before_requests_to_confirm(
    room: Room, connection: Connection, service: HostileService
) -> None:
    for number in range(30):
        queries.request_subscription(
            connection,
            queries.NewSubscription(
                channel="push",
                digest=bytes([number]),
                mailbox=bytes([number]),
                address=KEY.encrypt(f'["https://127.0.0.1:{service.port}/honest/c{number}","",""]'),
                destination=f"127.0.0.1:{service.port}",
                commune=ORGE,
                language="fr",
            ),
        )
    subscribe(connection, make_honest(service, 5))
    room.publish((ORGE,))
    with closing(open_lane(connection, room, [])) as lane:
        lane._allowed = 8  # noqa: SLF001
        lane.channel.per_minute = 1
        lane.turn()
        lane.finish(20)
    assert count(connection, "message > 0 AND sent_at IS NOT NULL") == 5
    assert count(connection, "message = 0 AND attempts = 1") == 3


@pytest.mark.parametrize("kind", ["label", "name", "empty label", "surrogate", "port", "host"])
def test_an_endpoint_that_no_resolver_takes_is_refused_at_once(
    room: Room, connection: Connection, service: HostileService, kind: str
) -> None:
    attack = Attack(service=service, key=KEY, keys=(POINT, AUTH), dice=random.Random(3))
    endpoint = attack.list_endpoints()[kind](1)
    body = {"endpoint": endpoint, "keys": {"p256dh": POINT, "auth": AUTH}, "commune": ORGE}
    room.publish((ORGE,))  # the page reads again, and finds the key
    until = time.monotonic() + 30
    answer = httpx.Response(404)
    while answer.status_code == 404 and time.monotonic() < until:
        answer = httpx.post(
            f"{room.base}/public/push",
            content=json.dumps(body),
            headers={"Content-Type": "application/json"},
        )
    assert answer.status_code == 422, answer.text
    assert connection.execute("SELECT count(*) FROM subscription").fetchone() == (0,)
