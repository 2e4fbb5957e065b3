"""The search: who finds what, how it is ranked, and that it reads indexes."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from hypervisor.base.person import Territory
from hypervisor.database import tenancy
from hypervisor.database.connect import connect
from hypervisor.overview import queries_search, search
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import NORTH, ORGE, ClientOf

pytestmark = pytest.mark.integration
MANY = 5_000  # sites


def _search(client: httpx.Client, words: str) -> dict[str, list[dict[str, Any]]]:
    answer = client.get("/api/v1/search", params={"q": words})
    assert answer.status_code == 200, answer.text
    return {group["kind"]: group["hits"] for group in answer.json()["groups"]}


def _add_school(world: World) -> None:
    world.connection.execute(
        "INSERT INTO asset (name, title, kind, commune)"
        " VALUES ('charcot', 'Groupe scolaire Jean-Charcot', 'school', '91001')"
    )
    world.connection.execute(
        "UPDATE site SET title = 'L''École à Orge-le-Bourg', river = 'École' WHERE name = 'orge'"
    )
    world.connection.commit()


@pytest.mark.parametrize("words", ["école", "ECOLE", "ecole", "ecol", "ecoel"])
def test_a_river_a_site_and_a_school_of_the_same_word(
    client: httpx.Client, world: World, words: str
) -> None:
    _add_school(world)
    found = _search(client, words)
    assert [hit["name"] for hit in found["site"]] == ["orge"]
    assert [hit["name"] for hit in found["river"]] == ["École"]


def test_a_kind_of_asset_is_a_word_in_both_languages(client: httpx.Client, world: World) -> None:
    _add_school(world)
    client.headers["Accept-Language"] = "fr"
    for words in ("école", "school"):
        assert [hit["name"] for hit in _search(client, words)["asset"]] == ["charcot"]


@pytest.mark.parametrize("words", ["école orge-le-bourg", "orge scolaire", "ecole orge bourk"])
def test_a_school_is_found_by_where_it_is(client: httpx.Client, world: World, words: str) -> None:
    _add_school(world)
    assert [hit["name"] for hit in _search(client, words)["asset"]] == ["charcot"]


def test_each_finds_only_their_own(client: httpx.Client, client_of: ClientOf) -> None:
    assert _search(client, "yvette")["site"]
    north = _search(client_of("viewer", NORTH), "yvette")
    assert not {"site", "alarm", "incident", "device", "river", "area"} & set(north)


def test_an_active_alarm_is_found_by_its_place_and_its_number(client: httpx.Client) -> None:
    (alarm, *_) = _search(client, "orge")["alarm"]
    assert alarm["worst"] is not None
    assert [hit["name"] for hit in _search(client, alarm["name"])["alarm"]] == [alarm["name"]]


def test_headings_of_the_documents_are_found(client: httpx.Client) -> None:
    client.headers["Accept-Language"] = "en"
    hits = _search(client, "life cycle")["document"]
    assert "/help/alarms#life-cycle" in {hit["address"] for hit in hits}


def test_without_scripts_the_results_are_a_page(client: httpx.Client) -> None:
    page = client.get("/search", params={"q": "orge"}, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert 'href="/sites/orge"' in page.text
    assert 'id="search"' in page.text


def test_signs_of_patterns_are_only_signs(client: httpx.Client) -> None:
    assert _search(client, "%") == {}
    assert _search(client, "'; --") == {}


def _add_many_sites(world: World) -> None:
    connection = world.connection
    connection.execute(
        "INSERT INTO site (name, title, domain) SELECT 'cab-' || n, 'Cabinet ' || n, 'lighting'"
        " FROM generate_series(1, %s) n",
        [MANY],
    )
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE site")  # which also empties the index's list of new rows
    connection.autocommit = False


def test_many_sites_are_read_from_an_index(world: World) -> None:
    _add_many_sites(world)
    connection = world.connection
    tenancy.become(connection, Territory(whole=True))
    values = {"query": "arpajon", "kinds": [], "kinds0": [], "most": 8, "now": datetime.now(UTC)}
    connection.execute(queries_search._SEARCHING, prepare=False)  # noqa: SLF001
    for alike, word in ((False, "%arpajon%"), (True, "arpajon")):
        statement = queries_search._statements(1, alike=alike, restricted=False)[0]  # noqa: SLF001
        plan = connection.execute("EXPLAIN " + statement, values | {"word0": word})
        text = "\n".join(line for (line,) in plan)
        assert "on site_folded" in text, text


@pytest.mark.parametrize("alike", [False, True])
def test_who_is_restricted_reads_the_index_too(world: World, *, alike: bool) -> None:
    _add_many_sites(world)
    connection, now = world.connection, datetime.now(UTC)
    tenancy.become(connection, Territory(communes=frozenset({ORGE})))
    queries_search.search(
        connection, {"arpajon": []}, alike=alike, restricted=True, now=now, lately=now
    )
    connection.execute("RESET ROLE")
    scans = connection.execute("SELECT pg_stat_get_xact_numscans('site_folded'::regclass)")
    assert scans.fetchone() == (1,)


def test_the_database_folds_as_the_rest(database_url: str) -> None:
    words = ["L\u2019Œuvre d'Évry", "Saint-Germain-lès-Arpajon", "N° 12 bis", "Ça, où ? ÿ Æ ß ï"]
    with connect(database_url) as connection:
        for each in words:
            assert connection.execute("SELECT fold_text(%s)", [each]).fetchone() == (
                search.fold(each),
            )
