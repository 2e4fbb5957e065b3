"""What is too old to be judged, what history is not, and a live instance's clock."""

from collections.abc import Iterator

import pytest

from hypervisor.base.instance import Mode
from hypervisor.database.connect import connect
from hypervisor.evaluation.memory import prune
from sensors._row import NEVER
from tests.integration.evaluation.world import MINUTE, Sent, World, make_world, us

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


def moments(world: World, rule: str) -> int:
    row = world.connection.execute(
        "SELECT count(*) FROM rule_state WHERE rule = %s", [rule]
    ).fetchone()
    world.connection.commit()
    return row[0] if row else 0


def forget_all(world: World) -> int:
    assert world.own is not None
    assert world.memory is not None
    return prune(world.own, world.memory)


def test_the_journal_before_the_horizon_goes_and_what_it_told_stays(live: World) -> None:
    fall = [(20, 2.0), (25, 2.0), (30, 2.0), (35, 2.0)]
    live.store([Sent(site="orge", at=at, value=v) for at, v in [*HIGH, *fall]])
    live.beat(35)
    live.settle()
    lasting = [Sent(site="orge", at=at, value=3.5) for at in (40, 45, 50, 55)]
    live.store(lasting)
    live.beat(55)
    live.settle()
    before = live.log()
    assert forget_all(live) == 0  # all of it is young
    live.beat(5 * 24 * 60)
    live.settle()
    many = moments(live, "flood-high")

    gone = forget_all(live)

    assert gone > 0
    assert 0 < moments(live, "flood-high") < many  # the alarm that lasts is told from there
    live.restart()
    live.revise(live.fact("threshold", "orge/attention", {"value": 9.0, "unit": "m"}, since=us(0)))
    live.settle()
    alarms = [alarm for alarm in live.alarms() if alarm.episode.rule == "flood-high"]
    assert [alarm.episode.began for alarm in alarms] == [us(50), us(10)]  # neither was withdrawn
    ended = [one for one in before if one["rule"] == "flood-high" and one["ended"]]
    assert [one for one in live.log() if one["rule"] == "flood-high"][:1] == ended


def test_of_imported_history_the_journal_is_kept(live: World) -> None:
    live.store([Sent(site="orge", at=at, value=v, received=NEVER) for at, v in HIGH])
    live.beat(5 * 24 * 60)
    live.settle()

    assert forget_all(live) == 0
    live.store([Sent(site="orge", at=-5, value=3.5, received=NEVER)])
    live.settle()

    (alarm,) = [one for one in live.alarms() if one.episode.rule == "flood-high"]
    assert alarm.episode.began == us(5)
