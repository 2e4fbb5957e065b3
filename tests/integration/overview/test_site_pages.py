"""Sites and the map as pages, without a browser: what each shows, what is refused, whose it is."""

import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from hypervisor.database.connect import connect
from hypervisor.forecast.issuing import Issuing
from hypervisor.readings import queries_charts, rollup
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Asset
from rules._forecast import model_to_json
from rules._written_forecast import WrittenModel
from sensors._errors import Place
from tests.integration.evaluation.world import CATALOGUE, World, us
from tests.integration.web.conftest import (  # noqa: F401  fixtures
    NORTH,
    ClientOf,
    base,
    client,
    client_of,
    world,
)

pytestmark = pytest.mark.integration


def _text(found: httpx.Client, address: str, **headers: str) -> str:
    answer = found.get(address, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def _token(page: str) -> str:
    match = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert match is not None
    return match.group(1)


def test_a_site_is_told_whole_and_in_parts(client: httpx.Client) -> None:  # noqa: F811
    page = _text(client, "/sites/orge")
    assert "4.20" in page.replace(",", ".")
    assert 'class="chart"' in page
    for part in ("head", "chart?span=1y&w=400", "table?span=12h", "side", "history"):
        answer = _text(client, f"/sites/orge/{part}", **{"HX-Request": "true"})
        assert "<html" not in answer
    assert "<html" in _text(client, "/sites/orge/table")


def test_a_forecast_is_shown_as_issued_or_why_there_is_none(
    world: World,  # noqa: F811
    client: httpx.Client,  # noqa: F811
) -> None:
    assert "hypervisor forecast fit --site orge" in _text(client, "/sites/orge")
    terms = {us(60) - us(0): {"change(level, 15 min)": 1.0}}
    written = WrittenModel(series="level", terms=terms, spread=0.4)
    skill = {
        "horizons": [
            {
                "horizon_s": 3600,
                "why": None,
                "methods": [{"method": "chosen", "coverage_80": 0.79}],
            },
            {"horizon_s": 7200, "why": "the line is better", "methods": []},
        ]
    }
    model = replace(written.model("orge", Place(file="test", line=1, column=1)), skill=skill)
    world.revise(world.fact("forecast", "orge/level", model_to_json(model), since=us(0)))
    assert "il manque des mesures nécessaires" in _text(client, "/sites/orge")
    with connect(world.url, autocommit=True) as own:
        rollup.catch_up(own, CATALOGUE, idle_work=Issuing())
        issued = own.execute("SELECT min(issued) FROM forecast").fetchone()
    assert issued is not None
    page = _text(client, "/sites/orge")
    assert 'class="fc"' in page
    assert "restée dans la bande du milieu : 8 fois sur 10 à 1" in page
    assert "Non affichée à 2" in page
    _tie_a_road(world)
    for address in ("/now", "/wall", "/sites/orge/side", "/map/card/orge"):
        assert "Vigicrues fait autorité" in _text(client, address), address
    past = client.get("/sites/orge", params={"issued": issued[0].isoformat()}).text
    assert 'class="fc"' in past
    assert "Telle qu" in past
    assert "<html" not in _text(client, "/sites/orge/forecast", **{"HX-Request": "true"})
    world.revise(world.fact("forecast", "orge/level", None, since=us(0)))


def _tie_a_road(world: World) -> None:  # noqa: F811
    """An asset above the water of a gauge on a river."""
    world.connection.execute("UPDATE site SET river = 'Orge', river_order = 1 WHERE name = 'orge'")
    road = Asset(name="road", title="Road", kind="road")
    registry_queries.write(world.connection, Changes(assets=(road,)))
    world.revise(world.fact("reach", "road", {"gauge": "orge", "level": 4.5, "unit": "m"}))


def test_what_makes_no_sense_is_the_usual_chart(client: httpx.Client) -> None:  # noqa: F811
    for query in ("span=forever", "from=2024-01-02T00:00Z&to=2024-01-01T00:00Z", "also=nonsense"):
        assert 'aria-current="true"' in _text(client, f"/sites/orge?{query}")
    assert client.get("/sites/orge?from=yesterday").status_code == 422
    assert client.get("/sites/nowhere").status_code == 404


def test_a_site_of_others_is_as_if_it_were_not(client_of: ClientOf) -> None:  # noqa: F811
    north = client_of("operator", NORTH)
    for path in (
        "",
        "/head",
        "/chart",
        "/table",
        "/forecast",
        "/side",
        "/history",
        "/observe",
        "/aside",
    ):
        assert north.get(f"/sites/yvette{path}").status_code == 404, path
    assert north.get("/map/card/yvette").status_code == 404
    for address in ("/sites", "/map", "/map/sites", "/map/states", "/map/ground"):
        answer = _text(north, address)
        assert "yvette" not in answer.lower(), address
    assert "orge" in _text(north, "/map/sites")


def test_readings_are_entered_set_aside_and_taken_back(client: httpx.Client) -> None:  # noqa: F811
    token = {"csrf": _token(_text(client, "/sites/orge"))}
    told = {**token, "series": "orge/level", "at": "2024-01-01T01:12", "reason": "off the staff"}
    refused = client.post("/sites/orge/observe", data={**told, "value": "187"})
    assert refused.status_code == 200
    assert 'role="alert"' in refused.text
    answer = client.post("/sites/orge/observe", data={**told, "value": "1,87 m"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sites/orge?done=observed")
    span = {
        **token,
        "series": "orge/level",
        "first": "2024-01-01T01:00:00",
        "last": "2024-01-01T01:11:00",
        "reason": "a branch",
    }
    assert client.post("/sites/orge/aside", data=span).status_code == 303
    page = _text(client, "/sites/orge/history")
    found = re.search(r'name="act" value="(\d+)"', page)
    assert found is not None
    act = {**token, "act": found.group(1), "reason": "wrong gauge"}
    assert client.post("/sites/orge/undo", data=act).status_code == 303
    again = client.post("/sites/orge/undo", data=act)
    assert 'role="alert"' in again.text


def test_a_series_of_another_site_is_refused_whatever_the_form_says(
    client_of: ClientOf,  # noqa: F811
) -> None:
    north = client_of("operator", NORTH)
    token = _token(_text(north, "/sites/orge"))
    said = {
        "csrf": token,
        "series": "yvette/level",
        "value": "1.0 m",
        "at": "2024-01-01T01:12",
        "reason": "?",
    }
    answer = north.post("/sites/orge/observe", data=said)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text


def test_who_may_only_look_changes_nothing(client_of: ClientOf) -> None:  # noqa: F811
    viewer = client_of("viewer", NORTH)
    page = _text(viewer, "/sites/orge")
    assert "site-acts" not in page
    said = {"csrf": _token(page), "alarm": "71001", "version": "1"}
    assert viewer.post("/sites/orge/acknowledge", data=said).status_code == 403
    assert viewer.get("/sites/orge/observe").status_code == 403


def test_an_alarm_is_acknowledged_as_it_was_seen(client: httpx.Client) -> None:  # noqa: F811
    page = _text(client, "/sites/orge")
    fields = dict(re.findall(r'name="(alarm|version)" value="(\d+)"', page))
    said = {"csrf": _token(page), **fields}
    assert client.post("/sites/orge/acknowledge", data=said).status_code == 303
    late = client.post("/sites/orge/acknowledge", data=said)
    assert 'role="alert"' in late.text


def test_what_is_rolled_up_loses_no_peak_and_no_amount(world: World) -> None:  # noqa: F811
    with connect(world.url) as connection:
        (level,) = [
            channel.id
            for channel in queries_charts.list_channels(connection, ["orge"])
            if channel.quantity == "level"
        ]
        row = connection.execute("SELECT min(time), max(time) FROM reading").fetchone()
        assert row is not None
        span = (row[0], row[1] + timedelta(seconds=1))
        each = queries_charts.read_bins(connection, [level], span, None)[level]
        rolled = queries_charts.read_bins(connection, [level], span, 600)[level]
    assert [one.last for one in each] == [2.0, 3.1, 3.2, 4.2]
    assert sum(one.count for one in rolled) == len(each)
    assert max(one.high for one in rolled) == 4.2
    assert sum(one.total for one in rolled) == pytest.approx(sum(one.total for one in each))
    assert [one.last for one in rolled][-1] == 4.2
