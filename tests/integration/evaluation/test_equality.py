"""The alarm log is a function of the readings: not of order, batches, doubles, outages or kills."""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from hypervisor.alarms.log import log_entry
from hypervisor.database import databases
from hypervisor.database.connect import connect
from hypervisor.evaluation import columns
from hypervisor.evaluation.columns import ColumnQuery
from rules._engine import evaluate
from rules._forecast import model_to_json
from rules._inputs import Horizon
from rules._log import episodes
from rules._written_forecast import WrittenModel
from sensors._errors import Place
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation import field
from tests.integration.evaluation.world import Sent, World, make_world, us

pytestmark = pytest.mark.integration

SITES = ("orge", "yvette", "juine")
END = 12 * 60
Play = Callable[[World, Sequence[Sent], random.Random], None]


def flood(seed: int, *, minutes: int = 8 * 60) -> list[Sent]:
    """Levels that rise, hold and fall, with gaps, spikes, suspect rows and rain; in order."""
    rng = random.Random(seed)
    found = []
    for site in SITES:
        level, target = rng.uniform(2, 3), 3.0
        gap_from = rng.randrange(minutes)
        gap_to = gap_from + rng.choice((0, 20, 45, 90))
        for at in range(0, minutes, 5):
            if rng.random() < 0.06:
                target = rng.uniform(2, 5.2)
            level += (target - level) * rng.uniform(0.1, 0.6) + rng.gauss(0, 0.05)
            if gap_from <= at < gap_to or rng.random() < 0.05:
                continue
            odd = rng.random()
            value: float | None = round(9.9 if odd < 0.02 else level, 2)
            quality = 2 if 0.02 <= odd < 0.05 else 8 if 0.05 <= odd < 0.08 else 0
            if 0.08 <= odd < 0.1:
                value, quality = None, 2
            found.append(Sent(site=site, at=at, value=value, quality=quality, received=at + 1))
        for at in range(0, minutes, 5):
            if rng.random() < 0.9:
                rain = max(0.0, round(rng.gauss(0, 3), 1))
                found.append(
                    Sent(site=site, at=at, value=rain, quantity="catchment_rain", received=at + 1)
                )
    return sorted(found, key=lambda one: (one.arrival, one.site, one.quantity))


def corrected(seed: int) -> list[Sent]:
    """A flood whose readings are sent again, with other values and arrivals, in any order."""
    rng = random.Random(seed)
    sent = []
    for reading in flood(seed):
        late = rng.choice((0, 0, 3, 11, 25))
        sent.append(replace(reading, received=reading.arrival + late))
        while rng.random() < 0.35:
            other = rng.choice((0, 0, -1, 1))
            value = None if reading.value is None else round(reading.value + other, 2)
            arrival = reading.at + rng.choice((1, 2, 5, 20, 45))
            sent.append(replace(reading, value=value, received=arrival))
    return sent


def backtest(world: World) -> list[dict[str, Any]]:
    """The log of what is stored, judged at once from nothing: the pure engine's word."""
    world.restart()
    world.step()
    memory = world.memory
    assert memory is not None
    found = []
    with connect(world.url) as own:
        for pair, revisions in memory.territory.revisions.items():
            facts = memory.territory.subjects[pair[1]]
            series = [*facts.series.values()]
            series += [one for above in facts.upstream for one in above.series.values()]
            series += [one for each in facts.forecasts.values() for one in each.inputs.values()]
            every = [number for series_facts in series for number in series_facts.ids]
            wanted = ColumnQuery(subject=facts, since=dict.fromkeys(every, us(-1_000_000)))
            subject = columns.load_subjects(own, memory.tails, [wanted])[facts.key]
            horizon = Horizon(values=memory.watermark.floor, silence=memory.watermark.floor)
            (verdict,) = evaluate(revisions, [subject], horizon)
            found += [log_entry(episode) for episode in episodes(*pair, verdict.moments)]
    return sorted(found, key=lambda one: (one["rule"], one["subject"], one["since"]))


def in_order(world: World, sent: Sequence[Sent], _: random.Random) -> None:
    for one in sent:
        world.store([one])
        world.beat(one.arrival)
        world.step()


def in_batches(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    rest = list(sent)
    while rest:
        size = rng.choice((1, 2, 7, 30, 100))
        batch, rest = rest[:size], rest[size:]
        world.store(batch)
        world.beat(batch[-1].arrival)
        if rng.random() < 0.7:
            world.step()


def by_threes(world: World, sent: Sequence[Sent], _: random.Random) -> None:
    """A correction is committed with what it corrects, or after that."""
    for at in range(0, len(sent), 3):
        world.store(sent[at : at + 3])
        world.step()


def at_once(world: World, sent: Sequence[Sent], _: random.Random) -> None:
    world.store(sent)


def doubled_and_killed(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    rest = list(sent)
    while rest:
        size = rng.choice((3, 20, 60))
        batch, rest = rest[:size], rest[size:]
        world.store(batch)
        world.store([replace(one, received=one.arrival + 3) for one in batch])
        world.beat(batch[-1].arrival)
        world.restart()
        world.step()


def shuffled(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    """Committed in any order; each arrived when it did."""
    rest = list(sent)
    rng.shuffle(rest)
    while rest:
        size = rng.choice((5, 40, 120))
        batch, rest = rest[:size], rest[size:]
        world.store(batch)
        world.step()


def outage_in_reverse(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    """Three hours of it held back, then committed the newest first."""
    begin = rng.randrange(300)
    held = [one for one in sent if begin <= one.at < begin + 180]
    there = [one for one in sent if one not in held]
    for at in range(0, len(there), 5):
        world.store(there[at : at + 5])
        if rng.random() < 0.6:
            world.beat(there[at].arrival)
            world.step()
    held.reverse()
    for at in range(0, len(held), 9):
        world.store(held[at : at + 9])
        if rng.random() < 0.3:
            world.restart()
        world.step()


def in_small_steps_and_killed(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    """Each step commits after one call of the engine; kills before a batch is finished."""
    world.longest = 0.0
    for at in range(0, len(sent), 60):
        world.store(sent[at : at + 60])
        world.beat(sent[at].arrival)
        kill_in = rng.randrange(12)
        while world.step().more:
            kill_in -= 1
            if kill_in == 0:
                world.restart()


PLAYS: tuple[Play, ...] = (
    in_small_steps_and_killed,
    in_batches,
    at_once,
    doubled_and_killed,
    shuffled,
    outage_in_reverse,
)


SOON = """
- id: flood-soon
  title: "{site}: soon high"
  when: chance(level > threshold.attention, 1 h) >= 50 %
  clear: chance(level > threshold.attention, 1 h) < 20 %
  for: 5 min
  severity: minor
  steps:
    - {severity: major, when: "forecast(level, 30 min) > threshold.alert"}
  advice: look
  wrong when: never
  tests: []
"""


def model(own: float, above: float) -> dict[str, Any]:
    """The Orge's level as it goes on, by itself and by what the Yvette did."""
    terms = {"change(level, 15 min)": own, "change(level@yvette, 30 min)": above}
    written = WrittenModel(series="level", terms={us(60) - us(0): terms}, spread=0.4)
    return model_to_json(written.model("orge", Place(file="test", line=1, column=1)))


def rivers(world: World) -> None:
    """Three rivers; the Orge has a model from the second hour to the seventh, and another one."""
    world.rules += SOON
    world.register(SITES)
    world.revise(
        world.fact("forecast", "orge/level", model(1.0, 0.5), since=us(60)),
        world.fact("forecast", "orge/level", model(2.0, -0.5), since=us(200)),
        world.fact("forecast", "orge/level", None, since=us(420)),
    )


@contextmanager
def new_world(stack: Stack, register: Callable[[World], None] = rivers) -> Iterator[World]:
    """A world of its own, dropped at its end."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    url = stack.database.url(name)
    world = make_world(url, connect(url))
    register(world)
    world.record_rules()
    world.join()
    yield world
    world.close()
    databases.drop(stack.maintenance_url, name)


def play(world: World, way: Play, sent: Sequence[Sent], seed: int) -> list[dict[str, Any]]:
    way(world, sent, random.Random(seed))
    world.beat(END)
    world.settle()
    return world.log()


@pytest.mark.parametrize("way", PLAYS, ids=lambda way: way.__name__)
def test_the_log_is_the_same_however_readings_come(stack: Stack, way: Play) -> None:
    with new_world(stack) as world:
        found = play(world, way, flood(1), seed=5)

        assert found == backtest(world)
    rules = {"flood-high", "flood-rise", "flood-rain", "flood-silent", "flood-soon"}
    assert {one["rule"] for one in found} == rules


@pytest.mark.parametrize(("way", "seed"), [(in_batches, 2), (shuffled, 1), (by_threes, 1)])
def test_a_correction_is_no_new_arrival(stack: Stack, way: Play, seed: int) -> None:
    with new_world(stack) as world:
        log = play(world, way, corrected(seed), seed)

        assert log == backtest(world)
        world.reset()
        world.settle()
        assert log == world.log()


@pytest.mark.parametrize("way", [at_once, outage_in_reverse], ids=lambda way: way.__name__)
def test_so_it_is_with_lamps_groups_and_gauges_replaced(stack: Stack, way: Play) -> None:
    with new_world(stack, field.register) as world:
        found = play(world, way, field.night(2), seed=5)

        assert found == backtest(world)
    rules = {one["rule"] for one in found}
    assert {"flood-high", "flood-deaf", "flood-weak", "flood-wave", "flood-night"} <= rules
    assert {rule for rule in rules if rule.startswith("lighting")} == {
        "lighting-by-day",
        "lighting-cabinet",
        "lighting-dark",
        "lighting-fault",
        "lighting-load",
        "lighting-out",
        "lighting-silent",
        "lighting-total",
    }


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=30)
@example(seed=473, way=outage_in_reverse)  # a silence between arrivals that nobody had judged yet
@given(seed=st.integers(0, 10_000), way=st.sampled_from((*PLAYS, in_order)))
def test_so_it_is_for_any_night_of_the_field(stack: Stack, seed: int, way: Play) -> None:
    with new_world(stack, field.register) as world:
        found = play(world, way, field.night(seed), seed)

        assert found == backtest(world)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    way=st.sampled_from((*PLAYS, in_order)),
    sent=st.sampled_from((flood, corrected)),
)
def test_the_log_is_the_same_for_any_flood(
    stack: Stack, seed: int, way: Play, sent: Callable[[int], list[Sent]]
) -> None:
    with new_world(stack) as world:
        found = play(world, way, sent(seed), seed)

        assert found == backtest(world)
