"""Road events stored version by version: what holds when, what is over, what stays to be told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from hypervisor.database.connect import Connection, connect
from hypervisor.feeds import queries_events, roads
from hypervisor.feeds.model import RoadEvent
from tests.integration.evaluation.world import DAY, World
from tests.integration.web.conftest import (  # noqa: F401  fixtures
    NORTH,
    ClientOf,
    base,
    client_of,
    world,
)

pytestmark = pytest.mark.integration

BEGIN = datetime(2026, 3, 1, 6, tzinfo=UTC)
NOW = BEGIN + timedelta(hours=3)
FLOOD = RoadEvent(
    reference="S1",
    version="1",
    state="active",
    kind="flood",
    is_closed=False,
    detail="EnvironmentalObstruction: flooding",
    road="N20",
    place="Arpajon",
    words="Chaussée inondée.",
    begins=BEGIN,
    ends=None,
    issued=BEGIN,
    producer="DIR",
    geometry={"type": "Point", "coordinates": [2.2, 48.5]},
)
WORKS = replace(FLOOD, reference="S2", kind="works", ends=BEGIN + timedelta(hours=9), words="")


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as opened:
        yield opened


def _store(connection: Connection, *events: RoadEvent, listed: tuple[str, ...] = ()) -> None:
    names = listed or tuple(event.reference for event in events)
    with connection.transaction():
        queries_events.store(connection, roads.FEED, events, listed=names, at=NOW)


def _standing(connection: Connection, at: datetime = NOW) -> list[tuple[str, str, bool]]:
    rows = queries_events.list_standing(connection, at)
    return [(row.reference, row.version, row.closed) for row in rows]


def _history(connection: Connection) -> list[tuple[str, str, str]]:
    bounds = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    rows = queries_events.list_history(connection, *bounds, most=100)
    return [(row.reference, row.version, row.state) for row in rows]


def test_a_new_version_supersedes_and_the_old_one_is_what_was_known(
    connection: Connection,
) -> None:
    _store(connection, WORKS, FLOOD)
    _store(connection, WORKS, FLOOD)
    assert _standing(connection) == [("S1", "1", False), ("S2", "1", False)]
    closed = replace(FLOOD, version="2", is_closed=True, issued=BEGIN + timedelta(hours=1))
    _store(connection, closed, WORKS)
    _store(connection, FLOOD, WORKS)  # an older version comes late
    assert _standing(connection) == [("S1", "2", True), ("S2", "1", False)]
    assert _history(connection) == [
        ("S2", "1", "active"),
        ("S1", "1", "active"),
        ("S1", "2", "active"),
    ]
    row = connection.execute("SELECT max(created_at) FROM official_event").fetchone()
    assert row is not None
    before = row[0] - timedelta(microseconds=1)
    earlier = queries_events.list_standing(connection, NOW, stored_by=before)
    assert [each.version for each in earlier if each.reference == "S1"] == ["1"]


def test_what_ends_is_cancelled_or_listed_no_more_holds_no_more(connection: Connection) -> None:
    _store(connection, FLOOD, WORKS)
    assert _standing(connection, BEGIN - timedelta(minutes=1)) == []
    assert _standing(connection, BEGIN + timedelta(hours=9)) == [("S1", "1", False)]
    _store(connection, replace(FLOOD, version="2", state="cancelled"), listed=("S1", "S2"))
    assert _standing(connection) == [("S2", "1", False)]
    _store(connection, listed=("S9",))
    assert _standing(connection) == []
    _store(connection, WORKS)  # it is listed again
    assert _standing(connection) == [("S2", "1", False)]
    assert [state for _reference, _version, state in _history(connection)] == [
        "active",
        "active",
        "cancelled",
        "gone",
        "active",
    ]


def test_what_is_old_goes_and_what_may_hold_stays(connection: Connection) -> None:
    _store(connection, FLOOD, WORKS)
    _store(connection, replace(FLOOD, version="2"), WORKS)
    later = datetime(2200, 1, 1, tzinfo=UTC)
    assert queries_events.delete_old(connection, later) == 2
    assert _standing(connection) == [("S1", "2", False)]


def _read(client: httpx.Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text.replace("\xa0", " ").replace("\u202f", " ")


def test_now_the_map_and_the_api_tell_it_to_everybody(
    world: World,  # noqa: F811
    client_of: ClientOf,  # noqa: F811
) -> None:
    event = replace(FLOOD, begins=DAY, issued=DAY, is_closed=True)
    queries_events.store(world.connection, roads.FEED, [event], listed=None, at=DAY)
    world.connection.commit()
    viewer = client_of("viewer", NORTH)
    for address in ("/now", "/map"):
        page = _read(viewer, address)
        assert "Inondation de la chaussée, route fermée · N20" in page
        assert "Chaussée inondée." in page
    (feature,) = viewer.get("/map/ground").json()["roads"]["features"]
    assert feature["geometry"] == event.geometry
    assert feature["properties"]["grave"]
    body = viewer.get("/api/v1/official/road-events").json()
    assert [(each["reference"], each["closed"]) for each in body["events"]] == [("S1", True)]
    since = {"since": "2020-01-01T00:00:00Z"}
    assert viewer.get("/api/v1/official/road-events", params=since).json()["complete"]
