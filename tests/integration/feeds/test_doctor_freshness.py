"""`doctor` calls no official service good whose publication or whose colours are out of date."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import pytest
from psycopg.types.json import Jsonb

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.feeds import diagnosis
from hypervisor.feeds.poll import read_clock
from hypervisor.stack.doctor import check_room

pytestmark = pytest.mark.integration
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as opened:
        instance_store.create(opened, Instance(mode=Mode.LIVE, name="test"))
        opened.execute(
            "INSERT INTO area (code, kind, name, lon, lat) VALUES"
            " ('91001', 'commune', 'Bourg', 2.2, 48.5)"
        )
        yield opened


def _answer(connection: Connection, feed: str, now: datetime, issued: datetime) -> None:
    cursor = Jsonb({"issued": issued.isoformat()})
    connection.execute(
        "INSERT INTO feed_poll (name, polled_at, answered_at, cursor) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (name) DO UPDATE SET cursor = EXCLUDED.cursor",
        [feed, now, now, cursor],
    )


def _colour(connection: Connection, issued: datetime, ends: datetime) -> None:
    connection.execute("DELETE FROM official_colour")
    connection.execute(
        "INSERT INTO official_colour (feed, area, title, phenomenon, begins, ends, colour, issued)"
        " VALUES ('meteofrance', '91', 'Essonne', 'wind', %s, %s, 1, %s)",
        [issued, ends, issued],
    )


def test_a_publication_that_is_old_is_not_good(connection: Connection, database_url: str) -> None:
    now, chance = read_clock(), Random(33)
    settings = Settings(database_url=database_url, meteofrance_key="key")

    def find() -> dict[str, tuple[str, str]]:
        findings = check_room(diagnosis, settings, now)
        return {each.subject: (each.state, each.what) for each in findings}

    assert find()["feed roads"] == ("warning", "not asked yet")
    for feed in ("roads", "meteofrance"):
        _answer(connection, feed, now, now - HOUR)
    _colour(connection, now - HOUR, now + DAY)
    fresh = find()
    subjects = ("feed roads", "feed meteofrance", "vigilance Météo-France")
    assert {name: fresh[name][0] for name in subjects} == dict.fromkeys(subjects, "good")
    for _ in range(8):
        issued = now - 27 * HOUR - chance.random() * 900 * DAY
        for feed in ("roads", "meteofrance"):
            _answer(connection, feed, now, issued)
        _colour(connection, issued, chance.choice((issued + DAY, now + DAY)))
        seen = find()
        assert {name: seen[name][0] for name in subjects} == dict.fromkeys(subjects, "warning")
        assert f"{issued:%Y-%m-%d}" in seen["feed roads"][1]
    for feed in ("roads", "meteofrance"):
        _answer(connection, feed, now, now + 2 * HOUR)  # a clock is wrong
    assert find()["feed roads"][0] == "warning"
    connection.execute("DELETE FROM official_colour")
    assert "Essonne (never" in find()["vigilance Météo-France"][1]
