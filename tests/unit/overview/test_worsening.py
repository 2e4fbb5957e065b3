"""Getting worse, in which order; rivers, the wave on its way; blind sensors and their stand-ins."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypervisor.forecast.arrival import Reach
from hypervisor.forecast.expected import find_arrivals
from hypervisor.forecast.queries_experts import StandingExpert
from hypervisor.forecast.trend import Course, Rate
from hypervisor.overview.views_blind import find_blind_sensors
from hypervisor.overview.views_rivers import (
    RiverData,
    Water,
    build_rivers,
    draw_sparkline,
    find_worsening,
    predict_peaks,
    short_name,
)
from hypervisor.readings.queries_silence import ExpectedSeries
from hypervisor.registry.model import Site
from tests.unit.forecast.current import forecast

NOW = datetime(2024, 10, 10, 4, tzinfo=UTC)
FORECASTS = {("surge", "level"): forecast("surge", NOW, {1: 1.2, 2: 1.25})}


def place(name: str, river: str = "Orge", order: float = 1, title: str = "") -> Site:
    return Site(
        name=name,
        title=title or f"L'{river} à {name.title()}",
        domain="flood",
        river=river,
        river_order=order,
        lon=2.2,
        lat=48.6,
    )


def course(site: str, value: float, rate: float | None, *, minutes: float = 5) -> Course:
    return Course(
        site=site,
        device=site,
        quantity="level",
        unit="m",
        time=NOW - timedelta(minutes=minutes),
        value=value,
        rate=None if rate is None else Rate(per_hour=rate, error=0.001),
    )


def reach(asset: str, at: Course, level: float) -> Reach:
    (met,) = find_arrivals([(at, level)], FORECASTS)
    return Reach(
        asset=asset,
        title=asset.title(),
        kind="school",
        gauge=at.site,
        gauge_title=at.site.title(),
        level=level,
        unit="m",
        illustrative=True,
        course=at,
        margin=at.value - level,
        state="rising" if met else "steady",
        arrival=met,
    )


def water(courses: Sequence[Course], limits: Mapping[str, Mapping[str, float]]) -> Water:
    return Water(
        courses={course.site: course for course in courses},
        limits=limits,
        places={course.site: place(course.site) for course in courses},
        forecasts=FORECASTS,
        now=NOW,
    )


def test_assets_and_where_there_is_none_thresholds_by_the_time_that_is_left() -> None:
    fast, slow, calm = course("fast", 1.0, 0.1), course("slow", 1.0, 0.05), course("calm", 1.0, 0.0)
    surge = course("surge", 1.0, 0.0)  # its forecast says 1.2 m in an hour
    limits = {
        "slow": {"attention": 0.9, "alert": 1.1, "danger": 2.0},
        "fast": {"alert": 1.05},
        "surge": {"attention": 1.1, "alert": 1.35},
    }
    worsenings = find_worsening(
        [reach("school", fast, 1.5), reach("quay", fast, 1.2)],
        water((fast, slow, calm, surge), limits),
    )
    rows = [
        (row.title, row.threshold, round(row.missing, 2), row.arrival.issued is not None)
        for row in worsenings
    ]
    assert rows == [
        ("L'Orge à Surge", "attention", 0.1, True),
        ("L'Orge à Slow", "alert", 0.1, False),
        ("Quay", None, 0.2, False),
        ("School", None, 0.5, False),
    ]


def _expert(issuer: str, site: str, *rows: list[float]) -> StandingExpert:
    return StandingExpert(
        site=site,
        quantity="level",
        issuer=issuer,
        model="",
        issued=NOW,
        produced=None,
        labels=["low", "middle", "high"],
        levels=[0.1, 0.5, 0.9],
        times=[NOW + timedelta(hours=n) for n in range(len(rows))],
        courses=[value for row in rows for value in row],
        comment="",
        code="",
        file="",
        author="",
        created_at=NOW,
    )


def test_forecasts_of_others_stand_beside_ours_or_for_it_where_we_see_nothing_coming() -> None:
    fast, calm, dry = course("fast", 1.0, 0.1), course("calm", 1.0, 0.0), course("dry", 1.0, 0.0)
    experts = {
        ("fast", "level"): [
            _expert("SPC", "fast", [1, 1, 1], [1.1, 1.4, 1.5]),
            _expert("SPC", "fast", [1, 1, 1], [1.1, 1.3, 1.5], [1.2, 1.5, 1.9]),
            _expert("Consultant", "fast", [1, 1, 1], [1, 1, 1.1]),
        ],
        ("calm", "level"): [
            _expert("SPC", "calm", [1, 1, 1], [1, 1.1, 1.2], [1, 1.3, 1.4]),
            _expert("Late", "calm", [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1.4, 1.6]),
        ],
        ("dry", "level"): [_expert("SPC", "dry", [1, 1, 1], [1.3, 1.4, 1.5])],
    }
    standing = replace(water((fast, calm, dry), {"calm": {"attention": 1.2}}), experts=experts)
    reached = replace(reach("mill", dry, 0.9), state="reached")
    rows = [
        (row.gauge, row.arrival.issuer, row.arrival.at, [each.issuer for each in row.others])
        for row in find_worsening([reach("quay", fast, 1.2), reached], standing)
    ]
    assert rows == [
        ("calm", "SPC", NOW + timedelta(hours=1.5), ["Late"]),
        ("fast", "", NOW - timedelta(minutes=5) + timedelta(hours=2), ["SPC"]),
    ]


def test_a_sparkline_goes_on_as_the_row_says() -> None:
    surge, fast = course("surge", 1.0, 0.0, minutes=0), course("fast", 1.0, 0.1, minutes=0)
    limits = {"surge": {"alert": 1.1}, "fast": {"alert": 1.2}}
    rows = find_worsening([], water((surge, fast), limits))
    readings = [(NOW - timedelta(hours=1), 0.9), (NOW, 1.0)]
    drawn = {row.gauge: draw_sparkline(row, readings) for row in rows}
    ends = {gauge: (each or {})["projection"].split("L")[1] for gauge, each in drawn.items()}
    lasts = {gauge: (each or {})["last"][1] for gauge, each in drawn.items()}
    assert ends["fast"] == ends["surge"].split()[0] + " 3.8"  # to its limit, the highest drawn
    assert float(ends["surge"].split()[1]) < lasts["surge"]  # rises, although the line does not


def test_a_gauge_of_discharge_alone_has_a_time_to_its_threshold() -> None:
    flow = replace(course("ford", 60.0, 10.0), quantity="discharge", unit="m3/s")
    limits = {"ford": {"flow_attention": 50.0, "flow_alert": 80.0, "attention": 61.0}}
    (row,) = find_worsening([], water([flow], limits))
    assert (row.threshold, row.missing, row.unit) == ("flow_alert", 20.0, "m3/s")
    assert row.arrival.at == NOW + timedelta(hours=2) - timedelta(minutes=5)


def test_the_margin_of_a_river_is_of_levels_a_discharge_has_its_value() -> None:
    flow = replace(course("ford", 60.0, 10.0), quantity="discharge", unit="m3/s")
    water = RiverData(
        courses={"ford": flow},
        fills={},
        limits={"ford": {"alert": 1.0}},
        worst={},
        silent=frozenset(),
        peaks={},
    )
    ((gauge,),) = (river.gauges for river in build_rivers([place("ford")], water))
    assert (gauge.course, gauge.margin, gauge.per_hour) == (flow, None, 10.0)


def test_an_old_reading_confirms_nothing_and_its_time_may_have_run_out() -> None:
    old = course("old", 1.0, 0.1, minutes=180)
    (row,) = find_worsening([reach("quay", old, 1.2)], water([old], {}))
    assert row.unconfirmed
    assert row.arrival.due < NOW


def test_a_place_is_called_shortly_beside_its_river() -> None:
    assert short_name(place("arpajon", title="L'Orge à Arpajon")) == "Arpajon"
    assert short_name(place("basin", title="Bassin de Bures")) == "Bassin de Bures"


def test_rivers_fill_rows_of_six() -> None:
    places = [
        *(place(f"a{n}", "Aire", n) for n in range(5)),
        *(place(f"b{n}", "Beuvron", n) for n in range(4)),
        *(place(f"c{n}", "Cher", n) for n in range(2)),
        place("d", "Dive"),
    ]
    levels = {one.name: course(one.name, 1.0, 0.0) for one in places}
    water = RiverData(
        courses=levels, fills={}, limits={}, worst={}, silent=frozenset({"d"}), peaks={}
    )
    found = build_rivers(places, water)
    assert [river.name for river in found] == ["Aire", "Dive", "Beuvron", "Cher"]
    assert found[1].gauges[0].silent


def test_a_wave_that_has_passed_upstream_is_expected_below() -> None:
    readings = {
        "up": [(NOW - timedelta(hours=h), v) for h, v in ((6, 1.0), (4, 2.0), (2, 1.8), (0, 1.5))]
    }
    courses = {"up": course("up", 1.5, -0.1), "down": course("down", 1.0, 0.1)}
    found = predict_peaks({("up", "down"): 6 * 3600.0}, courses, readings, NOW)
    assert found == {"down": NOW + timedelta(hours=2)}
    gone = predict_peaks({("up", "down"): 3 * 3600.0}, courses, readings, NOW)
    assert gone == {}


def heard(
    site: str, *, minutes: float | None, lon: float = 2.2, quantity: str = "level"
) -> ExpectedSeries:
    return ExpectedSeries(
        site=site,
        title=site.title(),
        domain="flood",
        river="Orge",
        lon=lon,
        lat=48.6,
        device=site,
        quantity=quantity,
        time=None if minutes is None else NOW - timedelta(minutes=minutes),
        suspect=False,
        stale_s=2700,
    )


def test_what_is_blind_and_what_stands_in_for_it() -> None:
    every = [
        heard("lost", minutes=60),
        heard("lost", minutes=60, quantity="discharge"),
        heard("near", minutes=5, lon=2.21),
        heard("linked", minutes=5, lon=2.9),
        heard("never", minutes=None, quantity="rain"),
        heard("resting", minutes=600),
    ]
    blinds = find_blind_sensors(
        every, {("linked", "lost"): 3600.0}, {}, resting=frozenset({"resting"}), now=NOW
    )
    told = [(one.device, one.quantities, one.stand_in and one.stand_in.site) for one in blinds]
    assert told == [("lost", ("level", "discharge"), "linked"), ("never", ("rain",), None)]


def test_without_a_link_the_nearest_that_measures_the_same_stands_in() -> None:
    every = [
        heard("lost", minutes=60),
        heard("near", minutes=5, lon=2.21),
        heard("far", minutes=5, lon=3.9),
    ]
    (found,) = find_blind_sensors(every, {}, {}, resting=frozenset(), now=NOW)
    assert found.stand_in is not None
    assert found.stand_in.site == "near"
    assert found.stand_in.km is not None
    assert 0.5 < found.stand_in.km < 1
