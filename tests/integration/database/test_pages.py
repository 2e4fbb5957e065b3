"""What pages ask of the store, at the boundaries of each question: which revision and reading."""

from typing import Any

import pytest

from hypervisor.database.connect import Connection
from hypervisor.feeds import queries_official
from hypervisor.forecast import queries as forecast_queries
from hypervisor.forecast.trend import JITTER, WINDOW
from hypervisor.overview import queries
from hypervisor.overview.views_wall import locate_communes
from hypervisor.readings import (
    queries_buckets,
    queries_charts,
    queries_latest,
    queries_silence,
    queries_territory,
)
from hypervisor.readings.queries_buckets import BucketQuery
from hypervisor.registry import queries_devices, queries_site, queries_tables
from hypervisor.registry.model import Area
from tests.integration.database.standing import (
    HOUR,
    NOW,
    SUSPECT,
    TICK,
    add_device,
    hold,
    raise_alarm,
    revise,
    revise_around,
    store,
)

pytestmark = pytest.mark.integration


GAUGES = ("source", "mill", "square")


def _level(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "m", "quantity": "level"}


def test_the_threshold_in_force(connection: Connection) -> None:
    revise_around(connection, "threshold", "mill/alert", _level(1), _level(2), _level(3))
    revise(connection, "threshold", "mill/attention", _level(0.5))
    revise(connection, "threshold", "mill/gone", _level(9))
    revise(connection, "threshold", "mill/gone", None, NOW)
    revise(connection, "threshold", "millrace/alert", _level(8))
    revise(connection, "threshold", "source/alert", {**_level(7), "quantity": "flow"})
    for at, value in ((NOW - TICK, 1), (NOW, 2), (NOW + TICK, 3)):
        assert [
            (row.site, row.name, row.value, row.revisions)
            for row in queries_site.list_thresholds(connection, ["mill", "source"], at)
        ] == [
            ("mill", "attention", 0.5, 1),
            ("mill", "alert", value, 4),
            *([("mill", "gone", 9, 2)] if at < NOW else []),
            ("source", "alert", 7, 1),
        ]
        assert queries.list_thresholds(connection, ["alert", "gone"], at) == {
            "mill": {"alert": value, **({"gone": 9} if at < NOW else {})},
            "millrace": {"alert": 8},
            "source": {"alert": 7},
        }
        assert forecast_queries.limits(connection, "alert", at) == {"mill": value, "millrace": 8}
    assert forecast_queries.limits(connection, "gone", NOW) == {}


def test_the_link_rule_and_reach_in_force(connection: Connection) -> None:
    revise_around(
        connection, "link", "source>mill", *({"travel_s": value} for value in (60, 120, 180))
    )
    revise(connection, "link", "mill>source", {"travel_s": 1})
    revise(connection, "link", "mill>source", None, NOW)
    revise_around(connection, "rule", "flood-high", {"n": 1}, {"n": 2}, {"n": 3})
    revise(connection, "rule", "flood-gone", {"n": 9})
    revise(connection, "rule", "flood-gone", None, NOW)
    connection.execute(
        "INSERT INTO asset (name, title, kind, geometry) VALUES ('road', 'Road', 'road', '{}'),"
        " ('school', 'School', 'school', '{}'), ('drawn', 'Not drawn', 'other', NULL)"
    )
    reach = {"gauge": "mill", "unit": "m"}
    revise_around(
        connection,
        "reach",
        "road",
        *({**reach, "gauge": gauge, "level": n + 1} for n, gauge in enumerate(GAUGES)),
    )
    revise(connection, "reach", "school", {**reach, "level": 9})
    revise(connection, "reach", "school", None, NOW)
    for at, seconds, number, gauge in (
        (NOW - TICK, 60, 1, "source"),
        (NOW, 120, 2, "mill"),
        (NOW + TICK, 180, 3, "square"),
    ):
        links = [("mill", "source", 1), ("source", "mill", seconds)]
        assert queries_site.list_links(connection, at) == links[at >= NOW :]
        assert {key: value for key, value, _ in queries_latest.list_rules(connection, at)} == {
            "flood-high": {"n": number},
            **({"flood-gone": {"n": 9}} if at < NOW else {}),
        }
        reached = {"road": (gauge, number)} | ({"school": ("mill", 9)} if at < NOW else {})
        assert {
            name: (one.gauge, one.level)
            for name, one in queries_territory.list_reaches(connection, at).items()
        } == reached
        assert {
            one.asset: (one.gauge, one.level) for one in forecast_queries.assets(connection, at)
        } == reached
        assert [(name, g) for name, *_, g in queries.list_assets(connection, at)] == [
            ("road", gauge),
            ("school", "mill" if at < NOW else None),
        ]


def test_devices_and_series_as_they_stand(connection: Connection) -> None:
    add_device(connection, "gauge", "mill", "level", "battery", retired=NOW + HOUR)
    add_device(connection, "lamp", "square", "power")
    add_device(connection, "helper", "square", "power")
    connection.execute("UPDATE device SET gateway = 'roof' WHERE name = 'lamp'")
    in_service = [{"in_service": value} for value in (True, False, True)]
    revise_around(connection, "device", "gauge", *in_service)
    for member in ("cab/lamp", "loose/helper"):
        revise(connection, "member", member, {})
    revise(connection, "member", "loose/lamp", {}, NOW + TICK)
    revise_around(connection, "supply", "cab", *({"switched": on} for on in (False, True, False)))
    revise_around(
        connection,
        "series",
        "gauge/level",
        *({"interval_s": s, "stale_s": 9} for s in (60, 120, 180)),
    )
    revise(connection, "series", "lamp/power", {"reporting": "event"})
    revise(connection, "series", "lamp/power", None, NOW)
    for at, serves, switched, interval, used in (
        (NOW - TICK, True, False, 60, True),
        (NOW, False, True, 120, False),
        (NOW + TICK, True, False, 180, False),
    ):
        rows = {row.name: row for row in queries_devices.list_devices(connection, at)}
        assert list(rows) == ["gauge", "helper", "lamp"]
        assert rows["gauge"].in_service is serves
        assert (rows["lamp"].switched, rows["helper"].switched) == (switched, False)
        assert rows["lamp"].groups == (("cab", "loose") if at > NOW else ("cab",))
        assert [
            (row.name, row.in_service)
            for row in queries_site.list_site_devices(connection, "mill", at)
        ] == [("gauge", serves)]
        own = {
            (row.device, row.quantity): row for row in queries_devices.list_series(connection, at)
        }
        assert list(own) == [
            ("gauge", "battery"),
            ("gauge", "level"),
            ("helper", "power"),
            ("lamp", "power"),
        ]
        assert own["gauge", "level"].interval_s == interval
        assert own["gauge", "battery"].interval_s is None
        assert own["lamp", "power"].in_use is used
        assert own["gauge", "battery"].in_use
        resting = queries_silence.list_out_of_service(connection, ["gauge", "lamp"], at)
        assert resting == (set() if serves else {"gauge"})
    square = queries_site.list_site_devices(connection, "square", NOW)
    assert [(row.name, row.lamp, row.gateway) for row in square] == [
        ("helper", False, None),
        ("lamp", True, "On the roof"),
    ]
    channels = queries_charts.list_channels(connection, ["mill", "square"])
    assert [(one.device, one.quantity, one.lamp, one.interval_s) for one in channels] == [
        ("gauge", "battery", False, None),
        ("gauge", "level", False, 180),
        ("helper", "power", False, None),
        ("lamp", "power", True, None),
    ]
    assert [row.name for row in queries_devices.list_devices(connection, NOW, site="mill")] == [
        "gauge"
    ]
    assert [
        row.name for row in queries_devices.list_devices(connection, NOW, domain="lighting")
    ] == [
        "helper",
        "lamp",
    ]
    only = queries_devices.list_series(connection, NOW, devices=["gauge", "lamp"], quantity="power")
    assert [row.device for row in only] == ["lamp"]


def test_who_ought_to_speak_and_when_it_last_did(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    add_device(connection, "mute", "source", "level", commissioned=NOW)
    add_device(connection, "leaving", "mill", "level", retired=NOW + TICK)
    add_device(connection, "left", "mill", "level", retired=NOW)
    add_device(connection, "coming", "mill", "level", commissioned=NOW + TICK)
    add_device(connection, "eventful", "mill", "level")
    add_device(connection, "member", "square", "level")
    add_device(connection, "other", "mill", "rain")
    revise(connection, "member", "loose/member", {})
    revise(connection, "series", "eventful/level", {"reporting": "event"})
    revise_around(connection, "series", "gauge/level", *({"stale_s": s} for s in (60, 120, 180)))
    store(connection, level, [(NOW - HOUR, 1.0, 0), (NOW, None, SUSPECT), (NOW + TICK, 3.0, 0)])
    rows = queries_silence.list_expected_series(connection, ["level"], NOW)
    assert [(one.device, one.time, one.suspect, one.stale_s) for one in rows] == [
        ("gauge", NOW, True, 120),
        ("leaving", None, False, 0),
        ("mute", None, False, 0),
    ]
    (gauge, *_) = rows
    silences = [gauge.silent(NOW + span) for span in (120 * HOUR / 3600, 120 * HOUR / 3600 + TICK)]
    assert silences == [False, True]


def test_readings_of_a_span(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    twin = add_device(connection, "twin", "mill", "level")["level"]
    times = [NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - HOUR, NOW, NOW + TICK]
    store(connection, level, [(time, float(n), 0) for n, time in enumerate(times)])
    store(connection, twin, [(NOW - HOUR, 5.0, SUSPECT), (NOW, None, 0), (times[0], 7.0, 0)])

    def values(**span: Any) -> list[float | None]:
        words: dict[str, Any] = {"since": times[0], "until": NOW + HOUR, "limit": 9, **span}
        query = BucketQuery(series=[level], **words)
        return [row.value for row in queries_buckets.stream_readings(connection, query)]

    assert values() == [0, 1, 2, 3, 4]
    assert values(since=times[1], until=times[3]) == [1, 2]
    assert values(limit=2) == [0, 1]
    assert values(until=NOW, limit=2, newest_first=True) == [2, 1]
    assert queries.list_readings(
        connection, "level", ["gauge", "twin"], since=times[0], now=NOW
    ) == {"mill": [(times[1], 1), (times[2], 2), (NOW, 3)]}
    assert forecast_queries.recent(connection, "level", NOW) == [
        ("mill", "gauge", [(time, float(n)) for n, time in enumerate(times[:4])]),
        ("mill", "twin", [(times[0], 7)]),
    ]
    edge = times[0] + WINDOW + JITTER
    store(connection, level, [(edge, 5.0, 0), (edge + TICK, 6.0, 0)])
    kept, late = (
        [time for time, _ in forecast_queries.recent(connection, "level", at)[0][2]]
        for at in (edge, edge + TICK)
    )
    assert kept == [*times, edge], "three hours back and the jitter"
    assert late == [*times[1:], edge, edge + TICK], "and not a tick more"
    assert forecast_queries.recent(connection, "level", NOW, ["source"]) == []
    latest = {row.device: (row.time, row.value) for row in queries_latest.list_latest(connection)}
    assert latest == {"gauge": (edge + TICK, 6), "twin": (NOW, None)}
    bins = queries_charts.read_bins(connection, [level, twin], (times[1], NOW), None)
    assert {key: [one.last for one in own] for key, own in bins.items()} == {
        level: [1, 2],
        twin: [],
    }


def test_the_latest_of_lamps_is_told_at_their_site_alone(connection: Connection) -> None:
    add_device(connection, "gauge", "mill", "level")
    add_device(connection, "lamp", "square", "power")
    add_device(connection, "helper", "square", "power")
    revise(connection, "member", "cab/lamp", {})
    revise(connection, "member", "loose/helper", {})
    devices = [(row.device, row.time) for row in queries_latest.list_latest(connection)]
    assert devices == [("gauge", None), ("helper", None)]
    assert [row.device for row in queries_latest.list_latest(connection, "square")] == [
        "helper",
        "lamp",
    ]
    assert [row.device for row in queries_latest.list_latest(connection, among=["square"])] == [
        "helper"
    ]


def test_official_colours_in_force(connection: Connection) -> None:
    mill = add_device(connection, "vigilance-mill", "mill", "vigilance")["vigilance"]
    add_device(connection, "vigilance-source", "source", "vigilance")
    store(
        connection,
        mill,
        [(NOW - HOUR, 2, 0), (NOW - TICK, 3, 0), (NOW, None, 0), (NOW + TICK, 4, 0)],
    )
    colours = [
        (one.site, one.time, one.value) for one in queries_official.list_vigilance(connection, NOW)
    ]
    assert colours == [("source", None, None), ("mill", NOW - TICK, 3)]
    assert queries_official.list_vigilance(connection, NOW + TICK)[1].value == 4


def _alarms(connection: Connection) -> dict[str, int]:
    """One of each standing, at the mill unless said otherwise."""
    return {
        "fresh": raise_alarm(connection, "fresh", "mill", severity="major"),
        "seen": raise_alarm(
            connection, "seen", "mill", severity="critical", acknowledged="critical"
        ),
        "returned": raise_alarm(connection, "returned", "mill", severity="info", ended=NOW),
        "normal": raise_alarm(connection, "normal", "mill", ended=NOW, acknowledged="minor"),
        "withdrawn": raise_alarm(connection, "withdrawn", "mill", withdrawn=NOW),
        "lost": raise_alarm(connection, "lost", None),
        "shelved": raise_alarm(connection, "shelved", "source", severity="critical"),
        "expired": raise_alarm(connection, "expired", "source", severity="info"),
        "off": raise_alarm(connection, "off", "square", severity="critical", stale=[(NOW, None)]),
    }


def test_alarms_that_stand_and_those_silenced_by_hand(connection: Connection) -> None:
    alarms = _alarms(connection)
    hold(connection, "shelved", "source", NOW + TICK)
    hold(connection, "expired", "source", NOW)
    hold(connection, "off", "square", None)
    hold(connection, "fresh", "source", None)  # of another subject
    rows = {one.id: one for one in queries.list_open_alarms(connection, NOW)}
    names = {name for name, number in alarms.items() if number in rows}
    assert names == {"fresh", "seen", "returned", "lost", "shelved", "expired", "off"}
    held = {name for name in names if rows[alarms[name]].held}
    assert held == {"shelved", "off"}
    unseen = {name for name in names if rows[alarms[name]].unseen}
    assert unseen == {"fresh", "returned", "lost", "expired"}
    assert rows[alarms["off"]].stale == NOW
    assert rows[alarms["fresh"]].stale is None
    assert rows[alarms["fresh"]].severity == "major"
    assert rows[alarms["lost"]].site is None

    look = queries.read_glance(connection, now=NOW, wall=NOW)
    assert look.tally == {1: (0, 1), 2: (1, 1), 3: (1, 1), 4: (2, 2)}

    marks = {one.name: one for one in queries.list_sites(connection, NOW)}
    assert list(marks) == ["source", "mill", "nowhere", "square"]
    assert {
        name: (one.priority, one.state, one.open, one.stale) for name, one in marks.items()
    } == {
        "mill": (1, "ack", 2, False),
        "source": (4, "un", 2, False),
        "square": (1, "shv", 1, True),
        "nowhere": (0, "off", 0, False),
    }
    assert marks["mill"].commune_name == "Bourg"
    assert queries_territory.find_worst_by_site(connection) == {
        "mill": ("critical", 2),
        "source": ("critical", 2),
        "square": ("critical", 1),
    }
    counts = {one.commune: one for one in queries_territory.count_by_commune(connection)}
    assert {
        code: (one.sites, one.alarms, one.unacknowledged, one.worst) for code, one in counts.items()
    } == {
        "91001": (2, 3, 2, "critical"),
        "91002": (1, 2, 2, "critical"),
        None: (1, 0, 0, None),
    }


def test_what_changed_since(connection: Connection) -> None:
    alarm = raise_alarm(connection, "fresh", "mill")
    since = NOW - HOUR
    for kind, times in {
        "raised": (since, since + TICK, NOW, NOW + TICK),
        "cleared": (since, NOW, NOW + TICK),
        "severity": (NOW,),
    }.items():
        for time in times:
            connection.execute(
                "INSERT INTO transition (alarm, kind, event_time, noticed_at, snapshot)"
                " VALUES (%s, %s, %s, %s, '{}')",
                [alarm, kind, time, time],
            )
    for kind, key in (("threshold", "mill/alert"), ("rule", "flood-high"), ("device", "gauge")):
        for _ in range(3):
            revise(connection, kind, key, {})
    revise(connection, "rule", "flood-new", {})  # new, and nobody's edit
    connection.execute(
        "UPDATE revision r SET recorded_at = %s, previous = (SELECT max(id) FROM revision p"
        " WHERE p.kind = r.kind AND p.key = r.key AND p.id < r.id)",
        [NOW],
    )
    changes = queries.count_changes(connection, since=since, wall=NOW - TICK, now=NOW)
    assert (changes.raised, changes.over, changes.edited) == (2, 1, 2)
    assert queries.count_changes(connection, since=since, wall=NOW, now=NOW).edited == 0


def test_the_bar_counts_what_came_lately_and_who_is_heard(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    lately = NOW - HOUR / 6
    store(connection, level, [(lately, 0, 0), (NOW + TICK, 0, 0)])
    store(connection, level, [(lately + TICK * (n + 1), 0, 0) for n in range(19)])
    store(connection, level, [(NOW, 0, 0)])
    alarm = raise_alarm(connection, "fresh", "mill")
    for time in (lately, lately + TICK, NOW, NOW + TICK):
        connection.execute(
            "INSERT INTO transition (alarm, kind, event_time, noticed_at, snapshot)"
            " VALUES (%s, 'raised', %s, %s, '{}')",
            [alarm, time, time],
        )
    late = NOW - HOUR / 120
    for name, heard, drained in (("one", late + TICK, None), ("gone", late, NOW)):
        connection.execute(
            "INSERT INTO worker (name, heartbeat_at, joined_at, drained_at)"
            " VALUES (%s, %s, %s, %s)",
            [name, heard, late, drained],
        )
    look = queries.read_glance(connection, now=NOW, wall=NOW)
    assert (look.readings_per_minute, look.raised_lately) == (2, 2)
    assert (look.workers, look.workers_heard, look.evaluated_to) == (1, True, None)
    connection.execute("UPDATE worker SET heartbeat_at = %s", [late])
    assert not queries.read_glance(connection, now=NOW, wall=NOW).workers_heard
    connection.execute("DELETE FROM worker")
    assert not queries.read_glance(connection, now=NOW, wall=NOW).workers_heard


def test_where_things_lie(connection: Connection) -> None:
    rivers = ["source", "mill"]
    assert [row.name for row in queries.list_river_sites(connection)] == rivers
    assert [row.name for row in queries_latest.list_sites(connection)] == [
        *rivers,
        "nowhere",
        "square",
    ]
    assert [row.commune for row in queries_latest.list_sites(connection, "nowhere")] == [None]
    assert locate_communes(queries_tables.list_things(connection, Area)) == [(2.0, 48.5)]
    assert [(area.code, area.sites) for area in queries.list_areas(connection)] == [
        ("91002", 1),
        ("91001", 2),
        ("91", 0),
        ("2", 0),
    ]
    assert queries_territory.list_communes(connection, ["91"]) == ["91001", "91002"]
    assert queries_territory.list_communes(connection, ["2"]) == ["91001"]
    place = queries_site.load_site(connection, "mill")
    assert place is not None
    assert (place.commune, place.epci) == (("91001", "Bourg"), ("2", "Nord"))
    elsewhere = queries_site.load_site(connection, "source")
    assert elsewhere is not None
    assert elsewhere.epci is None, "its commune is of the département alone"
    assert queries_site.load_site(connection, "nosuch") is None


def test_rain_gauges_its_own_then_its_communes_then_the_nearest(
    connection: Connection,
) -> None:
    add_device(connection, "r1", "source", "rain")
    add_device(connection, "r2", "square", "rain", "catchment_rain")
    add_device(connection, "r3", "mill", "catchment_rain")
    add_device(connection, "r4", "nowhere", "rain")
    add_device(connection, "old", "mill", "rain", retired=NOW)
    rows = queries_site.list_rain_gauges(connection, "mill")
    assert [(site, quantity) for site, _, quantity, _ in rows] == [
        ("mill", "catchment_rain"),
        ("square", "rain"),
        ("source", "rain"),
    ]
    assert [round(km, 1) for *_, km in rows] == [0.0, 11.1, 13.3]
