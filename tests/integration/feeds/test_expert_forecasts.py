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


PRV = """\
# Sorties d'EXPRESSO du 01/01/2024 00:10 (UTC)
# TZ ; UTC
Stations;T910000101;T910000101;T910000101;T910000401;X123456701
Grandeurs;H;H;H;H;H
IdSeries;a_basse_10;a_centrale_50;a_haute_90;b_centrale_50;c_centrale_50
# DtDerObs;{issued};{issued};{issued};{issued};{issued}
{first};4.1;4.3;4.6;2.0;1.0
{second};4.2;4.5;4.8;2.1;1.1
{third};4.2;4.4;4.9;2.2;1.2
"""


def _write_prv() -> str:
    times = {
        name: f"{ISSUED + timedelta(hours=n):%d-%m-%Y %H:%M}"
        for n, name in enumerate(("issued", "first", "second", "third"))
    }
    return PRV.format(**times)


def _upload(client: httpx.Client, content: str, issuer: str = "") -> httpx.Response:
    return client.post(
        "/expert-forecasts/preview",
        files={"file": ("orge.prv", content.encode())},
        data={"issuer": issuer},
    )


def test_an_operator_sees_what_a_file_says_before_storing_it(
    gauges: Connection,
    client_of: ClientOf,  # noqa: F811
) -> None:
    operator = client_of("operator", NORTH)
    preview = _upload(operator, _write_prv(), "SPC d'essai")
    page = re.sub(r"\s+", " ", preview.text.replace("\xa0", " "))
    assert preview.status_code == 200
    for words in ("4,50 m", "4,90 m", "03:00", "SPC d&#39;essai", "T910000101"):
        assert words in page, words
    # The Yvette lies elsewhere: for them it is as unknown as a gauge that does not exist.
    for code in ("T910000401", "X123456701"):
        assert f"au code {code} ne mesure" in page
    assert gauges.execute("SELECT count(*) FROM expert_forecast").fetchone() == (0,)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', preview.text))
    fields["issuer"] = "SPC d'essai"
    stored = operator.post("/expert-forecasts", data=fields, follow_redirects=True)
    assert "1 prévision enregistrée" in stored.text
    assert stored.text.count('href="/sites/orge"') == 1
    again = operator.post("/expert-forecasts", data=fields, follow_redirects=True)
    assert "Rien de nouveau" in again.text
    rows = gauges.execute("SELECT issuer, author, file FROM expert_forecast").fetchall()
    assert [(issuer, file) for issuer, _author, file in rows] == [("SPC d'essai", "orge.prv")]
    (act,) = gauges.execute("SELECT author, reason FROM audit WHERE kind = 'forecast-import'")
    assert act == (rows[0][1], "forecasts of SPC d'essai: 1")
    viewer = client_of("viewer", NORTH)
    assert 'type="file"' not in viewer.get("/expert-forecasts").text
    assert _upload(viewer, _write_prv()).status_code == 403
    assert viewer.post("/expert-forecasts", data=fields).status_code == 403


def test_what_is_wrong_in_an_uploaded_file_is_said_with_its_line(
    gauges: Connection,
    client_of: ClientOf,  # noqa: F811
) -> None:
    operator = client_of("operator")
    wrong = _upload(operator, _write_prv().replace("4.5", "haut"))
    assert wrong.status_code == 422
    assert "orge.prv" in wrong.text
    assert "ligne 8" in wrong.text.replace("\xa0", " ")
    assert "« haut »" in wrong.text.replace("\xa0", " ").replace("\u202f", " ")
    assert _upload(operator, "").status_code == 422
    assert operator.post("/expert-forecasts/preview").status_code == 422
    for content in ("?", "²"):
        answer = operator.post("/expert-forecasts", data={"content": content})
        assert answer.status_code == 422, content
    assert _upload(operator, "x" * 1_500_001).status_code == 422
    assert gauges.execute("SELECT count(*) FROM expert_forecast").fetchone() == (0,)
