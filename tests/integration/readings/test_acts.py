"""Invalidating, observing, undoing: what stands then, what stays when it is sent again, alarms."""

from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.instants import moment
from hypervisor.database import audit
from hypervisor.database.audit import ActError
from hypervisor.readings import corrections, queries_corrections
from hypervisor.readings.corrections import (
    Attribution,
    CorrectionResult,
    ObservationRequest,
    find_series,
)
from hypervisor.readings.queries_corrections import StoredReading
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.model import Registry, Series
from sensors._quality import Quality
from sensors._row import NEVER
from tests.integration.evaluation.world import CATALOGUE, Sent, World, us

pytestmark = pytest.mark.integration

BY_HAND = Quality.INVALIDATED
WHY = Attribution(reason="a branch on the staff", author="A. Martin")


def at(minutes: float) -> datetime:
    return moment(us(minutes))


@pytest.fixture
def gauge(world: World) -> World:
    """Levels at 0, 5 … 60 min: high from 20 to 40."""
    world.register(["mill"])
    world.record_rules()
    world.join()
    send(world, *((minute, 3.5 if 20 <= minute <= 40 else 2.0) for minute in range(0, 65, 5)))
    world.beat(60)
    world.settle()
    return world


def send(world: World, *pairs: tuple[float, float], received: float | None = None) -> None:
    world.store(
        Sent(site="mill", at=minute, value=value, received=received) for minute, value in pairs
    )


def known(world: World) -> Registry:
    return registry_queries.load(world.connection)


def level(world: World) -> Series:
    return find_series(known(world), "mill/level")


def invalidate(world: World, first: float, last: float) -> CorrectionResult:
    done = corrections.invalidate(world.connection, level(world), at(first), at(last), WHY)
    world.connection.commit()
    return done


def observe(world: World, minute: float, value: float, unit: str = "m") -> CorrectionResult:
    told = ObservationRequest(series="mill/level", value=value, unit=unit, time=at(minute))
    seen = corrections.check_observation(known(world), CATALOGUE, told)
    done = corrections.observe(world.connection, seen, WHY, ahead=timedelta(minutes=5))
    world.connection.commit()
    return done


def undo(world: World, number: int) -> CorrectionResult:
    done = corrections.undo(
        world.connection, known(world), number, Attribution(reason="it was real")
    )
    world.connection.commit()
    return done


def stands(world: World, minute: float) -> tuple[float | None, int]:
    span = corrections.make_span(level(world), at(minute), at(minute))
    (found,) = queries_corrections.list_readings(world.connection, span)
    world.connection.commit()
    return found.value, found.quality


def every(world: World) -> list[StoredReading]:
    stored_rows = queries_corrections.list_readings(
        world.connection, corrections.make_span(level(world), at(0), at(1000))
    )
    world.connection.commit()
    return stored_rows


def test_an_alarm_on_readings_that_are_invalidated_is_withdrawn(gauge: World) -> None:
    assert [alarm.episode.rule for alarm in gauge.alarms()] == ["flood-high"]
    done = invalidate(gauge, 20, 40)
    gauge.settle()
    assert done.rows == 5
    assert [alarm.episode.rule for alarm in gauge.alarms()] == []
    last = gauge.transitions()[-1]
    assert last.kind == "withdrawn"
    assert last.reason == (
        "readings of level from 2024-01-01T00:20:00Z invalidated: a branch on the staff"
    )


def test_undoing_brings_the_same_log_back(gauge: World) -> None:
    before = gauge.log()
    done = invalidate(gauge, 20, 40)
    gauge.settle()
    assert gauge.log() != before
    assert undo(gauge, done.number).rows == 5
    gauge.settle()
    assert gauge.log() == before
    assert "restored: it was real" in gauge.transitions()[-1].reason
    gauge.reset()
    gauge.settle()
    assert gauge.log() == before


def test_a_watch_that_begins_anew_agrees_about_what_is_invalidated(gauge: World) -> None:
    invalidate(gauge, 20, 30)
    gauge.settle()
    log = gauge.log()
    gauge.reset()
    gauge.settle()
    assert gauge.log() == log


def test_what_was_invalidated_does_not_come_back_by_being_sent_again(gauge: World) -> None:
    invalidate(gauge, 20, 40)
    send(gauge, (20, 3.5), (25, 3.5), received=90)
    assert stands(gauge, 20) == (3.5, BY_HAND)
    send(gauge, (20, 3.5), received=15)  # nor as one that was long under way
    assert stands(gauge, 20) == (3.5, BY_HAND)


def test_another_value_that_arrives_later_stands(gauge: World) -> None:
    invalidate(gauge, 20, 40)
    gauge.beat(100)
    send(gauge, (20, 2.1), received=100)
    assert stands(gauge, 20) == (2.1, 0)


def test_a_reading_that_comes_late_into_the_span_is_not_invalidated(gauge: World) -> None:
    invalidate(gauge, 20, 40)
    send(gauge, (22, 3.6), received=90)
    assert stands(gauge, 22) == (3.6, 0)


def test_an_undo_counts_as_a_new_arrival(gauge: World) -> None:
    done = invalidate(gauge, 20, 40)
    undo(gauge, done.number)
    assert stands(gauge, 20) == (3.5, 0)
    send(gauge, (20, 3.5), received=20)  # sent again, with its old arrival: it stands still
    assert stands(gauge, 20) == (3.5, 0)


def test_what_was_corrected_since_is_left_alone_by_an_undo(gauge: World) -> None:
    done = invalidate(gauge, 20, 25)
    gauge.beat(100)
    send(gauge, (20, 2.1), received=100)
    undone = undo(gauge, done.number)
    assert (undone.rows, undone.skipped) == (1, 1)
    assert stands(gauge, 20) == (2.1, 0)
    assert stands(gauge, 25) == (3.5, 0)


def test_acts_one_upon_another_are_taken_back_one_by_one(gauge: World) -> None:
    first = invalidate(gauge, 20, 20)
    seen = observe(gauge, 20, 1.9)
    assert stands(gauge, 20) == (1.9, Quality.MANUAL)
    undone = undo(gauge, first.number)
    assert (undone.rows, undone.skipped) == (0, 1)
    assert stands(gauge, 20) == (1.9, Quality.MANUAL)
    undo(gauge, seen.number)
    assert stands(gauge, 20) == (3.5, 0)
    again = invalidate(gauge, 20, 20)
    assert stands(gauge, 20) == (3.5, BY_HAND)
    undo(gauge, again.number)
    assert stands(gauge, 20) == (3.5, 0)


def test_imported_history_can_be_invalidated_and_stays_so(gauge: World) -> None:
    gauge.store([Sent(site="mill", at=-60, value=9.0, received=NEVER)])
    invalidate(gauge, -60, -60)
    gauge.store([Sent(site="mill", at=-60, value=9.0, received=NEVER)])
    assert stands(gauge, -60) == (9.0, BY_HAND)


def test_a_span_without_readings_or_with_none_left_is_refused(gauge: World) -> None:
    with pytest.raises(ActError, match="mill/level has no reading in this span"):
        invalidate(gauge, 500, 600)
    invalidate(gauge, 20, 40)
    with pytest.raises(ActError, match="all 5 readings of mill/level in this span"):
        invalidate(gauge, 20, 40)
    with pytest.raises(ActError, match="is before --from"):
        invalidate(gauge, 40, 20)
    assert len(audit.list_acts(gauge.connection)) == 1


def test_an_observation_is_judged_and_is_no_sign_of_life(gauge: World) -> None:
    """The gauge says nothing from 60 on; a person sees 4.2 m at 80 and 85 and 91 min."""
    gauge.beat(92)
    for minute in (80, 85, 91):
        observe(gauge, minute, 420, "cm")
    gauge.beat(120)
    gauge.settle()
    assert [stands(gauge, minute) for minute in (80, 91)] == [(4.2, Quality.MANUAL)] * 2
    found = {
        alarm.episode.rule: alarm.episode
        for alarm in gauge.alarms()
        if alarm.episode.began >= us(80)
    }
    assert found["flood-high"].began == us(91)
    assert found["flood-silent"].began == us(90)
    assert found["flood-silent"].ended is None


def test_an_observation_withdrawn_is_kept_and_believed_no_more(gauge: World) -> None:
    done = observe(gauge, 62, 4.2)
    undo(gauge, done.number)
    assert stands(gauge, 62) == (4.2, Quality.MANUAL | BY_HAND)
    observe(gauge, 62, 4.2)
    assert stands(gauge, 62) == (4.2, Quality.MANUAL)


def test_what_the_device_sends_later_corrects_an_observation(gauge: World) -> None:
    observe(gauge, 62, 4.2)
    gauge.beat(100)
    send(gauge, (62, 2.2), received=100)
    assert stands(gauge, 62) == (2.2, 0)


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (("mill/levle", 2.0, "m"), "did you mean 'level'"),
        (("mil/level", 2.0, "m"), "did you mean 'mill'"),
        (("mill", 2.0, "m"), "expected DEVICE/QUANTITY"),
        (("mill/level", 2.0, "m3/s"), "mill/level is in m"),
        (("mill/level", 4000.0, "m"), "is outside .* --force stores it"),
        (("mill/level", 1e308, "km"), r"1e\+308 km is not a number of m"),
        (("mill/level", float("nan"), "m"), "nan m is not a number of m"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    gauge: World, told: tuple[str, float, str], error: str
) -> None:
    name, value, unit = told
    with pytest.raises(ActError, match=error):
        corrections.check_observation(
            known(gauge),
            CATALOGUE,
            ObservationRequest(series=name, value=value, unit=unit, time=at(60)),
        )


@pytest.mark.parametrize("year", [1, 1799, 2200, 9999])
def test_no_observation_is_of_another_age(gauge: World, year: int) -> None:
    time = datetime(year, 12, 31, 12, tzinfo=UTC)
    told = ObservationRequest(series="mill/level", value=1.0, unit="m", time=time)
    with pytest.raises(ActError, match="outside the years 1800 to 2199"):
        corrections.check_observation(known(gauge), CATALOGUE, told)


def test_out_of_range_is_stored_only_by_force_and_marked(gauge: World) -> None:
    told = ObservationRequest(series="mill/level", value=4000, unit="m", time=at(60), force=True)
    seen = corrections.check_observation(known(gauge), CATALOGUE, told)
    assert seen.quality == Quality.MANUAL | Quality.OUT_OF_RANGE


def test_an_observation_of_the_future_is_refused(gauge: World) -> None:
    with pytest.raises(ActError, match="is after now"):
        observe(gauge, 70, 2.0)


def test_every_act_is_audited_with_what_it_replaced(gauge: World) -> None:
    done = invalidate(gauge, 20, 40)
    undo(gauge, done.number)
    with pytest.raises(ActError, match=f"already undone by act {done.number + 1}"):
        undo(gauge, done.number)
    with pytest.raises(ActError, match="repeat an act to reverse its undo"):
        undo(gauge, done.number + 1)
    with pytest.raises(ActError, match="no act has the number 99"):
        undo(gauge, 99)
    one, other = audit.list_acts(gauge.connection)
    assert (one.author, one.kind, one.subject, one.reason) == (
        "A. Martin",
        "invalidate",
        "mill/level",
        "a branch on the staff",
    )
    assert one.details == {
        "from": "2024-01-01T00:20:00Z",
        "to": "2024-01-01T00:40:00Z",
        "readings": 5,
        "lowest": 3.5,
        "highest": 3.5,
    }
    assert one.scenario_at == at(60)
    assert (other.kind, other.details["undoes"]) == ("undo", one.id)


def test_a_list_shows_which_act_touched_what(gauge: World) -> None:
    done = invalidate(gauge, 20, 40)
    touched = [stored.time for stored in every(gauge) if stored.act == done.number]
    assert touched == [at(minute) for minute in range(20, 45, 5)]


def test_readings_that_nobody_believes_are_a_silence_of_the_quantity(gauge: World) -> None:
    """As a sensor's own fault text is: the device was heard, its level was not."""
    invalidate(gauge, 10, 50)
    gauge.settle()
    log = gauge.log()
    (silence,) = [alarm for alarm in gauge.alarms() if alarm.episode.rule == "flood-silent"]
    assert (silence.episode.began, silence.episode.ended) == (us(35), us(55))
    gauge.reset()
    gauge.settle()
    assert gauge.log() == log


def test_history_can_be_invalidated_before_a_scenario_begins(world: World) -> None:
    world.register(["mill"])
    world.store([Sent(site="mill", at=5, value=9.0, received=NEVER)])
    done = invalidate(world, 5, 5)
    world.store([Sent(site="mill", at=5, value=9.0, received=NEVER)])
    assert stands(world, 5) == (9.0, BY_HAND)
    undo(world, done.number)
    assert stands(world, 5) == (9.0, 0)
