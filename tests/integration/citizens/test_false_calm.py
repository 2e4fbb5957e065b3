"""Attacks on calm over real routes: whatever is missing, late or contradictory, no page says calm.

Each attack spoils one input of a territory in which all is well; its times and victims are drawn.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import httpx
import pytest
from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection, connect
from hypervisor.overview import views_map_sites, views_now
from tests.integration.publications.conftest import Room
from tests.integration.web.served import NOW

pytestmark = pytest.mark.integration
SEEDS = (7, 20_261_202)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# What each page says only of a calm territory.
PUBLIC = ('class="calm"', "Aucune alerte en cours")
WATER = ("Aucun enjeu ni seuil", "aucun enjeu touché")
ALARMS = ("Aucune alarme en cours.", "Aucun capteur aveugle.")
_RESET = """
DELETE FROM feed_poll; DELETE FROM official_colour; DELETE FROM set_aside; DELETE FROM reading;
UPDATE alarm SET withdrawn = began; UPDATE device SET retired = NULL;
DELETE FROM revision WHERE author = 'attack'; DELETE FROM asset;
DELETE FROM device WHERE name = 'spare'
"""


@dataclass(kw_only=True)
class Attack:
    """One input to spoil in a database, with chance."""

    connection: Connection
    chance: Random

    def ago(self, least: timedelta, most: timedelta) -> datetime:
        return NOW - least - (most - least) * self.chance.random()

    def run(self, sql: str, *values: object) -> None:
        self.connection.execute(sql, values)

    def series(self, device: str, quantity: str) -> int:
        row = self.connection.execute(
            "SELECT series.id FROM series JOIN device ON device.id = series.device"
            " WHERE device.name = %s AND quantity = %s",
            [device, quantity],
        ).fetchone()
        assert row is not None
        return int(row[0])

    def gauge(self) -> str:
        return self.chance.choice(("orge", "yvette"))

    def read(
        self, device: str, quantity: str, at: datetime, value: float, quality: int = 0
    ) -> None:
        self.run(
            "INSERT INTO reading (series_id, time, received_at, value, quality)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (series_id, time)"
            " DO UPDATE SET value = EXCLUDED.value, quality = EXCLUDED.quality",
            *(self.series(device, quantity), at, at, value, quality),
        )

    def fill(self, device: str, quantity: str, value: float) -> None:
        """The same every five minutes of the last five hours."""
        self.run(
            "INSERT INTO reading (series_id, time, received_at, value, quality)"
            " SELECT %s, at, at, %s, 0 FROM generate_series(%s, %s, INTERVAL '5 minutes') at",
            *(self.series(device, quantity), value, NOW - 5 * HOUR, NOW),
        )

    def colour(self, feed: str, area: str, what: str, colour: int | None, issued: datetime) -> None:
        ends = None if feed == "vigicrues" else issued + DAY
        self.run(
            "INSERT INTO official_colour (feed, area, title, phenomenon, begins, ends, colour,"
            " issued) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            *(feed, area, area, what, issued, ends, colour, issued),
        )

    def revise(self, kind: str, key: str, value: object) -> None:
        self.run(
            "INSERT INTO revision (kind, key, value, effective, author, reason)"
            " VALUES (%s, %s, %s, %s, 'attack', 'test')",
            *(kind, key, Jsonb(value), NOW - HOUR),
        )


def make_calm(attack: Attack) -> None:
    """A territory in which every input is there, fresh and calm."""
    for statement in _RESET.split(";"):
        attack.run(statement)
    attack.run("UPDATE evaluation_state SET evaluated_to = %s, watermark = %s", NOW, NOW)
    attack.run("UPDATE worker SET heartbeat_at = %s", NOW)
    for gauge in ("orge", "yvette"):
        for quantity, value in (("level", 0.5), ("catchment_rain", 0.0), ("battery", 90.0)):
            attack.fill(gauge, quantity, value)
    attack.read("vigilance-orge", "vigilance", NOW - 3 * HOUR, 1)
    attack.colour("vigicrues", "SE1", "flood", 1, NOW - 3 * HOUR)
    for what in ("wind", "thunderstorm"):
        attack.colour("meteofrance", "91", what, 1, NOW - 6 * HOUR)
    for feed in ("vigicrues", "meteofrance"):
        attack.run(
            "INSERT INTO feed_poll (name, polled_at, answered_at) VALUES (%s, %s, %s)",
            *(feed, NOW, NOW - 5 * MINUTE),
        )


def _late_service(attack: Attack) -> None:
    feed = attack.chance.choice(("vigicrues", "meteofrance"))
    at = attack.ago(HOUR + MINUTE, 400 * DAY)
    attack.run("UPDATE feed_poll SET answered_at = %s WHERE name = %s", at, feed)


def _never_read(attack: Attack) -> None:
    attack.run("DELETE FROM feed_poll")
    attack.run("DELETE FROM official_colour")
    attack.run(
        "DELETE FROM reading WHERE series_id = %s", attack.series("vigilance-orge", "vigilance")
    )


def _never_answered(attack: Attack) -> None:
    attack.run("UPDATE feed_poll SET answered_at = NULL, problem = 'away', failures = 3")


def _expired_map(attack: Attack) -> None:
    ends = attack.ago(MINUTE, 90 * DAY)
    attack.run("UPDATE official_colour SET ends = %s WHERE feed = 'meteofrance'", ends)


def _old_bulletin(attack: Attack) -> None:
    back = 27 * HOUR + attack.chance.random() * 800 * DAY
    attack.run(
        "UPDATE official_colour SET issued = %s, begins = %s, ends = NULL"
        " WHERE feed = 'meteofrance'",
        *(NOW - back, NOW - back),
    )


def _old_reach(attack: Attack) -> None:
    at = attack.ago(27 * HOUR, 800 * DAY)
    attack.run("DELETE FROM official_colour WHERE feed = 'vigicrues'")
    attack.run(
        "DELETE FROM reading WHERE series_id = %s", attack.series("vigilance-orge", "vigilance")
    )
    attack.read("vigilance-orge", "vigilance", at, 1)


def _future_bulletin(attack: Attack) -> None:
    at = NOW + (attack.chance.random() + 0.1) * DAY
    attack.run("UPDATE official_colour SET issued = %s WHERE feed = 'meteofrance'", at)


def _colour_not_stated(attack: Attack) -> None:
    what = attack.chance.choice(("wind", "thunderstorm"))
    attack.run("UPDATE official_colour SET colour = NULL WHERE phenomenon = %s", what)


def _reach_not_stated(attack: Attack) -> None:
    attack.colour("vigicrues", "SE1", "flood", None, attack.ago(MINUTE, HOUR))


def _half_a_card(attack: Attack) -> None:
    what = attack.chance.choice(("wind", "thunderstorm"))
    attack.run("UPDATE official_colour SET ends = %s WHERE phenomenon = %s", NOW - MINUTE, what)


def _departement_missing(attack: Attack) -> None:
    attack.run("UPDATE official_colour SET area = '78' WHERE feed = 'meteofrance'")


def _services_disagree(attack: Attack) -> None:
    attack.colour("meteofrance", "91", "flood", attack.chance.choice((2, 3, 4)), NOW - HOUR)


def _worse_ahead(attack: Attack) -> None:
    attack.run(
        "INSERT INTO official_colour (feed, area, title, phenomenon, begins, ends, colour, issued)"
        " SELECT feed, area, title, phenomenon, %s, %s, 3, issued FROM official_colour"
        " WHERE phenomenon = 'wind'",
        *(NOW + 6 * HOUR, NOW + 9 * HOUR),
    )


def _gauge_stale(attack: Attack) -> None:
    number = attack.series(attack.gauge(), "level")
    attack.run(
        "DELETE FROM reading WHERE series_id = %s AND time > %s",
        *(number, attack.ago(16 * MINUTE, 2 * HOUR)),
    )


def _gauge_never_heard(attack: Attack) -> None:
    attack.run("DELETE FROM reading WHERE series_id = %s", attack.series(attack.gauge(), "level"))


def _no_trend(attack: Attack) -> None:
    number = attack.series(attack.gauge(), "level")
    attack.run("DELETE FROM reading WHERE series_id = %s AND time < %s", number, NOW - 10 * MINUTE)


def _drowned(attack: Attack) -> None:
    attack.read(attack.gauge(), "level", NOW, 2.5, quality=8)


def _set_aside_reading(attack: Attack) -> None:
    attack.read(attack.gauge(), "level", NOW, 0.5, quality=attack.chance.choice((1, 2, 4)))


def _in_maintenance(attack: Attack) -> None:
    attack.revise("device", attack.gauge(), {"in_service": False})


def _above_a_threshold(attack: Attack) -> None:
    gauge = attack.gauge()
    attack.run("DELETE FROM reading WHERE series_id = %s", attack.series(gauge, "level"))
    attack.fill(gauge, "level", 3.4)


def _flooded_asset(attack: Attack) -> None:
    gauge = attack.gauge()
    attack.run("INSERT INTO asset (name, title, kind) VALUES ('rd188', 'RD 188', 'road')")
    attack.revise("reach", "rd188", {"gauge": gauge, "level": 0.38, "unit": "m"})


def _evaluation_lags(attack: Attack) -> None:
    at = attack.ago(31 * timedelta(seconds=1), DAY)
    shard = attack.chance.randrange(32)
    attack.run("UPDATE evaluation_state SET evaluated_to = %s WHERE shard = %s", at, shard)


def _nothing_evaluated(attack: Attack) -> None:
    attack.run("UPDATE evaluation_state SET evaluated_to = NULL")


def _rule_set_aside(attack: Attack) -> None:
    attack.run(
        "INSERT INTO set_aside (shard, rule, subject, since, problem) VALUES (%s, %s, %s, %s, 'x')",
        attack.chance.randrange(32),
        *attack.chance.choice((("flood-high", ""), ("", "orge"), ("flood-rise", "yvette"))),
        NOW - HOUR,
    )


def _no_sensor(attack: Attack) -> None:
    attack.run("UPDATE device SET retired = %s", attack.ago(MINUTE, 90 * DAY))


def _every_sensor_rests(attack: Attack) -> None:
    for (name,) in attack.connection.execute("SELECT name FROM device").fetchall():
        attack.revise("device", name, {"in_service": False})


def _reach_of_no_colour(attack: Attack) -> None:
    attack.run("DELETE FROM official_colour WHERE feed = 'vigicrues'")
    at, value = attack.ago(MINUTE, HOUR), attack.chance.choice((0.0, -1.0, 0.5, 1.4, 5.0))
    attack.read("vigilance-orge", "vigilance", at, value)


def _service_ahead(attack: Attack) -> None:
    feed, days = attack.chance.choice(("vigicrues", "meteofrance")), attack.chance.random() + 0.1
    attack.run("UPDATE feed_poll SET answered_at = %s WHERE name = %s", NOW + days * DAY, feed)


OFFICIAL = (
    *(_late_service, _never_read, _never_answered, _expired_map, _old_bulletin, _old_reach),
    *(_future_bulletin, _colour_not_stated, _reach_not_stated, _half_a_card),
    *(_departement_missing, _services_disagree, _worse_ahead),
    *(_reach_of_no_colour, _service_ahead),
)


def _series_without_a_limit(attack: Attack) -> None:
    """Its model names no interval, and it was heard long ago."""
    number = attack.series(attack.gauge(), "level")
    attack.run("DELETE FROM reading WHERE series_id = %s", number)
    at = attack.ago(2 * HOUR, 400 * DAY)
    attack.run(
        "INSERT INTO reading (series_id, time, received_at, value, quality)"
        " VALUES (%s, %s, %s, 0.5, 0)",
        *(number, at, at),
    )


def _reading_ahead(attack: Attack) -> None:
    number = attack.series(attack.gauge(), "level")
    attack.run("UPDATE reading SET time = time + INTERVAL '6 hours' WHERE series_id = %s", number)


def _reading_without_a_value(attack: Attack) -> None:
    number = attack.series(attack.gauge(), "level")
    attack.run(
        "UPDATE reading SET value = %s WHERE series_id = %s AND time > %s",
        *(attack.chance.choice((None, float("nan"))), number, NOW - HOUR),
    )


GAUGES = (
    *(_gauge_stale, _gauge_never_heard, _no_trend, _drowned, _set_aside_reading),
    *(_in_maintenance, _above_a_threshold, _flooded_asset),
    *(_series_without_a_limit, _reading_ahead, _reading_without_a_value),
)
EVALUATION = (_evaluation_lags, _nothing_evaluated, _rule_set_aside)
SENSORS = (_no_sensor, _every_sensor_rests)
# After these the list of sites has one in grey.
GREY = (*EVALUATION, _every_sensor_rests, _gauge_stale, _in_maintenance, _set_aside_reading)
ATTACKS: dict[str, tuple[Callable[[Attack], None], tuple[str, ...]]] = {
    **{each.__name__: (each, PUBLIC) for each in OFFICIAL},
    **{each.__name__: (each, WATER) for each in GAUGES},
    **{each.__name__: (each, (*WATER, *ALARMS)) for each in (*EVALUATION, *SENSORS)},
}


@pytest.fixture(scope="module")
def connection(live: Room) -> Iterator[Connection]:
    with connect(live.world.url, autocommit=True) as opened:
        opened.execute("UPDATE site SET river = 'Orge', river_order = 1 WHERE name = 'orge'")
        opened.execute("UPDATE site SET river = 'Yvette', river_order = 1 WHERE name = 'yvette'")
        opened.execute(
            "WITH made AS (INSERT INTO device (name, site, commissioned, properties)"
            ' SELECT \'vigilance-orge\', id, %s, \'{"feed": "vigicrues", "code": "SE1"}\''
            " FROM site WHERE name = 'orge' RETURNING id)"
            " INSERT INTO series (device, quantity) SELECT id, 'vigilance' FROM made",
            [NOW - 30 * DAY],
        )
        yield opened


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pages share for a second is read each time."""
    monkeypatch.setattr(views_now._SHARED, "_seconds", -1.0)  # noqa: SLF001
    monkeypatch.setattr(views_map_sites._UNKNOWN, "_seconds", -1.0)  # noqa: SLF001


_TURN = [0]


def read_pages(live: Room, connection: Connection) -> dict[str, str]:
    """The pages once they show this state: citizens' pages name the turn as a commune."""
    _TURN[0] += 1
    mark = f"Tour-{_TURN[0]}"
    connection.execute("UPDATE area SET name = %s WHERE code = '91002'", [mark])
    connection.execute("SELECT log_event('publication', 'publication/0', '{}')")
    with httpx.Client(base_url=live.base) as citizen:
        until = time.monotonic() + 30
        while mark not in citizen.get("/public?lang=fr").text:
            assert time.monotonic() < until
            time.sleep(0.02)
        pages = {
            path: citizen.get(f"{path}{'&' if '?' in path else '?'}lang=fr").text
            for path in ("/public", "/public?commune=91001", "/public/strip", "/public/fragment")
        }
    french = {"Accept-Language": "fr"}
    for path in ("/now", "/wall", "/map", "/alarms", "/sites"):
        answer = live.anne.get(path, headers=french)
        assert answer.status_code == 200, answer.text
        pages[path] = answer.text
    return pages


def list_calm(pages: dict[str, str], words: tuple[str, ...]) -> set[tuple[str, str]]:
    return {(path, word) for path, text in pages.items() for word in words if word in text}


def test_a_calm_territory_is_called_calm(live: Room, connection: Connection) -> None:
    make_calm(Attack(connection=connection, chance=Random(1)))
    pages = read_pages(live, connection)
    calm = list_calm(pages, (*PUBLIC, *WATER, *ALARMS))
    assert {path for path, word in calm if word == PUBLIC[1]} >= {
        *("/public", "/public?commune=91001", "/public/strip", "/public/fragment")
    }
    assert {("/now", word) for word in (*WATER, *ALARMS)} <= calm
    assert {("/wall", WATER[0]), ("/alarms", ALARMS[0])} <= calm
    for path in ("/public", "/now", "/wall", "/map"):
        assert "vigi green" in pages[path], path
    assert 'class="ring grey"' not in pages["/sites"]


@pytest.mark.parametrize("seed", [SEEDS[0], pytest.param(SEEDS[1], marks=pytest.mark.long)])
@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_missing_ends_calm(
    live: Room, connection: Connection, name: str, seed: int
) -> None:
    attack = Attack(connection=connection, chance=Random(f"{name} {seed}"))
    make_calm(attack)
    spoil, words = ATTACKS[name]
    spoil(attack)
    pages = read_pages(live, connection)
    assert list_calm(pages, words) == set()
    assert spoil not in GREY or 'class="ring grey"' in pages["/sites"]
    if words is PUBLIC and spoil is not _worse_ahead:  # which is green now, and says what comes
        for path in ("/public", "/map", "/wall"):
            strips = re.findall(r'<p class="official-strip">.*?</p>', pages[path], re.DOTALL)
            assert sum("vigi green" in strip for strip in strips) <= 1, "one service is at fault"
            assert len(strips) == 2
    elif words is not PUBLIC:
        assert re.search("valuable|un seuil|dans l.eau", pages["/now"])


def test_a_database_that_is_away_ends_calm(live: Room, connection: Connection) -> None:
    make_calm(Attack(connection=connection, chance=Random(1)))
    read_pages(live, connection)
    live.clock.now = NOW + 3 * MINUTE  # nothing was read since
    with httpx.Client(base_url=live.base) as citizen:
        for path in ("/public", "/public/strip", "/public/fragment"):
            answer = citizen.get(f"{path}?lang=fr")
            assert list_calm({path: answer.text}, PUBLIC) == set()
            assert "Non évaluable" in answer.text
            assert "vigi green" not in answer.text


def test_a_row_that_cannot_be_read_ends_calm_until_it_is_mended(
    live: Room, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    attack = Attack(connection=connection, chance=Random(1))
    make_calm(attack)
    live.clock.now = NOW
    read_pages(live, connection)
    attack.run("UPDATE site SET domain = 'mobility', properties = '{\"public\": true}'")
    attack.revise("works", "weir", {"begins": "soon", "ends": "infinity", "sites": ["orge"]})
    connection.execute("SELECT log_event('publication', 'publication/0', '{}')")
    until = time.monotonic() + 30
    while "the public page stays as it was" not in caplog.text:
        assert time.monotonic() < until
        time.sleep(0.02)
    live.clock.now = NOW + 3 * MINUTE
    with httpx.Client(base_url=live.base) as citizen:
        assert list_calm({"": citizen.get("/public?lang=fr").text}, PUBLIC) == set()
    live.clock.now = NOW
    attack.run("DELETE FROM revision WHERE author = 'attack'")
    attack.run("UPDATE site SET domain = 'flood', properties = '{}'")
    assert ("/public", PUBLIC[1]) in list_calm(read_pages(live, connection), PUBLIC)
