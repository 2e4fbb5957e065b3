"""From an empty live instance to a territory, on the answers that are shipped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.feeds import collect, queries, queries_bulletins
from hypervisor.feeds.poll import read_clock
from hypervisor.feeds.recordings import SHIPPED
from hypervisor.feeds.service import list_status
from hypervisor.feeds.territory import start_territory
from hypervisor.feeds.views_official import read_vigilance
from hypervisor.geography import queries as geography_queries
from hypervisor.geography.areas import contains
from hypervisor.readings import queries as reading_queries
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.model import facts_in_force
from tests import command_line
from tests.integration.feeds.served import Clock, served
from tests.integration.web.served import server, signed_in

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as opened:
        instance_store.create(opened, Instance(mode=Mode.LIVE, name="test"))
        yield opened


def check_features(client: httpx.Client) -> None:
    """What a map program reads of the territory."""

    def read(collection: str) -> dict[str, dict[str, Any]]:
        answer = client.get(f"/features/collections/{collection}/items?limit=500").json()
        return {feature["id"]: feature for feature in answer["features"]}

    colours = {
        key: (reach["properties"]["colour"], reach["properties"]["official_reach"])
        for key, reach in read("reaches").items()
    }
    assert colours == {
        "T910000101>T910000201": ("orange", "Orge (essai)"),
        "T910000201>T910000301": ("orange", "Orge (essai)"),
        "T910000401>T910000501": ("yellow", "Yvette (essai)"),
        "T910000601>T910000701": ("green", "Essonne aval (essai)"),
    }
    official = read("official-reaches")
    assert {key: reach["properties"]["colour"] for key, reach in official.items()} == {
        "ESSAI1": "orange", "ESSAI2": "yellow", "ESSAI3": "green", "ESSAI4": "yellow",
    }  # fmt: skip
    assert official["ESSAI4"]["geometry"]["coordinates"][0][0] == [2.5478, 48.5369]
    sites = read("sites")
    marked = {key for key, site in sites.items() if site["properties"]["illustrative_thresholds"]}
    assert marked == {key for key in sites if key.startswith("T91")}
    assert not sites["vigicrues-ESSAI1"]["properties"]["illustrative"]
    epci = read("epci")
    assert len(epci) == 13
    assert {each["geometry"]["type"] for each in epci.values()} == {"MultiPolygon"}
    around = [each for each in epci.values() if contains(each["geometry"], 2.1265, 48.5502)]
    assert [each["properties"]["title"] for each in around] == [
        "CC le Dourdannais en Hurepoix (CCDH)"
    ]


def test_without_internet_what_is_at_hand_is_stored_and_the_rest_is_said(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    """It ended with the first service that did not answer, and stored nothing."""
    settings = Settings(database_url=database_url, feeds_url="http://127.0.0.1:9")
    for number, communes in (("91", 194), ("31", 0)):
        begun, changes = start_territory(
            connection, settings, number, author="test", say=lambda _text: None
        )
        assert changes
        assert len(begun.communes) == communes
        assert len(begun.notes) == 3, begun.notes
        registry = registry_queries.load(connection)
        assert number in registry.areas
    environment = {
        "HYPERVISOR_DATABASE_URL": database_url,
        "HYPERVISOR_FEEDS_URL": "http://127.0.0.1:9",
    }
    for number, code in (("32", "32"), (" 2a\n", "2A")):
        done = command_line.run(
            "--data", tmp_path, "territory", "start", number, environment=environment
        )
        assert done.exit_code == 1
        assert "without internet" in done.output
        assert (tmp_path / f"routes-{code}.yaml").exists()


def test_a_recording_says_of_which_departement_it_is(
    connection: Connection, database_url: str
) -> None:
    """It asked `has the service moved?`."""
    with served(SHIPPED, Clock(at=read_clock()), moved=True) as service:
        settings = Settings(database_url=database_url, feeds_url=service.url)
        begun, _ = start_territory(
            connection, settings, "31", author="test", say=lambda _text: None
        )
    assert "this is a recording of 91, not of 31" in begun.notes[0]
    assert "moved" not in begun.notes[0]


def test_from_a_number_to_gauges_colours_and_proposed_thresholds(
    connection: Connection, database_url: str
) -> None:
    clock = Clock(at=read_clock())
    said: list[str] = []
    with served(SHIPPED, clock, moved=True) as service:
        settings = Settings(database_url=database_url, feeds_url=service.url)
        begun, changes = start_territory(connection, settings, "91", author="test", say=said.append)
        assert changes
        assert begun.notes == ()
        registry = registry_queries.load(connection)
        communes = [area for area in registry.areas.values() if area.kind == "commune"]
        assert len(communes) == len(geography_queries.list_outlines(connection)) == 194
        courses = geography_queries.list_official_reaches(connection)
        assert courses["ESSAI1"] == [[[2.1265, 48.5502], [2.2489, 48.5891], [2.3412, 48.679]]]
        orge = [site for site in registry.sites.values() if site.river == "L'Orge"]
        assert [site.river_order for site in sorted(orge, key=lambda s: s.name)] == [1, 2, 3]
        levels = facts_in_force(registry)
        assert ("threshold", "T910000201/alert") in levels
        assert all(r.illustrative for r in registry.revisions if r.kind == "threshold")

        reading_queries.create_staging_tables(connection)
        results = {name: collect.poll(connection, settings, name) for name in collect.SERVICES}
        assert not any(result.problem for result in results.values())
        assert {name for name, result in results.items() if result.idle} == {
            "forecast-files",
            "observations",
            "observations-hourly",
        }
        assert results["hubeau"].readings > 10_000
        assert results["vigicrues"].readings == 4
        stored = queries_bulletins.list_in_force(connection, read_clock())
        assert [(b.title, b.area in b.covers) for b in stored] == [
            ("Territoire d'essai", False),
            ("Orge (essai)", True),
            ("Yvette (essai)", True),
        ]
        assert queries_bulletins.list_reaches_of(connection, "vigicrues-ESSAI2") == ["ESSAI2"]
        colours = {c.name: c.colour for c in read_vigilance(connection, read_clock()).colours}
        assert colours["Orge (essai)"] == 3
        assert read_vigilance(connection, read_clock()).notable
        with (
            server(database_url, clock=read_clock) as base,
            signed_in(base, database_url, now=read_clock()) as client,
        ):
            check_features(client)

        _, changes = start_territory(connection, settings, "91", author="test", say=said.append)
        assert not changes, "a second start adds nothing"
        again = collect.poll(connection, settings, "vigicrues")
        assert (again.problem, again.readings) == ("", 0)
    assert queries.get_state(connection, "vigicrues").etag
    problem = collect.poll(connection, settings, "vigicrues").problem
    assert "cannot be reached" in problem
    (status,) = (s for s in list_status(connection, settings) if s.feed.name == "vigicrues")
    assert "failures in a row: 1" in status.describe(read_clock())
