"""Thousands of hostile messages through broker, worker and database: each is accounted for."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from hypervisor.base.instants import micros
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import ingest_worker
from ingest.check import check
from ingest.decode import LARGEST, decode
from ingest.letters import make_dead_letters
from ingest.message import Arrival
from tests.integration.ingest.conftest import count, hypervisor, ingest, publisher, wait_for
from tests.integration.ingest.test_gateways import FIELD, described
from tests.unit.ingest.hostile import Message, stream

pytestmark = pytest.mark.integration

MOTE = next(address for name, _, address, *_ in FIELD if name == "mote")
LONG = (pytest.mark.long, pytest.mark.timeout(1800))
MOST = 200_000  # bytes of a message: the broker's own limits are not what is tried here


@pytest.mark.parametrize(("seed", "messages"), [(11, 1_500), pytest.param(12, 15_000, marks=LONG)])
def test_each_ends_as_readings_or_as_letters(
    instance_settings: Settings, seed: int, messages: int
) -> None:
    settings = instance_settings
    described(settings)
    at = datetime.now(UTC).replace(microsecond=0)
    sent = [m for m in stream(seed, messages, at=at, mote=str(MOTE)) if len(m.payload) < MOST]
    refused, stored = expected(settings, sent, at)
    with (
        ingest(settings),
        publisher(settings, "player", settings.player_password) as player,
    ):
        for message in sent:
            player.raw(message.topic, message.payload)
        player.flush(600)
        total = refused.total()
        wait_for(settings, lambda c: count(c, "dead_letter") >= total, seconds=600)
        wait_for(settings, lambda c: count(c) >= stored, seconds=60)
    with connect(settings.database_url) as connection:
        assert buried(connection) == refused
        assert count(connection) == stored
        assert good(sent) <= readings(connection)
    for words in ([], ["--shift", "-1h"], ["--shift", "+36525d"], ["--shift", "-36525d"]):
        hypervisor(settings, "dead-letters", "replay", *words)
        with connect(settings.database_url) as connection:
            assert count(connection, "dead_letter") >= total
            assert good(sent) <= readings(connection)
            if not words:  # nothing was mended: all are refused again, and nothing is stored twice
                assert buried(connection) == refused
                assert count(connection) == stored


def expected(
    settings: Settings, sent: Iterable[Message], at: datetime
) -> tuple[Counter[tuple[str, str]], int]:
    """Letters by topic and reason, and readings: what each message gives alone.

    That this is right is what tests/unit/ingest/test_hostile.py holds; here none may be lost.
    """
    refused: Counter[tuple[str, str]] = Counter()
    stored = set[tuple[int, int]]()
    with ingest_worker.open_ingest_context(settings) as by:
        for number, message in enumerate(sent):
            arrival = Arrival(message.topic, message.payload, micros(at) + number)
            rows, wrong = check(decode([arrival], by.routes), by.layouts, by.belief)
            made = make_dead_letters(wrong, largest=LARGEST)
            refused.update((letter.topic, str(letter.reason)) for letter in made)
            stored.update(zip(rows["series"].tolist(), rows["time"].tolist(), strict=True))
    return refused, len(stored)


def buried(connection: Connection) -> Counter[tuple[str, str]]:
    rows = connection.execute(
        "SELECT topic, reason, count(*) FROM dead_letter WHERE replayed_at IS NULL GROUP BY 1, 2"
    )
    return Counter({(topic, reason): number for topic, reason, number in rows})


def good(sent: Iterable[Message]) -> set[tuple[str, str, datetime, float]]:
    """What the messages without a slip say."""
    return {
        (device, quantity, message.at, value)
        for message in sent
        if message.at is not None
        for (device, quantity), value in message.truth.items()
    }


def readings(connection: Connection) -> set[tuple[str, str, datetime, float]]:
    return set(
        connection.execute(
            "SELECT device.name, quantity, time, round(value::numeric, 6)::float8 FROM reading"
            " JOIN series ON series.id = reading.series_id JOIN device ON device.id = series.device"
            " WHERE quality = 0"
        ).fetchall()
    )


def test_a_topic_of_any_length_stops_nobody(instance_settings: Settings) -> None:
    """What is below a gateway's own topic is its to write, up to 64 KiB that no index takes."""
    settings = instance_settings
    described(settings)
    chance = random.Random(1)
    long = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(60_000))
    at = datetime.now(UTC).replace(microsecond=0).isoformat()
    good_ = f'{{"time": "{at}", "values": {{"level": 1}}}}'.encode()
    with (
        ingest(settings),
        publisher(settings, "player", settings.player_password) as player,
    ):
        for length in (1_000, 2_500, 9_000, 60_000):
            player.raw(f"gateways/lora/application/1/device/{long[:length]}/event/up", b"x")
            player.raw(f"gateways/things/devices/{long[:length]}/readings", good_)
            player.raw(f"devices/{long[:length]}/readings", good_)
        player.raw("devices/alone/readings", good_)
        wait_for(settings, lambda c: count(c, "dead_letter") == 12 and count(c) == 1)
    hypervisor(settings, "dead-letters", "replay")
    with connect(settings.database_url) as connection:
        assert count(connection, "dead_letter") == 12
