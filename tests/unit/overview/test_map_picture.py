"""The first picture of the map: where sites stand in it, and which mark stands for several."""

import numpy as np
import pytest
from starlette.datastructures import QueryParams

from hypervisor.overview.map_lines import MapLines
from hypervisor.overview.queries import MapSite, TreeArea
from hypervisor.overview.views_map import filter_sites
from hypervisor.overview.views_map_picture import WIDTH, draw_picture


def place(name: str, lon: float | None, lat: float | None, **more: object) -> MapSite:
    known: dict[str, object] = {
        "name": name,
        "title": name,
        "domain": "flood",
        "commune": "91001",
        "commune_name": None,
        "lon": lon,
        "lat": lat,
        "river": None,
        "river_order": None,
        "priority": 0,
        "state": "off",
        "open": 0,
        "stale": False,
    }
    return MapSite(**{**known, **more})  # type: ignore[arg-type]


SOUTHWEST, NORTHEAST = place("a", 2.0, 48.3), place("b", 2.6, 48.8)


def test_it_fills_exactly_the_bounds_of_all_sites() -> None:
    picture = draw_picture([SOUTHWEST, NORTHEAST], [SOUTHWEST, NORTHEAST])
    assert picture is not None
    ends = sorted((spot.x, spot.y) for spot in picture.spots)
    assert ends == [(0.0, picture.height), (WIDTH, 0.0)]
    # Mercator draws a degree of latitude here 1.51 times as long as one of longitude.
    assert picture.height / WIDTH == pytest.approx(0.5 / 0.6 * 1.511, rel=1e-3)


def test_sites_close_together_share_the_mark_of_the_worst() -> None:
    near = [
        place("c", 2.3, 48.5, priority=2, state="ack"),
        place("d", 2.301, 48.5, priority=2, state="un"),
        place("e", 2.302, 48.5),
        place("lost", None, None, priority=1, state="un"),
    ]
    every = [SOUTHWEST, *near, NORTHEAST]
    picture = draw_picture(every, every)
    assert picture is not None
    assert [(spot.priority, spot.state, spot.count) for spot in picture.spots] == [
        (0, "off", 1),
        (0, "off", 1),
        (2, "un", 3),
    ]


def test_rivers_run_through_all_their_gauges_though_others_are_shown() -> None:
    river = {"river": "Orge"}
    up = place("up", 2.1, 48.4, river_order=1.0, **river)
    down = place("down", 2.2, 48.5, river_order=2.0, **river)
    picture = draw_picture([SOUTHWEST, down, up, NORTHEAST], [SOUTHWEST])
    assert picture is not None
    ((css, path),) = picture.lines
    assert css == "riv schematic"
    assert path.startswith("M120.0 ")
    assert path.count("L") == 1
    assert len(picture.spots) == 1


def test_a_river_with_a_course_is_drawn_by_it() -> None:
    river = {"river": "Orge"}
    gauges = [place("up", 2.1, 48.4, river_order=1.0, **river), place("down", 2.2, 48.5, **river)]
    course = np.array([(2.1, 48.4), (2.15, 48.6), (2.2, 48.5)])
    lines = MapLines(
        mark="",
        body=b"",
        packed=b"",
        rivers=frozenset({"Orge"}),
        drawn=[("riv", course)],
        fine=[],
        source="",
    )
    picture = draw_picture([SOUTHWEST, *gauges, NORTHEAST], [], lines)
    assert picture is not None
    assert [(css, path.count("L")) for css, path in picture.lines] == [("riv", 2)]


def test_one_place_alone_or_none() -> None:
    assert draw_picture([], []) is None
    assert draw_picture([place("lost", None, None)], []) is None
    alone = draw_picture([SOUTHWEST], [SOUTHWEST])
    assert alone is not None
    assert alone.height > 0


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("", ["a", "w", "c"]),
        ("domain=weather", ["w"]),
        ("domain=weather&domain=flood", ["a", "w", "c"]),
        ("area=91", ["a", "w"]),
        ("area=91&alarmed=1", ["w"]),
        ("alarmed=1", ["w", "c"]),
    ],
)
def test_it_shows_what_the_address_asks_for(address: str, names: list[str]) -> None:
    sites = [
        SOUTHWEST,
        place("w", 2.1, 48.4, domain="weather", priority=3, state="un"),
        place("c", 2.2, 48.4, commune="77001", priority=1, state="shv"),
    ]
    areas = [
        TreeArea(code=code, kind=kind, name=code, parent=parent, lon=None, lat=None, sites=1)
        for code, kind, parent in (("91", "departement", None), ("91001", "commune", "91"))
    ]
    assert [site.name for site in filter_sites(sites, areas, QueryParams(address))] == names
