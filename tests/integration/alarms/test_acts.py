"""What operators do, on a real database, while a watch writes the same alarms."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms import queries_acts, queries_lifecycle
from hypervisor.alarms.errors import ConflictError, NoAlarmError, RefusedError
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act, perform
from hypervisor.alarms.service_load import Span, measure_load
from hypervisor.base.instance import Mode
from hypervisor.base.instants import moment
from hypervisor.database.connect import connect
from tests.integration.alarms.conftest import WALL, Desk
from tests.integration.evaluation.world import make_world, us

pytestmark = pytest.mark.integration

HIGH = ((0, 3.1), (5, 3.1), (10, 3.2))  # flood-high, minor, from minute 10 on
OVER = tuple((at, 2.0) for at in (15, 20, 25))


def test_seen_then_over(desk: Desk) -> None:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    assert desk.states() == {number: "unacknowledged"}

    done = desk.act("acknowledge", number)
    assert (done.state, done.acknowledged) == ("acknowledged", "minor")
    desk.measure(*OVER)
    assert desk.states() == {number: "normal"}


def test_over_before_anybody_saw_it(desk: Desk) -> None:
    desk.measure(*HIGH, *OVER)
    (number,) = desk.of_rule("flood-high")
    assert desk.states() == {number: "returned"}
    desk.act("acknowledge", number)
    assert desk.states() == {number: "normal"}


def test_every_act_has_its_author_its_times_and_its_reason(desk: Desk) -> None:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    desk.act("assign", number, assignee="bruno", reason="")
    desk.act("comment", number, reason="the mayor called")
    done = queries_acts.list_acts(desk.connection, [number])
    assert [(one.kind, one.author, one.reason) for one in done] == [
        ("assign", "anne", ""),
        ("comment", "anne", "the mayor called"),
    ]
    assert [one.details for one in done] == [{"assignee": "bruno"}, {}]
    assert {(moment(one.at), one.scenario_at) for one in done} == {(WALL, us(10))}
    assert [one.version for one in done] == [2, 3]
    for statement in ("UPDATE alarm_act SET reason = 'x'", "DELETE FROM alarm_act"):
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            desk.connection.execute(statement)
        desk.connection.rollback()


def test_what_does_not_fit_is_refused_with_its_reason(desk: Desk) -> None:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    with pytest.raises(NoAlarmError, match="no alarm has the number 99"):
        desk.act("acknowledge", 99)
    for kind, said, why in (
        ("unacknowledge", {}, "it is not acknowledged"),
        ("unshelve", {}, "it is not shelved"),
        ("close", {"reason": " "}, "say why it is over"),
        ("acknowledge", {"author": ""}, "an author is required"),
        ("shelve", {}, "say until when"),
        ("shelve", {"until": moment(us(5))}, "is past"),
        ("shelve", {"until": moment(us(24 * 60 + 11))}, "at most 1 d at once"),
    ):
        with pytest.raises(RefusedError, match=why):
            desk.act(kind, number, **said)
        desk.connection.rollback()
    assert queries_acts.list_acts(desk.connection, [number]) == []
    assert desk.handled(number).version == 1


def test_two_operators_at_once_cannot_overwrite_each_other(desk: Desk) -> None:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    seen = desk.handled(number).version
    first = Act(alarm=number, kind=ActKind.ASSIGN, author="anne", assignee="anne", version=seen)
    second = Act(alarm=number, kind=ActKind.ASSIGN, author="bruno", assignee="bruno", version=seen)
    with closing(connect(desk.world.url)) as other, ThreadPoolExecutor(1) as beside:
        perform(desk.connection, first, now=WALL)
        late = beside.submit(perform, other, second, now=WALL)
        desk.connection.commit()
        with pytest.raises(ConflictError, match=r"version 2, not 1 \(assign by anne"):
            late.result()
    assert desk.handled(number).assignee == "anne"
    assert len(queries_acts.list_acts(desk.connection, [number])) == 1


def test_many_at_once_each_version_is_written_once(desk: Desk) -> None:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")

    def one(name: str) -> int:
        done = 0
        with closing(connect(desk.world.url, autocommit=True)) as own:
            for _ in range(10):
                seen = queries_lifecycle.find_handled(own, number, None)
                assert seen is not None
                what = Act(
                    alarm=number,
                    kind=ActKind.ASSIGN,
                    author=name,
                    assignee=name,
                    version=seen.version,
                )
                try:
                    perform(own, what, now=WALL)
                    done += 1
                except ConflictError:
                    pass
        return done

    with ThreadPoolExecutor(4) as together:
        done = sum(together.map(one, ("anne", "bruno", "chloe", "david")))
    acts = queries_acts.list_acts(desk.connection, [number])
    assert [one.version for one in acts] == list(range(2, done + 2))
    assert desk.handled(number).assignee == acts[-1].author


def test_what_was_measured_meanwhile_makes_a_version_old(desk: Desk) -> None:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    desk.measure((15, 4.2))
    with pytest.raises(ConflictError, match="by new readings"):
        desk.act("acknowledge", number, version=1)
    desk.connection.rollback()
    desk.measure((20, 4.3))  # only its last value changes: nobody's version goes out of date
    desk.act("acknowledge", number, version=2)


def test_a_step_up_asks_again(desk: Desk) -> None:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    desk.act("acknowledge", number)
    desk.measure((15, 4.2))
    assert desk.states() == {number: "unacknowledged"}
    last = queries_acts.list_acts(desk.connection, [number])[-1]
    assert (last.kind, last.author) == ("unacknowledge", "system")
    assert last.reason == "its severity rose to major; it was acknowledged as minor"
    assert last.version == desk.handled(number).version

    desk.act("acknowledge", number)
    desk.measure((20, 3.5), (25, 4.2))  # down, and up to what was acknowledged
    assert desk.states() == {number: "acknowledged"}


def test_a_step_up_asks_nobody_where_that_is_set(desk: Desk) -> None:
    queries_lifecycle.save_setting(desk.connection, "step_up_unacknowledges", value=False)
    desk.connection.commit()
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    desk.act("acknowledge", number)
    desk.measure((15, 4.2))
    assert desk.states() == {number: "acknowledged"}


def test_a_revised_alarm_keeps_what_was_done_to_it(desk: Desk) -> None:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    desk.act("acknowledge", number)
    desk.act("comment", number, reason="seen by the warden")
    desk.measure((-5, 3.1), received=12)  # it began five minutes earlier
    assert [
        transition.kind for transition in alarm_queries.list_transitions(desk.connection, [number])
    ][-1] == "revised"
    assert desk.states() == {number: "acknowledged"}
    assert [one.kind for one in queries_acts.list_acts(desk.connection, [number])] == [
        "acknowledge",
        "comment",
    ]


AGAIN = ((40, 3.1), (45, 3.1), (50, 3.2))
BETWEEN = tuple((at, 2.0) for at in (15, 20, 25, 30, 35))


@pytest.mark.parametrize("every", [True, False])
def test_merged_is_acknowledged_only_if_all_were(desk: Desk, *, every: bool) -> None:
    desk.measure(*HIGH, *BETWEEN, *AGAIN)
    first, second = desk.of_rule("flood-high")
    desk.act("acknowledge", first)
    if every:
        desk.act("acknowledge", second)
    for at, _ in BETWEEN:
        desk.measure((at, 3.2), received=52)
    state = "acknowledged" if every else "unacknowledged"
    assert desk.states() == {first: state, second: "withdrawn"}
    assert desk.handled(second).merged_into == first
    if not every:
        last = queries_acts.list_acts(desk.connection, [first])[-1]
        assert last.reason.startswith(f"alarm {second}, which no one had acknowledged")


def test_of_a_split_alarm_the_first_piece_keeps_what_was_done(desk: Desk) -> None:
    desk.measure(*HIGH, *((at, 3.2) for at, _ in BETWEEN), *AGAIN)
    (first,) = desk.of_rule("flood-high")
    desk.act("acknowledge", first)
    for at, _ in BETWEEN:
        desk.measure((at, 2.0), received=52)
    first, second = desk.of_rule("flood-high")
    assert desk.states() == {first: "normal", second: "unacknowledged"}
    assert desk.handled(second).split_from == first


def test_shelved_is_a_rule_at_a_subject_until_its_end(desk: Desk) -> None:
    desk.measure(*HIGH)
    (first,) = desk.of_rule("flood-high")
    desk.act("shelve", first, until=moment(us(60)), reason="a parked car")
    desk.measure(*BETWEEN, *AGAIN)
    _, second = desk.of_rule("flood-high")
    held = desk.handled(second).hold
    assert held is not None
    assert (held.kind, held.author, held.reason) == ("shelved", "anne", "a parked car")
    desk.measure((60, 3.2))  # the scenario reaches its end
    assert desk.handled(second).hold is None
    with pytest.raises(RefusedError, match="it is not shelved"):
        desk.act("unshelve", second)


def test_closed_by_hand_ends_and_begins_again_only_after_it_was_over(desk: Desk) -> None:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    desk.act("close", number, reason="the gauge is under repair")
    assert desk.states() == {number: "closing"}
    desk.measure((15, 3.2), (20, 3.2), (25, 3.2))
    assert desk.states() == {number: "normal"}
    ended = alarm_queries.find_alarm(desk.connection, number)
    assert ended is not None
    assert "anne" in str(ended.episode.reason)
    assert "the gauge is under repair" in str(ended.episode.reason)
    desk.measure(*((at, 2.0) for at in (30, 35, 40)), *((at, 3.2) for at in (45, 50, 55)))
    assert len(desk.of_rule("flood-high")) == 2


def test_the_system_reminds_without_making_versions_old(desk: Desk) -> None:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    desk.act("remind", number, author="system", details={"nth": 1})
    desk.act("acknowledge", number, version=1)
    with pytest.raises(RefusedError, match="it is already acknowledged"):
        desk.act("remind", number, author="system")


def test_a_live_instance_goes_by_the_wall(database_url: str) -> None:
    with closing(make_world(database_url, connect(database_url), mode=Mode.LIVE)) as world:
        world.register(["orge"])
        world.record_rules()
        world.join()
        desk = Desk(world=world)
        desk.measure(*HIGH)
        (number,) = desk.of_rule("flood-high")
        with pytest.raises(RefusedError, match="is past"):
            desk.act("shelve", number, until=moment(us(60)))
        desk.connection.rollback()
        desk.act("shelve", number, until=WALL + timedelta(hours=1))
        (done,) = queries_acts.list_acts(desk.connection, [number])
        assert (moment(done.at), done.scenario_at) == (WALL, None)
        assert done.details == {"until": "2026-05-01T01:00:00Z"}
        noticed = world.setup.clock()
        span = Span(begins=noticed - timedelta(hours=1), ends=noticed)
        assert measure_load(desk.connection, span, wall=WALL).load.alarms == 1
        standing = measure_load(desk.connection, Span(), wall=WALL).standing
        assert (standing.alarms, standing.long, standing.stale) == (1, 1, 0)  # by the wall
