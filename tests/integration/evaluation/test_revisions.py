"""When the past changes: nothing is edited silently, and people can read what became of it."""

from datetime import timedelta

import pytest

from hypervisor.alarms.log import Transition
from hypervisor.base.instants import moment
from hypervisor.database import feed as log
from hypervisor.evaluation.shards import shard_of
from hypervisor.readings import queries_workers
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Series
from tests import documents
from tests.integration.evaluation.world import DAY, Sent, World, unit_of, us

pytestmark = pytest.mark.integration


def feed(world: World, *pairs: tuple[float, float], beats: bool = True) -> None:
    for at, value in pairs:
        world.store([Sent(site="orge", at=at, value=value)])
        if beats:
            world.beat(at)
        world.step()


def late(world: World, at: float, value: float, arrives: float) -> None:
    world.store([Sent(site="orge", at=at, value=value, received=arrives)])
    world.step()


def told(world: World, rule: str = "flood-high") -> list[tuple[str, str]]:
    return [
        (transition.kind, transition.reason)
        for transition in world.transitions()
        if transition.snapshot["rule"] == rule
    ]


def shown_in_alarms_md() -> list[list[str]]:
    """The example of docs/alarms.md, word by word."""
    examples = documents.examples(documents.ROOT / "docs" / "alarms.md")
    (shown,) = (example for example in examples if example.test)
    return [line.split() for line in shown.text.splitlines()]


def as_documented(transition: Transition) -> list[str]:
    event, noticed = (f"{moment(at):%H:%M}" for at in (transition.event, transition.noticed))
    what = transition.reason or transition.snapshot["severity"][-1][1]
    return [transition.kind, "event", event, "noticed", noticed, *what.split()]


@pytest.fixture
def orge(world: World) -> World:
    world.register(["orge"])
    world.record_rules()
    world.join()
    return world


def test_a_late_reading_withdraws_an_alarm_that_never_was(orge: World) -> None:
    feed(orge, (0, 3.1), (10, 3.1), (15, 3.2))
    assert [kind for kind, _ in told(orge)] == ["raised"]

    orge.beat(16)
    late(orge, 5, 1.0, arrives=16)

    assert told(orge)[1:] == [("withdrawn", "late reading of level at 2024-01-01T00:05:00Z")]
    assert list(map(as_documented, orge.transitions())) == shown_in_alarms_md()
    (alarm,) = orge.alarms(withdrawn=True)
    assert alarm.withdrawn is not None
    assert orge.alarms() == []
    assert orge.log() == []


def test_a_late_reading_raises_one_that_is_already_over(orge: World) -> None:
    feed(orge, (0, 2.0), (20, 2.0), (25, 2.0), (30, 2.0))

    orge.store([Sent(site="orge", at=at, value=3.5, received=31) for at in (5, 10, 15)])
    orge.step()

    assert told(orge) == [("retrospective", "late reading of level at 2024-01-01T00:05:00Z")]
    (alarm,) = orge.alarms()
    assert alarm.episode.began == us(15)
    assert alarm.episode.ended == us(30)


def test_a_correction_revises_its_beginning_and_keeps_its_identity(orge: World) -> None:
    feed(orge, (0, 2.0), (5, 3.1), (10, 3.1), (15, 3.1), (20, 3.1))
    (before,) = orge.alarms()

    orge.store([Sent(site="orge", at=5, value=2.0, received=21)])
    orge.step()

    (after,) = orge.alarms()
    assert after.id == before.id
    assert (before.episode.began, after.episode.began) == (us(15), us(20))
    kind, reason = told(orge)[-1]
    assert kind == "revised"
    assert "began 2024-01-01T00:20:00Z instead of 2024-01-01T00:15:00Z" in reason
    assert "correction of level at 2024-01-01T00:05:00Z" in reason


def test_a_gap_filled_merges_two_alarms_and_a_low_reading_splits_one(orge: World) -> None:
    low = [(at, 2.0) for at in (20, 25, 30)]
    feed(orge, (0, 3.1), (5, 3.1), (10, 3.1), (15, 3.1), *low, (35, 3.1), (40, 3.1), (45, 3.1))
    first, second = sorted(orge.alarms(), key=lambda one: one.id)

    orge.store([Sent(site="orge", at=at, value=3.1, received=46) for at, _ in low])
    orge.step()

    (merged,) = orge.alarms()
    assert merged.id == first.id
    assert merged.episode.ended is None
    kinds = {(transition.alarm, transition.kind) for transition in orge.transitions()}
    assert {(first.id, "revised"), (second.id, "merged")} <= kinds

    orge.store([Sent(site="orge", at=at, value=2.1, received=50) for at, _ in low])
    orge.step()

    pieces = sorted(orge.alarms(), key=lambda one: one.id)
    assert [piece.episode.ended for piece in pieces] == [us(30), None]
    assert pieces[0].id == first.id
    assert ("split", f"split from alarm {first.id}") in [
        (kind, reason.partition(":")[0]) for kind, reason in told(orge)
    ]


def test_a_threshold_lowered_now_raises_at_once_and_one_of_the_past_revises(orge: World) -> None:
    orge.rules = orge.rules.replace("  keep for: 10 min\n", "")
    orge.record_rules()
    feed(orge, (0, 2.5), (5, 2.5), (10, 2.5), (15, 2.5))
    limit = {"value": 2.0, "unit": unit_of("attention")}

    orge.revise(orge.fact("threshold", "orge/attention", limit, since=us(5)))
    orge.step()

    (alarm,) = orge.alarms()
    assert (alarm.episode.since, alarm.episode.began) == (us(5), us(15))
    assert told(orge)[0][0] == "raised"

    orge.revise(orge.fact("threshold", "orge/attention", {**limit, "value": 3.0}, since=us(17)))
    orge.beat(18)
    orge.step()

    (alarm,) = orge.alarms()
    assert alarm.episode.ended == us(17)
    assert told(orge)[-1][0] == "cleared"


def test_a_change_made_while_no_watch_ran_is_found(orge: World) -> None:
    feed(orge, (0, 2.5), (5, 2.5), (10, 2.5), (15, 2.5))
    limit = {"value": 2.0, "unit": unit_of("attention")}
    orge.revise(orge.fact("threshold", "orge/attention", limit, since=us(0)))
    orge.restart()

    orge.step()

    (alarm,) = orge.alarms()
    assert alarm.episode.began == us(10)


def test_deafness_told_later_takes_back_a_silence(orge: World) -> None:
    feed(orge, (0, 1.0), (10, 1.0))
    orge.beat(60)
    orge.step()
    assert [alarm.episode.began for alarm in orge.alarms()] == [us(40)]

    queries_workers.record_gaps(orge.connection, "one", [(us(15), us(55))])
    orge.beat(62)
    orge.step()

    assert orge.alarms() == []
    assert told(orge, "flood-silent")[-1][0] == "withdrawn"
    assert "ingest gaps revised" in told(orge, "flood-silent")[-1][1]


def test_a_correction_does_not_unsay_that_the_device_had_spoken(orge: World) -> None:
    feed(orge, *((at, 1.0) for at in range(0, 120, 20)))
    for at in range(0, 100, 20):
        late(orge, at, 1.1, arrives=101 + at / 100)
    orge.beat(102)
    orge.step()
    assert orge.log() == []

    orge.restart()
    orge.connection.execute("TRUNCATE rule_state, evaluation_input, evaluation_state CASCADE")
    orge.connection.commit()
    orge.beat(102)
    orge.settle()

    assert orge.log() == []


def test_a_rule_that_its_pack_drops_ends_its_alarms(orge: World) -> None:
    feed(orge, (0, 3.1), (5, 3.1), (10, 3.1), (15, 3.1))
    orge.rules = "- id: flood-rise" + orge.rules.partition("- id: flood-rise")[2]

    recorded = orge.record_rules()

    assert recorded == ["flood-high"]
    assert orge.record_rules() == []
    orge.step()
    (alarm,) = orge.alarms()
    assert alarm.episode.reason == "rule withdrawn"


@pytest.mark.parametrize("restarted", [False, True])
def test_other_texts_judge_nothing_again_and_leave_what_stands(
    orge: World, *, restarted: bool
) -> None:
    orge.rules = orge.rules.replace(
        "  advice: look\n", '  advice: look\n  fr: {title: "{site} : haut"}\n', 1
    )
    orge.record_rules()
    feed(orge, (0, 3.1), (5, 3.1), (10, 3.1), (15, 3.1))
    before = orge.transitions()
    assert orge.memory is not None
    orge.rules = orge.rules.replace("haut", "crue").replace('"{site}: high"', '"{site}: flood"')

    assert orge.record_rules() == ["flood-high"]
    if restarted:
        orge.restart()
    assert orge.step().evaluated == 0

    assert orge.transitions() == before
    (alarm,) = orge.alarms()
    assert (alarm.title, alarm.title_fr, alarm.advice_fr) == (
        "Orge: high",
        "Orge\N{NO-BREAK SPACE}: haut",
        None,
    )

    feed(orge, (20, 1.0), (30, 1.0), (40, 1.0), (50, 3.1), (60, 3.1), (65, 3.1))
    later, first = orge.alarms()
    assert (later.title, later.title_fr) == ("Orge: flood", "Orge\N{NO-BREAK SPACE}: crue")
    assert first.title == "Orge: high"
    assert first.episode.ended is not None


def test_two_devices_in_service_with_one_quantity_rest_the_rule_and_it_is_said(orge: World) -> None:
    orge.add_device("other", site="orge", quantity="level")

    orge.step()

    assert orge.memory is not None
    assert (
        orge.memory.territory.inapplicable["flood-high", "orge"]
        == "two devices in service measure level"
    )


def test_a_second_gauge_beside_the_first_ends_alarms_and_leaves_the_log_before(orge: World) -> None:
    feed(orge, (0, 3.1), (5, 3.1), (10, 3.1), (15, 3.1))
    registry_queries.write(
        orge.connection,
        Changes(
            devices=(Device(name="other", site="orge", commissioned=DAY + timedelta(minutes=17)),),
            series=(Series(device="other", quantity="level"),),
        ),
    )
    orge.connection.commit()
    orge.beat(18)
    orge.settle()

    (alarm,) = orge.alarms()
    assert (alarm.episode.began, alarm.episode.ended) == (us(10), us(17))
    assert alarm.episode.reason == "rule withdrawn"


def test_what_changes_nothing_is_not_arranged_again(orge: World) -> None:
    """A worker drained, an alarm closed: the registry is as it was."""
    orge.step()
    assert orge.memory is not None
    before = orge.memory.territory

    queries_workers.take_over(orge.connection, "two")  # in whose place it goes on
    orge.connection.commit()
    orge.step()

    assert orge.memory.territory is before


@pytest.mark.parametrize(
    ("said", "stale"),
    [
        ({"interval_s": 300, "stale_s": 7200}, ()),
        ({"interval_s": 1200}, ()),
        ({"interval_s": 300, "stale_s": 1800}, ((us(45), None),)),
        ({"interval_s": 300, "stale_s": 600}, ((us(25), None),)),
    ],
)
def test_a_revised_stale_limit_judges_the_past_again(
    orge: World, said: dict[str, float], stale: tuple[tuple[int, int | None], ...]
) -> None:
    feed(orge, (0, 3.1), (5, 3.2), (10, 3.3), (15, 3.4))
    orge.beat(60)
    orge.step()
    (alarm,) = [one for one in orge.alarms() if one.episode.rule == "flood-high"]
    assert alarm.episode.stale == ((us(30), None),)

    orge.revise(orge.fact("series", "orge/level", dict(said)))
    orge.settle()

    (alarm,) = [one for one in orge.alarms() if one.episode.rule == "flood-high"]
    assert alarm.episode.stale == stale


def test_the_territory_is_arranged_again_only_where_it_may_have_changed(orge: World) -> None:
    orge.settle()
    assert orge.memory is not None
    first = orge.memory.territory
    log.append(orge.connection, "registry")  # as after a closing, or a drained worker
    orge.connection.commit()
    orge.settle()
    assert orge.memory.territory is first
    orge.revise(orge.fact("threshold", "orge/attention", {"value": 3.2, "unit": "m"}))
    orge.settle()
    second = orge.memory.territory
    assert second is not first
    assert second.subjects["orge"].thresholds["attention"].value.tolist() == [3.2]
    assert (
        orge.memory.facts[shard_of("orge"), "subject", "orge"]["thresholds"]["attention"][0][1]
        == 3.2
    )
