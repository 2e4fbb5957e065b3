"""Alarms as people see them: the load, the list, the history, whole."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms import (
    queries_acts,
    queries_incidents,
    queries_lifecycle,
    queries_list,
    queries_timeline,
    service_list,
)
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.log import as_text
from hypervisor.alarms.queries import Selection
from hypervisor.alarms.service import Act, perform
from hypervisor.alarms.service_list import read_history
from hypervisor.alarms.service_load import Span, measure_load
from hypervisor.alarms.service_suppression import read_chattering, read_suppression
from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection, connect
from tests.integration.database.standing import HOUR, NOW, TICK, make_places, raise_alarm, revise

pytestmark = pytest.mark.integration
MINUTE = timedelta(minutes=1)


def raised(connection: Connection, alarm: int, at: Any, severity: str = "minor") -> None:
    connection.execute(
        "INSERT INTO transition (alarm, kind, event_time, noticed_at, reason, snapshot)"
        " VALUES (%s, 'raised', %s, %s, 'it rose', %s)",
        [alarm, at, at, Jsonb({"severity": [["", severity]]})],
    )


def test_the_load_of_a_day_is_told_whole(connection: Connection) -> None:
    alarm = raise_alarm(connection, "flood", "mill", stale=[(NOW - HOUR, None)])
    for minute in range(12):
        raised(connection, alarm, NOW - 20 * MINUTE - timedelta(seconds=minute), "critical")
    raised(connection, alarm, NOW - timedelta(days=1))  # a moment too early
    for minutes in range(1, 8):
        number = raise_alarm(connection, "often", "mill", ended=NOW)
        connection.execute(
            "UPDATE alarm SET began = %s WHERE id = %s", [NOW - minutes * MINUTE, number]
        )
    found = measure_load(connection, Span(), wall=NOW)
    assert found.as_text() == {
        "from": "2023-12-31T10:00:00Z",
        "to": "2024-01-01T10:00:00Z",
        "alarms": 12,
        "per_10_min": {
            "average": 0.083,
            "peak": 12,
            "peak_at": "2024-01-01T09:30:00Z",
            "percent_of_time_over_10": 0.7,
        },
        "floods": [
            {"from": "2024-01-01T09:30:00Z", "to": "2024-01-01T09:40:00Z", "alarms": 12},
        ],
        "standing": {"alarms": 1, "long": 0, "stale": 1},
        "frequent": [
            {"rule": "flood", "subject": "mill", "title": "flood at mill", "times": 12}
            | {"percent": 100.0}
        ],
        "chattering": [
            {
                "rule": "often",
                "subject": "mill",
                "from": "2024-01-01T09:58:00Z",
                "to": "2024-01-01T10:54:00Z",
                "begun": 7,
            }
        ],
        "priorities_percent": {"high": 100.0, "medium": 0.0, "low": 0.0},
        "priorities_target_percent": {"high": 5, "medium": 15, "low": 80},
    }
    calm = measure_load(connection, Span(ends=NOW - HOUR), wall=NOW).as_text()
    assert (calm["alarms"], calm["chattering"]) == (1, [])
    assert calm["per_10_min"]["peak_at"] == "2023-12-31T09:50:00Z"
    none = measure_load(
        connection, Span(begins=NOW - 3 * HOUR, ends=NOW - HOUR), wall=NOW
    ).as_text()
    assert (none["alarms"], none["per_10_min"]["peak_at"], none["floods"]) == (0, None, [])
    assert calm["from"] == "2023-12-31T09:00:00Z"
    connection.execute("UPDATE instance SET mode = 'exercise'")
    with pytest.raises(AlarmError, match="the exercise has not begun: there is no load yet"):
        measure_load(connection, Span(), wall=NOW)
    assert read_suppression(connection, wall=NOW).now is None
    assert read_suppression(connection, wall=NOW).of(connection, [alarm]) == {alarm: ()}


def test_a_rules_own_limit_of_chatter_counts_before_the_settings(connection: Connection) -> None:
    revise(connection, "rule", "calm", {"chatter": "9 in 1 h"})
    revise(connection, "rule", "quick", {"chatter": "2 in 5 h"})
    for rule in ("calm", "quick", "plain"):
        for hours in (0.5, 1, 1.5, 4, 4.5):
            number = raise_alarm(connection, rule, "mill")
            connection.execute(
                "UPDATE alarm SET began = %s WHERE id = %s", [NOW - hours * HOUR, number]
            )
    rules = {"calm": {"chatter": "9 in 1 h"}, "quick": {"chatter": "2 in 5 h"}, "plain": {}}
    ((pair, found),) = read_chattering(connection, NOW, rules).items()
    assert pair == ("quick", "mill")
    assert (found.times, found.began, found.until) == (
        5,
        micros(NOW - 1.5 * HOUR),
        micros(NOW + 3.5 * HOUR),
    )
    report = measure_load(connection, Span(begins=NOW - HOUR / 4, ends=NOW), wall=NOW)
    assert [(spell.rule, spell.begun) for spell in report.chattering] == [("quick", 5)]


def test_an_alarm_is_seen_with_all_that_concerns_it(connection: Connection) -> None:
    revise(connection, "rule", "flood", {"inhibits": ["fault"]})
    flood = raise_alarm(connection, "flood", "mill", severity="major")
    fault = raise_alarm(connection, "fault", "mill")
    over = raise_alarm(connection, "fault", "source", ended=NOW)
    service_list.refresh_incidents(connection)
    found = service_list.list_alarms(connection, Selection(), wall=NOW)
    assert [one.id for one in found] == [over, fault, flood]
    by_id = {one.id: one for one in found}
    alarm = alarm_queries.find_alarm(connection, fault)
    assert alarm is not None
    assert by_id[fault].model_dump(mode="json") == {
        **as_text(alarm),
        "source": None,
        "commune": "91001",
        "state": "unacknowledged",
        "version": 1,
        "acknowledged": None,
        "assignee": None,
        "closing": None,
        "merged_into": None,
        "split_from": None,
        "hold": None,
        "suppressed": [
            {
                "kind": "inhibited",
                "reason": f"alarm {flood} inhibits it: flood at mill",
                "by": flood,
                "until": None,
            }
        ],
        "incident": flood,
    }
    assert (by_id[flood].suppressed, by_id[over].suppressed) == ((), ())
    (first,) = service_list.list_alarms(connection, Selection(limit=1), wall=NOW)
    assert first.id == over
    assert service_list.list_alarms(connection, Selection(numbers=[]), wall=NOW) == []

    def incidents_of(**words: Any) -> list[tuple[int, tuple[int, ...]]]:
        seen = queries_incidents.list_incidents(
            connection, **{"wall": NOW, "every": False, **words}
        )
        return [(one.number, one.alarms) for one in seen]

    assert incidents_of() == [(over, (over,)), (flood, (flood, fault))]
    later = NOW + 2 * HOUR
    assert [
        one.number for one in queries_incidents.list_incidents(connection, wall=later, every=False)
    ] == [flood]
    assert len(queries_incidents.list_incidents(connection, wall=later, every=True)) == 2
    assert incidents_of(limit=1) == [(over, (over,))]
    assert incidents_of(number=flood) == [(flood, (flood, fault))]
    assert incidents_of(domain="nosuch") == []
    assert incidents_of(behind=(NOW - HOUR, over)) == [(flood, (flood, fault))]


def test_the_history_of_an_alarm_is_told_whole(connection: Connection) -> None:
    alarm = raise_alarm(connection, "flood", "mill")
    raised(connection, alarm, NOW)
    merged = raise_alarm(connection, "flood", "mill")
    raised(connection, merged, NOW - MINUTE)
    connection.execute("UPDATE alarm SET merged_into = %s WHERE id = %s", [alarm, merged])
    connection.execute(
        "INSERT INTO alarm_act (alarm, kind, author, at, scenario_at, reason, details, version,"
        " state) VALUES (%s, 'comment', 'ann', %s, %s, 'seen', '{\"a\": 1}', 2, 'returned'),"
        " (%s, 'assign', 'ben', %s, NULL, '', '{}', 3, 'normal')",
        [alarm, NOW + HOUR, NOW, merged, NOW - TICK],
    )
    rose = {"what": "raised", "author": None, "reason": "it rose"}
    assert read_history(connection, alarm) == [
        {
            **rose,
            "at": "2024-01-01T09:59:00Z",
            "alarm": merged,
            "event_time": "2024-01-01T09:59:00Z",
        },
        {
            "at": "2024-01-01T09:59:59.999999Z",
            "alarm": merged,
            "what": "assign",
            "author": "ben",
            "reason": "",
            "done_at": "2024-01-01T09:59:59.999999Z",
            "details": {},
            "version": 3,
            "state": "normal",
        },
        {
            **rose,
            "at": "2024-01-01T10:00:00Z",
            "alarm": alarm,
            "event_time": "2024-01-01T10:00:00Z",
        },
        {
            "at": "2024-01-01T10:00:00Z",
            "alarm": alarm,
            "what": "comment",
            "author": "ann",
            "reason": "seen",
            "done_at": "2024-01-01T11:00:00Z",
            "details": {"a": 1},
            "version": 2,
            "state": "returned",
        },
    ]


def test_each_act_says_what_is_its_own(connection: Connection) -> None:
    alarm = raise_alarm(connection, "flood", "mill")

    def do(kind: ActKind, **given: Any) -> None:
        what = Act(alarm=alarm, kind=kind, author="ann", reason="why", **given)
        perform(connection, what, now=NOW)

    do(ActKind.SHELVE, until=NOW + HOUR)
    do(ActKind.ASSIGN, assignee="ben")
    do(ActKind.COMMENT)
    do(ActKind.ACKNOWLEDGE)
    do(ActKind.UNACKNOWLEDGE)
    do(ActKind.UNSHELVE)
    do(ActKind.REMIND, details={"route": "duty"})
    do(ActKind.ESCALATE, details={"to": "chief"})
    do(ActKind.OUT_OF_SERVICE)
    do(ActKind.RETURN_TO_SERVICE)
    do(ActKind.CLOSE)
    done = queries_acts.list_acts(connection, [alarm])
    assert [(one.kind, one.details, one.version, one.state) for one in done] == [
        ("shelve", {"until": "2024-01-01T11:00:00Z"}, 2, "unacknowledged"),
        ("assign", {"assignee": "ben"}, 3, "unacknowledged"),
        ("comment", {}, 4, "unacknowledged"),
        ("acknowledge", {"severity": "minor"}, 5, "acknowledged"),
        ("unacknowledge", {}, 6, "unacknowledged"),
        ("unshelve", {}, 7, "unacknowledged"),
        ("remind", {"route": "duty"}, 7, "unacknowledged"),
        ("escalate", {"to": "chief"}, 7, "unacknowledged"),
        ("out-of-service", {}, 8, "unacknowledged"),
        ("return-to-service", {}, 9, "unacknowledged"),
        ("close", {}, 10, "closing"),
    ]
    rows = connection.execute("SELECT rule, subject, at, author, reason, alarm FROM closing")
    assert rows.fetchall() == [("flood", "mill", NOW, "ann", "why", alarm)]
    held = connection.execute("SELECT count(*) FROM alarm_hold").fetchone()
    assert held == (0,)


def test_the_watch_waits_for_who_acts_on_an_alarm(database_url: str) -> None:
    with connect(database_url) as connection:
        make_places(connection)
        alarm = raise_alarm(connection, "flood", "mill")
    with (
        closing(connect(database_url)) as operator,
        closing(connect(database_url)) as watch,
        closing(connect(database_url, autocommit=True)) as watching,
        ThreadPoolExecutor(1) as beside,
    ):
        assert queries_lifecycle.lock_alarm(operator, alarm)
        late = beside.submit(
            watch.execute, "UPDATE alarm SET title = 'later' WHERE id = %s", [alarm]
        )
        blocked = "SELECT cardinality(pg_blocking_pids(%s))"
        while watching.execute(blocked, [watch.info.backend_pid]).fetchone() == (0,):
            assert not late.done(), "it waited for nobody"
        operator.commit()
        late.result()


def test_lists_are_as_long_as_one_reads(connection: Connection) -> None:
    assert queries_timeline.TimelineFilter(since=NOW, until=NOW).limit == 2_000
    assert queries_timeline.TimelineFilter(since=NOW, until=NOW).category == "hazard"
    assert (queries_list.PAGE, queries_list.MOST) == (100, 5_000)
    assert queries_incidents.list_incidents(connection) == []
