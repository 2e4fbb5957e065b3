"""Gauges of a département: their order on a river, and levels proposed from daily maxima."""

from datetime import date, timedelta

import pytest

from hypervisor.feeds.communes import Commune
from hypervisor.feeds.gauges import DailyMaximum, Gauge, Station, order_by_flow, propose_levels
from hypervisor.feeds.poll import read_parts
from hypervisor.geography.areas import contains


def _gauge(code: str, river: str, *, area: float | None = None, height: float = 0) -> Gauge:
    station = Station(code_station=code, libelle_cours_eau=river, altitude_ref_alti_station=height)
    return Gauge(station=station, catchment_km2=area)


def test_gauges_follow_the_water_by_catchment_else_by_height() -> None:
    ordered = order_by_flow(
        [
            _gauge("low", "Orge", area=900),
            _gauge("high", "Orge", area=110),
            _gauge("down", "Juine", height=60),
            _gauge("up", "Juine", height=95),
            _gauge("pond", ""),
        ]
    )
    assert {gauge.code: gauge.order for gauge in ordered} == {
        "high": 1,
        "low": 2,
        "up": 1,
        "down": 2,
        "pond": None,
    }


def _days(levels: list[float]) -> list[DailyMaximum]:
    first = date(2010, 1, 1)
    return [
        DailyMaximum(date_obs_elab=first + timedelta(days=n), resultat_obs_elab=level * 1000)
        for n, level in enumerate(levels)
    ]


def test_no_level_is_proposed_from_a_few_days() -> None:
    assert propose_levels(_days([1.0] * 13)) == {}


def test_levels_ascend_by_ten_centimetres_even_where_nothing_happens() -> None:
    assert propose_levels(_days([1.0] * 30)) == {"attention": 1.0, "alert": 1.1, "danger": 1.2}


def test_of_a_year_the_levels_are_exceeded_on_eight_three_and_one_days() -> None:
    levels = propose_levels(_days([n / 10 for n in range(365)]))
    assert levels == {"attention": 35.6, "alert": 36.1, "danger": 36.3}


def test_with_ten_years_danger_is_what_comes_once_in_ten() -> None:
    years = [[1.0] * 364 + [2.0 + 0.2 * n] for n in range(12)]
    levels = propose_levels(_days([level for year in years for level in year]))
    assert levels["attention"] < levels["alert"] < levels["danger"]
    assert 3.5 < levels["danger"] < 5


@pytest.mark.parametrize(
    ("point", "inside"), [((0.5, 0.5), True), ((2.5, 0.5), True), ((1.5, 0.5), False)]
)
def test_a_point_is_in_one_of_the_parts(point: tuple[float, float], *, inside: bool) -> None:
    squares = [[[[x, 0], [x + 1, 0], [x + 1, 1], [x, 1], [x, 0]]] for x in (0, 2)]
    assert contains({"type": "MultiPolygon", "coordinates": squares}, *point) is inside


def test_a_commune_without_a_point_stands_in_the_middle_of_its_outline() -> None:
    feature = {
        "properties": {"code": "91228", "nom": "Évry-Courcouronnes"},
        "geometry": {"type": "Polygon", "coordinates": [[[2, 48], [3, 48], [3, 49], [2, 48]]]},
    }
    (commune,), unusable = read_parts([feature], Commune)
    assert commune.point == (2.5, 48.5)
    assert not unusable
