"""What comes from elsewhere than a subject's own readings: water, hours, plans, operators."""

import pytest

from hypervisor.alarms import service as alarm_service
from hypervisor.alarms.errors import ConflictError
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act
from hypervisor.base.instants import moment
from hypervisor.database.connect import connect
from hypervisor.registry.changes import Changes
from tests.integration.evaluation import field
from tests.integration.evaluation.world import Sent, World, us

pytestmark = pytest.mark.integration

WAVE = """
- id: flood-wave
  title: "{site}: a wave comes"
  when: upstream(level) > 4 m
  severity: major
  advice: look
  wrong when: never
  tests: []
- id: flood-evening
  title: "{site}: high in the evening"
  when: level > 3 m and hour >= 8
  severity: major
  advice: look
  wrong when: never
  tests: []
"""


@pytest.fixture
def river(world: World) -> World:
    """The Orge flows into the Yvette in an hour; it is 08:00 in Paris at 07:00 UTC."""
    world.rules += WAVE
    world.register(["orge", "yvette"])
    flow(world, 60)
    world.record_rules()
    world.join()
    return world


def flow(world: World, minutes: float | None, *, since: float = -10_000) -> None:
    value = None if minutes is None else {"travel_s": minutes * 60}
    link = world.fact("link", "orge>yvette", value, since=us(since))
    field.write(world, Changes(revisions=(link,)))


def waves(world: World) -> list[tuple[str, int, int | None]]:
    found = [alarm.episode for alarm in world.alarms() if alarm.episode.rule == "flood-wave"]
    return [(episode.subject, episode.began, episode.ended) for episode in found]


def levels(world: World, *pairs: tuple[float, float], site: str = "orge") -> None:
    world.store([Sent(site=site, at=at, value=value) for at, value in pairs])
    world.step()


def test_a_wave_is_told_downstream_when_only_upstream_has_news(river: World) -> None:
    levels(river, (0, 2.0), (5, 4.5), (10, 4.5))
    river.beat(60)
    river.step()
    assert waves(river) == []

    river.beat(66)  # time alone brings it
    river.step()

    assert waves(river) == [("yvette", us(65), None)]
    levels(river, (15, 2.0))
    river.beat(80)
    river.settle()
    assert waves(river) == [("yvette", us(65), us(75))]


def test_a_late_reading_upstream_and_a_way_revised_revise_what_was_told_below(river: World) -> None:
    levels(river, (0, 2.0), (10, 4.5))
    river.beat(71)
    river.settle()
    assert waves(river) == [("yvette", us(70), None)]

    levels(river, (5, 4.5))
    assert waves(river) == [("yvette", us(65), None)]
    flow(river, 50)
    river.settle()
    assert waves(river) == [("yvette", us(55), None)]
    flow(river, None)
    river.settle()

    assert waves(river) == []
    kinds = [
        transition.kind
        for transition in river.transitions()
        if transition.snapshot["rule"] == "flood-wave"
    ]
    assert kinds == ["raised", "revised", "revised", "withdrawn"]


def test_an_hour_of_the_day_raises_without_any_news(river: World) -> None:
    levels(river, (415, 3.5), site="yvette")  # 06:55 UTC
    river.beat(418)
    river.step()
    assert [one.episode.rule for one in river.alarms() if "evening" in one.episode.rule] == []

    river.beat(421)
    river.step()

    (alarm,) = [one for one in river.alarms() if one.episode.rule == "flood-evening"]
    assert (alarm.episode.subject, alarm.episode.began) == ("yvette", us(420))


def high(world: World) -> int:
    """An alarm that lasts, as one that the scenario's clock has come to: its number."""
    levels(world, *((at, 3.5) for at in (0, 5, 10, 15)))
    world.beat(16)
    world.settle()
    (alarm,) = [one for one in world.alarms() if one.episode.rule == "flood-high"]
    return alarm.id


def close(world: World, number: int, version: int) -> None:
    with connect(world.url) as connection:
        what = Act(
            alarm=number, kind=ActKind.CLOSE, author="anne", reason="it is mud", version=version
        )
        alarm_service.perform(connection, what, now=moment(us(10_000)))


def episodes(world: World) -> list[tuple[int, int | None, str | None]]:
    found = [alarm.episode for alarm in world.alarms() if alarm.episode.rule == "flood-high"]
    return sorted((episode.began, episode.ended, episode.reason) for episode in found)


def test_an_alarm_closed_by_hand_ends_and_comes_again_after_its_condition_was_false(
    river: World,
) -> None:
    number = high(river)
    close(river, number, 1)
    levels(river, (20, 3.5))
    river.beat(21)
    river.settle()
    closed = (us(10), us(16), "closed by anne: it is mud")
    assert episodes(river) == [closed]

    levels(river, (25, 3.5), (30, 2.0), (35, 3.5), (40, 3.5), (45, 3.5))
    river.beat(46)
    river.settle()

    assert episodes(river) == [closed, (us(45), None, None)]
    log = river.log()
    river.restart()
    river.settle()
    assert river.log() == log


def test_an_act_on_an_alarm_that_the_watch_has_changed_since_is_refused(river: World) -> None:
    number = high(river)
    levels(river, (20, 4.5))  # a step up: another version
    river.beat(21)
    river.settle()

    with pytest.raises(ConflictError, match="has changed since you saw it: version 2, not 1"):
        close(river, number, 1)
    close(river, number, 2)
    river.beat(22)
    river.settle()
    assert [end for _, end, _ in episodes(river)] == [us(21)]
