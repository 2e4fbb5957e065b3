"""Questions over a span: what lies on its ends, in which order, and where a list is cut."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from hypervisor.alarms import (
    queries_list,
    queries_load,
    queries_suppression,
    queries_timeline,
)
from hypervisor.base.instants import micros
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.logbook import queries_handovers
from hypervisor.readings import queries_history
from hypervisor.registry import queries_devices
from hypervisor.registry.queries_works import load_in_force
from sensors._row import Rows
from tests.integration.database.standing import (
    HOUR,
    NOW,
    SUSPECT,
    TICK,
    add_device,
    hold,
    raise_alarm,
    revise,
    revise_around,
    store,
)

pytestmark = pytest.mark.integration


def _transition(
    connection: Connection, alarm: int, kind: str, at: datetime, **snapshot: Any
) -> None:
    connection.execute(
        "INSERT INTO transition (alarm, kind, event_time, noticed_at, snapshot)"
        " VALUES (%s, %s, %s, %s, %s)",
        [alarm, kind, at, at, Jsonb(snapshot)],
    )


def _act(connection: Connection, alarm: int, kind: str, at: datetime, **details: Any) -> None:
    connection.execute(
        "INSERT INTO alarm_act (alarm, kind, author, at, details, version, state)"
        " VALUES (%s, %s, 'ann', %s, %s, 1, 'unacknowledged')",
        [alarm, kind, at, Jsonb(details)],
    )


def test_acts_of_the_audit(connection: Connection) -> None:
    numbers = [
        audit.record(connection, kind=kind, subject=subject, reason="r", author=author)
        for kind, subject, author in (
            ("undo", "b", "ben"),
            ("observe", "a", "ann"),
            ("undo", "a", "ann"),
            ("undo", "b", "ann"),
        )
    ]
    first, second, third, fourth = numbers
    connection.execute("ALTER TABLE audit DISABLE TRIGGER append_only")
    for number, at in zip(numbers, (NOW, NOW + HOUR, NOW + HOUR, NOW + 2 * HOUR), strict=True):
        connection.execute("UPDATE audit SET at = %s WHERE id = %s", [at, number])

    def listed(**words: Any) -> list[int]:
        return [act.id for act in audit.list_acts(connection, **words)]

    def paged(**words: Any) -> list[int]:
        return [act.id for act in audit.list_latest(connection, **{"limit": 9, **words})]

    assert listed() == numbers
    assert listed(limit=2) == [third, fourth], "the latest, in their order"
    assert listed(since=NOW + HOUR) == [second, third, fourth]
    assert (listed(kind="undo"), listed(subject="a")) == ([first, third, fourth], [second, third])
    assert paged() == numbers[::-1]
    assert paged(since=NOW + HOUR, until=NOW + 2 * HOUR) == [third, second]
    assert (paged(before=third), paged(before=third, limit=1)) == ([second, first], [second])
    assert (paged(author="ben"), paged(kind="observe"), paged(subject="b")) == (
        [first],
        [second],
        [fourth, first],
    )
    words = audit.list_filters(connection)
    assert (words.authors, words.kinds) == (["ann", "ben"], ["observe", "undo"])


def test_what_was_raised_and_answered(connection: Connection) -> None:
    times = [NOW - HOUR, NOW - HOUR + TICK, NOW, NOW + TICK]
    alarms = [raise_alarm(connection, f"r{n}", "mill", severity="critical") for n in range(4)]
    for alarm, time in zip(alarms, times, strict=True):
        _transition(connection, alarm, "raised", time, severity=[["", "info"], ["", "major"]])
    _transition(connection, alarms[1], "cleared", NOW, severity=[["", "minor"]])
    raised = queries_load.list_raised(connection, NOW - HOUR, NOW)
    assert [(one.rule, one.severity) for one in raised] == [("r1", "info"), ("r2", "info")]

    _act(connection, alarms[1], "comment", NOW - HOUR + 2 * TICK)
    _act(connection, alarms[1], "acknowledge", NOW)
    _act(connection, alarms[1], "acknowledge", NOW - HOUR / 2)
    _act(connection, alarms[2], "acknowledge", NOW + TICK)
    answers = queries_load.list_delays(connection, NOW - HOUR, NOW)
    assert [answer.after for answer in answers] == [HOUR / 2 - TICK, None]
    later = queries_load.list_delays(connection, NOW - HOUR, NOW + TICK)
    assert [answer.after for answer in later] == [HOUR / 2 - TICK, TICK, None]
    early = queries_load.list_delays(connection, NOW - 2 * HOUR, NOW - HOUR)
    assert [answer.after for answer in early] == [None]


def test_what_stood_at_a_time(connection: Connection) -> None:
    began = NOW - HOUR
    raise_alarm(connection, "on", "mill", stale=[(NOW - TICK, NOW)])
    raise_alarm(connection, "over", "mill", ended=NOW, stale=[(NOW, None)])
    raise_alarm(connection, "back", "mill", withdrawn=NOW)
    long = micros(NOW) - micros(began)

    def stood(at: datetime) -> tuple[int, int, int]:
        standing = queries_load.count_standing(connection, at, long)
        return standing.alarms, standing.long, standing.stale

    assert stood(began - TICK) == (0, 0, 0)
    assert stood(began) == (2, 0, 0)
    assert stood(NOW - TICK) == (2, 0, 1)
    assert stood(NOW) == (1, 1, 0)
    starts = queries_load.list_beginnings(connection, began, NOW, rule="on", site="mill")
    assert starts == [micros(began)], "not its own, nor what was withdrawn"
    assert queries_load.list_beginnings(connection, began + TICK, NOW, rule="", site="") == []
    assert (
        queries_load.list_beginnings(connection, NOW - 2 * HOUR, began, rule="", site="")
        == [micros(began)] * 2
    )
    assert queries_suppression.list_beginnings(connection, began, began) == {
        ("on", "mill"): [micros(began)],
        ("over", "mill"): [micros(began)],
    }
    assert queries_suppression.list_beginnings(connection, began + TICK, NOW) == {}


def test_the_log_of_a_span_and_what_was_known(connection: Connection) -> None:
    alarm = raise_alarm(connection, "flood", "mill", severity="major", ended=NOW)
    other = raise_alarm(connection, "fault", "square")
    connection.execute("UPDATE alarm SET category = 'maintenance' WHERE id = %s", [other])
    kept = {"withdrawn": None, "ended": None, "began": "1", "id": alarm}
    _transition(connection, alarm, "raised", NOW - HOUR, severity=[["", "minor"]], **kept)
    _transition(connection, alarm, "fresh", NOW - HOUR, **kept)
    _transition(connection, alarm, "cleared", NOW, **{**kept, "ended": "1"})
    _transition(connection, other, "raised", NOW - HOUR / 2, **{**kept, "id": other})
    _act(connection, alarm, "acknowledge", NOW - HOUR / 2)
    _act(connection, alarm, "assign", NOW - HOUR / 2, assignee="ben")

    def kinds(since: datetime, until: datetime, **words: Any) -> list[str]:
        span = queries_timeline.TimelineFilter(since=since, until=until, **words)
        return [event.kind for event in queries_timeline.list_events(connection, span)]

    every = ["raised", "acknowledge", "assign", "cleared"]
    assert kinds(NOW - HOUR, NOW + TICK) == every
    assert kinds(NOW - HOUR, NOW) == every[:3]
    assert kinds(NOW - HOUR + TICK, NOW + TICK) == every[1:]
    assert kinds(NOW - HOUR / 2, NOW + TICK, limit=2) == ["assign", "cleared"]
    assert kinds(NOW - HOUR / 2 + TICK, NOW) == []
    assert kinds(NOW - HOUR, NOW + TICK, category=None, alarms=(other,)) == ["raised"]
    assert kinds(NOW - HOUR, NOW + TICK, domains=("nosuch",)) == []

    def states(at: datetime) -> list[tuple[int, str, str | None]]:
        return [
            (one["id"], one["state"], one["assignee"])
            for one in queries_timeline.list_alarms_as_known(connection, at)
            if one["id"] == alarm
        ]

    assert states(NOW - HOUR - TICK) == []
    assert states(NOW - HOUR) == [(alarm, "unacknowledged", None)]
    assert states(NOW - HOUR / 2) == [(alarm, "acknowledged", "ben")]
    assert states(NOW) == [(alarm, "normal", "ben")]
    assert [one["id"] for one in queries_timeline.list_alarms_as_known(connection, NOW)] == [
        other,
        alarm,
    ]


def test_alarms_as_a_list(connection: Connection) -> None:
    numbers = [
        raise_alarm(connection, "b", "mill", severity="major"),
        raise_alarm(connection, "a", "mill", severity="minor"),
        raise_alarm(connection, "c", "square", severity="major", stale=[(NOW - HOUR, NOW)]),
        raise_alarm(connection, "d", "source", ended=NOW, acknowledged="minor"),
        raise_alarm(connection, "e", None),
        raise_alarm(connection, "100%", "source", stale=[(NOW - HOUR, NOW), (NOW, None)]),
    ]
    b, a, c, over, lost, percent = numbers
    connection.execute("UPDATE alarm SET assignee = 'ann' WHERE id = %s", [a])
    connection.execute("UPDATE alarm SET began = began + INTERVAL '1 min' WHERE id = %s", [b])
    hold(connection, "c", "square", NOW + TICK)
    hold(connection, "a", "mill", NOW)

    def listed(**words: Any) -> list[int]:
        query = queries_list.AlarmFilter(**words)
        rows = queries_list.list_rows(connection, query, NOW, person="ann")
        return [row.id for row in rows]

    assert listed() == [b, percent, lost, c, a], "latest first, then by number"
    assert listed(which="over") == [over]
    assert listed(severity="major") == [b, c]
    assert listed(area="2") == [b, c, a]
    assert listed(area="91") == [b, percent, c, a]
    assert listed(mine=True) == [a]
    assert listed(text="0%") == [percent]
    assert listed(text="_") == []
    assert listed(numbers=(over,)) == [over]
    withdrawn = raise_alarm(connection, "w", "mill", withdrawn=NOW)
    assert withdrawn not in listed()
    assert listed(numbers=(over, withdrawn)) == [withdrawn, over]
    rows = {
        row.id: row for row in queries_list.list_rows(connection, queries_list.AlarmFilter(), NOW)
    }
    assert [rows[number].stale for number in (a, c, percent)] == [False, False, True]
    assert rows[percent].stale_since == NOW
    _act(connection, a, "comment", NOW)
    _act(connection, a, "comment", NOW - HOUR / 2)
    _act(connection, c, "comment", NOW - 2 * HOUR)
    rows = {
        row.id: row for row in queries_list.list_rows(connection, queries_list.AlarmFilter(), NOW)
    }
    changed = [rows[number].changed for number in (a, b, c)]
    assert changed == [NOW - HOUR / 2, NOW - HOUR, NOW - HOUR], "the act done last, or the watch"
    assert [rows[number].waits for number in (a, b, c)] == [True, True, False]
    newest = queries_list.find_latest(connection)
    assert newest is not None
    assert newest[0] == NOW - HOUR + timedelta(minutes=1)
    assert [code for code, *_ in queries_list.list_areas(connection)] == [
        "91002",
        "91001",
        "91",
        "2",
    ]


def test_who_may_act_in_a_commune(connection: Connection) -> None:
    for name, role, area, disabled in (
        ("here", "operator", "91001", False),
        ("above", "administrator", "91", False),
        ("all", "operator", None, False),
        ("elsewhere", "operator", "91002", False),
        ("looks", "viewer", "91001", False),
        ("left", "operator", "91001", True),
    ):
        connection.execute(
            "WITH made AS (INSERT INTO account (name, title, disabled_at)"
            " VALUES (%s, %s, CASE WHEN %s THEN now() END) RETURNING id)"
            " INSERT INTO account_role SELECT id, %s, %s FROM made",
            [name, name.title(), disabled, role, area],
        )
    assert [name for name, _ in queries_list.list_operators(connection, {"91001"})] == [
        "above",
        "all",
        "here",
    ]
    for communes, names in (
        ({"91001", "91002"}, ["above", "all"]),
        ({"91001", None}, ["all"]),
        ({None}, ["all"]),
        (set(), ["all"]),
    ):
        assert [name for name, _ in queries_list.list_operators(connection, communes)] == names


def test_a_shift_of_edits_and_devices_at_rest(connection: Connection) -> None:
    for value in (1, 2, 3):
        revise(connection, "threshold", "mill/alert", {"value": value})
    connection.execute(
        "UPDATE revision r SET previous = (SELECT max(id) FROM revision p WHERE p.id < r.id),"
        " recorded_at = %s + r.id * INTERVAL '1 us'",
        [NOW],
    )
    (last,) = connection.execute("SELECT max(recorded_at) FROM revision").fetchone() or (NOW,)
    edits = queries_handovers.list_edits(connection, last - TICK)
    assert [(edit.value, edit.before) for edit in edits] == [
        ({"value": 2}, {"value": 1}),
        ({"value": 3}, {"value": 2}),
    ]
    assert len(queries_handovers.list_edits(connection, last)) == 1

    for name, retired in (("rests", None), ("leaving", NOW + TICK), ("left", NOW), ("works", None)):
        add_device(connection, name, "mill", retired=retired)
        revise(connection, "device", name, {"in_service": name == "works"})
    add_device(connection, "pump", "source")
    revise_around(connection, "device", "pump", *({"in_service": on} for on in (True, False, True)))
    assert [
        at_rest.device for at_rest in queries_handovers.list_out_of_service(connection, NOW)
    ] == [
        "leaving",
        "rests",
        "pump",
    ]
    assert [
        at_rest.device for at_rest in queries_handovers.list_out_of_service(connection, NOW + TICK)
    ] == ["rests"]


def test_what_an_alarm_is_judged_to_speak_by(connection: Connection) -> None:
    add_device(connection, "lamp", "square", "power")
    revise(connection, "member", "cab/lamp", {})
    revise(connection, "member", "loose/lamp", {})
    revise(connection, "member", "loose/lamp", None, NOW)
    revise_around(connection, "rule", "r", *({"inhibits": [n], "chatter": n} for n in (1, 2, 3)))
    revise(connection, "rule", "gone", {})
    revise(connection, "rule", "gone", None, NOW)
    for at, number in ((NOW - TICK, 1), (NOW, 2), (NOW + TICK, 3), (None, 3)):
        rules = load_in_force(connection, "rule", at)
        assert rules["r"] == {"inhibits": [number], "chatter": number}
        assert ("gone" in rules) == (at == NOW - TICK)
        groups = queries_suppression.read_groups(connection, at)["lamp"]
        assert groups == ({"cab", "loose"} if at == NOW - TICK else {"cab"})
    assert queries_suppression.read_group_sites(connection) == {"cab": "square"}
    first = raise_alarm(connection, "r", "mill")
    over = raise_alarm(connection, "r", "mill", ended=NOW)
    raise_alarm(connection, "r", "mill", withdrawn=NOW)
    lost = raise_alarm(connection, "r", None)
    assert [case.id for case in queries_suppression.list_cases(connection, NOW)] == [first, lost]
    (asked,) = queries_suppression.list_cases(connection, NOW, numbers=[over])
    assert (asked.id, asked.active) == (over, False)


def test_devices_that_an_alarm_accuses_of_silence(connection: Connection) -> None:
    revise(connection, "rule", "silent", {"when": "silent(level, 30 min)"})
    revise(connection, "rule", "was", {"when": "silent(level, 30 min)"})
    revise(connection, "rule", "was", {"when": "level > 3 m"}, NOW)
    revise(connection, "rule", "other", {"when": "level > 3 m"})
    for rule, subject in (("silent", "device/a"), ("was", "device/b"), ("other", "device/c")):
        alarm = raise_alarm(connection, rule, "mill")
        connection.execute("UPDATE alarm SET subject = %s WHERE id = %s", [subject, alarm])
    raise_alarm(connection, "silent", "mill")
    for ending in ({"ended": NOW}, {"withdrawn": NOW}):
        alarm = raise_alarm(connection, "silent", "mill", **ending)  # type: ignore[arg-type]
        connection.execute("UPDATE alarm SET subject = 'device/d' WHERE id = %s", [alarm])
    assert queries_devices.devices_in_silence_alarm(connection) == {"a"}


def test_what_was_heard_of_a_device(connection: Connection) -> None:
    own = add_device(connection, "gauge", "mill", "level", "battery", "clock_fault")
    old = add_device(connection, "old", "mill", "level")["level"]
    add_device(connection, "never", "mill", "level")
    day = timedelta(days=1)
    store(
        connection,
        own["level"],
        [(NOW - day, 1, 0), (NOW - day + TICK, 2, SUSPECT), (NOW, 3, 0), (NOW + TICK, 4, 0)],
    )
    store(connection, own["battery"], [(NOW - HOUR, 50, 0), (NOW, None, 0), (NOW + TICK, 9, 0)])
    store(connection, own["clock_fault"], [(NOW - HOUR, 1, 0)])
    store(connection, old, [(NOW - 3 * day, 1, 0), (NOW - 2 * day, 2, 0)])
    heard = queries_devices.load_device_reports(connection, NOW)
    gauge = heard["gauge"]
    assert (gauge.readings, gauge.suspect, gauge.clock_faults) == (4, 1, 1)
    assert (gauge.heard_at, gauge.measured_at) == (NOW, NOW)
    assert (gauge.battery, gauge.battery_at) == (50, NOW - HOUR)
    assert (heard["old"].heard_at, heard["old"].readings) == (NOW - 2 * day, 0)
    assert heard["never"] == queries_devices.DeviceReport(ahead_s=heard["never"].ahead_s)
    assert queries_devices.load_device_reports(connection, NOW, ["old"]).keys() == {"old"}


def _told(rows: Rows) -> list[tuple[int, int]]:
    """Series and minutes since ten hours before NOW."""
    begins = micros(NOW - 10 * HOUR)
    minute = 60_000_000
    return [(int(row["series"]), (int(row["time"]) - begins) // minute) for row in rows]


def test_columns_of_readings(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    rain = add_device(connection, "rain", "mill", "rain")["rain"]

    def at(minutes: float) -> datetime:
        return NOW - 10 * HOUR + timedelta(minutes=minutes)

    def us(minutes: float) -> int:
        return micros(at(minutes))

    store(
        connection,
        level,
        [(at(0), 1, 0), (at(10), 2, 0), (at(20), None, 0), (at(30), 4, SUSPECT), (at(40), 5, 0)],
    )
    store(connection, rain, [(at(10), 1, 0), (at(40), 2, 0)])

    def between(*spans: tuple[int, int, int | None]) -> Sequence[tuple[int, int]]:
        return _told(queries_history.read_spans(connection, spans))

    assert between((level, us(10), us(40))) == [(level, 0), (level, 10), (level, 20), (level, 30)]
    assert between((level, us(40), None)) == [(level, 10), (level, 20), (level, 30), (level, 40)]
    assert between((rain, us(40), us(40)), (level, us(0), us(1))) == [(level, 0), (rain, 10)]
    assert not len(queries_history.read_range(connection, [rain, level], us(900), us(901)))
    assert _told(queries_history.read_range(connection, [rain, level], us(10), us(40))) == [
        (level, 10),
        (level, 20),
        (level, 30),
        (rain, 10),
    ]
    assert _told(queries_history.read_all(connection, us(10), us(20))) == [(level, 10), (rain, 10)]
    points = [(level, us(10)), (rain, us(11)), (rain, us(40))]
    assert _told(queries_history.read_points(connection, points)) == [(level, 10), (rain, 40)]
    assert _told(queries_history.read_newest(connection, [(level, 10 * 60_000_000, 9)])) == [
        (level, 10),
        (level, 20),
        (level, 30),
        (level, 40),
    ]
    assert _told(queries_history.read_newest(connection, [(level, 10 * 60_000_000, 2)])) == [
        (level, 30),
        (level, 40),
    ]
    connection.execute(
        "UPDATE reading SET received_at = %s WHERE series_id = %s AND time <= %s",
        [at(50), level, at(10)],
    )
    assert _told(queries_history.read_late_arrivals(connection, [(level, us(10), us(50))])) == [
        (level, 0)
    ]
    assert _told(queries_history.read_late_arrivals(connection, [(level, us(10.1), us(50))])) == [
        (level, 0),
        (level, 10),
    ]
    assert (
        _told(queries_history.read_late_arrivals(connection, [(level, us(10), us(50) + 1)])) == []
    )
    connection.execute(
        "UPDATE reading SET received_at = NULL WHERE series_id = %s AND time = %s", [rain, at(10)]
    )
    assert queries_history.list_imported_series(connection, us(10)) == set()
    assert queries_history.list_imported_series(connection, us(10) + 1) == {rain}
