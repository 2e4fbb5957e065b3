"""Each scenario's truth is met by the packs, and quiet days stay quiet: judged offline."""

from collections import Counter
from itertools import cycle

import pytest

from hypervisor.alarms.log import Alarm
from simulators._scenarios import scenario_files
from tests.unit.packs.judging import Told, told

SEEDS = (1, 2, 3)  # the first on a part of the territory, each story by one more on all of it
WEEK = "territory-week"  # each of its alarms is another story's too: the whole of it is enough
FLAPPING = 6  # alarms of one rule and subject in any story: more is no story but a flicker


def require(result: Told) -> None:
    missed = [(verdict.truth.what, verdict.rule) for verdict in result.score.missed]
    assert missed == []
    days = result.story.hours / 24
    assert len(result.score.false) <= days, [alarm.title for alarm in result.score.false]
    assert flapping(result.alarms) == {}


def flapping(alarms: tuple[Alarm, ...]) -> dict[tuple[str, str], int]:
    told_of = Counter((alarm.episode.rule, alarm.episode.subject) for alarm in alarms)
    return {pair: count for pair, count in told_of.items() if count > FLAPPING}


@pytest.mark.parametrize("name", [name for name in scenario_files() if name != WEEK])
def test_a_part_of_the_territory(name: str) -> None:
    result = told(name, SEEDS[0], whole=False)
    require(result)
    if result.story.quiet and not result.story.truth:
        assert result.alarms == ()


@pytest.mark.long
@pytest.mark.timeout(1200)  # a week of 8,500 series
@pytest.mark.parametrize(("name", "seed"), tuple(zip(scenario_files(), cycle(SEEDS[1:]))))
def test_the_whole_territory_by_another_seed(name: str, seed: int) -> None:
    require(told(name, seed))
