"""No rule that is accepted can stop the others, on the real database."""

from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hypervisor.evaluation import queries_setbacks
from tests.integration.evaluation.world import RULES, Sent, World
from tests.unit.rules.extremes import rules
from tests.unit.rules.test_extremes import accepted

pytestmark = pytest.mark.integration

EDGES = st.tuples(*(rules(number).filter(accepted) for number in range(8)))
ONCE = [Phase.generate]  # a world goes on from example to example: none can be made smaller
NO_CHECK = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]


@pytest.fixture
def rounds(world: World) -> "count[int]":
    world.register(["mill"])
    world.join()
    return count()


def go_on(world: World, number: int, texts: tuple[str, ...]) -> None:
    """Four hours with these rules: the others raise their alarm as ever."""
    world.rules = RULES + "".join(texts)
    world.record_rules()
    for at in range(number * 240, number * 240 + 240, 10):
        level = 2.0 + 3.0 * (90 <= at % 240 < 180)
        world.store([Sent(site="mill", at=at, value=level)])
        world.beat(at)
        world.step()
    assert world.progress() == (number * 240 + 230, 0)
    raised = [one for one in world.log() if one["rule"] == "flood-high"]
    assert len(raised) == number + 1
    set_asides = queries_setbacks.listing(world.connection)
    world.connection.commit()
    assert [set_aside for set_aside in set_asides if "it looks back" not in set_aside.problem] == []


@settings(max_examples=2, suppress_health_check=NO_CHECK, phases=ONCE)
@given(texts=EDGES)
def test_accepted_rules_stop_no_other(
    world: World, rounds: "count[int]", texts: tuple[str, ...]
) -> None:
    go_on(world, next(rounds), texts)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=30, suppress_health_check=NO_CHECK, phases=ONCE)
@given(texts=EDGES)
def test_accepted_rules_stop_no_other_at_length(
    world: World, rounds: "count[int]", texts: tuple[str, ...]
) -> None:
    go_on(world, next(rounds), texts)
