"""Alarms, acts, incidents: each value comes back from where it was kept, under its own name."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms import (
    queries_acts,
    queries_chart,
    queries_incidents,
    queries_lifecycle,
    queries_list,
    queries_load,
    queries_places,
    queries_suppression,
    queries_timeline,
)
from hypervisor.alarms.incidents import Incident
from hypervisor.alarms.lifecycle import BaseState, Hold
from hypervisor.alarms.log import (
    Alarm,
    Transition,
    as_text,
    highest_severity,
    log_entry,
    transition_as_text,
)
from hypervisor.alarms.model import ActRecord, HandledAlarm, HoldRecord
from hypervisor.alarms.queries import Selection
from hypervisor.alarms.settings import AlarmSettings
from hypervisor.alarms.suppression import Case
from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.registry import queries_works
from hypervisor.registry.queries_works import WorksWindow, load_in_force
from rules._rule_state import Episode
from tests.integration.database.standing import (
    HOUR,
    NOW,
    SUSPECT,
    TICK,
    add_device,
    hold,
    raise_alarm,
    revise,
    store,
)

pytestmark = pytest.mark.integration
SECOND = 1_000_000
MINUTE = timedelta(minutes=1)


def site_number(connection: Connection, name: str) -> int:
    row = connection.execute("SELECT id FROM site WHERE name = %s", [name]).fetchone()
    assert row is not None
    return int(row[0])


def whole(connection: Connection) -> Alarm:
    """An alarm of which no two values are the same."""
    at = micros(NOW)
    return Alarm(
        id=41,
        site=site_number(connection, "mill"),
        place="mill",
        domain="flood",
        category="maintenance",
        episode=Episode(
            rule="a rule",
            subject="device/gauge",
            since=at,
            began=at + SECOND,
            ended=at + 9 * SECOND,
            severity=((at + SECOND, "minor"), (at + 2 * SECOND, "major")),
            stale=((at + 3 * SECOND, at + 4 * SECOND), (at + 5 * SECOND, None)),
            reason="it was over",
        ),
        title="a title",
        advice="an advice",
        title_fr="un titre",
        advice_fr="un conseil",
        last_value={"quantity": "level", "value": 1.5},
        withdrawn=None,
        noticed=at + 6 * SECOND,
        changed=at + 7 * SECOND,
    )


def bare(number: int, began: int, **given: Any) -> Alarm:
    """An alarm that lasts, at no site."""
    episode = Episode(
        rule=given.pop("rule", "r"),
        subject=given.pop("subject", "s"),
        since=given.pop("since", began),
        began=began,
        ended=given.pop("ended", None),
        severity=((began, "minor"),),
        stale=(),
    )
    words: dict[str, Any] = {
        "site": None,
        "place": None,
        "domain": "weather",
        "category": "hazard",
        "last_value": None,
        "withdrawn": None,
    }
    words |= {"title": "t", "advice": "", "noticed": began, "changed": began, **given}
    return Alarm(id=number, episode=episode, **words)


def test_an_alarm_comes_back_as_it_was_saved(connection: Connection) -> None:
    one, plain = whole(connection), bare(42, micros(NOW))
    alarm_queries.save(connection, [one, plain], [])
    assert alarm_queries.find_alarm(connection, 41) == one
    assert alarm_queries.find_alarm(connection, 42) == plain
    assert alarm_queries.find_alarm(connection, 43) is None
    again = replace(
        one,
        episode=replace(
            one.episode,
            since=one.episode.since - SECOND,
            began=one.episode.began - SECOND,
            ended=None,
            severity=one.episode.severity[:1],
            stale=(),
            reason=None,
        ),
        title="another",
        advice="other",
        title_fr="autre",
        advice_fr=None,
        last_value=None,
        withdrawn=micros(NOW),
        changed=one.changed + SECOND,
    )
    alarm_queries.save(connection, [again], [])
    assert alarm_queries.find_alarm(connection, 41) == again
    versions: dict[int, int] = dict(connection.execute("SELECT id, version FROM alarm").fetchall())
    assert versions == {41: 2, 42: 1}
    alarm_queries.save_last_values(connection, {42: {"value": 7}})
    kept = alarm_queries.find_alarm(connection, 42)
    assert kept == replace(plain, last_value={"value": 7})


def test_an_alarm_in_plain_values(connection: Connection) -> None:
    one = whole(connection)
    entry = {
        "rule": "a rule",
        "subject": "device/gauge",
        "since": "2024-01-01T10:00:00Z",
        "began": "2024-01-01T10:00:01Z",
        "ended": "2024-01-01T10:00:09Z",
        "severity": [["2024-01-01T10:00:01Z", "minor"], ["2024-01-01T10:00:02Z", "major"]],
        "stale": [
            ["2024-01-01T10:00:03Z", "2024-01-01T10:00:04Z"],
            ["2024-01-01T10:00:05Z", None],
        ],
    }
    assert log_entry(one.episode) == entry
    assert as_text(one) == {
        "id": 41,
        **entry,
        "site": "mill",
        "domain": "flood",
        "category": "maintenance",
        "title": "a title",
        "advice": "an advice",
        "title_fr": "un titre",
        "advice_fr": "un conseil",
        "active": False,
        "end_reason": "it was over",
        "last_value": {"quantity": "level", "value": 1.5},
        "withdrawn": None,
        "noticed_at": "2024-01-01T10:00:06Z",
        "changed_at": "2024-01-01T10:00:07Z",
    }
    lasting = replace(one, episode=replace(one.episode, ended=None), last_value=None)
    assert lasting.active
    assert as_text(lasting)["last_value"] is None
    gone = replace(lasting, withdrawn=micros(NOW))
    assert not gone.active
    assert as_text(gone)["withdrawn"] == "2024-01-01T10:00:00Z"
    assert highest_severity(one.episode) == "major"
    odd = replace(one.episode, severity=((0, "info"), (1, "grave")))
    assert highest_severity(odd) == "info"


def test_transitions_in_the_order_in_which_they_were_noticed(connection: Connection) -> None:
    at = micros(NOW)
    first, second = bare(1, at), bare(2, at)
    told = [
        Transition(
            alarm=2,
            kind="raised",
            event=at,
            noticed=at + SECOND,
            reason="it rose",
            snapshot={"n": 1},
        ),
        Transition(alarm=1, kind="raised", event=at, noticed=at, reason="", snapshot={}),
        Transition(
            alarm=2, kind="merged", event=at + 2, noticed=at + 3, reason="m", snapshot={}, other=1
        ),
    ]
    alarm_queries.save(connection, [first, second], told)
    assert alarm_queries.list_transitions(connection, [2, 1]) == told
    assert alarm_queries.list_transitions(connection, [1]) == [told[1]]
    assert alarm_queries.list_transitions(connection, []) == []
    assert (alarm_queries.list_merged(connection, 1), alarm_queries.list_merged(connection, 2)) == (
        [2],
        [],
    )
    assert transition_as_text(told[0]) == {
        "alarm": 2,
        "kind": "raised",
        "event_time": "2024-01-01T10:00:00Z",
        "noticed_at": "2024-01-01T10:00:01Z",
        "reason": "it rose",
        "snapshot": {"n": 1},
    }
    fresh = alarm_queries.reserve_ids(connection, 3)
    assert len({*fresh}) == 3


def test_alarms_that_are_selected(connection: Connection) -> None:
    at, mill = micros(NOW), site_number(connection, "mill")
    flood = {"site": mill, "place": "mill", "domain": "flood"}
    kept = [
        bare(1, at, rule="a", subject="mill", **flood),
        bare(2, at + 1, rule="b", subject="device/x", category="maintenance", **flood),
        bare(3, at + 1, rule="a", subject="other", ended=at + 9),
        bare(4, at + 2, rule="c", subject="gone", withdrawn=at + 3),
    ]
    alarm_queries.save(connection, kept, [])

    def listed(**words: Any) -> list[int]:
        return [one.id for one in alarm_queries.list_alarms(connection, Selection(**words))]

    assert listed() == [3, 2, 1]
    assert listed(withdrawn=True) == [4, 3, 2, 1]
    assert (listed(site="mill"), listed(site="square")) == ([2, 1], [])
    assert (listed(subject="device/x"), listed(rule="a")) == ([2], [3, 1])
    assert (listed(domain="flood"), listed(category="maintenance")) == ([2, 1], [2])
    assert (listed(active=True), listed(active=False)) == ([2, 1], [3])
    assert listed(active=False, withdrawn=True) == [4, 3]
    assert (listed(state="returned"), listed(state="unacknowledged")) == ([3], [2, 1])
    assert listed(limit=2) == [3, 2]
    assert listed(behind_began=NOW + TICK, behind_id=3) == [2, 1]
    assert listed(behind_began=NOW + TICK, behind_id=2) == [1]
    assert listed(behind_began=NOW, behind_id=1) == []


def test_alarms_that_stand_after_a_time(connection: Connection) -> None:
    at = micros(NOW)
    kept = [
        bare(1, at + 9, since=at),
        bare(2, at + 8, since=at + 1),
        bare(3, at + 7, since=at + 2, ended=at + 8),
        bare(4, at + 7, since=at + 3, withdrawn=at + 4),
        bare(5, at + 9, rule="q", since=at),
    ]
    alarm_queries.save(connection, kept, [])
    found = alarm_queries.list_standing(
        connection, {("r", "s"): at, ("q", "s"): None, ("q", "t"): None}
    )
    assert found == {("r", "s"): [kept[2], kept[1]], ("q", "s"): [kept[4]]}


def test_acts_come_back_in_the_order_they_were_done(connection: Connection) -> None:
    at = micros(NOW)
    done = ActRecord(
        id=0,
        alarm=7,
        kind="shelve",
        author="ann",
        at=at,
        scenario_at=at + SECOND,
        reason="why",
        details={"until": "x"},
        version=3,
        state=BaseState.ACKNOWLEDGED,
    )
    changed: dict[str, Any] = {"author": "ben", "scenario_at": None, "details": {}, "reason": ""}
    plain = done.model_copy(update={"alarm": 8, "kind": "comment", **changed})
    numbers = [queries_acts.record(connection, one) for one in (done, plain)]
    assert queries_acts.list_acts(connection, [8, 7]) == [
        done.model_copy(update={"id": numbers[0]}),
        plain.model_copy(update={"id": numbers[1]}),
    ]
    (only,) = queries_acts.list_acts(connection, [8])
    assert only == plain.model_copy(update={"id": numbers[1]})
    assert (done.time, only.time) == (at + SECOND, at)
    assert done.model_dump(mode="json") == {
        "id": 0,
        "kind": "shelve",
        "author": "ann",
        "at": "2024-01-01T10:00:00Z",
        "scenario_at": "2024-01-01T10:00:01Z",
        "reason": "why",
        "details": {"until": "x"},
        "version": 3,
        "state": "acknowledged",
    }


def test_how_an_alarm_is_handled(connection: Connection) -> None:
    at = micros(NOW)
    alarm_queries.save(connection, [bare(1, at), bare(2, at, rule="q")], [])
    connection.execute("UPDATE alarm SET merged_into = 8, split_from = 9 WHERE id = 1")
    held = HoldRecord(
        rule="r",
        subject="s",
        kind=Hold.SHELVED,
        since=at,
        until=at + SECOND,
        author="ann",
        reason="why",
    )
    rest = {"rule": "a", "kind": Hold.OUT_OF_SERVICE, "until": None}
    other = held.model_copy(update=rest)
    before = held.model_copy(update={"author": "before", "since": at - 1})
    for one in (before, held, other):
        queries_lifecycle.save_hold(connection, one)

    def handled(number: int, clock: datetime | None = NOW) -> HandledAlarm:
        alarm = queries_lifecycle.find_handled(connection, number, clock)
        assert alarm is not None
        return alarm

    changes = {"version": 5, "acknowledged": "minor", "assignee": "ben", "closing": at + 2}
    queries_lifecycle.save_handling(connection, handled(1).model_copy(update=changes))
    parts = {
        *("state", "version", "acknowledged", "assignee", "closing", "merged_into", "split_from"),
        *("hold", "incident"),
    }
    assert handled(1).model_dump(mode="json", include=parts) == {
        "state": "closing",
        "version": 5,
        "acknowledged": "minor",
        "assignee": "ben",
        "closing": "2024-01-01T10:00:00.000002Z",
        "merged_into": 8,
        "split_from": 9,
        "hold": {
            "kind": "shelved",
            "since": "2024-01-01T10:00:00Z",
            "until": "2024-01-01T10:00:01Z",
            "author": "ann",
            "reason": "why",
        },
        "incident": None,
    }
    assert handled(2).model_dump(mode="json", include=parts) == {
        **dict.fromkeys(parts),
        "state": "unacknowledged",
        "version": 1,
    }
    assert (handled(1).lifecycle.hold, handled(2).lifecycle.hold) == (Hold.SHELVED, Hold.NONE)
    ends = NOW + timedelta(seconds=1)
    assert handled(1, ends).hold is None
    assert handled(1, ends - TICK).hold == handled(1, None).hold == held
    assert (
        queries_lifecycle.list_holds(connection, NOW)
        == queries_lifecycle.list_holds(connection, None)
        == [other, held]
    )
    assert queries_lifecycle.list_holds(connection, ends) == [other]
    queries_lifecycle.delete_hold(connection, "r", "other")
    queries_lifecycle.delete_hold(connection, "q", "s")
    assert queries_lifecycle.list_holds(connection, NOW) == [other, held]
    queries_lifecycle.delete_hold(connection, "r", "s")
    assert queries_lifecycle.list_holds(connection, NOW) == [other]
    assert (
        queries_lifecycle.lock_alarm(connection, 1),
        queries_lifecycle.lock_alarm(connection, 3),
    ) == (
        True,
        False,
    )


def test_a_closing_is_kept_and_the_watch_is_told(connection: Connection) -> None:
    alarm_queries.save(connection, [bare(7, micros(NOW))], [])
    alarm = queries_lifecycle.find_handled(connection, 7, NOW)
    assert alarm is not None
    queries_lifecycle.record_closing(connection, alarm, NOW, author="ann", reason="repair")
    rows = connection.execute("SELECT rule, subject, at, author, reason, alarm FROM closing")
    assert rows.fetchall() == [("r", "s", NOW, "ann", "repair", 7)]
    assert connection.execute("SELECT kind FROM feed").fetchall() == [("registry",)]


def test_the_clock_of_an_instance(connection: Connection) -> None:
    assert (
        queries_lifecycle.read_clock(connection, NOW),
        queries_lifecycle.is_exercise(connection),
    ) == (NOW, False)
    connection.execute("UPDATE instance SET mode = 'exercise'")
    assert (
        queries_lifecycle.read_clock(connection, NOW),
        queries_lifecycle.is_exercise(connection),
    ) == (None, True)
    for name, at in (("a", NOW - HOUR), ("b", NOW - 2 * HOUR), ("c", None)):
        connection.execute(
            "INSERT INTO worker (name, heartbeat_at, joined_at) VALUES (%s, %s, %s)",
            [name, at, NOW],
        )
    assert queries_lifecycle.read_clock(connection, NOW) == NOW - HOUR
    connection.execute("DELETE FROM instance")
    assert not queries_lifecycle.is_exercise(connection)
    assert queries_lifecycle.read_clock(connection, NOW) == NOW
    queries_lifecycle.save_setting(connection, "step_up_unacknowledges", 1)
    queries_lifecycle.save_setting(connection, "step_up_unacknowledges", value=False)
    queries_lifecycle.save_setting(connection, "chatter_count", 2)
    queries_lifecycle.save_setting(connection, "of an older version", 3)
    changed = AlarmSettings(step_up_unacknowledges=False, chatter_count=2)
    assert queries_lifecycle.read_settings(connection) == changed


def test_a_row_of_the_list(connection: Connection) -> None:
    one = replace(whole(connection), episode=replace(whole(connection).episode, ended=None))
    alarm_queries.save(connection, [one], [])
    connection.execute("UPDATE alarm SET assignee = 'ben', version = 4 WHERE id = 41")
    hold(connection, "a rule", "device/gauge", NOW + HOUR)
    connection.execute(
        "INSERT INTO incident_alarm (alarm, version, key, place, incident)"
        " VALUES (41, 4, 'k', 'p', 12)"
    )
    (row,) = queries_list.list_rows(connection, queries_list.AlarmFilter(), NOW)
    second = timedelta(seconds=1)
    assert row == queries_list.AlarmRow(
        id=41,
        version=4,
        state="unacknowledged",
        severity="major",
        stepped=NOW + 2 * second,
        hold="shelved",
        until=NOW + HOUR,
        stale=True,
        stale_since=NOW + 5 * second,
        domain="flood",
        category="maintenance",
        rule="a rule",
        subject="device/gauge",
        title="a title",
        title_fr="un titre",
        began=NOW + second,
        ended=None,
        assignee="ben",
        last_value={"quantity": "level", "value": 1.5},
        changed=NOW + 7 * second,
        site="mill",
        site_title="Mill",
        commune="91001",
        incident=12,
        noticed=NOW + 6 * second,
    )
    connection.execute("UPDATE alarm SET ended = %s, acknowledged = 'major'", [NOW + 9 * second])
    (over,) = queries_list.list_rows(connection, queries_list.AlarmFilter(which="over"), NOW)
    assert (over.ended, over.state) == (NOW + 9 * second, "normal")
    assert queries_list.find_latest(connection) == (NOW + second, "a title", "un titre")
    assert replace(row, hold=None).waits
    assert replace(row, hold=None, state="returned").waits
    assert not replace(row, hold=None, state="closing").waits


def test_alarms_of_a_domain_and_of_words(connection: Connection) -> None:
    at = micros(NOW)
    kept = [
        bare(1, at, domain="flood", title="A_b", title_fr="À\\b"),
        bare(2, at, domain="weather", title="Axb"),
    ]
    alarm_queries.save(connection, kept, [])

    def listed(**words: Any) -> list[int]:
        return [
            one.id
            for one in queries_list.list_rows(connection, queries_list.AlarmFilter(**words), NOW)
        ]

    assert (listed(domain="flood"), listed(domain="weather")) == ([1], [2])
    assert (listed(text="a_B"), listed(text="\\b"), listed(text="axb")) == ([1], [1], [2])
    assert listed(domain="weather", text="a_b") == []


def test_what_the_list_says_of_incidents_deliveries_and_accounts(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO incident VALUES (5, 'flood', 'hazard', 'river', 'Orge', 'At the Orge', %s,"
        " NULL, NULL, 'major', 2, 1), (6, 'x', 'hazard', 'site', 'y', 'z', %s, NULL, NULL, 'info',"
        " 1, 1)",
        [NOW, NOW],
    )
    assert queries_list.read_incident_titles(connection, [5, 9]) == {
        5: ("flood", "hazard", "At the Orge", "2024-01-01T10:00:00+00:00")
    }
    assert queries_list.list_areas(connection)[0] == ("91002", "commune", "Amont", "91")
    alarm = raise_alarm(connection, "r", "mill")
    for number, (route, channel, state) in enumerate(
        (("duty", "2", "sent"), ("chief", "1", "waiting"))
    ):
        connection.execute(
            "WITH made AS (INSERT INTO outbox (alarm, event, key, at, body, due)"
            " VALUES (%(alarm)s, 'raised', %(key)s, %(at)s, '{}', %(at)s) RETURNING id)"
            " INSERT INTO delivery (outbox, alarm, route, channel, key, message, state,"
            " notified_at)"
            " SELECT id, %(alarm)s, %(route)s, %(channel)s, %(key)s, '{}', %(state)s, %(at)s"
            " FROM made",
            {
                "alarm": alarm,
                "key": str(number),
                "at": NOW,
                "route": route,
                "channel": channel,
                "state": state,
            },
        )
    notices = queries_list.list_notices(connection, [alarm, alarm + 1])
    assert [(sent.at, sent.alarm, sent.event) for sent in notices] == [(NOW, alarm, "raised")] * 2
    assert [(sent.state, sent.route, sent.channel) for sent in notices] == [
        ("sent", "duty", "2"),
        ("waiting", "chief", "1"),
    ]
    assert queries_list.list_notices(connection, [alarm + 1]) == []
    connection.execute("INSERT INTO account (name, title) VALUES ('ann', 'Ann'), ('ben', 'B.')")
    assert queries_list.read_account_titles(connection) == {"ann": "Ann", "ben": "B."}
    connection.execute("INSERT INTO account_role SELECT id, 'operator', NULL FROM account")
    assert queries_list.list_operators(connection, {None}) == [("ann", "Ann"), ("ben", "B.")]


def test_nothing_began_last_where_there_is_no_alarm(connection: Connection) -> None:
    assert queries_list.find_latest(connection) is None
    raise_alarm(connection, "r", "mill", withdrawn=NOW)
    assert queries_list.find_latest(connection) is None


def test_an_event_of_the_log_has_all_its_parts(connection: Connection) -> None:
    alarm = raise_alarm(connection, "flood", "mill", severity="major")
    connection.execute("UPDATE alarm SET title_fr = 'crue', domain = 'flood'")
    connection.execute(
        "INSERT INTO transition (alarm, kind, event_time, noticed_at, reason, snapshot)"
        " VALUES (%s, 'raised', %s, %s, 'it rose', %s)",
        [alarm, NOW - HOUR, NOW - MINUTE, Jsonb({"severity": [["", "info"], ["", "minor"]]})],
    )
    connection.execute(
        "INSERT INTO alarm_act (alarm, kind, author, at, scenario_at, reason, details, version,"
        " state) VALUES (%s, 'shelve', 'ann', %s, %s, 'a car', %s, 1, 'x')",
        [
            *(alarm, NOW + HOUR, NOW, Jsonb({"assignee": "ben", "until": "2024-01-01T11:00:00Z"})),
        ],
    )
    span = queries_timeline.TimelineFilter(since=NOW - HOUR, until=NOW + TICK)
    rose, shelved = queries_timeline.list_events(connection, span)
    assert rose == queries_timeline.TimelineEvent(
        at=NOW - MINUTE,
        number=rose.number,
        alarm=alarm,
        kind="raised",
        author=None,
        reason="it rose",
        event_time=NOW - HOUR,
        severity="minor",
        title="flood at mill",
        title_fr="crue",
        site="mill",
        site_title="Mill",
        domain="flood",
        assignee=None,
        until=None,
    )
    assert shelved == replace(
        rose,
        at=NOW,
        number=shelved.number,
        kind="shelve",
        author="ann",
        reason="a car",
        event_time=None,
        severity="major",
        assignee="ben",
        until=NOW + HOUR,
    )
    later = replace(span, until=NOW + 2 * HOUR, domains=("flood",), alarms=(alarm,))
    assert queries_timeline.list_events(connection, later) == [rose, shelved]
    assert queries_timeline.list_events(connection, replace(later, alarms=(alarm + 1,))) == []
    assert queries_timeline.list_events(connection, replace(later, category="maintenance")) == []
    assert queries_timeline.list_events(connection, replace(later, limit=1)) == [shelved]


def test_what_was_raised_has_all_its_parts(connection: Connection) -> None:
    alarm = raise_alarm(connection, "flood", "mill", severity="major")
    connection.execute(
        "INSERT INTO transition (alarm, kind, event_time, noticed_at, snapshot)"
        " VALUES (%s, 'raised', %s, %s, %s)",
        [alarm, NOW, NOW, Jsonb({"severity": [["", "info"], ["", "minor"]]})],
    )
    (one,) = queries_load.list_raised(connection, NOW - HOUR, NOW)
    assert (one.at, one.rule, one.subject, one.title, one.severity) == (
        micros(NOW),
        "flood",
        "mill",
        "flood at mill",
        "info",
    )


def test_a_case_and_planned_works_have_all_their_parts(connection: Connection) -> None:
    revise(connection, "member", "cab/lamp", {})
    revise(connection, "member", "loose/lamp", {})
    revise(connection, "device", "lamp", {"in_service": False})
    revise(connection, "device", "probe", {"in_service": True})
    revise(connection, "member", "loose/cab", {})  # a device that is called as a group is
    revise(connection, "device", "cab", {"in_service": False})
    for rule, site, subject in (
        ("dark", "square", "device/lamp"),
        ("dark", "square", "device/probe"),
        ("dead", None, "group/cab"),
    ):
        alarm = raise_alarm(connection, rule, site)
        connection.execute("UPDATE alarm SET subject = %s WHERE id = %s", [subject, alarm])
    lamp, probe, group = queries_suppression.list_cases(connection, NOW)
    assert lamp == Case(
        id=lamp.id,
        rule="dark",
        subject="device/lamp",
        site="square",
        began=micros(NOW - HOUR),
        title="dark at square",
        active=True,
        groups=frozenset({"cab", "loose"}),
        homes=frozenset({"square"}),
        out_of_service=True,
    )
    assert probe == replace(
        lamp,
        id=probe.id,
        subject="device/probe",
        groups=frozenset(),
        homes=frozenset(),
        out_of_service=False,
    )
    assert (group.site, group.groups, group.out_of_service) == (None, frozenset(), False)
    assert queries_suppression.list_cases(connection, NOW, numbers=[]) == []

    written = {"begins": "2024-01-01T10:00:00Z", "ends": "2024-01-01T11:00:00Z"}
    full = {**written, "sites": ["mill"], "devices": ["lamp"], "groups": ["cab"]}
    revise(connection, "works", "bridge", full, NOW + 9 * HOUR)
    revise(connection, "works", "road", written)
    revise(connection, "works", "gone", written)
    revise(connection, "works", "gone", None, NOW)
    bridge = WorksWindow(
        name="bridge",
        begins=micros(NOW),
        ends=micros(NOW + HOUR),
        reason="test",
        sites=frozenset({"mill"}),
        devices=frozenset({"lamp"}),
        groups=frozenset({"cab"}),
    )
    none = frozenset[str]()
    road = replace(bridge, name="road", sites=none, devices=none, groups=none)
    assert queries_works.load_works(connection) == [bridge, road]
    assert queries_works.load_in_force(connection, "works", NOW) == {"road": written}


def test_an_incident_has_all_its_parts(connection: Connection) -> None:
    first = raise_alarm(connection, "a", "mill", severity="critical", ended=NOW)
    second = raise_alarm(connection, "b", "source", ended=NOW - TICK)
    third = raise_alarm(connection, "c", "nowhere")
    for number, domain in ((first, "flood"), (second, "flood"), (third, "weather")):
        connection.execute("UPDATE alarm SET domain = %s WHERE id = %s", [domain, number])
    connection.execute(
        'UPDATE alarm SET severity = severity || \'[["2024-01-01T09:30Z", "minor"]]\'::jsonb'
        " WHERE id = %s",
        [first],
    )
    quiet = 60 * SECOND
    assert queries_incidents.refresh(connection, quiet) == 3
    assert queries_incidents.refresh(connection, quiet) == 0
    river = Incident(
        number=first,
        title="Orge: flood",
        domain="flood",
        category="hazard",
        grouped_by="river",
        name="Orge",
        severity="critical",
        opened=micros(NOW - HOUR),
        ended=micros(NOW),
        closes=micros(NOW) + quiet,
        alarms=(first, second),
        active=0,
    )
    site = Incident(
        number=third,
        title="Nowhere: weather",
        domain="weather",
        category="hazard",
        grouped_by="site",
        name="nowhere",
        severity="minor",
        opened=micros(NOW - HOUR),
        ended=None,
        closes=None,
        alarms=(third,),
        active=1,
    )

    def listed(**words: Any) -> list[Incident]:
        return queries_incidents.list_incidents(connection, **words)

    assert listed() == [site, river]
    assert (listed(limit=1), listed(domain="flood"), listed(number=third)) == (
        [site],
        [river],
        [site],
    )
    assert listed(behind=(NOW - HOUR, third)) == [river]
    assert listed(behind=(NOW - HOUR, first)) == []
    assert listed(every=False, wall=NOW + MINUTE - TICK) == [site, river]
    assert listed(every=False, wall=NOW + MINUTE) == [site]
    grouped = queries_lifecycle.list_handled(connection, Selection(), NOW)
    assert {alarm.id: alarm.incident for alarm in grouped} == {
        first: first,
        second: first,
        third: third,
    }
    written = {
        "number": first,
        "title": "Orge: flood",
        "domain": "flood",
        "category": "hazard",
        "grouped_by": "river",
        "name": "Orge",
        "severity": "critical",
        "opened": "2024-01-01T09:00:00Z",
        "ended": "2024-01-01T10:00:00Z",
        "closes": "2024-01-01T10:01:00Z",
        "open": True,
        "alarms": [first, second],
        "active": 0,
    }
    assert river.model_dump(mode="json") == written
    lasting, closed = listed(wall=NOW + MINUTE)
    assert closed.model_dump(mode="json") == {**written, "open": False}
    assert lasting == site
    connection.execute("UPDATE alarm SET withdrawn = %s WHERE id = %s", [NOW, third])
    assert listed() == [river], "what was withdrawn since it was grouped makes no incident"


def test_incidents_are_grouped_anew_where_the_registry_says_otherwise(
    connection: Connection,
) -> None:
    """Of sites, communes, groups, members and rules; not for what changes nothing of them."""
    revise(connection, "rule", "grouped", {"group by": "site"})
    revise(connection, "member", "cab/lamp", {})
    seen = [queries_places.read_fingerprint(connection)]

    def changed() -> bool:
        seen.append(queries_places.read_fingerprint(connection))
        return seen[-1] != seen[-2]

    assert not changed()
    revise(connection, "rule", "other", {"when": "level > 3 m"})
    revise(connection, "series", "x/level", {"interval_s": 60})
    assert not changed()
    for statement in (
        "UPDATE site SET title = 'Moulin' WHERE name = 'mill'",
        "UPDATE site SET river = NULL WHERE name = 'mill'",
        "UPDATE site SET commune = '91002' WHERE name = 'mill'",
        "UPDATE device_group SET title = 'Armoire' WHERE name = 'cab'",
        "UPDATE device_group SET site = NULL WHERE name = 'cab'",
        "UPDATE area SET name = 'Ville' WHERE code = '91001'",
    ):
        connection.execute(statement.encode())
        assert changed(), statement
    revise(connection, "rule", "grouped", {"group by": "river"})
    assert changed()
    revise(connection, "rule", "grouped", {}, NOW)
    assert changed()
    revise(connection, "member", "cab/other", {})
    assert changed()
    connection.execute("UPDATE area SET name = 'Le Nord' WHERE code = '2'")
    assert not changed(), "of an EPCI nothing is called"


def test_where_subjects_stand_by_name_and_title(connection: Connection) -> None:
    revise(connection, "member", "loose/lamp", {})
    revise(connection, "member", "cab/lamp", {})
    found = queries_places.Places.read(connection)
    assert found.sites == {
        "mill": ("Mill", "Orge", ("91001", "Bourg")),
        "source": ("Source", "Orge", ("91002", "Amont")),
        "square": ("Square", None, ("91001", "Bourg")),
        "nowhere": ("Nowhere", None, None),
    }
    assert found.groups == {"cab": ("Cabinet", "square"), "loose": ("Others", None)}

    def key(rule: str, subject: str, site: str | None, domain: str = "lighting") -> tuple[str, str]:
        alarm = queries_places.AlarmSubject(
            id=1,
            version=1,
            before=None,
            rule=rule,
            subject=subject,
            domain=domain,
            category="hazard",
            began=micros(NOW),
            site=site,
            title="what it says",
        )
        made, title = found.key(alarm)
        return made.text, title

    assert key("r", "device/lamp", "mill") == ("lighting/hazard/site/square", "Square")
    assert key("r", "device/other", "mill") == ("lighting/hazard/site/mill", "Mill")
    assert key("r", "group/loose", None) == ("lighting/hazard/subject/group/loose", "what it says")
    assert key("r", "mill", "mill", "flood") == ("flood/hazard/river/Orge", "Orge")
    assert key("r", "square", "square", "flood") == ("flood/hazard/commune/91001", "Bourg")
    assert key("r", "x", "nosuch") == ("lighting/hazard/subject/x", "what it says")


def test_what_was_written_is_of_the_kind_and_the_key_asked_for(connection: Connection) -> None:
    level = {"value": 1, "unit": "m"}
    for kind, key in (("rule", "r"), ("rule", "other"), ("works", "r"), ("works", "mill/alert")):
        revise(connection, kind, key, {"of": f"{kind} {key}"})
    for key in ("mill/alert", "mill/danger", "r"):
        revise(connection, "threshold", key, level)
    assert load_in_force(connection, "rule", NOW)["r"] == {"of": "rule r"}
    found = queries_chart.read_thresholds(connection, ["mill/alert"], NOW)
    assert found == {"mill/alert": (1.0, "m", False)}
    connection.execute("UPDATE revision SET illustrative = true WHERE key = 'mill/alert'")
    assert queries_chart.read_thresholds(connection, ["mill/alert"], NOW)["mill/alert"][2] is True


def test_courses_are_of_what_may_be_believed(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    other = add_device(connection, "other", "square", "level")["level"]
    rows: list[tuple[Any, float | None, int]] = [
        (NOW - 30 * MINUTE, 1, 0),
        (NOW - 16 * MINUTE, 3, 0),
        (NOW - 15 * MINUTE, 8, 0),
        (NOW - 14 * MINUTE, None, 0),
        (NOW - 13 * MINUTE, 99, SUSPECT),
    ]
    store(connection, level, rows)
    store(connection, other, [(NOW - 10 * MINUTE, 5, 0)])
    courses = queries_chart.read_trends(connection, {2: other, 1: level}, NOW - HOUR, NOW)
    middle = timedelta(minutes=7.5)
    early, late = ((NOW - part + middle).timestamp() for part in (30 * MINUTE, 15 * MINUTE))
    assert courses == {1: [(early, 2), (late, 8)], 2: [(late, 5)]}
    assert queries_chart.read_trends(connection, {}, NOW - HOUR, NOW) == {}
    assert queries_chart.find_series(connection, []) == {}
    assert queries_chart.find_series(
        connection, [(7, "device/gauge", "level"), (8, "square", "level")]
    ) == {
        7: level,
        8: other,
    }
