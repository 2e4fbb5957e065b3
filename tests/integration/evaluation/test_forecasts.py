"""A rule that forecasts, live: by news of its own gauge and of others, and by new models."""

from typing import Any

import pytest

from rules._forecast import model_to_json
from rules._written_forecast import WrittenModel
from sensors._errors import Place
from tests.integration.evaluation.world import Sent, World, us

pytestmark = pytest.mark.integration

HOUR = us(60) - us(0)
SOON = """
- id: flood-soon
  title: "{site}: soon"
  when: forecast(level, 1 h) > 3.5 m
  severity: minor
  advice: look
  wrong when: never
  tests: []
"""


def model(times: float) -> dict[str, Any]:
    """The Yvette, as the Orge rose in a quarter of an hour; without it as it stands."""
    terms = {HOUR: {"change(level@orge, 15 min)": times}}
    written = WrittenModel(series="level", terms=terms, spread=0.2, hold=HOUR // 4)
    return model_to_json(written.model("yvette", Place(file="test", line=1, column=1)))


@pytest.fixture
def river(world: World) -> World:
    world.rules = SOON
    world.register(["orge", "yvette"])
    revise(world, model(4.0), 20)
    world.record_rules()
    world.join()
    levels(world, "yvette", *((at, 2.0) for at in range(0, 65, 5)))
    levels(world, "orge", *((at, 1.0) for at in range(0, 25, 5)))
    return world


def revise(world: World, value: dict[str, Any] | None, since: float) -> None:
    world.revise(world.fact("forecast", "yvette/level", value, since=us(since)))


def levels(world: World, site: str, *pairs: tuple[float, float]) -> None:
    world.store([Sent(site=site, at=at, value=value) for at, value in pairs])


def soon(world: World) -> list[tuple[str, int, int | None, str | None]]:
    world.beat(61)
    world.settle()
    found = [alarm.episode for alarm in world.alarms()]
    return sorted((each.subject, each.began, each.ended, each.reason) for each in found)


def test_news_of_the_other_gauge_alone_changes_the_forecasts_from_its_time_on(river: World) -> None:
    assert soon(river) == []
    levels(river, "orge", (25, 1.2), (30, 1.5), (35, 1.5), (40, 1.5))
    # 30 and 35: 2.0 + 4 x 0.5; 40: 2.0 + 4 x 0.3
    assert soon(river) == [("yvette", us(30), us(40), None)]

    levels(river, "orge", (20, 1.3))  # corrected: 35 is 0.2 above it
    assert soon(river) == [("yvette", us(30), us(35), None)]
    log = river.log()
    river.restart()
    river.settle()
    assert river.log() == log


def test_a_new_model_counts_from_its_time_and_ends_what_has_none(river: World) -> None:
    levels(river, "orge", *((at, 1.0 + 0.05 * (at - 20)) for at in range(25, 65, 5)))
    # from 35 on it rises by 0.75 in a quarter of an hour
    assert soon(river) == [("yvette", us(30), None, None)]

    revise(river, model(1.0), 47)
    assert soon(river) == [("yvette", us(30), us(50), None)]
    kinds = [one.kind for one in river.transitions()]
    revise(river, model(2.5), 53)
    revise(river, None, 57)
    first, second = soon(river)
    assert first == ("yvette", us(30), us(50), None)
    assert second == ("yvette", us(55), us(57), "forecast withdrawn")
    assert [one.kind for one in river.transitions()][: len(kinds)] == kinds
