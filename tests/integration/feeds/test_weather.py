"""Météo-France's observations into a live instance: stored as readings in our units, once."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from hypervisor.feeds import collect
from hypervisor.feeds.recordings import SHIPPED
from hypervisor.readings import queries as reading_queries
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device
from sensors._quality import Quality
from tests.integration.evaluation.world import CATALOGUE, DAY, World, make_world
from tests.integration.feeds.served import Clock, served

pytestmark = pytest.mark.integration

CODE = "91990001"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = make_world(database_url, connect(database_url))
    assert "air_temperature" in CATALOGUE.quantities
    made.register(["mast"], interval=6, quantities=("air_temperature", "pressure", "rain"))
    device = Device(
        name="mast",
        site="mast",
        commissioned=DAY,
        properties={"feed": "observations", "code": CODE},
    )
    registry_queries.write(made.connection, Changes(devices=(device,)))
    made.connection.commit()
    yield made
    made.close()


def test_a_station_is_read_in_our_units_and_what_was_missed_comes_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hypervisor.feeds.poll.pause", lambda *_: None)
    clock = Clock(at=DAY + timedelta(hours=7, minutes=2))
    with (
        connect(world.url, autocommit=True) as connection,
        served(SHIPPED, clock, moved=True) as service,
    ):
        reading_queries.create_staging_tables(connection)
        settings = Settings(database_url=world.url, feeds_url=service.url)
        first = collect.poll(connection, settings, "observations", clock=clock)
        assert first.problem == ""
        for _ in range(2):
            clock.move(2)
            collect.poll(connection, settings, "observations", clock=clock)
        rows = connection.execute(
            "SELECT s.quantity, r.value, r.quality FROM reading r"
            " JOIN series s ON s.id = r.series_id WHERE r.time = %s ORDER BY 1",
            [DAY + timedelta(hours=6, minutes=54)],
        ).fetchall()
        counts = connection.execute("SELECT count(*) FROM reading").fetchone()
    values = {quantity: value for quantity, value, _quality in rows}
    assert values["air_temperature"] == pytest.approx(2.46, abs=0.02)
    assert values["pressure"] == pytest.approx(983.0)
    assert values["rain"] == pytest.approx(0.3)
    assert {quality for _quantity, _value, quality in rows} == {int(Quality.GOOD)}
    assert counts is not None
    assert counts[0] >= 3 * 69  # since the device is in service
