"""Lists that people narrow down: which rows, in which order, and what stands of several."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from hypervisor.alarms import queries_chart
from hypervisor.alarms.queries_places import AlarmSubject, Places
from hypervisor.backtest import queries_past_events
from hypervisor.base.instants import micros
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.logbook import queries as log_queries
from hypervisor.logbook import queries_handovers
from hypervisor.logbook.model import EntryKind, Handover, NewEntry, NoEntryError
from hypervisor.readings import queries_workers
from hypervisor.registry import queries_revisions, queries_site
from hypervisor.registry.queries_works import load_in_force
from tests.integration.database.standing import (
    HOUR,
    NOW,
    SUSPECT,
    TICK,
    add_device,
    revise,
    revise_around,
    store,
)

pytestmark = pytest.mark.integration


def test_events_that_people_noted(connection: Connection) -> None:
    def add(site: str | None, river: str | None, begins: datetime, ends: datetime) -> int:
        words: dict[str, Any] = {"kind": "flood", "peak": None, "unit": None}
        return queries_past_events.add(
            connection,
            **words,
            site=site,
            river=river,
            begins=begins,
            ends=ends,
            note="n",
            author="ann",
        )

    late = add("mill", None, NOW, NOW + HOUR)
    early = add("source", None, NOW - HOUR, NOW)
    river = add(None, "Orge", NOW - HOUR, NOW)
    gone = add("mill", None, NOW - HOUR, NOW)
    assert queries_past_events.withdraw(connection, gone, author="ben", reason="twice")
    assert not queries_past_events.withdraw(connection, gone, author="cid", reason="once more")
    kept = queries_past_events.get(connection, gone)
    assert kept is not None
    assert (kept.withdrawn_by, kept.withdrawn_reason) == ("ben", "twice")
    assert queries_past_events.get(connection, gone + 1) is None

    def standing(**words: Any) -> list[int]:
        return [event.id for event in queries_past_events.list_events(connection, **words)]

    assert standing() == [early, river, late]
    assert standing(sites=["mill"]) == [late]
    assert standing(sites=["mill"], rivers=["Orge"]) == [river, late]
    assert standing(sites=[]) == []
    assert (standing(since=NOW), standing(since=NOW + TICK)) == ([early, river, late], [late])
    assert (standing(until=NOW), standing(until=NOW - TICK)) == (
        [early, river, late],
        [early, river],
    )


def test_what_was_recorded_of_rules_and_thresholds(connection: Connection) -> None:
    revise(connection, "rule", "r", {"n": 2}, NOW)
    revise(connection, "rule", "r", {"n": 1}, NOW - HOUR)  # recorded later, of earlier
    revise(connection, "rule", "other", {"n": 9})
    revise(connection, "rule", "r", {"n": 3}, NOW + HOUR)
    shipped = "UPDATE revision SET author = %s WHERE kind = 'rule' AND key = 'r' AND value = %s"
    connection.execute(shipped, ["hypervisor", '{"n": 2}'])
    connection.execute(shipped, ["pack", '{"n": 1}'])
    history = queries_revisions.list_revisions(connection, "rule", "r")
    assert [recorded.value for recorded in history] == [{"n": 2}, {"n": 1}, {"n": 3}]
    assert [recorded.shipped for recorded in history] == [True, True, False]
    assert len(queries_revisions.list_revisions(connection, "rule")) == 4
    assert queries_revisions.list_revisions(connection, "threshold") == []
    latest = queries_revisions.load_latest(connection, "rule")
    assert {key: one.value for key, one in latest.items()} == {"r": {"n": 3}, "other": {"n": 9}}


def test_thresholds_that_a_person_set_alone(connection: Connection) -> None:
    for key in ("mill/a", "mill/b", "mill/c", "mill/d"):
        revise(connection, "threshold", key, {"value": 1})
    connection.execute("UPDATE revision SET recorded_at = %s", [NOW])
    revise(connection, "threshold", "mill/d", {"value": 2})  # by an inventory, after the person
    connection.execute("ALTER TABLE audit DISABLE TRIGGER append_only")
    for key, kind, at in (
        ("mill/a", "threshold-set", NOW),
        ("mill/b", "threshold-set", NOW - TICK),
        ("mill/c", "inventory", NOW),
        ("mill/d", "threshold-set", NOW),
    ):
        number = audit.record(connection, kind=kind, subject=key, reason="r", author="ann")
        connection.execute("UPDATE audit SET at = %s WHERE id = %s", [at, number])
    assert set(queries_revisions.load_manual_thresholds(connection)) == {"mill/a"}


def test_names_that_fit_what_is_typed(connection: Connection) -> None:
    assert [name for name, _ in queries_site.suggest_sites(connection)] == [
        "source",
        "mill",
        "nowhere",
        "square",
    ]
    assert [name for name, _ in queries_site.suggest_sites(connection, "S")] == [
        "source",
        "square",
    ]
    assert [name for name, _ in queries_site.suggest_sites(connection, "re")] == [
        "nowhere",
        "square",
    ]
    assert [name for name, _ in queries_site.suggest_sites(connection, "ILL M")] == ["mill"], (
        "name and title"
    )
    assert queries_site.suggest_sites(connection, "%") == []


def test_entries_of_the_log(connection: Connection) -> None:
    def write(kind: EntryKind, at: datetime, **words: Any) -> int:
        new = {"area": None, "site": None, "alarm": None, "incident": None, "due": None}
        entry = NewEntry(
            **{**new, "about": None, "author": "ann", "text": "t", **words, "kind": kind}
        )
        return log_queries.insert_entry(connection, entry, now=at)

    first = write(EntryKind.NOTE, NOW, text="The Gate", area="2")
    promise = write(EntryKind.PROMISE, NOW + HOUR, site="mill", due=NOW)
    kept = write(EntryKind.PROMISE, NOW + HOUR, author="ben")
    settled = write(EntryKind.SETTLED, NOW + 2 * HOUR, about=kept, author="cid")
    with pytest.raises(NoEntryError, match="no site is named"):
        write(EntryKind.NOTE, NOW, site="nosuch")

    def listed(**words: Any) -> list[int]:
        return [
            entry.id
            for entry in log_queries.list_entries(connection, log_queries.LogFilter(**words))
        ]

    assert listed() == [settled, kept, promise, first]
    assert listed(since=NOW + HOUR, until=NOW + 2 * HOUR) == [kept, promise]
    assert listed(first=NOW + HOUR, last=NOW + 2 * HOUR) == [kept, promise]
    assert listed(open=True) == [promise]
    assert listed(before=kept, limit=1) == [promise]
    assert (listed(author="ben"), listed(site="mill")) == ([kept], [promise])
    assert listed(kinds=frozenset({EntryKind.NOTE, EntryKind.SETTLED})) == [settled, first]
    assert (listed(text="the gate"), listed(text="%")) == ([first], [])
    done = log_queries.find_entry(connection, kept)
    assert done is not None
    assert (done.settled, done.settled_by) == (NOW + 2 * HOUR, "cid")
    lies = log_queries.find_entry(connection, promise)
    assert lies is not None
    assert (lies.area, lies.site, lies.due) == ("91001", "mill", NOW)


def test_hand_overs(connection: Connection) -> None:
    def offer(area: str | None, at: datetime = NOW) -> int:
        return queries_handovers.insert_handover(
            connection, {}, author="ann", note="", area=area, begins=at, digest="d", now=at
        )

    def close(number: int, state: str) -> bool:
        return queries_handovers.close_handover(
            connection, number, state, author="ben", remark=" r ", now=NOW
        )

    everywhere, first, second = offer(None), offer("2"), None
    assert queries_handovers.find_latest(connection, "2") is None
    assert close(first, "taken")
    assert not close(first, "withdrawn")
    second = offer("2")
    assert close(second, "taken")
    third = offer("2")
    assert close(third, "withdrawn")
    waiting = offer("2")

    def number(found: Handover | None) -> int | None:
        return None if found is None else found.id

    assert number(queries_handovers.find_latest(connection, "2")) == second
    assert number(queries_handovers.find_offered(connection, "2")) == waiting
    assert number(queries_handovers.find_offered(connection, None)) == everywhere
    assert number(queries_handovers.find_latest(connection, None)) is None
    assert queries_handovers.find_offered(connection, "91") is None
    listed = [
        handover.id
        for handover in queries_handovers.list_handovers(connection, before=waiting, limit=2)
    ]
    assert listed == [third, second]
    taken = queries_handovers.find_handover(connection, second)
    assert taken is not None
    assert (taken.state, taken.closed_by, taken.remark) == ("taken", "ben", "r")


def test_where_an_alarms_subject_stood_when_it_began(connection: Connection) -> None:
    revise(connection, "member", "loose/lamp", {})
    revise(connection, "member", "loose/lamp", None, NOW)
    revise(connection, "member", "cab/lamp", {}, NOW)
    revise(connection, "rule", "r", {"group by": "site"})
    revise(connection, "rule", "r", {"group by": "group"}, NOW)
    places = Places.read(connection)

    def key(subject: str, site: str | None, at: datetime) -> tuple[str, str]:
        alarm = AlarmSubject(
            id=1,
            version=1,
            before=None,
            rule="r",
            subject=subject,
            domain="lighting",
            category="hazard",
            began=micros(at),
            site=site,
            title="t",
        )
        found, _ = places.key(alarm)
        return found.grouped_by, found.name

    assert key("device/lamp", "mill", NOW - TICK) == ("site", "mill")
    assert key("device/lamp", "mill", NOW) == ("group", "cab")
    assert key("group/cab", None, NOW) == ("group", "cab")


def test_the_series_that_an_alarm_speaks_of(connection: Connection) -> None:
    add_device(connection, "left", "mill", "level", retired=NOW)
    add_device(connection, "first", "mill", "level", commissioned=NOW - 9 * HOUR)
    newest = add_device(connection, "newest", "mill", "level", "rain", commissioned=NOW - HOUR)
    square = add_device(connection, "first-square", "square", "level")["level"]
    asked = [
        (1, "mill", "level"),
        (2, "device/newest", "rain"),
        (3, "device/first-square", "level"),
        (4, "square", "rain"),
        (5, "nosuch", "level"),
    ]
    series = queries_chart.find_series(connection, asked)
    assert series == {1: newest["level"], 2: newest["rain"], 3: square}
    store(
        connection,
        square,
        [
            (NOW - HOUR, 1, 0),
            (NOW - HOUR + TICK, 3, 0),
            (NOW, 5, 0),
            (NOW - TICK, 9, SUSPECT),
            (NOW + TICK, 7, 0),
            (NOW - HOUR - TICK, 7, 0),
        ],
    )
    courses = queries_chart.read_trends(connection, {3: square}, NOW - HOUR, NOW, "1 hour")
    middle = timedelta(minutes=30)
    assert courses == {3: [((NOW - HOUR + middle).timestamp(), 2), ((NOW + middle).timestamp(), 5)]}


def test_what_arrived_by_step(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level")["level"]
    since, day = NOW - HOUR, timedelta(days=1)
    for time, received in (
        (since - day, since + TICK),  # too old to be looked for
        (since - day + TICK, since + TICK),
        (since - HOUR, since),
        (NOW - TICK, NOW),
        (NOW, NOW + TICK),
        (since + HOUR / 2, since + HOUR / 2 + timedelta(seconds=8)),
    ):
        connection.execute(
            "INSERT INTO reading (series_id, time, received_at, value, quality)"
            " VALUES (%s, %s, %s, 1, 0)",
            [level, time, received],
        )
    rows = queries_workers.list_arrivals(connection, since=since, until=NOW, step=HOUR / 2)
    assert [(row.at, row.readings) for row in rows] == [
        (since, 1),
        (since + HOUR / 2, 1),
        (NOW, 1),
    ]
    assert rows[1].median_s == 8


def test_what_a_rule_and_its_thresholds_said_when_an_alarm_began(connection: Connection) -> None:
    level = [{"value": value, "unit": "m"} for value in (1, 2, 3)]
    revise_around(connection, "threshold", "mill/alert", *level)
    revise(connection, "threshold", "mill/gone", level[0])
    revise(connection, "threshold", "mill/gone", None, NOW)
    revise_around(connection, "rule", "r", {"n": 1}, {"n": 2}, {"n": 3})
    keys = ["mill/alert", "mill/gone", "mill/nosuch"]
    for at, number in ((NOW - TICK, 1), (NOW, 2), (NOW + TICK, 3)):
        gone = {"mill/gone": (1.0, "m", False)} if at < NOW else {}
        assert queries_chart.read_thresholds(connection, keys, at) == {
            "mill/alert": (float(number), "m", False),
            **gone,
        }
        assert load_in_force(connection, "rule", at) == {"r": {"n": number}}
