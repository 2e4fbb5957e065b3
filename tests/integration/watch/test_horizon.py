"""What is too old to be judged, what history is not, and a live instance's clock."""

from collections.abc import Iterator

import pytest

from hypervisor.instance import Mode
from hypervisor.store.connect import connect
from sensors._row import NEVER
from tests.integration.watch.world import MINUTE, Sent, World, make_world, us

pytestmark = pytest.mark.integration

HIGH = [(at, 3.5) for at in (0, 5, 10, 15)]


@pytest.fixture
def live(database_url: str) -> Iterator[World]:
    world = make_world(database_url, connect(database_url), mode=Mode.LIVE)
    world.register(["orge"])
    world.record_rules()
    world.retention = 48 * 60 * MINUTE
    world.connection.execute("INSERT INTO worker (name, joined_at) VALUES ('one', to_timestamp(0))")
    world.connection.commit()
    yield world
    world.close()


def test_a_reading_beyond_the_horizon_is_stored_and_not_judged(live: World) -> None:
    live.beat(5 * 24 * 60)
    live.step()

    live.store([Sent(site="orge", at=at, value=v, received=5 * 24 * 60) for at, v in HIGH])
    live.settle()

    assert [one for one in live.log() if one["rule"] == "flood-high"] == []


def test_imported_history_knows_no_horizon_and_is_no_arrival(live: World) -> None:
    live.beat(5 * 24 * 60)
    live.step()

    live.store([Sent(site="orge", at=at, value=v, received=NEVER) for at, v in HIGH])
    live.settle()

    (alarm,) = [one for one in live.alarms() if one.episode.rule == "flood-high"]
    assert alarm.episode.began == us(10)
    assert alarm.episode.stale == ((us(30), None),)
    assert alarm.noticed == us(24 * 60)  # by the wall
    (silent,) = [one for one in live.alarms() if one.episode.rule == "flood-silent"]
    assert silent.episode.began == us(30)  # from its commissioning on
