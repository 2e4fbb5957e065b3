"""Where acts on alarms just still fit, and what revisions of the past do to what was done."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms import (
    queries_acts,
    queries_incidents,
    queries_lifecycle,
    service,
    service_list,
)
from hypervisor.alarms.errors import AlarmError, RefusedError
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.log import Transition
from hypervisor.alarms.queries import Selection
from hypervisor.alarms.service import Act, perform
from hypervisor.alarms.service_list import read_history
from hypervisor.alarms.service_load import Span, measure_load
from hypervisor.alarms.service_suppression import parse_limit
from hypervisor.base.instants import moment
from hypervisor.database import audit, locks
from hypervisor.database.audit import ActError
from hypervisor.database.connect import Connection, connect
from hypervisor.database.locks import Lock
from tests.integration.alarms.conftest import WALL, Desk
from tests.integration.evaluation.world import us

pytestmark = pytest.mark.integration

HIGH = ((0, 3.1), (5, 3.1), (10, 3.2))  # flood-high, minor, from minute 10 on
BETWEEN = tuple((at, 2.0) for at in (15, 20, 25, 30, 35))
AGAIN = ((40, 3.1), (45, 3.1), (50, 3.2))


def one(desk: Desk) -> int:
    desk.measure(*HIGH)
    (number,) = desk.of_rule("flood-high")
    return number


def transition(alarm: int, kind: str, noticed: int, other: int | None = None) -> Transition:
    return Transition(
        alarm=alarm,
        kind=kind,
        event=noticed,
        noticed=noticed,
        reason="",
        snapshot={},
        other=other,
    )


def test_a_closed_alarm_that_lasts_after_all_is_closed_no_more(desk: Desk) -> None:
    """A revision of the past lets it resume: then nobody is closing it."""
    number = one(desk)
    desk.act("close", number)
    desk.measure((15, 3.2), (20, 3.2), (25, 3.2))
    ended = alarm_queries.find_alarm(desk.connection, number)
    assert ended is not None
    assert desk.states() == {number: "normal"}
    assert desk.handled(number).closing is None
    lasts = replace(ended, episode=replace(ended.episode, ended=None, reason=None))
    alarm_queries.save(desk.connection, [lasts], [])
    desk.connection.commit()
    assert desk.states() == {number: "acknowledged"}


def test_what_is_measured_does_not_take_a_closing_back(desk: Desk) -> None:
    number = one(desk)
    desk.act("close", number)
    lasting = alarm_queries.find_alarm(desk.connection, number)
    assert lasting is not None
    alarm_queries.save(desk.connection, [lasting], [])
    desk.connection.commit()
    assert desk.states() == {number: "closing"}


def test_merging_takes_no_acknowledgement_from_what_is_being_closed(desk: Desk) -> None:
    desk.measure(*HIGH, *BETWEEN, *AGAIN)
    first, second = desk.of_rule("flood-high")
    closing_it = Act(alarm=second, kind=ActKind.CLOSE, author="anne", reason="repair")
    perform(desk.connection, closing_it, now=WALL)
    alarm_queries.apply_transitions(
        desk.connection, [transition(first, "merged", us(52), other=second)]
    )
    desk.connection.commit()
    assert desk.states()[second] == "closing"
    assert desk.handled(second).acknowledged == "minor"
    assert [each.kind for each in queries_acts.list_acts(desk.connection, [second])] == ["close"]


def test_two_regroupings_wait_for_each_other(desk: Desk) -> None:
    one(desk)
    with closing(connect(desk.world.url)) as other, ThreadPoolExecutor(1) as beside:
        locks.wait_for(desk.connection, Lock.INCIDENTS)
        late = beside.submit(queries_incidents.refresh, other, 0)
        _waits(desk.world.url, other, late.done)
        desk.connection.commit()
        assert late.result() == 1


def _waits(url: str, waiting: Connection, done: Callable[[], bool]) -> None:
    """Until a connection waits for what another one holds; it fails where it is done before."""
    with closing(connect(url, autocommit=True)) as watching:
        while True:
            row = watching.execute(
                "SELECT cardinality(pg_blocking_pids(%s))", [waiting.info.backend_pid]
            ).fetchone()
            if row and row[0]:
                return
            assert not done(), "it waited for nobody"


def test_a_longer_quiet_time_groups_anew(desk: Desk) -> None:
    desk.measure(*HIGH, *BETWEEN, *AGAIN)

    def grouped(quiet: str) -> list[set[int]]:
        service.change_setting(
            desk.connection, "incident_quiet", quiet, author="anne", reason="tried"
        )
        service_list.refresh_incidents(desk.connection)
        found = queries_incidents.list_incidents(desk.connection, wall=WALL, every=True)
        desk.connection.commit()
        first, second = desk.of_rule("flood-high")
        return [{first, second} & {*each.alarms} for each in found]

    first, second = desk.of_rule("flood-high")
    assert {first, second} not in grouped("1 min")
    assert {first, second} in grouped("2 h")
    assert {first, second} not in grouped("1 min")


def test_a_setting_is_changed_with_its_reason_and_its_record(desk: Desk) -> None:
    with pytest.raises(ActError, match="no reason is given"):
        service.change_setting(desk.connection, "chatter_count", "7", author="anne", reason=" ")
    desk.connection.rollback()
    changed = service.change_setting(
        desk.connection, "chatter_count", "7", author="anne", reason="calm"
    )
    assert changed == ("5", "7")
    (done,) = audit.list_acts(desk.connection, kind="alarm-setting")
    assert (done.author, done.subject, done.reason) == ("anne", "chatter_count", "calm")
    assert done.details == {"before": "5", "after": "7"}
    for wrong in ("²", "0", "1000001", "-1", "1.5"):
        with pytest.raises(AlarmError, match="a whole number of alarms"):
            service.change_setting(
                desk.connection, "chatter_count", wrong, author="anne", reason="x"
            )
    most = service.change_setting(
        desk.connection, "chatter_count", "1000000", author="anne", reason="x"
    )
    assert most == ("7", "1000000")


def test_shelving_ends_later_than_now_and_no_later_than_may_be(desk: Desk) -> None:
    number = one(desk)
    for minutes, why in ((10, "is past"), (24 * 60 + 10.001, "at most 1 d at once")):
        with pytest.raises(RefusedError, match=why):
            desk.act("shelve", number, until=moment(us(minutes)))
        desk.connection.rollback()
    with pytest.raises(RefusedError, match="needs an offset"):
        desk.act("shelve", number, until=moment(us(30)).replace(tzinfo=None))
    desk.connection.rollback()
    desk.act("shelve", number, until=moment(us(24 * 60 + 10)))
    desk.act("shelve", number, until=moment(us(11)), reason="shorter", author=" bruno ")
    held = desk.handled(number).hold
    assert held is not None
    assert (held.until, held.author, held.reason) == (us(11), "bruno", "shorter")
    (found,) = queries_lifecycle.list_holds(desk.connection, moment(us(10)))
    assert found == held
    assert queries_lifecycle.list_holds(desk.connection, moment(us(11))) == []
    desk.act("unshelve", number)
    assert desk.handled(number).hold is None


def test_what_acts_keep_is_trimmed_and_can_be_kept(desk: Desk) -> None:
    number = one(desk)
    desk.act("assign", number, assignee=" bruno ", author=" anne ", reason=" ")
    assert desk.handled(number).assignee == "bruno"
    desk.act("assign", number, assignee="  ")
    assert desk.handled(number).assignee is None
    for wrong in ({"reason": "a\0b"}, {"reason": "\ud800"}, {"assignee": "\udfff"}):
        with pytest.raises(RefusedError, match="cannot be stored"):
            desk.act("assign", number, **wrong)
        desk.connection.rollback()
    with pytest.raises(RefusedError, match="an author is required"):
        desk.act("comment", number, author=" ")
    desk.connection.rollback()
    done = queries_acts.list_acts(desk.connection, [number])
    assert [(each.author, each.reason, each.details) for each in done] == [
        ("anne", "", {"assignee": "bruno"}),
        ("anne", "because", {"assignee": None}),
    ]


@pytest.mark.parametrize("kind", ["unacknowledge", "comment", "shelve", "out-of-service", "close"])
def test_what_needs_a_reason_is_not_done_without(desk: Desk, kind: str) -> None:
    number = one(desk)
    if kind == "unacknowledge":
        desk.act("acknowledge", number, reason="")
    before = desk.handled(number)
    with pytest.raises(RefusedError, match=r"say .+, in a few words"):
        desk.act(kind, number, reason=" ", until=moment(us(30)))
    desk.connection.rollback()
    assert desk.handled(number) == before


def test_an_acknowledgement_speaks_of_what_stands_or_of_the_worst_that_was(desk: Desk) -> None:
    number = one(desk)
    desk.measure((15, 4.2), (20, 3.5))
    desk.act("acknowledge", number)
    assert desk.handled(number).acknowledged == "minor"
    desk.act("unacknowledge", number)
    assert desk.handled(number).acknowledged is None
    desk.measure((25, 2.0), (30, 2.0), (35, 2.0))
    desk.act("acknowledge", number)
    assert desk.handled(number).acknowledged == "major"
    done = [each.details for each in queries_acts.list_acts(desk.connection, [number])]
    assert done == [{"severity": "minor"}, {}, {"severity": "major"}]


def test_it_ends_after_it_began_though_the_clock_lags(desk: Desk) -> None:
    number = one(desk)
    desk.connection.execute("UPDATE worker SET heartbeat_at = %s", [moment(us(5))])
    desk.act("close", number)
    assert desk.handled(number).closing == us(10) + 1


def test_who_saw_an_older_version_is_told_what_was_done_since(desk: Desk) -> None:
    number = one(desk)
    desk.act("comment", number, reason="first")
    desk.act("comment", number, reason="second", author="bruno")
    with pytest.raises(AlarmError) as caught:
        desk.act("acknowledge", number, version=2)
    said = str(caught.value)
    assert "version 3, not 2 (comment by bruno at 2026-05-01T00:00:00Z)" in said
    assert "anne" not in said
    desk.connection.rollback()
    desk.act("acknowledge", number, version=3)


def test_the_history_tells_transitions_before_acts_of_the_same_time(desk: Desk) -> None:
    desk.measure(*HIGH, *BETWEEN, *AGAIN)
    first, second = desk.of_rule("flood-high")
    desk.act("comment", first, reason="of the first")
    desk.act("comment", second, reason="of the second", author="bruno")
    for at, _ in BETWEEN:
        desk.measure((at, 3.2), received=52)
    told = read_history(desk.connection, first)
    assert [each["at"] for each in told] == sorted(each["at"] for each in told)
    kinds = [(each["alarm"], each["what"], each["author"]) for each in told]
    assert (first, "comment", "anne") in kinds
    assert (second, "comment", "bruno") in kinds
    assert kinds.index((second, "raised", None)) < kinds.index((first, "comment", "anne"))


def test_alarms_are_found_by_how_they_stand(desk: Desk) -> None:
    desk.measure(*HIGH, *BETWEEN, *AGAIN)
    first, second = desk.of_rule("flood-high")
    desk.act("shelve", second, until=moment(us(60)))

    def shown(state: Any, **selection: Any) -> list[int]:
        chosen = Selection(rule="flood-high", **selection)
        views = service_list.list_alarms(desk.connection, chosen, wall=WALL, shown=state)
        desk.connection.commit()
        return [each.id for each in views]

    assert shown("returned") == [first]
    assert shown("shelved") == shown("suppressed") == shown("unacknowledged") == [second]
    assert shown("out-of-service") == shown("acknowledged") == shown("withdrawn") == []
    desk.act("out-of-service", second)
    assert (shown("out-of-service"), shown("shelved")) == ([second], [])
    desk.measure((60, 3.2))
    assert shown("suppressed") == [second]
    desk.act("return-to-service", second)
    assert shown("suppressed") == []
    desk.measure((45, 2.0), received=61)
    desk.measure((50, 2.0), received=61)
    assert shown(None, active=False) == [first]
    assert shown("withdrawn") == [second]
    assert shown(None, withdrawn=True) == [second, first]
    assert shown(None, withdrawn=True, limit=1) == [second]


def test_the_load_of_a_span_that_is_none_is_refused(desk: Desk) -> None:
    one(desk)
    begins = moment(us(0))
    for ends in (begins, begins - timedelta(seconds=1)):
        with pytest.raises(AlarmError, match="is not after"):
            measure_load(desk.connection, Span(begins=begins, ends=ends), wall=WALL)
    found = measure_load(
        desk.connection, Span(begins=begins, ends=begins + timedelta(hours=1)), wall=WALL
    )
    text = found.as_text()
    assert (text["from"], text["to"]) == ("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z")


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        ("3 in 10 min", (3, 600_000_000)),
        ("0 in 10 min", None),
        ("3 in 0 min", None),
        ("3", None),
        ("many in 10 min", None),
        ("", None),
    ],
)
def test_a_rules_own_limit_of_chatter(written: str, limit: tuple[int, int] | None) -> None:
    found = parse_limit({"chatter": written})
    assert (None if found is None else (found.count, found.window)) == limit


def test_what_the_system_takes_back_stands_at_the_scenarios_time(desk: Desk) -> None:
    number = one(desk)
    desk.act("acknowledge", number)
    desk.measure((15, 4.2))
    last = queries_acts.list_acts(desk.connection, [number])[-1]
    assert (last.kind, last.author, last.scenario_at) == ("unacknowledge", "system", us(15))
    told = read_history(desk.connection, number)
    assert [(each["what"], each["at"]) for each in told if each["author"]] == [
        ("acknowledge", "2024-01-01T00:10:00Z"),
        ("unacknowledge", "2024-01-01T00:15:00Z"),
    ]


def test_an_incident_is_closed_when_its_quiet_time_is_over(desk: Desk) -> None:
    service.change_setting(
        desk.connection, "incident_quiet", "5 min", author="anne", reason="tried"
    )
    desk.measure(*HIGH, *BETWEEN)
    service_list.refresh_incidents(desk.connection)
    number = desk.of_rule("flood-high")[0]
    (found,) = [
        each
        for each in queries_incidents.list_incidents(desk.connection, wall=WALL, every=True)
        if number in each.alarms
    ]
    assert found.closes is not None
    assert found.ended is not None
    closes = moment(found.closes)
    assert closes - moment(found.ended) == timedelta(minutes=5)
    for seconds, open_then in ((-1, True), (0, False)):
        at = closes + timedelta(seconds=seconds)
        desk.connection.execute("UPDATE worker SET heartbeat_at = %s", [at])
        rows = queries_incidents.list_incidents(desk.connection, wall=WALL, every=False)
        assert (found.number in [each.number for each in rows]) is open_then
        (row,) = queries_incidents.list_incidents(
            desk.connection, wall=WALL, every=True, number=found.number
        )
        assert row.open is open_then


def test_what_was_known_is_narrowed_like_the_log(desk: Desk) -> None:
    desk.measure(*HIGH)
    at = moment(us(10))

    def known(**selection: Any) -> set[str]:
        found = service_list.list_alarms_as_known(desk.connection, at, Selection(**selection))
        return {each["rule"] for each in found}

    assert "flood-high" in known()
    assert known(rule="flood-high") == {"flood-high"}
    assert known(rule="flood-rain") == known(active=False) == known(site="yvette") == set()
    assert known(state="unacknowledged") == known(domain="flood") == known()
    assert len(service_list.list_alarms_as_known(desk.connection, at, Selection(limit=1))) == 1


def test_the_first_that_is_held_is_found_behind_those_that_are_not(desk: Desk) -> None:
    desk.measure(*HIGH, (15, 5.5))
    numbers = [
        each.id for each in alarm_queries.list_alarms(desk.connection, Selection(active=True))
    ]
    assert len(numbers) > 1
    desk.act("out-of-service", numbers[-1])
    views = service_list.list_alarms(
        desk.connection, Selection(limit=1), wall=WALL, shown="out-of-service"
    )
    assert [each.id for each in views] == [numbers[-1]]


def test_what_chattered_is_told_with_when_and_how_often(desk: Desk) -> None:
    service.change_setting(desk.connection, "chatter_count", "2", author="anne", reason="tried")
    desk.world.rules = "- {id: flood-at-once, title: x, when: level > 3 m, severity: minor,"
    desk.world.rules += " advice: x, wrong when: never, tests: []}"
    desk.world.record_rules()
    for start in (0, 20, 40):
        desk.measure((start, 3.5), (start + 10, 2.0))
    desk.connection.commit()

    def told(begins: float, ends: float) -> list[tuple[str, str, int]]:
        span = Span(begins=moment(us(begins)), ends=moment(us(ends)))
        found = measure_load(desk.connection, span, wall=WALL).as_text()["chattering"]
        return [(each["from"], each["to"], each["begun"]) for each in found]

    spell = ("2024-01-01T00:40:00Z", "2024-01-01T01:00:00Z", 3)
    assert told(0, 50) == told(59, 90) == [spell]
    assert told(60, 90) == []


def test_a_length_of_a_year_may_be_set_and_no_longer(desk: Desk) -> None:
    def change(length: str) -> tuple[str, str]:
        return service.change_setting(
            desk.connection, "standing_long", length, author="anne", reason="tried"
        )

    assert change("366 d") == ("1 d", "366 d")
    with pytest.raises(AlarmError, match="366 d"):
        change("366.001 d")
    with pytest.raises(AlarmError, match="expected a duration"):
        change("0 min")


def test_who_acknowledges_the_higher_severity_at_that_moment_is_not_asked_again(desk: Desk) -> None:
    number = one(desk)
    desk.act("acknowledge", number)
    higher = '[["2024-01-01T00:15:00Z", "major"]]'
    desk.connection.execute("UPDATE alarm SET severity = severity || %s::jsonb", [higher])
    desk.connection.commit()
    with closing(connect(desk.world.url)) as watch, ThreadPoolExecutor(1) as beside:
        desk.connection.execute("SELECT 1")  # one transaction, until its commit
        for kind in (ActKind.UNACKNOWLEDGE, ActKind.ACKNOWLEDGE):
            done = Act(alarm=number, kind=kind, author="bruno", reason="seen")
            perform(desk.connection, done, now=WALL)
        stepped = transition(number, "severity", us(15))
        late = beside.submit(alarm_queries.apply_transitions, watch, [stepped])
        _waits(desk.world.url, watch, late.done)
        desk.connection.commit()
        late.result()
        watch.commit()
    assert desk.handled(number).acknowledged == "major"
    assert queries_acts.list_acts(desk.connection, [number])[-1].author == "bruno"
