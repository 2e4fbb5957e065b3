"""Sites as lists and maps have them: searched as people type, ranked by what is worst."""

from datetime import UTC, datetime

import pytest

from hypervisor.overview import views_map as map_view
from hypervisor.overview.queries import MapSite, TreeArea
from hypervisor.overview.views_map import river_lines
from hypervisor.overview.views_site_chart import describe_rarity, sum_hours
from hypervisor.overview.views_site_list import SiteFilter, expand_area, matches
from hypervisor.overview.views_site_traces import SPANS, resolve_span
from hypervisor.overview.views_site_upstream import list_upstream
from hypervisor.web.basemap import BasemapError, chosen, origin, template, words


def _site(name: str = "gif", **more: object) -> MapSite:
    known: dict[str, object] = {
        "name": name,
        "title": "L'Yvette à Gif",
        "domain": "flood",
        "commune": "91272",
        "commune_name": "Gif-sur-Yvette",
        "lon": 2.13,
        "lat": 48.7,
        "river": "Yvette",
        "river_order": 1.0,
        "priority": 0,
        "state": "off",
        "open": 0,
        "stale": False,
    }
    return MapSite(**{**known, **more})  # type: ignore[arg-type]


AREAS = [
    TreeArea(
        code="91", kind="departement", name="Essonne", parent=None, lon=None, lat=None, sites=0
    ),
    TreeArea(code="E1", kind="epci", name="Saclay", parent="91", lon=None, lat=None, sites=0),
    TreeArea(code="91272", kind="commune", name="Gif", parent="E1", lon=2.1, lat=48.7, sites=3),
    TreeArea(code="91471", kind="commune", name="Orsay", parent="E1", lon=2.2, lat=48.7, sites=0),
]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (SiteFilter(q="yvette gif"), True),
        (SiteFilter(q="L'YVETTE A"), True),
        (SiteFilter(q="orge"), False),
        (SiteFilter(domain="weather"), False),
        (SiteFilter(river="Yvette"), True),
        (SiteFilter(area="91"), True),
        (SiteFilter(area="91471"), False),
        (SiteFilter(state="calm"), True),
        (SiteFilter(state="un"), False),
    ],
)
def test_a_site_is_found_as_people_look_for_it(wanted: SiteFilter, *, expected: bool) -> None:
    assert matches(_site(), wanted, expand_area(AREAS, wanted.area)) is expected


def test_states_are_found() -> None:
    alarmed = _site(priority=2, state="un", open=3, stale=True)
    found = [
        state
        for state in ("open", "un", "1", "2", "stale", "calm")
        if matches(alarmed, SiteFilter(state=state), None)
    ]
    assert found == ["open", "un", "2", "stale"]


def test_the_lowest_rank_is_the_worst() -> None:
    map_sites = [
        _site(priority=priority, state=state)
        for priority, state in (
            (1, "un"),
            (1, "ack"),
            (2, "un"),
            (4, "ack"),
            (1, "shv"),
            (0, "off"),
        )
    ]
    ranks = [map_view.rank(map_site) for map_site in map_sites]
    assert ranks == sorted(ranks)
    assert ranks == [1, 2, 3, 8, 11, 99]


def test_columns_leave_out_who_stands_nowhere_and_count_them() -> None:
    columns = map_view.list_columns([_site(), _site("lost", lon=None)])
    assert columns["name"] == ["gif"]
    assert columns["lost"] == 1
    assert map_view.list_states([_site(), _site("two", priority=1, state="un", open=1)]) == {
        "two": [1, 1, 0]
    }


def test_the_tree_has_what_has_sites() -> None:
    (root,) = map_view.build_tree(AREAS)
    assert (root.area.code, root.sites) == ("91", 3)
    (union,) = root.below
    assert [branch.area.name for branch in union.below] == ["Gif"]
    assert set(root.communes) == {"91272", "91471"}


def test_a_river_is_a_line_through_its_gauges_in_flow_order() -> None:
    found = river_lines(
        [_site("b", river_order=2.0, lon=2.2), _site("a"), _site("c", river="Orge")]
    )
    assert found == {"Yvette": [(2.13, 48.7), (2.2, 48.7)]}


def test_what_flows_in_is_followed_to_the_sources_once() -> None:
    flows = [("a", "b", 3600.0), ("b", "c", 7200.0), ("x", "c", 9000.0), ("c", "a", 60.0)]
    assert list_upstream(flows, "c") == [("b", 7200.0), ("x", 9000.0), ("a", 10800.0)]


def test_rain_is_summed_back_from_now() -> None:
    told = sum_hours([(hour * 3600.0, 1.0) for hour in range(1, 31)], now=30 * 3600.0)
    assert (told[1], told[6], told[24]) == (1.0, 6.0, 24.0)
    assert describe_rarity(told, []) is None


@pytest.mark.parametrize("name", list(SPANS))
def test_a_span_ends_soon_after_now(name: str) -> None:
    now = datetime(2024, 10, 10, 6, 2, tzinfo=UTC)
    found = resolve_span(name, None, None, now)
    assert found.first == now.timestamp() - SPANS[name]
    assert 0 <= found.last - now.timestamp() <= 6 * 3600
    assert resolve_span("nonsense", now, now, now).name == "48h"


@pytest.mark.parametrize(
    ("setting", "host"),
    [
        ("", ""),
        ("ign", "https://data.geopf.fr"),
        ("https://tiles.example/{z}/{x}/{y}.png", "https://tiles.example"),
        ("javascript:alert(1)", ""),
        ("https://a b; script-src */{z}/{x}/{y}", ""),
    ],
)
def test_only_the_host_of_a_basemap_is_let_in(setting: str, host: str) -> None:
    assert origin(setting) == host
    assert bool(template(setting)) is bool(host)


def test_whose_tiles_they_are_is_said_where_it_is_known() -> None:
    assert words("ign") == "© IGN, Plan IGN"
    assert words("https://tile.openstreetmap.org/{z}/{x}/{y}.png") == "© OpenStreetMap"
    assert words("https://tiles.example/{z}/{x}/{y}.png") == words("") == ""


def test_what_names_no_tiles_is_refused_with_what_was_expected() -> None:
    assert chosen("") == ""
    assert chosen("ign").startswith("https://data.geopf.fr/")
    with pytest.raises(BasemapError, match=r"https://tiles.example/.*expected ign or https://host"):
        chosen("https://tiles.example/map.png")
