"""Two processes evaluate an exercise from two machines, and the wire of one is cut meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hypervisor.broker.ports import LOOPBACK
from hypervisor.database.connect import connect, migrate
from hypervisor.database.locks import Lock
from hypervisor.evaluation.shards import ALL, shard_of
from hypervisor.stack.queries_doctor import list_held_locks
from tests.conftest import Stack
from tests.integration.evaluation.test_equality import backtest
from tests.integration.evaluation.test_process import Process
from tests.integration.evaluation.world import Sent, World, make_world, us
from tests.wires import Cable, cable, database_behind

pytestmark = pytest.mark.timeout(300)

AHEAD = "ahead"  # a gauge whose readings move the scenario's clock
SITES = tuple(f"gauge-{number}" for number in range(16))
STEP = 90  # minutes of the scenario from one flood to the next
SOON = 60.0  # s: a lost wire is noticed after some, on a busy machine after more


@dataclass(kw_only=True)
class Scenario:
    """Two processes share out an exercise: one beside its database, one at the end of a cable."""

    cable: Cable
    world: World
    url: str  # of the database, beside it
    minute: int = 0
    noticed: dict[str, int] = field(default_factory=dict)  # what is expected, by site, in µs

    def flood(self, site: str) -> None:
        """A river rises, and a reading of an hour later comes from another; waits for the alarm.

        All in one entry of the feed, so that nobody can have evaluated half of it.
        """
        rising = [Sent(site=site, at=self.minute + at, value=3.4) for at in (0, 5, 10, 15)]
        self.minute += STEP
        self.world.store([*rising, Sent(site=AHEAD, at=self.minute, value=1.0)])
        self.noticed[site] = us(self.minute)
        wait_for(lambda: site in self.list_noticed(), f"the alarm of {site}")

    def list_noticed(self) -> dict[str, int]:
        """When the alarm of a flood was noticed, by site."""
        return {
            alarm.episode.subject: alarm.noticed
            for alarm in self.world.alarms()
            if alarm.episode.rule == "flood-level"
        }

    def far_shards(self) -> set[int]:
        """What the process at the far end evaluates, as the database knows it."""
        return {
            held.part
            for held in list_held_locks(self.url)
            if held.lock == Lock.WATCH and held.address != LOOPBACK and held.part is not None
        }

    def quiet_sites(self, shards: set[int]) -> list[str]:
        """Those of these shards that had no flood yet."""
        return [each for each in SITES if each not in self.noticed and shard_of(each) in shards]


def wait_for(happens: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SOON
    while not happens():
        assert time.monotonic() < end, f"{what}: not within {SOON:g} s"
        time.sleep(0.1)


@pytest.fixture
def scenario(stack: Stack, tmp_path: Path) -> Iterator[Scenario]:
    with ExitStack() as opened:
        laid = opened.enter_context(cable())
        far_url = opened.enter_context(database_behind(laid, stack.database))
        url = far_url.replace(laid.address, LOOPBACK)
        with connect(url) as connection:
            migrate(connection)
        world = make_world(url, connect(url))
        opened.callback(world.close)
        world.register([*SITES, AHEAD])
        world.join()
        near = Process(url, tmp_path / "near.log")
        opened.callback(near.kill)
        with laid.at_the_other_end():
            far = Process(far_url, tmp_path / "far.log")
        opened.callback(far.kill)
        made = Scenario(cable=laid, world=world, url=url)
        wait_for(lambda: len(made.far_shards()) == len(ALL) // 2, "each evaluates half")
        yield made


def test_a_process_that_is_cut_off_changes_neither_the_log_nor_what_is_noticed_when(
    scenario: Scenario,
) -> None:
    """The clock of an exercise is in its feed, whichever process evaluates or takes over."""
    shards = scenario.far_shards()
    far, near = scenario.quiet_sites(shards), scenario.quiet_sites(set(ALL) - shards)
    for site in (far[0], near[0]):
        scenario.flood(site)
    scenario.cable.cut()
    for site in (near[1], far[1], far[2]):  # the shards of the last two have to change hands
        scenario.flood(site)
    assert scenario.far_shards() == set()
    scenario.cable.mend()
    wait_for(lambda: len(scenario.far_shards()) == len(ALL) // 2, "each evaluates half again")
    for site in (scenario.quiet_sites(scenario.far_shards())[0], near[2]):
        scenario.flood(site)
    scenario.world.beat(scenario.minute)
    wait_for(lambda: scenario.world.progress() == (scenario.minute, 0), "all is evaluated")
    assert scenario.list_noticed() == scenario.noticed
    log = scenario.world.log()
    assert len(log) >= len(scenario.noticed)
    assert log == backtest(scenario.world)
