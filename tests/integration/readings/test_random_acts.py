"""Arrivals and acts in any order against a slow, obvious model of what stands."""

import random
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from hypervisor.database.audit import ActError
from hypervisor.readings import corrections
from hypervisor.readings.corrections import Attribution, ObservationRequest
from hypervisor.registry import queries as registry_queries
from tests.integration.evaluation.world import CATALOGUE, Sent, World
from tests.integration.readings.test_acts import at, level, stands

pytestmark = pytest.mark.integration

MINUTE = 5.0  # the time of the one reading that all of this is about
BY_HAND, MANUAL = 4, 32
MICRO = 1e-6 / 60  # in minutes
STEP = 1001 * MICRO
Version = tuple[float, int]  # value, quality
Rank = tuple[float, float, int]


@dataclass(kw_only=True)
class Slow:
    """Every version with its first arrival and its act; the latest of either ranks highest."""

    arrived: dict[Version, float] = field(default_factory=dict)
    acted: dict[Version, float] = field(default_factory=dict)
    acts: dict[int, Version] = field(default_factory=dict)

    def rank(self, version: Version) -> Rank:
        never = float("-inf")
        return max(self.arrived.get(version, never), self.acted.get(version, never)), *version

    def ordered(self) -> list[Version]:
        return sorted(self.arrived.keys() | self.acted.keys(), key=self.rank)

    def arrive(self, value: float, received: float) -> None:
        self.arrived[value, 0] = min(received, self.arrived.get((value, 0), received))

    def act(self, number: int, one: Version, now: float) -> None:
        top = self.ordered()[-1:]
        self.acted[one] = max([now, *(self.rank(other)[0] for other in top)]) + STEP
        self.acts = {key: kept for key, kept in self.acts.items() if kept != one}
        self.acts[number] = one

    def undo(self, number: int, now: float) -> None:
        own = self.acts.pop(number, None)
        if own is None:
            return
        below = [one for one in self.ordered() if self.rank(one) < self.rank(own)]
        one = below[-1] if below else (own[0], own[1] | BY_HAND)
        was = self.acted[own]
        standing = self.ordered()[-1] == own
        self.acted[one] = max(now, was) + STEP if standing else was + MICRO
        self.acts = {key: kept for key, kept in self.acts.items() if kept != one}


@dataclass(kw_only=True)
class Both:
    """The store and the model, told the same."""

    world: World
    chance: random.Random
    slow: Slow = field(default_factory=Slow)
    now: float = 10.0
    done: list[int] = field(default_factory=list)

    def arrive(self) -> None:
        value = self.chance.choice([1.0, 2.0, 3.0])
        received = self.now - self.chance.choice([0, 0, 0, 4.5])  # some were long under way
        self.slow.arrive(value, received)
        self.world.store([Sent(site="mill", at=MINUTE, value=value, received=received)])

    def invalidate(self) -> None:
        try:
            done = corrections.invalidate(
                self.world.connection,
                level(self.world),
                at(MINUTE),
                at(MINUTE),
                Attribution(reason="ice"),
            )
        except ActError:
            return
        value, quality = self.slow.ordered()[-1]
        self.slow.arrived[value, quality | BY_HAND] = self.slow.arrived.get(
            (value, quality), float("-inf")
        )
        self.slow.act(done.number, (value, quality | BY_HAND), self.now)
        self.done.append(done.number)

    def observe(self) -> None:
        value = self.chance.choice([1.0, 2.0])
        told = ObservationRequest(series="mill/level", value=value, unit="m", time=at(MINUTE))
        seen = corrections.check_observation(
            registry_queries.load(self.world.connection), CATALOGUE, told
        )
        try:
            done = corrections.observe(
                self.world.connection, seen, Attribution(reason="seen"), ahead=timedelta(0)
            )
        except ActError:
            return
        self.slow.act(done.number, (value, MANUAL), self.now)
        self.done.append(done.number)

    def undo(self) -> None:
        if not self.done:
            return
        number = self.done.pop(self.chance.randrange(len(self.done)))
        corrections.undo(
            self.world.connection,
            registry_queries.load(self.world.connection),
            number,
            Attribution(reason="none"),
        )
        self.slow.undo(number, self.now)


@pytest.mark.parametrize("seed", range(3))
def test_what_stands_is_what_the_slow_model_says(world: World, seed: int) -> None:
    world.register(["mill"])
    world.join()
    both = Both(world=world, chance=random.Random(seed))
    kinds = [both.arrive, both.arrive, both.invalidate, both.observe, both.undo, both.undo]
    both.arrive()
    for number in range(40):
        both.now += both.chance.choice([0.0, 1.0])  # an exercise's clock may stand still
        world.beat(both.now)
        step = both.chance.choice(kinds)
        step()
        world.connection.commit()
        assert stands(world, MINUTE) == both.slow.ordered()[-1], (number, step.__name__)
