"""Whatever the rules: the log is a function of the readings, and each of its news is told once."""

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from hypervisor.registry.changes import Changes
from tests.conftest import Stack
from tests.integration.evaluation import chance, field
from tests.integration.evaluation.test_equality import (
    PLAYS,
    SITES,
    Play,
    backtest,
    flood,
    new_world,
    play,
)
from tests.integration.evaluation.world import World, us

pytestmark = pytest.mark.integration

WAYS: tuple[Play, ...] = (chance.crashing_with_two_workers, *PLAYS)
FEW = settings(
    max_examples=3,
    phases=(Phase.generate,),
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
MANY = settings(max_examples=60)


def one_log(stack: Stack, pack: str, seed: int, way: Play) -> None:
    def rivers(world: World) -> None:
        world.rules = pack
        world.register(SITES)
        links = [("orge", "yvette", 30), ("yvette", "juine", 45)]
        facts = [
            world.fact("link", f"{above}>{below}", {"travel_s": minutes * 60}, since=us(-10_000))
            for above, below, minutes in links
        ]
        field.write(world, Changes(revisions=tuple(facts)))

    with new_world(stack, rivers) as world:
        found = play(world, way, flood(seed, minutes=300), seed)

        assert found == backtest(world), pack
        told_once(world)


def told_once(world: World) -> None:
    """What became of an alarm is in the outbox, once, whatever was killed."""
    rows = world.connection.execute("SELECT alarm, event, count(*) FROM outbox GROUP BY 1, 2")
    put = {(alarm, event): count for alarm, event, count in rows}
    world.connection.commit()
    counter = Counter((transition.alarm, transition.kind) for transition in world.transitions())
    for kind in ("cleared", "revised"):
        said = {alarm: count for (alarm, one), count in counter.items() if one == kind}
        assert said == {alarm: count for (alarm, one), count in put.items() if one == kind}
    raised = Counter(alarm for alarm, kind in counter if kind == "raised")
    assert set(raised.values()) <= {1}
    assert all(put.get((alarm, "raised")) == 1 for alarm in raised)


@FEW
@given(pack=chance.packs(), seed=st.integers(0, 10_000), way=st.sampled_from(WAYS[:2]))
def test_any_rules_give_one_log(stack: Stack, pack: str, seed: int, way: Play) -> None:
    one_log(stack, pack, seed, way)


@pytest.mark.long
@pytest.mark.timeout(1800)
@MANY
@given(pack=chance.packs(), seed=st.integers(0, 10_000), way=st.sampled_from(WAYS))
def test_any_rules_give_one_log_however_readings_come(
    stack: Stack, pack: str, seed: int, way: Play
) -> None:
    one_log(stack, pack, seed, way)
