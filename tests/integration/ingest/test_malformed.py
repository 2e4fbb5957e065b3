"""Ten thousand malformed messages between good ones: none stops ingest, each is accounted for."""

# ruff: noqa: ARG005, E501  a table: every kind is called alike, and stands on one line

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from hypervisor.readings import queries_dead_letters
from tests.integration.ingest.conftest import count, ingest, publisher, wait_for

pytestmark = pytest.mark.integration

BAD = 10_000
GOOD = 2_000
NOW = datetime.now(UTC).replace(microsecond=0)
TIME = NOW.isoformat()


def body(**fields: object) -> bytes:
    return json.dumps({"time": TIME, "values": {"level": 1.0}, **fields}).encode()


def values(value: object) -> bytes:
    return body(values={"level": value})


# What is sent, as which device, and the reason it is refused for; a number makes each unlike.
KINDS: tuple[tuple[Callable[[int], bytes], str, str], ...] = (
    (lambda n: b"", "gauge-0", "empty"),
    (lambda n: b"\xff\xfe" + str(n).encode(), "gauge-0", "not-utf8"),
    (lambda n: b'{"time": "\xc3(", "n": %d}' % n, "gauge-0", "not-utf8"),
    (lambda n: f"level={n}".encode(), "gauge-0", "not-json"),
    (lambda n: b'{"time": %d' % n, "gauge-0", "not-json"),
    (lambda n: b"[" * (3_000 + n % 50), "gauge-0", "too-deep"),
    (lambda n: b'{"a":' * 3_000 + b"%d" % n, "gauge-0", "too-deep"),
    (lambda n: str(n).encode(), "gauge-0", "wrong-shape"),
    (lambda n: b'"%d"' % n, "gauge-0", "wrong-shape"),
    (lambda n: b"null", "gauge-0", "wrong-shape"),
    (lambda n: b"[]", "gauge-0", "no-values"),
    (lambda n: body(values={}), "gauge-0", "no-values"),
    (lambda n: json.dumps({"values": {"level": n}}).encode(), "gauge-0", "no-time"),
    (lambda n: body(time=f"2022-01-11T06:15:{n % 60:02}"), "gauge-0", "bad-time"),
    (lambda n: body(time=n), "gauge-0", "bad-time"),
    (lambda n: body(time="yesterday"), "gauge-0", "bad-time"),
    (lambda n: body(time=(NOW + timedelta(hours=1, seconds=n)).isoformat()), "gauge-0", "time-ahead"),
    (lambda n: body(time=f"{9000 + n % 999}-01-01T00:00:00Z"), "gauge-0", "time-ahead"),
    (lambda n: body(time=f"0001-01-01T00:00:{n % 60:02}+14:00"), "gauge-0", "time-too-old"),
    (lambda n: values(float("nan")), "gauge-0", "not-finite"),
    (lambda n: values(float("-inf")), "gauge-0", "not-finite"),
    (lambda n: b'{"time":"%s","values":{"level":1e%d}}' % (TIME.encode(), 400 + n), "gauge-0", "not-finite"),
    (lambda n: values(str(n)), "gauge-0", "bad-value"),
    (lambda n: values({"value": n}), "gauge-0", "bad-value"),
    (lambda n: body(values={"turbidity": n}), "gauge-0", "unknown-quantity"),
    (lambda n: body(values={f"q{n}\x00\ud800": n}), "gauge-0", "unknown-quantity"),
    (lambda n: body(units={"level": "kg"}), "gauge-0", "unknown-unit"),
    (lambda n: body(units={"level": "parsnips"}), "gauge-0", "unknown-unit"),
    (lambda n: body(units={"level": n}), "gauge-0", "wrong-shape"),
    (lambda n: body(status=[n]), "gauge-0", "wrong-shape"),
    (lambda n: body(unit="m"), "gauge-0", "wrong-shape"),
    (lambda n: body(), "stranger", "unknown-device"),
)  # fmt: skip


def bad() -> Iterator[tuple[bytes, str, str]]:
    for number in range(BAD):
        make, device, reason = KINDS[number % len(KINDS)]
        yield make(number), device, reason


def good(number: int) -> bytes:
    at = (NOW - timedelta(seconds=10 * number)).isoformat()
    return json.dumps({"time": at, "values": {"level": 1.0, "battery": 90}}).encode()


@pytest.mark.usefixtures("gauges")
def test_ten_thousand_malformed_messages(instance_settings: Settings) -> None:
    expected = Counter(reason for _, _, reason in bad())
    with (
        ingest(instance_settings),
        publisher(instance_settings, "player", instance_settings.player_password) as player,
    ):
        for number, (payload, device, _) in enumerate(bad()):
            player.send(device, payload)
            if number % (BAD // GOOD) == 0:
                player.send("gauge-1", good(number))
        # Half good, half bad, and a message that is huge.
        player.send("gauge-2", f"[{good(1).decode()}, {{}}, {good(2).decode()}, 7]".encode())
        player.send("gauge-2", b'{"time":"' + b"x" * 2_000_000 + b'"}')
        expected.update(["no-time", "wrong-shape", "too-large"])
        player.flush(60)
        total = expected.total()
        wait_for(instance_settings, lambda c: count(c, "dead_letter") >= total, seconds=60)
        wait_for(instance_settings, lambda c: count(c) == 2 * GOOD + 4)
    with connect(instance_settings.database_url) as connection:
        found = {
            row.reason: row.waiting for row in queries_dead_letters.count_by_reason(connection)
        }
        assert found == dict(expected)
        (letter,) = queries_dead_letters.list_letters(connection, reason="time-too-old", limit=1)
        assert letter.topic == "devices/gauge-0/readings"
        assert b"0001-01-01" in letter.payload
