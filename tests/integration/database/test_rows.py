"""Each row that a page is made of, field by field: every column stands where its name says."""

from dataclasses import asdict
from datetime import datetime, timedelta

import pytest

from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.database.progress import Progress, get_progress
from hypervisor.feeds import queries_official
from hypervisor.forecast import queries as forecast_queries
from hypervisor.overview import queries
from hypervisor.overview.views_wall import locate_communes
from hypervisor.readings import queries_charts, queries_latest, queries_silence, queries_territory
from hypervisor.registry import queries_devices, queries_site, queries_tables
from hypervisor.registry.model import Area, Zone
from sensors._quality import Quality
from tests.integration.database.standing import (
    HOUR,
    NOW,
    SUSPECT,
    TICK,
    add_device,
    raise_alarm,
    revise,
    store,
)

pytestmark = pytest.mark.integration

MANUAL, INVALIDATED = int(Quality.MANUAL), int(Quality.INVALIDATED)
SECOND = timedelta(seconds=1)


def _far(connection: Connection) -> None:
    """Coordinates that differ in every digit, so that none passes for another."""
    connection.execute(
        "UPDATE site SET lon = 2.25, lat = 48.75, properties = '{\"zero\": 41.5}'"
        " WHERE name = 'mill'"
    )


def test_a_site_on_its_page_in_its_list_on_the_map_and_on_its_river(
    connection: Connection,
) -> None:
    _far(connection)
    place = {"lon": 2.25, "lat": 48.75, "river": "Orge", "river_order": 2}
    here = {"name": "mill", "title": "Mill", "domain": "flood", **place}
    page = queries_site.load_site(connection, "mill")
    assert page is not None
    assert asdict(page) == {
        **here,
        "commune": ("91001", "Bourg"),
        "epci": ("2", "Nord"),
        "illustrative": False,
        "properties": {"zero": 41.5},
    }
    nowhere = queries_site.load_site(connection, "nowhere")
    assert nowhere is not None
    assert (nowhere.commune, nowhere.epci) == (None, None)
    assert queries_site.load_sites(connection, ["mill", "nosuch"]) == {"mill": page}
    (row,) = queries_latest.list_sites(connection, "mill")
    assert asdict(row) == {**here, "commune": ("91001", "Bourg"), "illustrative": False}
    assert [one.illustrative for one in queries_latest.list_sites(connection, "source")] == [True]
    raise_alarm(connection, "high", "mill", severity="minor")
    raise_alarm(connection, "high too", "mill", severity="minor", acknowledged="minor")
    marks = {site.name: site for site in queries.list_sites(connection, NOW)}
    mark = marks["mill"]
    assert asdict(mark) == {
        **here,
        "commune": "91001",
        "commune_name": "Bourg",
        "priority": 3,
        "state": "un",
        "open": 2,
        "stale": False,
        "unknown": False,
    }
    assert mark.short == "Bourg"
    assert marks["nowhere"].short == "Nowhere"
    own = {site.name: site for site in queries.list_river_sites(connection)}["mill"]
    kept = {key: value for key, value in asdict(own).items() if key in {*here, "commune"}}
    assert kept == {**here, "commune": "91001"}


def test_areas_zones_and_assets_of_the_map(connection: Connection) -> None:
    areas = [asdict(area) for area in queries.list_areas(connection)]
    assert areas[1] == {
        "code": "91001",
        "kind": "commune",
        "name": "Bourg",
        "parent": "2",
        "lon": 2.0,
        "lat": 48.5,
        "population": None,
        "sites": 2,
    }
    connection.execute(
        "INSERT INTO zone (name, title, kind, geometry, illustrative) VALUES"
        """ ('z', 'Meadow', 'flood', '{"type": "Polygon"}', true),"""
        """ ('l', 'Quarter', 'lighting', '{"type": "MultiPolygon"}', false)"""
    )
    zones = queries_tables.list_things(connection, Zone)
    assert [(each.name, each.title, each.kind, each.geometry) for each in zones] == [
        ("l", "Quarter", "lighting", {"type": "MultiPolygon"}),
        ("z", "Meadow", "flood", {"type": "Polygon"}),
    ]
    connection.execute(
        "INSERT INTO asset (name, title, kind, geometry, illustrative) VALUES"
        """ ('road', 'Low road', 'road', '{"type": "Point"}', false),"""
        """ ('school', 'School', 'school', '{"type": "Point"}', true)"""
    )
    connection.execute(
        "INSERT INTO asset (name, title, kind, geometry) VALUES"
        """ ('pump', 'Pump', 'pumping', '{"type": "LineString"}'),"""
        " ('sunk', 'Sunk', 'other', NULL)"
    )
    reach = {"gauge": "mill", "level": 2.5, "unit": "m"}
    revise(connection, "reach", "road", reach)
    revise(connection, "reach", "school", {**reach, "level": 3.5})
    assert queries.list_assets(connection, NOW) == [
        ("pump", "Pump", "pumping", {"type": "LineString"}, None),
        ("road", "Low road", "road", {"type": "Point"}, "mill"),
        ("school", "School", "school", {"type": "Point"}, "mill"),
    ]
    assert [asdict(asset) for asset in forecast_queries.assets(connection, NOW)] == [
        {
            "asset": "road",
            "title": "Low road",
            "kind": "road",
            "gauge": "mill",
            "gauge_title": "Mill",
            "level": 2.5,
            "unit": "m",
            "illustrative": False,
        },
        {
            "asset": "school",
            "title": "School",
            "kind": "school",
            "gauge": "mill",
            "gauge_title": "Mill",
            "level": 3.5,
            "unit": "m",
            "illustrative": True,
        },
    ]
    reached = queries_territory.list_reaches(connection, NOW)["road"]
    assert asdict(reached) == {"asset": "road", **reach, "illustrative": False}
    connection.execute("UPDATE revision SET illustrative = true WHERE key = 'road'")
    assert forecast_queries.assets(connection, NOW)[0].illustrative
    assert queries_territory.list_reaches(connection, NOW)["road"].illustrative


def test_communes_that_lie_somewhere(connection: Connection) -> None:
    connection.execute("UPDATE area SET lon = 3, lat = 47 WHERE kind = 'epci'")
    for code in ("91002", "91003"):
        connection.execute(
            "INSERT INTO area (code, kind, name) VALUES (%s, 'commune', 'Half')"
            " ON CONFLICT DO NOTHING",
            [code],
        )
    connection.execute("UPDATE area SET lon = 3 WHERE code = '91002'")
    connection.execute("UPDATE area SET lat = 47 WHERE code = '91003'")
    assert locate_communes(queries_tables.list_things(connection, Area)) == [(2.0, 48.5)]


def test_links_in_which_nobody_says_how_long_water_takes(connection: Connection) -> None:
    revise(connection, "link", "source>mill", {})
    revise(connection, "link", "mill>square", {"travel_s": 90})
    assert queries_site.list_links(connection, NOW) == [("mill", "square", 90)]


def test_a_threshold_on_its_sites_page_and_in_the_api(connection: Connection) -> None:
    revise(connection, "threshold", "mill/alert", {"value": 1, "unit": "m"}, NOW - 2 * HOUR)
    revise(connection, "threshold", "mill/alert", {"value": 2, "unit": "m", "quantity": "level"})
    revise(connection, "threshold", "mill/alert", {"value": 3, "unit": "cm", "quantity": "q"}, NOW)
    connection.execute(
        "UPDATE revision SET illustrative = true, author = 'ben', reason = 'flood of 1910'"
        " WHERE effective = %s",
        [NOW],
    )
    (limit,) = queries_site.list_thresholds(connection, ["mill"], NOW)
    assert asdict(limit) == {
        "site": "mill",
        "name": "alert",
        "value": 3,
        "unit": "cm",
        "quantity": "q",
        "illustrative": True,
        "effective": NOW,
        "author": "ben",
        "reason": "flood of 1910",
        "revisions": 3,
    }
    (earlier,) = queries_site.list_thresholds(connection, ["mill"], NOW - HOUR)
    assert (earlier.value, earlier.illustrative, earlier.effective, earlier.quantity) == (
        1,
        False,
        NOW - 2 * HOUR,
        None,
    )
    revise(connection, "rule", "mill/alert", {"n": 1}, NOW)
    assert queries_latest.list_rules(connection, NOW) == [("mill/alert", {"n": 1}, NOW)]


def test_a_device_on_its_sites_page_in_the_fleet_and_among_what_is_in_use(
    connection: Connection,
) -> None:
    add_device(
        connection, "gauge", "mill", "level", commissioned=NOW - 50 * HOUR, retired=NOW + HOUR
    )
    add_device(connection, "left", "mill", "level", retired=NOW)
    add_device(connection, "lamp", "square", "power")
    reached = {"gateway": "roof", "address": "aa01", "codec": "c"}
    connection.execute(
        "UPDATE device SET model = 'M1', gateway = 'roof', address = 'aa01', codec = 'c',"
        " lon = 2.5, lat = 48.25 WHERE name = 'gauge'"
    )
    revise(connection, "device", "gauge", {"in_service": False})
    revise(connection, "member", "cab/lamp", {})
    revise(connection, "supply", "cab", {"switched": True})
    _far(connection)
    (row, gone) = queries_site.list_site_devices(connection, "mill", NOW)
    assert asdict(row) == {
        "name": "gauge",
        "model": "M1",
        "commissioned": NOW - 50 * HOUR,
        "retired": NOW + HOUR,
        "gateway": "On the roof",
        "protocol": "senml",
        "lamp": False,
        "in_service": False,
        "feed": None,
    }
    assert (gone.name, gone.retired, gone.protocol, gone.in_service) == ("left", NOW, None, True)
    (device, *_) = queries_devices.list_devices(connection, NOW, names=["gauge"])
    assert asdict(device) == {
        "name": "gauge",
        "site": "mill",
        "site_title": "Mill",
        "domain": "flood",
        "commune": "91001",
        "commissioned": NOW - 50 * HOUR,
        "retired": NOW + HOUR,
        "in_service": False,
        "groups": (),
        "switched": False,
        **reached,
        "model": "M1",
        "lon": 2.5,
        "lat": 48.25,
    }
    (other,) = queries_devices.list_devices(connection, NOW, names=["lamp"])
    assert (other.groups, other.switched, other.model, other.address, other.codec) == (
        ("cab",),
        True,
        None,
        None,
        None,
    )
    assert (other.lon, other.lat) == (2.0, 48.6), "where its site lies"
    assert queries_devices.list_devices(connection, NOW, names=[]) == []
    assert queries_devices.list_devices(connection, NOW, site="mill", domain="lighting") == []
    in_use = queries_devices.list_devices_in_use(connection, NOW)
    assert [(device.name, device.site_title, device.in_service) for device in in_use] == [
        ("gauge", "Mill", False),
        ("lamp", "Square", True),
    ]


def test_devices_in_use_by_site_and_whether_they_serve_at_a_time(connection: Connection) -> None:
    for name, site in (("b", "mill"), ("a", "square"), ("c", "mill")):
        add_device(connection, name, site)
    revise(connection, "device", "b", {"in_service": True}, NOW + TICK)
    revise(connection, "device", "b", {"in_service": True}, NOW)
    revise(connection, "device", "b", {"in_service": False}, NOW)
    revise(connection, "rule", "c", {"in_service": False}, NOW)
    for at, serves in ((NOW - TICK, True), (NOW, False), (NOW + TICK, True)):
        assert [
            (device.name, device.in_service)
            for device in queries_devices.list_devices_in_use(connection, at)
        ] == [
            ("b", serves),
            ("c", True),
            ("a", True),
        ]


def test_a_series_in_the_fleet_on_charts_and_in_the_api(connection: Connection) -> None:
    numbers = add_device(connection, "gauge", "mill", "level", "rain", retired=NOW)
    connection.execute(
        "UPDATE series SET low = -1, high = 5, saturates = 4 WHERE quantity = 'level'"
    )
    revise(
        connection,
        "series",
        "gauge/level",
        {"interval_s": 300, "stale_s": 900, "reporting": "periodic"},
    )
    (row,) = queries_devices.list_series(connection, NOW, site="mill", quantity="level")
    assert asdict(row) == {
        "id": numbers["level"],
        "device": "gauge",
        "quantity": "level",
        "site": "mill",
        "domain": "flood",
        "low": -1,
        "high": 5,
        "saturates": 4,
        "interval_s": 300,
        "stale_s": 900,
        "reporting": "periodic",
        "in_use": True,
    }
    assert [one.quantity for one in queries_devices.list_series(connection, NOW)] == [
        "level",
        "rain",
    ]
    assert queries_devices.list_series(connection, NOW, site="source") == []
    assert queries_devices.list_series(connection, NOW, devices=[]) == []
    (channel, rain) = queries_charts.list_channels(connection, ["mill"])
    assert asdict(channel) == {
        "id": numbers["level"],
        "site": "mill",
        "device": "gauge",
        "quantity": "level",
        "interval_s": 300,
        "stale_s": 900,
        "retired": NOW,
        "lamp": False,
    }
    assert (rain.id, rain.interval_s, rain.stale_s) == (numbers["rain"], None, None)
    connection.execute(
        "INSERT INTO reading (series_id, time, received_at, value, quality)"
        " VALUES (%s, %s, %s, 1.5, %s)",
        [numbers["level"], NOW - SECOND, NOW, SUSPECT],
    )
    assert [asdict(one) for one in queries_latest.list_latest(connection, "mill")] == [
        {
            "site": "mill",
            "device": "gauge",
            "quantity": "level",
            "time": NOW - SECOND,
            "value": 1.5,
            "quality": SUSPECT,
            "received_at": NOW,
        },
        {
            "site": "mill",
            "device": "gauge",
            "quantity": "rain",
            "time": None,
            "value": None,
            "quality": None,
            "received_at": None,
        },
    ]


def test_a_series_that_ought_to_speak(connection: Connection) -> None:
    _far(connection)
    level = add_device(connection, "gauge", "mill", "level")["level"]
    revise(connection, "series", "gauge/level", {"stale_s": 900})
    store(connection, level, [(NOW - HOUR, 1, 0)])
    assert [
        asdict(one) for one in queries_silence.list_expected_series(connection, ["level"], NOW)
    ] == [
        {
            "site": "mill",
            "title": "Mill",
            "domain": "flood",
            "river": "Orge",
            "lon": 2.25,
            "lat": 48.75,
            "device": "gauge",
            "quantity": "level",
            "time": NOW - HOUR,
            "suspect": False,
            "stale_s": 900,
            "saturated": False,
        }
    ]
    revise(connection, "device", "gauge", None)
    revise(connection, "rule", "gauge", {"in_service": False}, NOW - HOUR)
    assert queries_silence.list_out_of_service(connection, ["gauge"], NOW) == {"gauge"}, (
        "what is withdrawn rests"
    )
    revise(connection, "device", "gauge", {}, NOW - HOUR)
    assert queries_silence.list_out_of_service(connection, ["gauge"], NOW) == set()


def test_who_says_nothing_of_how_long_it_may_be_silent_never_is(connection: Connection) -> None:
    add_device(connection, "mute", "mill", "level")
    level = add_device(connection, "gauge", "source", "level")["level"]
    store(connection, level, [(NOW - HOUR, 1, 0)])
    (mute, gauge) = queries_silence.list_expected_series(connection, ["level"], NOW)
    assert mute.silent(NOW), "it never spoke"
    assert (gauge.stale_s, gauge.silent(NOW)) == (0, False)


def test_an_alarm_that_stands(connection: Connection) -> None:
    number = raise_alarm(
        connection,
        "high",
        "mill",
        severity="major",
        ended=NOW,
        stale=[(NOW - HOUR, NOW - TICK), (NOW, None)],
    )
    connection.execute(
        "UPDATE alarm SET title_fr = 'Haut', domain = 'flood', category = 'maintenance',"
        " last_value = '{\"value\": 2}', version = 7 WHERE id = %s",
        [number],
    )
    (row,) = queries.list_open_alarms(connection, NOW)
    assert asdict(row) == {
        "id": number,
        "title": "high at mill",
        "title_fr": "Haut",
        "severity": "major",
        "state": "returned",
        "domain": "flood",
        "category": "maintenance",
        "began": NOW - HOUR,
        "ended": NOW,
        "last_value": {"value": 2},
        "stale": NOW,
        "site": "mill",
        "held": False,
        "version": 7,
    }


def test_an_official_colour(connection: Connection) -> None:
    series = add_device(connection, "vigilance-mill", "mill", "vigilance")["vigilance"]
    store(connection, series, [(NOW, 3, 0)])
    assert [asdict(one) for one in queries_official.list_vigilance(connection, NOW)] == [
        {
            "site": "mill",
            "title": "Mill",
            "river": "Orge",
            "time": NOW,
            "value": 3,
            "feed": None,
            "answered_at": None,
            "stale_s": 0.0,
            "suspect": False,
        }
    ]


def test_what_a_page_of_now_is_made_of_differs_once_something_is_committed(
    connection: Connection,
) -> None:
    (database,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    assert queries.change_marker(connection) == (database, None, None, None, 0)
    alarm = raise_alarm(connection, "high", "mill")
    (transition,) = connection.execute(
        "INSERT INTO transition (alarm, kind, event_time, noticed_at, snapshot)"
        " SELECT %s, 'raised', %s, %s, '{}' FROM generate_series(1, 2) RETURNING id",
        [alarm, NOW, NOW],
    ).fetchall()[-1]
    (act,) = connection.execute(
        "INSERT INTO alarm_act (alarm, kind, author, at, details, version, state)"
        " SELECT %s, 'comment', 'ann', now() - step * INTERVAL '1 minute', '{}', 1,"
        " 'unacknowledged' FROM generate_series(0, 2) step RETURNING id",
        [alarm],
    ).fetchall()[-1]
    for _ in range(2):
        revise(connection, "rule", "high", {})
    (revision,) = connection.execute("SELECT max(id) FROM revision").fetchone() or (0,)
    assert queries.change_marker(connection) == (database, transition, act, revision, 1)


def test_what_people_did_to_readings_of_some_series(connection: Connection) -> None:
    def record(kind: str, subject: str) -> int:
        return audit.record(connection, kind=kind, subject=subject, reason="r", author="ann")

    first = record("invalidate", "gauge/level")
    record("account", "gauge/level")
    second = record("undo", "gauge/rain")
    record("observe", "other/level")
    third = record("observe", "gauge/level")
    subjects = ["gauge/level", "gauge/rain"]
    assert [act.id for act in queries_site.list_corrections(connection, subjects, 9)] == [
        third,
        second,
        first,
    ]
    assert [act.id for act in queries_site.list_corrections(connection, subjects, 2)] == [
        third,
        second,
    ]


def test_the_lighting_plan_of_a_sites_cabinet(connection: Connection) -> None:
    assert queries_site.load_lighting_plan(connection, "square", NOW) is None
    revise(connection, "supply", "cab", {"plan": "old"})
    revise(connection, "supply", "cab", {"plan": "p"}, NOW)
    revise(connection, "supply", "cab", {"plan": "later"}, NOW + TICK)
    revise(connection, "supply", "other", {"plan": "other"}, NOW)
    revise(connection, "plan", "old", {"title": "Old"})
    revise(connection, "plan", "p", {"title": "Early"})
    revise(connection, "plan", "p", {"title": "All night"}, NOW)
    revise(connection, "plan", "p", {"title": "Not yet"}, NOW + TICK)
    revise(connection, "plan", "other", {"title": "Another"}, NOW)
    expected = ("All night", {"title": "All night"}, 2.0, 48.6)
    assert queries_site.load_lighting_plan(connection, "square", NOW) == expected
    early = queries_site.load_lighting_plan(connection, "square", NOW - TICK)
    assert early is not None
    assert early[0] == "Old"
    assert queries_site.load_lighting_plan(connection, "mill", NOW) is None
    revise(connection, "plan", "later", {}, NOW + TICK)
    assert queries_site.load_lighting_plan(connection, "square", NOW + TICK) == ("", {}, 2.0, 48.6)
    revise(connection, "plan", "later", None, NOW + 2 * TICK)
    assert queries_site.load_lighting_plan(connection, "square", NOW + 2 * TICK) is None
    connection.execute("UPDATE device_group SET kind = 'section' WHERE name = 'cab'")
    assert queries_site.load_lighting_plan(connection, "square", NOW) is None


def test_the_nearest_rain_gauge_of_a_place_that_lies_nowhere(connection: Connection) -> None:
    add_device(connection, "r1", "nowhere", "rain")
    add_device(connection, "r2", "mill", "catchment_rain")
    assert queries_site.list_rain_gauges(connection, "nowhere") == [
        ("nowhere", "Nowhere", "rain", 0.0)
    ]
    assert queries_site.list_rain_gauges(connection, "mill") == [
        ("mill", "Mill", "catchment_rain", 0.0)
    ]
    add_device(connection, "r3", "source", "rain")
    add_device(connection, "r4", "square", "rain")
    rows = queries_site.list_rain_gauges(connection, "nowhere")
    assert [site for site, *_ in rows] == ["nowhere", "source", "square"]


def test_how_far_the_evaluation_is(connection: Connection) -> None:
    nothing = get_progress(connection)
    assert nothing == Progress(
        watermark=None,
        evaluated_to=None,
        engine=None,
        unread=0,
        waited=timedelta(0),
    )
    assert nothing.lag(NOW, live=True) is None
    assert nothing.is_late(NOW, live=True)
    connection.execute(
        "INSERT INTO feed (xid, kind, stored_at) VALUES ('3', 'heartbeat', now() - interval '9 h'),"
        " ('4', 'heartbeat', now() - interval '1 h'), ('5', 'registry', now() - interval '9 h')"
    )
    assert get_progress(connection).unread == 3
    assert get_progress(connection).waited >= 9 * HOUR
    connection.execute(
        "INSERT INTO evaluation_state (cursor, watermark, evaluated_to, engine)"
        " VALUES ('4', %s, %s, 'e')",
        [NOW, NOW - HOUR / 2],
    )
    behind = get_progress(connection)
    assert (behind.watermark, behind.evaluated_to) == (NOW, NOW - HOUR / 2)
    assert (behind.engine, behind.unread) == ("e", 2)
    assert HOUR <= behind.waited < 2 * HOUR
    assert behind.lag(NOW, live=True) == behind.lag(NOW, live=False) == behind.waited


@pytest.mark.parametrize(
    ("behind_s", "waited_s", "live", "lag_s", "late"),
    [
        (29, 0, True, 29, False),
        (31, 0, True, 31, True),
        (5, 31, True, 31, True),  # heartbeats come round, a batch waits
        (-5, 0, True, 0, False),  # an exercise's clock, or two clocks apart
        (3600, 29, False, 29, False),
        (3600, 31, False, 31, True),
        (0, 0, False, 0, False),
    ],
)
def test_when_an_alarm_would_be_late(
    *, behind_s: int, waited_s: int, live: bool, lag_s: int, late: bool
) -> None:
    progress = Progress(
        watermark=NOW,
        evaluated_to=NOW - timedelta(seconds=behind_s),
        engine="e",
        unread=1,
        waited=timedelta(seconds=waited_s),
    )
    assert progress.lag(NOW, live=live) == timedelta(seconds=lag_s)
    assert progress.is_late(NOW, live=live) is late


def test_names_that_fit_are_no_more_than_one_reads(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO site (name, title, domain) SELECT 'many-' || n, 'Many', 'flood'"
        " FROM generate_series(1, 41) n"
    )
    assert len(queries_site.suggest_sites(connection, "many")) == 40


def test_what_a_chart_draws(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    mute = add_device(connection, "mute", "mill", "level")["level"]
    store(
        connection,
        level,
        [
            (NOW - HOUR, 3, 0),
            (NOW - HOUR + SECOND, 9, SUSPECT),
            (NOW - HOUR + 2 * SECOND, 1, 0),
            (NOW - HOUR + 3 * SECOND, None, 0),
            (NOW - HOUR + 4 * SECOND, 2, MANUAL),
            (NOW, 8, 0),
        ],
    )
    both = [level, mute]
    at = (NOW - HOUR).timestamp()
    single = queries_charts.read_bins(connection, both, (NOW - HOUR, NOW), None)
    assert asdict(single[level][0]) == {
        "at": at,
        "low": 3,
        "mean": 3,
        "high": 3,
        "total": 3,
        "last": 3,
        "count": 1,
        "increase": None,
    }
    assert [one.last for one in single[level]] == [3, 1, 2]
    rolled = queries_charts.read_bins(connection, both, (NOW - HOUR / 2, NOW), 3600)
    bucket = {"at": at, "low": 1, "mean": 2, "high": 3, "total": 6, "last": 2, "count": 3}
    assert {series: [asdict(one) for one in own] for series, own in rolled.items()} == {
        level: [{**bucket, "increase": None}],
        mute: [],
    }
    assert queries_charts.read_bins(connection, [level], (NOW - HOUR + TICK, NOW), 3600) == {
        level: rolled[level]
    }
    assert queries_charts.read_last_before(connection, both, NOW - HOUR + SECOND * 2) == {
        level: (at, 3)
    }
    assert queries_charts.read_last_before(connection, both, NOW - HOUR) == {}
    assert queries_charts.read_last_before(connection, both, NOW) == {level: (at + 4, 2)}
    assert queries_charts.find_highest(connection, level) == (8, NOW)
    assert queries_charts.find_highest(connection, mute) is None
    newest = queries_charts.read_newest(connection, both)
    assert {series: asdict(one) for series, one in newest.items()} == {
        level: {
            "rows": 0,
            "first": None,
            "delay_s": None,
            "faults": 0,
            "last": NOW,
            "value": 8,
            "quality": 0,
        }
    }


def test_pieces_begin_with_the_one_in_which_the_span_does(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    store(connection, level, [(NOW - HOUR, 1, 0), (NOW, 2, 0), (NOW + HOUR, 3, 0)])
    for first, lasts in ((NOW - TICK, [1, 2]), (NOW, [2]), (NOW + HOUR - TICK, [2])):
        bins = queries_charts.read_bins(connection, [level], (first, NOW + HOUR), 3600)
        assert [one.last for one in bins[level]] == lasts


def test_the_bar_rounds_what_came_and_counts_a_strange_severity_as_the_least(
    connection: Connection,
) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    store(connection, level, [(NOW - n * SECOND, 0, 0) for n in range(28)])
    raise_alarm(connection, "odd", "mill", severity="odd")
    look = queries.read_glance(connection, now=NOW, wall=NOW)
    assert look == queries.Glance(
        tally={1: (0, 0), 2: (0, 0), 3: (0, 0), 4: (1, 1)},
        evaluated_to=None,
        heard_to=None,
        workers=0,
        workers_heard=False,
        readings_per_minute=3,
        raised_lately=0,
    )


def test_the_highest_value_is_that_of_the_first_time(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    store(
        connection,
        level,
        [(NOW, 5, 0), (NOW - HOUR, 5, 0), (NOW + HOUR, None, 0), (NOW - 2 * HOUR, 6, SUSPECT)],
    )
    assert queries_charts.find_highest(connection, level) == (5, NOW - HOUR)


def test_readings_that_a_chart_marks(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    rain = add_device(connection, "rain", "mill", "rain")["rain"]
    store(
        connection,
        level,
        [
            (NOW - HOUR, 1, SUSPECT),
            (NOW - HOUR / 2, 2, 0),
            (NOW - TICK, None, INVALIDATED),
            (NOW - SECOND, 3, MANUAL),
            (NOW, 4, MANUAL),
            (NOW - HOUR - TICK, 5, MANUAL),
        ],
    )
    span = (NOW - HOUR, NOW)
    marks = queries_charts.list_flagged(connection, [level, rain], span)
    assert {series: [asdict(one) for one in own] for series, own in marks.items()} == {
        level: [
            {"at": (NOW - HOUR).timestamp(), "value": 1, "quality": Quality(SUSPECT)},
            {"at": (NOW - SECOND).timestamp(), "value": 3, "quality": Quality.MANUAL},
            {"at": (NOW - TICK).timestamp(), "value": None, "quality": Quality.INVALIDATED},
        ],
        rain: [],
    }
    latest = queries_charts.list_flagged(connection, [level], span, limit=2)
    assert [one.value for one in latest[level]] == [3, None]
    store(connection, rain, [(NOW - HOUR + n * SECOND, n, MANUAL) for n in range(201)])
    drawn = queries_charts.list_flagged(connection, [rain], span)[rain]
    assert [drawn[0].value, drawn[-1].value, len(drawn)] == [1, 200, 200]


def test_how_well_a_series_was_received(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    mute = add_device(connection, "mute", "mill", "level")["level"]

    def receive(time: datetime, delay: float, value: float | None, quality: int = 0) -> None:
        connection.execute(
            "INSERT INTO reading (series_id, time, received_at, value, quality)"
            " VALUES (%s, %s, %s, %s, %s)",
            [level, time, time + delay * SECOND, value, quality],
        )

    receive(NOW - HOUR - TICK, 99, 100)
    receive(NOW - HOUR, 4, 1)
    receive(NOW - HOUR / 2, 6, 2, SUSPECT)
    receive(NOW - HOUR / 4, 50, 70, MANUAL)
    receive(NOW, 8, None, SUSPECT)
    receive(NOW + TICK, 99, 100)
    heard = queries_charts.read_reception(connection, [level, mute], (NOW - HOUR, NOW))
    assert {series: asdict(one) for series, one in heard.items()} == {
        level: {
            "rows": 3,
            "first": NOW - HOUR,
            "delay_s": 6,
            "faults": 3,
            "last": NOW,
            "value": None,
            "quality": SUSPECT,
        },
        mute: {
            "rows": 0,
            "first": None,
            "delay_s": None,
            "faults": 0,
            "last": None,
            "value": None,
            "quality": 0,
        },
    }


def test_what_arrives_after_an_outage_is_no_usual_delay(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]

    def receive(arrival: datetime, *ages: float) -> None:
        for age in ages:
            connection.execute(
                "INSERT INTO reading (series_id, time, received_at, value, quality)"
                " VALUES (%s, %s, %s, 1, 0)",
                [level, arrival - age * SECOND, arrival],
            )

    def read_delays() -> tuple[float | None, float | None]:
        """The usual of the week, and that of the newest reading."""
        (reception,) = queries_charts.read_reception(connection, [level], week).values()
        report = queries_devices.load_device_reports(connection, NOW, ["gauge"])["gauge"]
        return reception.delay_s, report.delay_s

    week = (NOW - timedelta(days=7), NOW)
    receive(NOW - HOUR, *range(300, 80_000, 900))
    assert read_delays() == (None, 300)
    receive(NOW - HOUR / 2, 320)
    receive(NOW, 340)
    assert read_delays() == (320, 340)


def test_what_a_device_sent_within_a_day(connection: Connection) -> None:
    own = add_device(connection, "gauge", "mill", "level", "battery", "clock_fault")
    other = add_device(connection, "other", "mill", "battery")["battery"]

    def receive(series: int, time: datetime, delay: float, value: float, quality: int = 0) -> None:
        connection.execute(
            "INSERT INTO reading (series_id, time, received_at, value, quality)"
            " VALUES (%s, %s, %s, %s, %s)",
            [series, time, time + delay * SECOND, value, quality],
        )

    receive(own["level"], NOW - HOUR, 10, 1)
    receive(own["level"], NOW - HOUR / 2, 20, 1, SUSPECT)
    receive(own["battery"], NOW - 2 * HOUR, 5, 80)
    receive(own["battery"], NOW - 90 * HOUR, 5, 90)
    receive(own["clock_fault"], NOW + HOUR, -3600, 1)
    receive(own["clock_fault"], NOW + HOUR + TICK, -4000, 1)
    receive(own["level"], NOW - 2 * SECOND, 3, 1)  # it has not arrived by then
    receive(other, NOW - 30 * HOUR, 5, 40)
    heard = queries_devices.load_device_reports(connection, NOW)
    assert asdict(heard["gauge"]) == {
        "heard_at": NOW,
        "measured_at": NOW + HOUR,
        "readings": 3,
        "suspect": 1,
        "clock_faults": 1,
        "delay_s": 12.5,
        "ahead_s": 3600,
        "battery": 80,
        "battery_at": NOW - 2 * HOUR,
    }
    assert asdict(heard["other"]) == {
        "heard_at": NOW - 30 * HOUR + 5 * SECOND,
        "measured_at": NOW - 30 * HOUR,
        "readings": 0,
        "suspect": 0,
        "clock_faults": 0,
        "delay_s": None,
        "ahead_s": None,
        "battery": 40,
        "battery_at": NOW - 30 * HOUR,
    }
    assert queries_devices.load_device_reports(connection, NOW, ["other"]) == {
        "other": heard["other"]
    }
    assert queries_devices.load_device_reports(connection, NOW, []) == {}
    assert queries_devices.DeviceReport() == queries_devices.DeviceReport(
        heard_at=None,
        measured_at=None,
        readings=0,
        suspect=0,
        clock_faults=0,
        delay_s=None,
        ahead_s=None,
        battery=None,
        battery_at=None,
    )


def test_the_territory_counts_alarms_that_last(connection: Connection) -> None:
    raise_alarm(connection, "a", "mill", severity="minor", acknowledged="minor")
    raise_alarm(connection, "b", "mill", severity="major")
    raise_alarm(connection, "c", "square", severity="info")
    raise_alarm(connection, "d", "mill", severity="critical", ended=NOW)
    raise_alarm(connection, "e", "mill", severity="critical", withdrawn=NOW)
    counts = {
        count.commune: asdict(count) for count in queries_territory.count_by_commune(connection)
    }
    assert counts == {
        "91001": {"commune": "91001", "sites": 2, "alarms": 3, "unacknowledged": 2}
        | {"worst": "major"},
        "91002": {"commune": "91002", "sites": 1, "alarms": 0, "unacknowledged": 0}
        | {"worst": None},
        None: {"commune": None, "sites": 1, "alarms": 0, "unacknowledged": 0} | {"worst": None},
    }
    assert queries_territory.find_worst_by_site(connection) == {
        "mill": ("major", 2),
        "square": ("info", 1),
    }
    assert queries_territory.list_communes(connection, []) == []
    assert queries_territory.list_communes(connection, ["91001"]) == ["91001"]


def test_courses_of_no_device_and_of_several(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level", "flow")
    upper = add_device(connection, "upper", "source", "level")["level"]
    store(connection, level["level"], [(NOW - HOUR, 9, 0), (NOW, 1, 0), (NOW - TICK, 2, 0)])
    store(connection, level["level"], [(NOW - 2 * TICK, 7, SUSPECT), (NOW - 3 * TICK, None, 0)])
    store(connection, level["flow"], [(NOW, 50, 0)])
    store(connection, upper, [(NOW, 3, 0), (NOW + TICK, 4, 0)])

    def courses(*devices: str) -> dict[str, list[tuple[datetime, float]]]:
        return queries.list_readings(connection, "level", devices, since=NOW - HOUR, now=NOW)

    assert courses() == {}
    assert courses("gauge", "upper") == {
        "mill": [(NOW - TICK, 2), (NOW, 1)],
        "source": [(NOW, 3)],
    }
    assert courses("upper") == {"source": [(NOW, 3)]}


def test_devices_that_have_left_have_no_course(connection: Connection) -> None:
    for name, retired in (("left", NOW), ("leaving", NOW + TICK)):
        series = add_device(connection, name, "mill", "level", retired=retired)["level"]
        store(connection, series, [(NOW - HOUR, 1, 0)])
    assert [device for _, device, _ in forecast_queries.recent(connection, "level", NOW)] == [
        "leaving"
    ]
    assert forecast_queries.recent(connection, "flow", NOW) == []
    assert [site for site, *_ in forecast_queries.recent(connection, "level", NOW, ["mill"])] == [
        "mill"
    ]
