"""Devices and groups: gauges replaced, zeros moved, lamps by their plan, members come and gone."""

from datetime import timedelta
from typing import Any

import pytest

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.log import as_text
from hypervisor.base.instants import micros
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Series
from tests.integration.evaluation import field
from tests.integration.evaluation.test_equality import backtest
from tests.integration.evaluation.world import DAY, Sent, World, us

pytestmark = pytest.mark.integration


def feed(world: World, device: str, *pairs: tuple[float, float], quantity: str = "level") -> None:
    for at, value in pairs:
        world.store([Sent(site=device, at=at, value=value, quantity=quantity)])
        world.beat(at)
        world.step()


def of(world: World, rule: str) -> list[tuple[str, float, float | None]]:
    """(subject, minute it began, minute it ended) of the alarms of a rule."""
    episodes = [alarm.episode for alarm in world.alarms() if alarm.episode.rule == rule]
    return sorted(
        (
            episode.subject,
            minute(episode.began),
            None if episode.ended is None else minute(episode.ended),
        )
        for episode in episodes
    )


def minute(time: int) -> float:
    return (time - micros(DAY)) / 60_000_000


@pytest.fixture
def orge(world: World) -> World:
    world.register(["orge"])
    world.record_rules()
    world.join()
    return world


@pytest.fixture
def street(world: World) -> World:
    """The cabinet and its lamps; by night, from the end of the curfew on, they are lit."""
    field.register(world)
    world.record_rules()
    world.join()
    return world


def test_a_gauge_replaced_in_the_middle_of_an_alarm_leaves_it_as_it_was(orge: World) -> None:
    feed(orge, "orge", (0, 2.0), (5, 3.1), (10, 3.2), (15, 3.3), (20, 3.4))
    (before,) = orge.alarms()
    transitions = orge.transitions()

    field.write(orge, *field.replacement(orge, 22))
    orge.step()

    (after,) = orge.alarms()
    assert (after.id, after.episode) == (before.id, before.episode)
    assert orge.transitions() == transitions

    # What the old one says of the time after is nobody's; of before, late as it is, it counts.
    orge.store([Sent(site="orge", at=23, value=1.0, received=24)])
    orge.store([Sent(site="orge", at=12, value=3.9, received=24)])
    feed(orge, "new", (25, 3.6), (30, 3.5), (35, 2.5), (40, 2.4), (45, 2.4))
    orge.settle()

    (ended,) = [alarm for alarm in orge.alarms() if alarm.episode.rule == "flood-high"]
    assert ended.id == before.id
    assert (ended.episode.began, ended.episode.ended) == (us(15), us(45))
    assert orge.log() == backtest(orge)


def test_nothing_is_compared_across_a_replacement_nor_a_moved_zero(orge: World) -> None:
    feed(orge, "orge", (0, 1.0), (5, 1.0), (10, 1.0))
    zeros = [(0, 48.0), (12, 47.0)]
    orge.revise(
        *(
            orge.fact("datum", "orge", {"zero": zero, "unit": "m"}, since=us(at))
            for at, zero in zeros
        )
    )
    field.write(orge, *field.replacement(orge, 80))

    feed(orge, "orge", (15, 2.0), (20, 2.0), (65, 2.0), (70, 2.0))  # a metre more, by the zero
    feed(orge, "new", (80, 1.0), (85, 3.0))  # and another one, by the gauge
    orge.settle()
    assert of(orge, "flood-rise") == []

    feed(orge, "new", (140, 3.0))
    assert of(orge, "flood-rise") == [("orge", 140.0, None)]
    assert orge.log() == backtest(orge)


def test_a_lamp_is_silent_only_while_it_has_its_supply(street: World) -> None:
    feed(street, "lamp-1", (245, 100.0), (260, 100.0), quantity="light_level")
    for lamp in ("lamp-2", "lamp-3"):  # until the sun rises, some time after their last word
        feed(street, lamp, (440, 100.0), (455, 100.0), quantity="light_level")
    street.beat(1100)
    street.settle()

    silent = {subject: began for subject, began, _ in of(street, "lighting-silent")}
    assert silent["device/lamp-1"] == 300.0
    # The fourth never spoke: forty minutes from the end of the curfew on.
    assert silent["device/lamp-4"] == 280.0
    assert silent["device/lamp-2"] > 950.0, "sunset is after 15:50 UTC; some minutes are missing"
    assert silent["device/lamp-2"] < 1000.0
    assert street.log() == backtest(street)


def test_a_changed_plan_judges_again_from_its_time(street: World) -> None:
    feed(street, "lamp-1", (245, 100.0), (260, 100.0), quantity="light_level")
    street.beat(400)
    street.settle()
    assert ("device/lamp-1", 300.0, None) in of(street, "lighting-silent")

    dark = {"spells": [{"begins": "20:00", "ends": "11:00", "level": 0}]}
    street.revise(street.fact("plan", "streets", dark, since=us(290)))
    street.settle()

    assert ("device/lamp-1", 300.0, None) not in of(street, "lighting-silent")
    (one,) = [
        (seen.kind, seen.reason)
        for seen in street.transitions()
        if seen.snapshot["subject"] == "device/lamp-1" and seen.kind == "withdrawn"
    ]
    assert one == ("withdrawn", "supply of lamp-1 revised from 2024-01-01T04:50:00Z")


def test_a_member_that_comes_or_goes_leaves_the_past_share_alone(street: World) -> None:
    for at in (250, 265, 280, 295):
        for lamp, level in (("lamp-1", 10.0), ("lamp-2", 10.0), ("lamp-3", 100.0)):
            feed(street, lamp, (at, level), quantity="light_level")
        feed(street, "lamp-4", (at, 100.0), quantity="light_level")
    assert of(street, "lighting-dark") == [("group/cab", 250.0, None)]

    revisions = [
        street.fact("member", "cab/lamp-1", None, since=us(296)),
        street.fact("member", "cab/lamp-2", None, since=us(296)),
    ]
    street.revise(*revisions)
    street.beat(298)
    street.settle()

    (alarm,) = of(street, "lighting-dark")
    assert alarm == ("group/cab", 250.0, 296.0)
    assert street.log() == backtest(street)


def test_alarms_say_where_their_subject_stands_and_what_they_are_about(street: World) -> None:
    feed(street, "lamp-1", (250, 100.0), (265, 100.0), quantity="light_level")
    feed(street, "lamp-1", (266, 2.0), (300, 2.0), quantity="lamp_fault")
    feed(street, "lamp-1", (301, 10.0), quantity="light_level")
    street.settle()

    def told(**selection: Any) -> list[tuple[str, str]]:
        alarms = alarm_queries.list_alarms(street.connection, alarm_queries.Selection(**selection))
        return [(one.episode.rule, one.title) for one in alarms]

    (fault,) = told(category="maintenance")
    assert fault == ("lighting-fault", "lamp-1 of Rue: fault")
    assert told(subject="device/lamp-1", rule="lighting-fault") == [fault]
    assert told(site="orge", domain="lighting") == []
    assert fault in told(site="cab")
    (alarm,) = alarm_queries.list_alarms(
        street.connection, alarm_queries.Selection(category="maintenance")
    )
    said = as_text(alarm)
    assert (said["subject"], said["site"], said["domain"]) == ("device/lamp-1", "cab", "lighting")


def test_a_rule_of_what_all_devices_tell_is_of_its_own_domain_alone(street: World) -> None:
    feed(street, "lamp-1", (250, 10.0), quantity="battery")
    feed(street, "yvette", (251, 10.0), quantity="battery")

    assert [subject for subject, *_ in of(street, "flood-weak")] == ["device/yvette"]


def test_a_series_that_nobody_wants_any_more_ends_its_alarm(orge: World) -> None:
    feed(orge, "orge", (0, 3.1), (5, 3.2), (10, 3.3))

    orge.revise(orge.fact("series", "orge/level", None, since=us(12)))
    orge.beat(13)
    orge.settle()

    (alarm,) = orge.alarms()
    assert (alarm.episode.ended, alarm.episode.reason) == (us(12), "out of service")


def test_a_second_device_of_one_domain_is_no_successor_of_another(world: World) -> None:
    """A rain gauge that is taken away leaves the battery of the level gauge what it was."""
    world.register(["orge"], quantities=("level", "battery"))
    then = DAY + timedelta(minutes=20)
    field.write(
        world,
        Changes(
            devices=(
                Device(name="rain", site="orge", commissioned=DAY, retired=then),
                Device(name="late", site="orge", commissioned=then),
            ),
            series=(
                *(Series(device="rain", quantity=q) for q in ("catchment_rain", "battery")),
                *(Series(device="late", quantity=q) for q in ("basin_fill", "battery")),
            ),
        ),
    )
    world.record_rules()
    world.join()
    world.step()

    assert world.memory is not None
    subject = world.memory.territory.subjects["orge"]
    assert subject.doubled == {"battery": micros(then)}
    series = subject.series
    assert {name: one.devices for name, one in series.items()} == {
        "level": {"orge"},
        "catchment_rain": {"rain"},
        "basin_fill": {"late"},
        "battery": {"orge"},  # until another one stands beside it
        "battery@rain": {"rain"},
        "battery@late": {"late"},
    }
