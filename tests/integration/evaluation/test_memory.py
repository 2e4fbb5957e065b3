"""Evaluation keeps within its memory, whatever comes, and the log is the same as with plenty."""

import gc
import random
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hypervisor.alarms.log import Pair
from hypervisor.database.connect import Connection
from hypervisor.evaluation import evaluate, memory, series_tail, tail_budget
from hypervisor.evaluation.loop import load_frozen_memory
from hypervisor.evaluation.memory import Memory
from tests.conftest import Stack
from tests.integration.evaluation.test_equality import (
    PLAYS,
    SITES,
    Play,
    backtest,
    flood,
    new_world,
    play,
    rivers,
)
from tests.integration.evaluation.world import Sent, World

pytestmark = pytest.mark.integration

LONG = """
- id: flood-after-peak
  title: "{site}: rain after a peak"
  when: max(level, 6 h) > threshold.attention + 0.5 m and catchment_rain > 2 mm
  severity: minor
  advice: look
  wrong when: never
  tests: []
- id: flood-wet
  title: "{site}: wet"
  when: sum(catchment_rain, 4 h) > 20 mm and level < 9 m
  for: 10 min
  severity: info
  advice: look
  wrong when: never
  tests: []
- id: flood-mute
  title: "{site}: mute after a peak"
  when: silent(level, 20 min) and last(level) > 2.6 m
  severity: info
  advice: look
  wrong when: never
  tests: []
"""
BYTES = 12_000  # of memory: less than a tenth of what the readings take


@pytest.fixture(autouse=True)
def _scarce(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds so tight that every one of them is reached by a few hundred readings."""
    monkeypatch.setattr(tail_budget, "_LEAST", 3)
    monkeypatch.setattr(tail_budget, "_FEWEST_BYTES", 0)
    monkeypatch.setattr(series_tail, "_MOST", 40)
    monkeypatch.setattr(memory, "_FEWEST", 3)
    monkeypatch.setattr(memory, "_MOST", 20)
    monkeypatch.setattr(memory, "_AT_ONCE", 30)
    monkeypatch.setattr(evaluate, "_BLOCK", 2)


def _in_pieces(
    world: World, sent: Sequence[Sent], rng: random.Random, *, sizes: Sequence[int] = (1, 7, 40)
) -> None:
    rest = list(sent)
    while rest:
        size = rng.choice(sizes)
        batch, rest = rest[:size], rest[size:]
        world.store(batch)
        if rng.random() < 0.4:
            world.beat(max(one.arrival for one in batch))
        if rng.random() < 0.1:
            world.restart()
        if rng.random() < 0.7:
            world.step()
            check_bounds(world)


def check_bounds(world: World) -> None:
    """What tails hold is counted, and shortened to the bound before the next batch."""
    own = world.memory
    assert own is not None
    held = sum(tail.nbytes for tail in own.tails.values())
    assert own.budget.held == held
    own.stats.read(own.tails, own.budget.shorten())
    least = 3 * 2 * 30 + 16 * 30 + 3 * 30  # rows with room, of each series
    assert own.budget.held <= max(own.budget.most, len(own.tails) * least)


def old_beside_live(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    """Half of the past comes bit by bit, the oldest last, while the present goes on."""
    cut = len(sent) // 2
    old, live = list(sent[:cut]), list(sent[cut:])
    mixed = [one for pair in zip(live, reversed(old), strict=False) for one in pair]
    _in_pieces(world, [*mixed, *live[cut:], *old[: max(cut - len(live), 0)]], rng)


def newest_first(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    _in_pieces(world, sent[::-1], rng)


def many_of_one_series(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    """One gauge sends every ten seconds for an hour."""
    dense = [
        Sent(site=SITES[0], at=100 + n / 6, value=round(rng.uniform(2.5, 3.5), 2), received=161)
        for n in range(360)
    ]
    _in_pieces(world, [*sent[:200], *dense, *sent[200:]], rng, sizes=(40, 200))


def doubles_and_corrections(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    for at in range(0, len(sent), 30):
        piece = sent[at : at + 30]
        _in_pieces(world, piece, rng)
        again = [one for one in piece if one.value is not None and rng.random() < 0.2]
        again = [one if rng.random() < 0.5 else wrong(one, rng) for one in again]
        if again:
            _in_pieces(world, [replace(one, received=one.arrival + 1) for one in again], rng)


def wrong(one: Sent, rng: random.Random) -> Sent:
    return replace(one, value=round((one.value or 0) + rng.uniform(-1, 1), 2))


def edited_meanwhile(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    third = len(sent) // 3
    for number in range(3):
        _in_pieces(world, sent[number * third : (number + 1) * third], rng)
        limit = {"value": rng.choice((2.6, 3.2, 3.6)), "unit": "m"}
        world.revise(world.fact("threshold", f"{SITES[number]}/attention", limit))
    _in_pieces(world, sent[3 * third :], rng)


def flapping(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    _in_pieces(
        world,
        [
            replace(one, value=2.5 + (n % 2) * 1.2) if one.quantity == "level" else one
            for n, one in enumerate(sent)
        ],
        rng,
    )


def new_series_meanwhile(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    half = len(sent) // 2
    _in_pieces(world, sent[:half], rng)
    world.register([f"new-{n}" for n in range(6)])
    more = [replace(one, site=f"new-{n % 6}") for n, one in enumerate(sent[half:])]
    _in_pieces(world, [one for pair in zip(sent[half:], more, strict=True) for one in pair], rng)


def ahead_of_time(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    """Some devices' clocks are minutes ahead."""
    _in_pieces(
        world,
        [replace(one, at=one.at + 4) if one.site == SITES[1] else one for one in sent],
        rng,
    )


def without_values(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    _in_pieces(
        world,
        [replace(one, value=None, quality=2) if rng.random() < 0.4 else one for one in sent],
        rng,
    )


def killed_after_each(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    for at in range(0, len(sent), 50):
        _in_pieces(world, sent[at : at + 50], rng)
        world.restart()


def burst_after_a_gap(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    """All is quiet for hours, then everything comes at once."""
    _in_pieces(world, sent[:100], rng)
    world.store([replace(one, received=sent[-1].arrival) for one in sent[100:]])
    world.step()
    check_bounds(world)


def one_late_each(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    late = [one for one in sent if rng.random() < 0.3]
    rest = [one for one in sent if one not in late]
    rng.shuffle(late)
    for at in range(0, len(rest), 6):
        world.store(rest[at : at + 6])
        if late:
            world.store([late.pop()])
        world.beat(rest[at].arrival)
        world.step()
    world.store(late)


def saturated(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    _in_pieces(
        world,
        [replace(one, quality=8) if rng.random() < 0.2 else one for one in sent],
        rng,
    )


def one_site_after_the_other(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    _in_pieces(world, sorted(sent, key=lambda one: (one.site, one.at)), rng)


def in_steps_without_time(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    world.longest = 0.0
    _in_pieces(world, sent, rng)


LOADS: tuple[Play, ...] = (
    *PLAYS,
    old_beside_live,
    newest_first,
    many_of_one_series,
    doubles_and_corrections,
    edited_meanwhile,
    flapping,
    new_series_meanwhile,
    ahead_of_time,
    without_values,
    killed_after_each,
    burst_after_a_gap,
    one_late_each,
    saturated,
    one_site_after_the_other,
    in_steps_without_time,
)
FEW = (old_beside_live, many_of_one_series, doubles_and_corrections, burst_after_a_gap)


def with_long_windows(world: World) -> None:
    world.rules += LONG
    world.bytes = BYTES
    rivers(world)


def one_log(stack: Stack, way: Play, seed: int, minutes: int) -> None:
    with new_world(stack, with_long_windows) as world:
        log = play(world, way, flood(seed, minutes=minutes), seed)
        assert {one["rule"] for one in log}
        assert log == backtest(world)
        world.longest = float("inf")
        world.reset()  # an undisturbed evaluation of what is stored, with plenty of memory
        world.bytes = 512 * 2**20
        world.settle()
        assert log == world.log()


@pytest.mark.parametrize("way", FEW, ids=lambda way: way.__name__)
def test_the_log_is_the_same_with_little_memory(stack: Stack, way: Play) -> None:
    one_log(stack, way, seed=1, minutes=4 * 60)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", LOADS, ids=lambda way: way.__name__)
def test_so_it_is_for_every_kind_of_load(stack: Stack, way: Play, seed: int) -> None:
    one_log(stack, way, seed, minutes=8 * 60)


@pytest.mark.parametrize("restarted", [True, False], ids=["read at start", "shortened"])
def test_a_peak_that_memory_holds_no_longer_still_counts(stack: Stack, *, restarted: bool) -> None:
    """The rule is calm and waits for rain; then the prefilter alone decides."""

    def register(world: World) -> None:
        world.rules = LONG.partition("- id: flood-mute")[0]  # which wants late arrivals
        world.bytes = BYTES
        world.register(SITES)

    def send(world: World, at: int, *, level: float = 1.0, rain: float = 0.0) -> None:
        for quantity, value in (("level", level), ("catchment_rain", rain)):
            world.store([Sent(site="orge", at=at, value=value, quantity=quantity)])
        world.beat(at)
        world.settle()

    with new_world(stack, register) as world:
        for at in range(0, 300, 5):
            send(world, at, level=5.0 if at == 10 else 1.0)
        if restarted:
            world.restart()
        send(world, 300)  # after a start all is evaluated once
        own = world.memory
        assert own is not None
        held = [part["value"] for tail in own.tails.values() for part in (tail.older, tail.rows)]
        assert np.concatenate(held).max() == 1.0
        calm = own.plans["flood-after-peak"]
        assert calm.calm.all()
        assert not calm.must.any()
        send(world, 305, rain=5.0)
        assert [one["rule"] for one in world.log()] == ["flood-after-peak"]


def test_states_before_late_readings_are_loaded_for_a_few_subjects_at_a_time(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are late together, each of them may have as many states as it has readings."""
    many = [f"site-{number}" for number in range(20)]
    together: list[int] = []

    def load(connection: Connection, pairs: Iterable[Pair], before: Mapping[Pair, int]) -> Any:
        together.append(len({subject for _, subject in pairs}))
        return memory.load_standings(connection, pairs, before)

    monkeypatch.setattr(evaluate, "load_standings", load)
    monkeypatch.setattr(evaluate, "_BLOCK", 500)
    with new_world(stack, lambda world: world.register(many)) as world:
        world.bytes = 512_000  # a thousand readings at once
        for at in range(0, 200, 5):
            world.store([Sent(site=site, at=at, value=2.5 + at % 2 * 1.2) for site in many])
        world.settle()
        world.store([Sent(site=site, at=-60, value=3.3, received=200) for site in many])
        world.settle()
        assert sum(together) >= len(many)
        assert max(together) < len(many) // 2
        assert world.log() == backtest(world)


def test_an_evaluation_that_lost_its_database_leaves_nothing_behind(stack: Stack) -> None:
    """What it had begun holds its memory by itself: frozen by the next one, it would stay."""

    def load(world: World) -> "weakref.ref[Memory]":
        world.restart()
        assert world.own is not None
        world.memory = load_frozen_memory(world.own, world.setup)
        world.longest = 0.0
        world.store(flood(3)[:200])
        assert world.step().more  # unfinished
        return weakref.ref(world.memory)

    with new_world(stack) as world:
        world.step()
        gone = [load(world) for _ in range(3)]
        load(world)
        assert [ref() for ref in gone] == [None] * 3
    gc.unfreeze()
