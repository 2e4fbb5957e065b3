"""Forecasts of others: stored as issued, by whom, shown beside ours, to those whose site it is."""

import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from hypervisor.database.connect import Connection
from hypervisor.forecast import queries_experts, service_experts
from hypervisor.forecast.experts import ExpertFile, ExpertFileError, ExpertForecast
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Asset, Device
from tests.integration.evaluation.world import DAY, World
from tests.integration.web.conftest import (  # noqa: F401  fixtures
    NORTH,
    ClientOf,
    base,
    client_of,
    world,
)

pytestmark = pytest.mark.integration

ISSUED, NOW = DAY, DAY + timedelta(minutes=20)  # up to where the scenario has come
FORECAST = ExpertForecast(
    code="T910000101",
    grandeur="H",
    model="GRP",
    issued=ISSUED,
    produced=None,
    labels=("basse", "centrale", "haute"),
    levels=(0.1, 0.5, 0.9),
    times=tuple(ISSUED + timedelta(hours=n) for n in range(1, 7)),
    values=tuple(
        (4.2 + 0.1 * n, 4.2 + 0.2 * n, None if n == 5 else 4.2 + 0.3 * n) for n in range(6)
    ),
    comment="La montée continue.",
)
FILE = ExpertFile(issuer="SPC d'essai", forecasts=(FORECAST,), name="a.prv")


@pytest.fixture
def gauges(world: World) -> Connection:  # noqa: F811
    """Orge and Yvette are gauges with codes; a road is above the first one's water."""
    devices = tuple(
        Device(name=name, site=name, commissioned=DAY, properties={"code": code})
        for name, code in (("orge", "T910000101"), ("yvette", "T910000401"))
    )
    road = Asset(name="road", title="Road", kind="road")
    registry_queries.write(world.connection, Changes(devices=devices, assets=(road,)))
    world.connection.execute("UPDATE site SET river = 'Orge', river_order = 1 WHERE name = 'orge'")
    world.revise(world.fact("reach", "road", {"gauge": "orge", "level": 4.7, "unit": "m"}))
    world.connection.commit()
    return world.connection


def _store(connection: Connection, file: ExpertFile, issuer: str = "") -> tuple[int, int]:
    done = service_experts.store_file(connection, file, issuer=issuer, author="test")
    connection.execute("UPDATE expert_forecast SET created_at = issued")
    connection.commit()
    return done.stored, done.same


def test_the_same_again_is_nothing_and_what_changed_is_another_version(
    gauges: Connection,
) -> None:
    assert _store(gauges, FILE) == (1, 0)
    assert _store(gauges, FILE) == (0, 1)
    changed = replace(FORECAST, comment="Le pic est passé.")
    assert _store(gauges, replace(FILE, forecasts=(changed,))) == (1, 0)
    assert _store(gauges, replace(FILE, issuer="", forecasts=(FORECAST,)), "Consultant") == (1, 0)
    standing = queries_experts.list_standing(gauges, NOW)
    assert [(each.issuer, each.comment) for each in standing] == [
        ("Consultant", "La montée continue."),
        ("SPC d'essai", "Le pic est passé."),
    ]
    assert standing[0].rows[5] == [pytest.approx(4.7), pytest.approx(5.2), None]
    assert not queries_experts.list_standing(gauges, ISSUED - timedelta(minutes=1))
    early = ISSUED - timedelta(minutes=1)
    assert not queries_experts.list_standing(gauges, NOW, stored_by=early)
    assert not queries_experts.list_standing(gauges, NOW + timedelta(hours=9))


def test_what_has_no_gauge_here_is_told_and_a_site_code_finds_its_gauge(
    gauges: Connection,
) -> None:
    other, site = replace(FORECAST, code="X123456701"), replace(FORECAST, code="T9100004")
    done = service_experts.store_file(gauges, replace(FILE, forecasts=(other, site)), author="test")
    assert (done.stored, len(done.notes)) == (1, 1)
    assert "X123456701" in str(done.notes[0])
    assert [each.site for each in queries_experts.list_standing(gauges, NOW)] == ["yvette"]
    with pytest.raises(ExpertFileError, match="name the issuer"):
        service_experts.store_file(gauges, replace(FILE, issuer=""), author="test")


def _read(client: httpx.Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", answer.text.replace("\xa0", " ").replace("\u202f", " "))


def test_its_page_shows_it_and_the_asset_names_its_issuer_to_whose_site_it_is(
    gauges: Connection,
    client_of: ClientOf,  # noqa: F811
) -> None:
    _store(gauges, FILE)
    _store(gauges, replace(FILE, forecasts=(replace(FORECAST, code="T910000401"),)))
    viewer = client_of("viewer", NORTH)
    page = _read(viewer, "/sites/orge")
    assert "Prévision de SPC d&#39;essai · GRP" in page
    assert "La montée continue." in page
    assert "SPC d&#39;essai annonce" in page
    assert "SPC d&#39;essai annonce" in _read(viewer, "/sites/orge/side")
    assert (
        "SPC d&#39;essai"
        not in _read(viewer, "/sites/orge?issued=2023-12-31T00:00:00Z").split(
            'id="site-side"', maxsplit=1
        )[0]
    )
    assert viewer.get("/sites/yvette").status_code == 404
    now = _read(viewer, "/now").split('id="worse"')[1].split("</section>")[0]
    assert now.count("prévision de SPC d&#39;essai") == 1  # the road; our line sees nothing coming
    assert "Road" in now
    assert "Yvette" not in now
    (other,) = viewer.get("/api/v1/sites/orge/forecasts").json()["others"]
    assert (other["issuer"], other["quantity"], other["unit"]) == ("SPC d'essai", "level", "m")
    assert other["times"][5]["quantiles"] == pytest.approx({"0.1": 4.7, "0.5": 5.2, "0.9": None})
    earlier = {"at": (ISSUED - timedelta(minutes=1)).isoformat()}
    assert viewer.get("/api/v1/sites/orge/forecasts", params=earlier).json()["others"] == []
    assert viewer.get("/api/v1/sites/yvette/forecasts").status_code == 404
    assert "SPC d&#39;essai" in _read(client_of("viewer"), "/sites/yvette")
