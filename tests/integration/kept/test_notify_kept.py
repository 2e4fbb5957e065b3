"""Outbox, deliveries, routes: each value comes back under its own name, at its very moment."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.database import locks
from hypervisor.database.connect import Connection, connect
from hypervisor.database.locks import Lock
from hypervisor.notifications import (
    deadman,
    queries_alarms,
    queries_deliveries,
    queries_outbox,
    queries_routes,
)
from hypervisor.notifications.queries_alarms import AlarmContext, UnansweredAlarm
from hypervisor.notifications.queries_deliveries import ClaimedDelivery, DeliveryRow, NewDelivery
from hypervisor.notifications.queries_outbox import Entry, Event
from hypervisor.registry.queries_works import load_in_force
from tests.integration.database.standing import (
    HOUR,
    NOW,
    TICK,
    add_device,
    raise_alarm,
    revise,
    revise_around,
)

pytestmark = pytest.mark.integration
AT = micros(NOW)
LANE = ("duty", "1")
MINUTE = timedelta(minutes=1)


def event(key: str, **given: Any) -> Event:
    words = {"alarm": None, "event": "raised", "at": AT, "body": {"a": 1}, **given}
    return Event(key=key, **words)


def entries(connection: Connection, now: int = AT, most: int = 99) -> list[Entry]:
    return queries_outbox.list_due(connection, now, most=most)


def test_events_wait_in_the_order_in_which_they_were_put(connection: Connection) -> None:
    alarm = raise_alarm(connection, "r", "mill")
    events = [event("b", alarm=alarm, due=AT + 5), event("a"), event("b")]
    assert queries_outbox.put_events(connection, events) == 2
    assert queries_outbox.put_events(connection, events) == 0
    first, second = entries(connection, AT + 5)
    assert first == Entry(
        id=first.id,
        alarm=alarm,
        event="raised",
        key="b",
        at=AT,
        body={"a": 1},
        due=AT + 5,
        held=None,
    )
    assert second == replace(first, id=second.id, alarm=None, key="a", due=AT)
    assert entries(connection, AT + 4) == [second]
    assert entries(connection, AT - 1) == []
    assert entries(connection, AT + 5, most=1) == [first]

    queries_outbox.hold_event(connection, first.id, until=AT + 7, why="grace")
    waiting = replace(first, due=AT + 7, held="grace")
    assert queries_outbox.list_undecided(connection, limit=9) == [waiting, second]
    assert queries_outbox.list_undecided(connection, limit=1) == [waiting]
    queries_outbox.extend_holds(connection, {second.id}, until=AT + 8)
    assert entries(connection, AT + 7) == [waiting]
    queries_outbox.extend_holds(connection, (), until=AT + 9)
    assert entries(connection, AT + 8) == [waiting, replace(second, due=AT + 8)]


def test_the_same_event_again_has_the_next_number(connection: Connection) -> None:
    numbered = event("k", numbered=True)
    assert queries_outbox.put_events(connection, [numbered, event("k:2"), numbered]) == 3
    assert queries_outbox.put_events(connection, [numbered] * 9) == 9
    assert [one.key for one in entries(connection)] == [f"k:{n}" for n in range(1, 13)]


def test_what_is_decided_is_decided_for_good(connection: Connection) -> None:
    queries_outbox.put_events(connection, [event("a"), event("b"), event("c")])
    first, second, third = entries(connection)
    queries_outbox.hold_event(connection, first.id, until=AT, why="grace")
    queries_outbox.record_outcome(
        connection, first.id, outcome="no route", reason="no route matches"
    )
    queries_outbox.record_outcome(connection, first.id, outcome="dropped", reason="later")
    queries_outbox.record_outcome(connection, second.id, outcome="dropped", reason="it is over")
    assert entries(connection) == [third]
    queries_outbox.record_outcome(connection, third.id, outcome="no route", reason="none")
    latest = replace(third, held="none")
    assert queries_outbox.list_unrouted(connection, limit=9) == [
        latest,
        replace(first, held="no route matches"),
    ]
    assert queries_outbox.list_unrouted(connection, limit=1) == [latest]
    assert queries_outbox.list_undecided(connection, limit=9) == []

    made = queries_outbox.put_decided(connection, event("t"), outcome="sent to", reason="duty")
    assert made is not None
    assert made == Entry(
        id=made.id,
        alarm=None,
        event="raised",
        key="t",
        at=AT,
        body={"a": 1},
        due=AT,
        held=None,
    )
    assert queries_outbox.put_decided(connection, event("t"), outcome="sent to", reason="x") is None
    kept = connection.execute(
        "SELECT outcome, reason, decided_at IS NULL FROM outbox WHERE key = 't'"
    )
    assert kept.fetchall() == [("sent to", "duty", False)]
    assert entries(connection) == []


def test_the_clock_that_events_go_by(connection: Connection) -> None:
    (wall,) = connection.execute("SELECT clock_timestamp()").fetchone() or (NOW,)
    live = queries_outbox.read_clock(connection)
    assert live is not None
    assert live >= micros(wall)
    connection.execute("UPDATE instance SET mode = 'exercise'")
    assert queries_outbox.read_clock(connection) is None
    for key, at in (("late", NOW + 5 * HOUR), ("last", NOW)):
        queries_outbox.put_events(connection, [event(key, at=micros(at))])
    assert queries_outbox.read_clock(connection) == AT, "of what was put last"
    for name, at in (("a", NOW + HOUR), ("b", NOW - HOUR)):
        connection.execute(
            "INSERT INTO worker (name, heartbeat_at, joined_at) VALUES (%s, %s, %s)",
            [name, at, NOW],
        )
    assert queries_outbox.read_clock(connection) == micros(NOW + HOUR)
    connection.execute(
        "INSERT INTO evaluation_state (cursor, watermark, evaluated_to, engine)"
        " VALUES ('1', %s, %s, '')",
        [NOW + 2 * HOUR, NOW + 3 * HOUR],
    )
    assert queries_outbox.read_clock(connection) == micros(NOW + 3 * HOUR)
    connection.execute("DELETE FROM instance")
    assert queries_outbox.read_clock(connection) is None


def put(connection: Connection, key: str, name: str = "raised", alarm: int | None = None) -> int:
    made = queries_outbox.put_decided(
        connection, event(key, alarm=alarm, event=name), outcome="sent to", reason="duty"
    )
    assert made is not None
    return made.id


def deliver(connection: Connection, number: int, key: str, **given: Any) -> int:
    """A message of an event to a channel; its number."""
    words: dict[str, Any] = {
        "alarm": None,
        "route": "duty",
        "channel": "1",
        "message": {"title": f"title of {key}"},
        "active": False,
        "notified_at": AT,
        **given,
    }
    words.setdefault("sequence", given.get("alarm") and f"r:{given['alarm']}")
    queries_deliveries.insert_deliveries(connection, [NewDelivery(outbox=number, key=key, **words)])
    row = connection.execute("SELECT id FROM delivery WHERE key = %s", [key]).fetchone()
    assert row is not None
    return int(row[0])


STATES = ("waiting", "sent", "dead", "dropped")


def states(connection: Connection) -> dict[str, str]:
    return {
        row.key: row.state for row in queries_deliveries.list_deliveries(connection, states=STATES)
    }


def test_a_delivery_has_all_its_parts(connection: Connection) -> None:
    alarm = raise_alarm(connection, "r", "mill")
    of_event = put(connection, "e", "cleared", alarm)
    number = deliver(connection, of_event, "k", alarm=alarm, active=True, channel="mail")
    assert deliver(connection, of_event, "k", route="other") == number, "the same key is the same"
    other = deliver(connection, put(connection, "f"), "l")
    queries_deliveries.mark_failed(connection, number, error="not now", wait=60)
    connection.execute(
        "UPDATE delivery SET created_at = %s, next_try = next_try - created_at + %s", [NOW, NOW]
    )
    first, second = queries_deliveries.list_deliveries(connection, states=STATES)
    assert MINUTE <= first.next_try - NOW < MINUTE + HOUR
    assert first == DeliveryRow(
        id=number,
        alarm=alarm,
        event="cleared",
        key="k",
        route="duty",
        channel="mail",
        state="waiting",
        attempts=1,
        created_at=NOW,
        next_try=first.next_try,
        sent_at=None,
        last_error="not now",
        title="title of k",
    )
    assert (second.id, second.alarm, second.last_error) == (other, None, None)
    assert queries_deliveries.list_by_event(connection, of_event) == [first]
    assert queries_deliveries.list_deliveries(connection, states=STATES, alarm=alarm) == [first]
    assert queries_deliveries.list_deliveries(connection, states=STATES, limit=1) == [second]
    assert queries_deliveries.list_deliveries(connection, states=("sent",)) == []
    kept = connection.execute("SELECT active, notified_at FROM delivery ORDER BY id").fetchall()
    assert kept == [(True, NOW), (False, NOW)]
    queries_deliveries.mark_sent(connection, other)
    (done,) = queries_deliveries.list_deliveries(connection, states=("sent",))
    assert done.id == other
    assert done.sent_at is not None
    assert queries_deliveries.count_by_state(connection) == {"waiting": 1, "dead": 0}


def test_only_what_waits_is_sent_fails_or_is_given_up(connection: Connection) -> None:
    of_event = put(connection, "e")
    numbers = [deliver(connection, of_event, key) for key in "abc"]
    first, second, third = numbers
    queries_deliveries.mark_sent(connection, first)
    queries_deliveries.mark_dead(connection, second, error="gone")
    before = queries_deliveries.list_deliveries(connection, states=STATES)
    for number in (first, second):
        queries_deliveries.mark_sent(connection, number)
        queries_deliveries.mark_failed(connection, number, error="late", wait=1)
        queries_deliveries.mark_dead(connection, number, error="late")
    assert queries_deliveries.list_deliveries(connection, states=STATES) == before
    assert [(row.state, row.attempts, row.last_error) for row in before] == [
        ("sent", 0, None),
        ("dead", 1, "gone"),
        ("waiting", 0, None),
    ]
    assert queries_deliveries.count_by_state(connection) == {"waiting": 1, "dead": 1}
    deliver(connection, of_event, "d", route="other")
    queries_deliveries.mark_failed(connection, third, error="not now", wait=0)
    queries_deliveries.drop_waiting(connection, "duty")
    assert states(connection) == {"a": "sent", "b": "dead", "c": "dropped", "d": "waiting"}
    queries_deliveries.drop_waiting(connection, "other")
    told = [
        row.last_error
        for row in queries_deliveries.list_deliveries(connection, states=("dropped",))
    ]
    assert told == ["not now", "superseded"]


def test_the_dead_are_tried_again_but_for_those_overtaken(connection: Connection) -> None:
    alarm, other = raise_alarm(connection, "r", "mill"), raise_alarm(connection, "r", "source")
    of_event = put(connection, "e")
    makings: dict[str, dict[str, Any]] = {
        "overtaken": {"alarm": alarm},
        "of another route": {"alarm": alarm, "route": "chief"},
        "of another channel": {"alarm": alarm, "channel": "2"},
        "of another alarm": {"alarm": other},
    }
    dead = {key: deliver(connection, of_event, key, **words) for key, words in makings.items()}
    queries_deliveries.mark_sent(connection, deliver(connection, of_event, "the end", alarm=alarm))
    dead["later"] = deliver(connection, of_event, "later", alarm=alarm)
    for number in dead.values():
        queries_deliveries.mark_dead(connection, number, error="gone")
    connection.execute("UPDATE delivery SET created_at = %s, next_try = %s", [NOW, NOW])
    assert queries_deliveries.retry_dead(connection, [dead["later"]]) == 1
    assert queries_deliveries.retry_dead(connection, [dead["later"]]) == 0
    (row,) = queries_deliveries.list_deliveries(connection, states=("waiting",))
    assert (row.key, row.attempts, row.created_at > NOW, row.next_try > NOW) == (
        "later",
        0,
        True,
        True,
    )
    assert states(connection)["overtaken"] == "dead"
    assert queries_deliveries.retry_dead(connection, []) == 3
    found = states(connection)
    assert found.pop("overtaken") == "dropped"
    assert found.pop("the end") == "sent"
    assert set(found.values()) == {"waiting"}
    (dropped,) = queries_deliveries.list_deliveries(connection, states=("dropped",))
    assert dropped.last_error == "a later one of its alarm was sent"


def claim(connection: Connection, worker: int = 1, lane: tuple[str, str] = LANE) -> str | None:
    parcel = queries_deliveries.claim_next(connection, worker, lane, seconds=60)
    return None if parcel is None else parcel.key


def test_what_is_taken_in_hand(connection: Connection) -> None:
    connection.execute(
        "SELECT pg_advisory_xact_lock(%s), pg_advisory_xact_lock(1, 2)", [Lock.WATCH]
    )
    worker = queries_deliveries.register_worker(connection)
    assert queries_deliveries.list_workers(connection) == [worker]
    alarm, other = raise_alarm(connection, "r", "mill"), raise_alarm(connection, "r", "source")
    of_event = put(connection, "e")
    first = deliver(connection, of_event, "a", alarm=alarm)
    deliver(connection, of_event, "b", alarm=alarm)
    deliver(connection, of_event, "c", alarm=other)
    deliver(connection, of_event, "d", alarm=alarm, channel="2")
    deliver(connection, of_event, "e", alarm=alarm, route="chief")
    later = deliver(connection, of_event, "f")
    queries_deliveries.mark_failed(connection, later, error="x", wait=3600)
    assert queries_deliveries.list_due_lanes(connection) == [
        ("chief", "1"),
        ("duty", "1"),
        ("duty", "2"),
    ]
    connection.execute("UPDATE delivery SET created_at = clock_timestamp() - interval '1 h'")
    parcel = queries_deliveries.claim_next(connection, worker, LANE, seconds=60)
    assert parcel is not None
    assert 3600 <= parcel.age < 7200
    assert parcel == ClaimedDelivery(
        id=first,
        route="duty",
        channel="1",
        key="a",
        message={"title": "title of a"},
        attempts=0,
        age=parcel.age,
    )
    kept = connection.execute(
        "SELECT worker, lease - clock_timestamp() BETWEEN '50 s' AND '60 s' FROM delivery"
        " WHERE id = %s",
        [first],
    )
    assert kept.fetchall() == [(worker, True)]
    assert claim(connection, worker) == "c"  # the second of the alarm waits for the first
    assert claim(connection, worker) is None
    assert claim(connection, worker, ("duty", "2")) == "d"
    assert claim(connection, worker, ("nosuch", "1")) is None
    connection.execute("UPDATE delivery SET lease = %s WHERE id = %s", [NOW, first])
    assert claim(connection, worker) == "a", "its time is up: it is free again"
    queries_deliveries.mark_failed(connection, first, error="not now", wait=0)
    assert claim(connection, worker) == "a"
    connection.execute("UPDATE delivery SET worker = %s WHERE id = %s", [worker + 1000, first])
    assert claim(connection, worker) == "a", "who had it is no more"
    queries_deliveries.mark_sent(connection, first)
    free = connection.execute("SELECT worker, lease FROM delivery WHERE id = %s", [first])
    assert free.fetchall() == [(None, None)]
    assert claim(connection, worker) == "b"


def test_a_number_that_another_holds_is_passed_over(
    connection: Connection, shared_url: str
) -> None:
    first = queries_deliveries.register_worker(connection)
    with closing(connect(shared_url, autocommit=True)) as other:
        held = "SELECT pg_advisory_lock(%s, %s)"
        other.execute(held, [Lock.NOTIFIER.value, first + 1])
        assert queries_deliveries.register_worker(connection) == first + 2
        assert set(queries_deliveries.list_workers(connection)) == {first, first + 1, first + 2}


def test_where_an_alarms_subject_stands(connection: Connection) -> None:
    here, square = raise_alarm(connection, "r", "mill"), raise_alarm(connection, "r", "square")
    nowhere, lost = raise_alarm(connection, "r", "nowhere"), raise_alarm(connection, "r", None)
    above = frozenset({"91001", "Bourg", "2", "Nord", "91", "Essonne"})
    add_device(connection, "gauge", "mill", "level")
    add_device(connection, "gauge-2", "mill", "level")
    revise(connection, "series", "gauge/level", {"interval_s": 900})
    revise(connection, "series", "gauge/level", {"interval_s": 300}, NOW)
    revise(connection, "series", "gauge/rain", {"interval_s": 60})
    revise(connection, "series", "gauge-2/level", {"interval_s": 360.5})
    revise(connection, "member", "gauge/level", {"interval_s": 9999})
    revise(connection, "series", "elsewhere/level", {"interval_s": 9999})
    assert queries_alarms.read_context(connection, here) == AlarmContext(
        place="Mill, Bourg", areas=above, interval=360_500_000
    )
    assert queries_alarms.read_context(connection, square) == AlarmContext(
        place="Square, Bourg", areas=above
    )
    assert queries_alarms.read_context(connection, nowhere) == AlarmContext(place="Nowhere")
    assert (
        queries_alarms.read_context(connection, lost)
        == queries_alarms.read_context(connection, lost + 1)
        == AlarmContext()
    )
    assert queries_alarms.areas_of_site(connection, "mill") == above
    assert queries_alarms.areas_of_site(connection, "nowhere") == frozenset()
    assert queries_alarms.areas_of_site(connection, "nosuch") == frozenset()
    areas, sites, rules = queries_routes.read_names(connection)
    assert areas == above | {"91002", "Amont"}
    assert sites == {"mill", "source", "square", "nowhere"}
    assert rules == frozenset()
    revise(connection, "rule", "flood-high", {})
    assert queries_routes.read_names(connection)[2] == {"flood-high"}


def test_who_was_told_of_an_alarm_and_what_waits(connection: Connection) -> None:
    alarm, other = raise_alarm(connection, "r", "mill"), raise_alarm(connection, "r", "source")

    def sent(number: int) -> tuple[frozenset[str], bool, int | None]:
        found = queries_alarms.read_context(connection, number)
        return found.notified, found.notified_active, found.notified_at

    assert sent(alarm) == (frozenset(), False, None)
    of_event = put(connection, "e", alarm=alarm)

    def deliver_to(route: str, key: str, told: int, *, active: bool) -> int:
        words = {"alarm": alarm, "route": route, "notified_at": told, "active": active}
        return deliver(connection, of_event, key, **words)

    dropped = deliver_to("first", "a", AT - 1, active=True)
    connection.execute("UPDATE delivery SET state = 'dropped' WHERE id = %s", [dropped])
    assert sent(alarm) == (frozenset(), False, None)
    deliver_to("duty", "b", AT, active=False)
    deliver_to("chief", "c", AT + 1, active=True)
    assert sent(alarm) == (frozenset({"duty", "chief"}), True, AT)
    deliver_to("duty", "d", AT + 2, active=False)
    assert sent(alarm) == (frozenset({"duty", "chief"}), False, AT)
    assert sent(other)[0] == frozenset()

    queries_outbox.put_events(
        connection, [event("r", alarm=alarm), event("s", alarm=alarm, event="severity")]
    )
    raised, severity = entries(connection)

    def pending(number: int, before: int) -> bool:
        return queries_alarms.read_context(connection, number, before).raise_pending

    assert pending(alarm, severity.id)
    assert not pending(alarm, raised.id)
    assert not pending(other, severity.id)
    queries_outbox.record_outcome(connection, raised.id, outcome="dropped", reason="x")
    assert not pending(alarm, severity.id + 1), "only what raises it"


def test_alarms_that_last_and_that_somebody_has_seen(connection: Connection) -> None:
    lasts = raise_alarm(connection, "r", "mill", acknowledged="minor")
    over = raise_alarm(connection, "r", "mill", ended=NOW)
    gone = raise_alarm(connection, "r", "mill", withdrawn=NOW)
    assert queries_alarms.filter_active(connection, [lasts, over, gone]) == {lasts}
    assert (
        queries_alarms.filter_active(connection, [])
        == queries_alarms.filter_active(connection, [over])
        == frozenset()
    )
    for number, seen in ((lasts, True), (over, False), (gone + 1, False)):
        assert queries_alarms.read_context(connection, number).acknowledged is seen


def test_alarms_that_nobody_answered_by_the_news_told_last(connection: Connection) -> None:
    alarm, seen = raise_alarm(connection, "r", "mill"), raise_alarm(connection, "q", "source")
    connection.execute("UPDATE alarm SET acknowledged = 'minor' WHERE id = %s", [seen])
    routes = ["duty", "chief"]

    def deliver_of(key: str, name: str, told: int, route: str = "duty", of: int = alarm) -> None:
        number = put(connection, key, name, of)
        deliver(connection, number, key, alarm=of, route=route, notified_at=told)

    assert queries_alarms.list_unanswered(connection, routes) == []
    deliver_of("raised", "raised", AT)
    deliver_of("of the chief", "escalation", AT + 1, route="chief")
    deliver_of("seen", "raised", AT, of=seen)
    deliver_of("other", "raised", AT, route="other")
    one = UnansweredAlarm(alarm=alarm, rule="r", route="duty", notified_at=AT, news="raised")
    chief = replace(one, route="chief", notified_at=AT + 1, news="of the chief")
    assert queries_alarms.list_unanswered(connection, routes) == [chief, one]
    assert queries_alarms.list_unanswered(connection, ["duty"]) == [one]
    assert queries_alarms.list_unanswered(connection, []) == []
    deliver_of("worse", "severity", AT + 2)
    worse = replace(one, notified_at=AT + 2, news="worse")
    deliver_of("revised", "revised", AT + 3)
    deliver_of("again", "reminder", AT + 4)
    assert queries_alarms.list_unanswered(connection, ["duty"]) == [worse], (
        "a revision asks nobody again"
    )
    connection.execute("UPDATE delivery SET state = 'dropped' WHERE key = 'worse'")
    assert queries_alarms.list_unanswered(connection, ["duty"]) == [one]


def test_revisions_of_the_routes(connection: Connection) -> None:
    assert queries_routes.ROUTES.find_revision(connection) is None
    first = queries_routes.ROUTES.insert_revision(connection, "one", author="ann", reason="why")
    second = queries_routes.ROUTES.insert_revision(connection, "two", author="ben", reason="again")
    kept = queries_routes.ROUTES.list_revisions(connection)
    assert [(one.id, one.text, one.author, one.reason) for one in kept] == [
        (first, "one", "ann", "why"),
        (second, "two", "ben", "again"),
    ]
    assert all(one.recorded_at > NOW for one in kept)
    assert (
        queries_routes.ROUTES.find_revision(connection)
        == queries_routes.ROUTES.find_revision(connection, first)
        == kept[1]
    )
    assert queries_routes.ROUTES.find_revision(connection, second) is None


def test_rules_in_force_at_a_time(connection: Connection) -> None:
    revise_around(connection, "rule", "r", *({"n": n} for n in (1, 2, 3)))
    revise(connection, "rule", "gone", {"n": 9})
    revise(connection, "rule", "gone", None, NOW)
    revise(connection, "works", "w", {"n": 9})
    assert load_in_force(connection, "rule", NOW - TICK) == {
        "r": {"n": 1},
        "gone": {"n": 9},
    }
    assert load_in_force(connection, "rule", NOW) == {"r": {"n": 2}}
    assert load_in_force(connection, "rule", NOW + TICK) == {"r": {"n": 3}}


def trouble(connection: Connection, mode: Mode = Mode.LIVE, wall: Any = NOW) -> Sequence[str]:
    return deadman.find_trouble(connection, mode=mode, wall=wall)


def test_what_keeps_the_sign_of_life_back(connection: Connection) -> None:
    connection.execute("DELETE FROM feed")
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.CONDUCTOR.value])
    connection.execute("SELECT pg_advisory_xact_lock(0, %s)", [Lock.WATCH.value])
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.WATCH.value])
    idle = (
        "the evaluation is not running",
        "no ingest worker is running",
        "the evaluation has made no recent progress",
    )
    assert trouble(connection) == idle
    assert trouble(connection, Mode.EXERCISE) == idle[:2]
    locks.take_parts(connection, Lock.WATCH, [7])
    try:
        assert queries_alarms.is_evaluation_running(connection)
        assert trouble(connection, Mode.EXERCISE) == ("no ingest worker is running",)
        for name, heard, drained in (
            ("one", NOW, None),
            ("two", NOW, None),
            ("left", NOW - HOUR, NOW),
        ):
            connection.execute(
                "INSERT INTO worker (name, heartbeat_at, joined_at, drained_at)"
                " VALUES (%s, %s, %s, %s)",
                [name, heard, NOW, drained],
            )
        connection.execute(
            "INSERT INTO evaluation_state (cursor, watermark, evaluated_to, engine)"
            " VALUES (pg_snapshot_xmax(pg_current_snapshot()), %s, %s, '')",
            [NOW, NOW],
        )
        late = timedelta(seconds=45)
        assert trouble(connection) == trouble(connection, wall=NOW + late) == ()
        assert trouble(connection, wall=NOW + late + TICK) == (
            "no recent heartbeat of ingest worker one",
            "no recent heartbeat of ingest worker two",
            "the evaluation has made no recent progress",
        )
        assert trouble(connection, Mode.EXERCISE, NOW + HOUR) == ()
        connection.execute("UPDATE worker SET heartbeat_at = NULL WHERE name = 'two'")
        connection.execute("UPDATE evaluation_state SET evaluated_to = NULL")
        assert trouble(connection) == (
            "no recent heartbeat of ingest worker two",
            "the evaluation has made no recent progress",
        )
        connection.execute("UPDATE evaluation_state SET evaluated_to = %s, cursor = '1'", [NOW])
        connection.execute("UPDATE worker SET heartbeat_at = %s WHERE name = 'two'", [NOW])
        for count, behind in ((1000, ()), (1, ("the evaluation is 1001 batches behind",))):
            connection.execute(
                "INSERT INTO feed (kind) SELECT 'registry' FROM generate_series(1, %s)", [count]
            )
            assert trouble(connection) == behind
    finally:
        locks.release_parts(connection, Lock.WATCH, [7])
    assert not queries_alarms.is_evaluation_running(connection)
