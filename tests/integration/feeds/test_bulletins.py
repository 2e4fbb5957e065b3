"""Bulletins stored as issued: what stood when, what is kept, and who may read them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.feeds import bulletins, queries, queries_bulletins
from hypervisor.feeds.model import Bulletin, Colour
from tests.integration.web.served import serving

pytestmark = pytest.mark.integration

MORNING = datetime(2026, 3, 1, 9, tzinfo=UTC)
BULLETIN = Bulletin(
    area="7",
    title="Seine moyenne",
    covers=("SE1", "SE2"),
    reference="1",
    issued=MORNING,
    next_at=None,
    colour=2,
    producer="SPC",
    texts=(("situation", "La Seine monte."),),
)
REACH = replace(BULLETIN, area="SE2", title="Seine aval", covers=("SE2",), colour=3)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as opened:
        yield opened


def _texts(connection: Connection, at: datetime, stored_by: datetime | None = None) -> list[str]:
    rows = queries_bulletins.list_in_force(connection, at, stored_by=stored_by)
    return [row.texts[0][1] for row in rows]


def test_a_changed_text_is_another_version_and_the_old_one_stays_known(
    connection: Connection,
) -> None:
    changed = replace(BULLETIN, texts=(("situation", "La Seine monte vite."),))
    for bulletin in (BULLETIN, BULLETIN, changed, changed):
        queries_bulletins.store(connection, bulletins.FEED, [bulletin])
    connection.execute(
        "UPDATE official_bulletin SET created_at = %s + id * '1 h'::interval", [MORNING]
    )
    history = queries_bulletins.list_history(connection, MORNING, MORNING, area="7", most=10)
    assert [row.texts[0][1] for row in history] == ["La Seine monte.", "La Seine monte vite."]
    first, second = (row.created_at for row in history)
    assert _texts(connection, second) == ["La Seine monte vite."]
    assert _texts(connection, second, stored_by=first) == ["La Seine monte."]
    assert _texts(connection, MORNING - timedelta(seconds=1)) == []


def test_territories_come_first_and_a_site_shows_those_of_its_reaches(
    connection: Connection,
) -> None:
    queries_bulletins.store(connection, bulletins.FEED, [REACH, BULLETIN])
    rows = queries_bulletins.list_in_force(connection, MORNING)
    assert [(row.area, row.area in row.covers) for row in rows] == [("7", False), ("SE2", True)]
    (only,) = queries_bulletins.list_in_force(connection, MORNING, reaches=["SE1"])
    assert (only.area, only.source) == ("7", "© VIGICRUES, www.vigicrues.gouv.fr")


def test_what_is_old_goes_and_what_is_in_force_stays(connection: Connection) -> None:
    later = MORNING + timedelta(days=1)
    for issued in (MORNING, later):
        queries_bulletins.store(connection, bulletins.FEED, [replace(BULLETIN, issued=issued)])
        queries.store_colours(
            connection,
            "vigicrues",
            [
                Colour(
                    area="SE1",
                    title="Seine",
                    phenomenon="flood",
                    begins=issued,
                    issued=issued,
                    colour=2,
                )
            ],
        )
    queries_bulletins.store(connection, bulletins.FEED, [REACH])
    assert queries_bulletins.delete_old(connection, later + timedelta(days=9)) == 2
    assert [row.issued for row in queries_bulletins.list_in_force(connection, later)] == [
        later,
        MORNING,
    ]
    assert [row.issued for row in queries.list_colours(connection, later)] == [later]


def test_anyone_with_an_account_reads_what_stood_and_what_was_issued(
    connection: Connection, database_url: str
) -> None:
    instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
    queries_bulletins.store(connection, bulletins.FEED, [BULLETIN, REACH])
    everywhere = [("viewer", None)]
    with serving(database_url, "viewer", everywhere) as client:
        body = client.get("/api/v1/official/bulletins").json()
        assert body["complete"]
        assert body["bulletins"] == []  # the server's now is of 2024
        assert client.get("/api/v1/official/colours").json()["colours"] == []
        later = {"at": "2199-03-02T00:00:00Z"}
        body = client.get("/api/v1/official/bulletins", params={**later, "area": "7"}).json()
        (stood,) = body["bulletins"]
        assert stood["texts"] == [{"part": "situation", "text": "La Seine monte."}]
        assert (stood["licence"], stood["covers"]) == ("Licence Ouverte 2.0", ["SE1", "SE2"])
