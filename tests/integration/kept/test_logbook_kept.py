"""The log, hand-overs, the audit, what rules' authors ask: each value under its own name."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import micros
from hypervisor.database import audit, instance, locks
from hypervisor.database.audit import Act, ActError
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock
from hypervisor.evaluation import queries as evaluation_queries
from hypervisor.evaluation import queries_setbacks
from hypervisor.evaluation.queries import EvaluationState, Fact
from hypervisor.evaluation.queries_setbacks import SetAside, Setback
from hypervisor.evaluation.shards import ALL, shard_of
from hypervisor.logbook import queries as log_queries
from hypervisor.logbook import queries_handovers
from hypervisor.logbook.model import EntryKind, Handover, LogEntry, NewEntry, NoEntryError
from hypervisor.logbook.queries import LogFilter
from hypervisor.registry import queries_revisions
from hypervisor.rulebook import queries as rulebook_queries
from rules._rule_state import Phase, StateChange, Truth
from sensors._row import NEVER
from tests.integration.database.standing import (
    HOUR,
    NOW,
    SUSPECT,
    TICK,
    add_device,
    raise_alarm,
    revise,
    store,
)

pytestmark = pytest.mark.integration
AT = micros(NOW)


def exercise(connection: Connection, heard: datetime) -> None:
    connection.execute("UPDATE instance SET mode = 'exercise'")
    connection.execute(
        "INSERT INTO worker (name, heartbeat_at, joined_at) VALUES ('a', %s, %s), ('b', %s, %s)",
        [heard, NOW, heard - HOUR, NOW],
    )


def test_an_entry_of_the_log_has_all_its_parts(connection: Connection) -> None:
    alarm = raise_alarm(connection, "flood", "mill")
    new = NewEntry(
        author="ann",
        kind=EntryKind.PROMISE,
        text="they come",
        area="91",
        site="mill",
        alarm=alarm,
        incident=5,
        due=NOW + HOUR,
        about=None,
    )
    number = log_queries.insert_entry(connection, new, now=NOW)
    kept = LogEntry(
        id=number,
        at=NOW,
        scenario_at=None,
        author="ann",
        kind=EntryKind.PROMISE,
        text="they come",
        area="91001",
        area_name="Bourg",
        site="mill",
        site_title="Mill",
        alarm=alarm,
        alarm_title="flood at mill",
        incident=5,
        due=NOW + HOUR,
        about=None,
        owner=None,
        settled=None,
        settled_by=None,
        attachments=[],
    )
    assert log_queries.find_entry(connection, number) == kept
    assert log_queries.find_entry(connection, number + 1) is None
    assert log_queries.list_entries(connection, LogFilter()) == [kept]
    assert (kept.open, kept.shown_at) == (True, NOW)
    exercise(connection, NOW - HOUR)
    note = replace(new, kind=EntryKind.NOTE, text="Note", area="2", site=None, alarm=None, due=None)
    second = log_queries.insert_entry(connection, note, now=NOW + TICK)
    found = log_queries.find_entry(connection, second)
    assert found is not None
    assert (found.scenario_at, found.shown_at, found.area, found.area_name) == (
        NOW - HOUR,
        NOW - HOUR,
        "2",
        "Nord",
    )
    assert (found.site, found.alarm, found.open) == (None, None, False)
    for name, area in (("nowhere", None), ("square", "91001")):
        one = log_queries.insert_entry(connection, replace(note, site=name), now=NOW)
        placed = log_queries.find_entry(connection, one)
        assert placed is not None
        assert (placed.site, placed.area) == (name, area)
    done = replace(note, kind=EntryKind.SETTLED, about=number, author="ben")
    log_queries.insert_entry(connection, done, now=NOW + HOUR)
    settled = log_queries.find_entry(connection, number)
    assert settled == replace(kept, settled=NOW + HOUR, settled_by="ben")
    assert not settled.open

    def listed(**words: Any) -> list[int]:
        return [entry.id for entry in log_queries.list_entries(connection, LogFilter(**words))]

    assert (listed(alarm=alarm), listed(text="they"), listed(open=True)) == ([number], [number], [])
    assert (listed(first=NOW - HOUR, last=NOW), LogFilter().limit) == (listed()[:-1], 200)
    for words in ({"area": "7"}, {"about": 99}):
        connection.execute("SAVEPOINT before")
        with pytest.raises(
            NoEntryError, match="the entry refers to something that does not exist: Key "
        ):
            log_queries.insert_entry(connection, replace(note, **words), now=NOW)
        connection.execute("ROLLBACK TO before")


def test_a_hand_over_has_all_its_parts(connection: Connection) -> None:
    words: dict[str, Any] = {"author": "ann", "note": "calm", "area": "2", "digest": "d"}
    number = queries_handovers.insert_handover(
        connection, {"a": 1}, begins=NOW - HOUR, now=NOW, **words
    )
    kept = Handover(
        id=number,
        area="2",
        begins=NOW - HOUR,
        offered_at=NOW,
        scenario_at=None,
        offered_by="ann",
        note="calm",
        page={"a": 1},
        digest="d",
        state="offered",
        closed_at=None,
        closed_by=None,
        remark="",
    )
    assert (
        queries_handovers.find_handover(connection, number)
        == queries_handovers.find_offered(connection, "2")
        == kept
    )
    assert queries_handovers.find_handover(connection, number + 1) is None
    assert queries_handovers.close_handover(
        connection, number, "taken", author="ben", remark=" well ", now=NOW + HOUR
    )
    taken = replace(kept, state="taken", closed_at=NOW + HOUR, closed_by="ben", remark="well")
    assert queries_handovers.find_latest(connection, "2") == taken
    assert queries_handovers.find_offered(connection, "2") is None
    connection.execute("UPDATE instance SET created_at = %s", [NOW - 9 * HOUR])
    exercise(connection, NOW - HOUR)
    first = queries_handovers.insert_handover(
        connection, {}, begins=None, now=NOW, **{**words, "area": None}
    )
    found = queries_handovers.find_offered(connection, None)
    assert found is not None
    assert (found.begins, found.scenario_at, found.area) == (NOW - 9 * HOUR, NOW - HOUR, None)
    assert [one.id for one in queries_handovers.list_handovers(connection)] == [first, number]


def test_edits_and_devices_at_rest_have_all_their_parts(connection: Connection) -> None:
    revise(connection, "rule", "r", {"n": 1})
    revise(connection, "rule", "r", None)
    revise(connection, "device", "gauge", {"in_service": True})
    revise(connection, "device", "gauge", {"in_service": False}, NOW)
    connection.execute(
        "UPDATE revision r SET previous = (SELECT max(id) FROM revision p WHERE p.id < r.id"
        " AND p.key = r.key), recorded_at = %s, author = 'ann', reason = 'why'",
        [NOW],
    )
    assert queries_handovers.list_edits(connection, NOW) == [
        queries_handovers.Edit(
            kind="rule",
            key="r",
            site_title=None,
            value=None,
            before={"n": 1},
            author="ann",
            reason="why",
            recorded_at=NOW,
        )
    ]
    add_device(connection, "gauge", "mill")
    assert queries_handovers.list_out_of_service(connection, NOW) == [
        queries_handovers.OutOfServiceDevice(
            device="gauge", site="mill", site_title="Mill", since=NOW, author="ann", reason="why"
        )
    ]
    assert queries_handovers.list_out_of_service(connection, NOW - TICK) == []


def test_an_act_of_the_audit_has_all_its_parts(connection: Connection) -> None:
    exercise(connection, NOW)
    number = audit.record(
        connection, kind="k", subject="s", reason=" why ", author=" ann ", details={"undoes": "7"}
    )
    act = audit.get_act(connection, number)
    assert act is not None
    assert act == Act(
        id=number,
        at=act.at,
        scenario_at=NOW,
        author="ann",
        kind="k",
        subject="s",
        reason="why",
        details={"undoes": "7"},
    )
    assert audit.get_act(connection, number + 1) is None
    assert audit.list_acts(connection) == audit.list_latest(connection, limit=9) == [act]
    assert (audit.find_undoing(connection, 7), audit.find_undoing(connection, 8)) == (number, None)
    with pytest.raises(ActError) as caught:
        audit.record(connection, kind="k", subject="s", reason=" ")
    assert str(caught.value) == "k of s: no reason is given; say why in a few words"
    connection.execute("UPDATE instance SET mode = 'live'")
    plain = audit.get_act(connection, audit.record(connection, kind="k", subject="s", reason="x"))
    assert plain is not None
    assert (plain.scenario_at, plain.author, plain.details) == (None, audit.current_user(), {})


def test_who_acts_where_the_account_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (KeyError("uid"), OSError("no name")):

        def nobody(wrong: Exception = error) -> str:
            raise wrong

        monkeypatch.setattr("getpass.getuser", nobody)
        assert audit.current_user() == "unknown"
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    assert audit.current_user() == "ann"


def test_what_authors_of_rules_ask(connection: Connection) -> None:
    level = add_device(connection, "gauge", "mill", "level", "rain")["level"]
    other = add_device(connection, "old", "mill", "level")["level"]
    add_device(connection, "lamp", "square", "level")
    store(connection, level, [(NOW, 1, 0), (NOW - HOUR, 2, SUSPECT)])
    store(connection, other, [(NOW - 2 * HOUR, 1, 0)])
    assert rulebook_queries.get_site_of_device(connection, "gauge") == "mill"
    assert rulebook_queries.get_site_of_device(connection, "nosuch") is None
    assert rulebook_queries.get_first_reading_time(connection, "mill", "level") == NOW - 2 * HOUR
    assert rulebook_queries.get_first_reading_time(connection, "mill", "rain") is None
    assert rulebook_queries.get_first_reading_time(connection, "square", "level") is None
    places = rulebook_queries.list_threshold_owners(connection)
    assert places["mill"] == rulebook_queries.ThresholdOwner(
        site="mill", title="Mill", domain="flood"
    )
    assert places["device/gauge"] == rulebook_queries.ThresholdOwner(
        site="mill", title="Mill · gauge", domain="flood"
    )
    assert len(places) == 4 + 3

    raise_alarm(connection, "r", "mill")
    raise_alarm(connection, "r", "mill", ended=NOW)
    raise_alarm(connection, "r", "mill", withdrawn=NOW)
    old = raise_alarm(connection, "q", "mill", ended=NOW)
    connection.execute("UPDATE alarm SET began = began - interval '1 us' WHERE id = %s", [old])
    assert rulebook_queries.count_alarms_by_rule(connection, NOW - HOUR) == {
        "r": rulebook_queries.AlarmCounts(times=2, standing=1, last=NOW - HOUR),
        "q": rulebook_queries.AlarmCounts(times=0, standing=0, last=NOW - HOUR - TICK),
    }

    for site in ("mill", "square"):
        revise(connection, "threshold", f"{site}/alert", {"value": 1})
    revise(connection, "threshold", "square/danger", {"value": 1})
    revise(connection, "threshold", "square/danger", None, NOW)
    revise(connection, "threshold", "mill/danger", None)
    revise(connection, "threshold", "mill/danger", {"value": 1}, NOW)

    def sharing(quantities: list[str], *thresholds: str) -> int:
        return rulebook_queries.count_sites_sharing(connection, quantities, list(thresholds))

    assert (sharing(["level"]), sharing(["level", "rain"]), sharing([])) == (2, 1, 4)
    assert (sharing([], "alert"), sharing(["level"], "alert"), sharing([], "danger")) == (2, 2, 1)
    assert (sharing(["rain"], "alert", "danger"), sharing([], "nosuch")) == (1, 0)


def test_a_recorded_revision_has_all_its_parts(connection: Connection) -> None:
    revise(connection, "rule", "r", {"n": 1})
    revise(connection, "rule", "r", {"n": 2}, NOW)
    connection.execute("UPDATE revision SET recorded_at = %s, illustrative = true", [NOW + HOUR])
    first, second = queries_revisions.list_revisions(connection, "rule", "r")
    connection.execute("UPDATE revision SET previous = %s WHERE id = %s", [first.id, second.id])
    last = queries_revisions.load_latest(connection, "rule")["r"]
    assert last == queries_revisions.RecordedRevision(
        id=second.id,
        kind="rule",
        key="r",
        value={"n": 2},
        effective=NOW,
        author="ann",
        reason="test",
        illustrative=True,
        previous=first.id,
        recorded_at=NOW + HOUR,
    )
    assert not last.shipped
    assert [replace(last, author=name).shipped for name in ("hypervisor", "pack")] == [True, True]


def moment(time: int, phase: Phase = Phase.INACTIVE, reason: str | None = None) -> StateChange:
    return StateChange(time=time, phase=phase, when=Truth.FALSE, clear=Truth.TRUE, reason=reason)


def test_what_the_watch_remembers(connection: Connection) -> None:
    assert evaluation_queries.load_state(connection) is None
    first = EvaluationState(cursor="5", engine="e")
    assert (first.watermark, first.evaluated_to) == (NEVER, NEVER)
    for one in (
        first,
        EvaluationState(cursor="7", watermark=AT, evaluated_to=AT + 1, engine="f"),
        first,
    ):
        evaluation_queries.save_state(connection, one)
        assert evaluation_queries.load_state(connection) == one

    facts: dict[Fact, Any] = {(3, "rule", "r"): {"a": [1]}, (4, "gap", ""): None}
    evaluation_queries.save_inputs(connection, facts, [])
    gone = [(4, "gap", ""), (3, "rule", "x")]
    evaluation_queries.save_inputs(connection, {(3, "rule", "r"): 2, (5, "rule", "r"): 1}, gone)
    assert evaluation_queries.load_inputs(connection, {3, 4}) == {(3, "rule", "r"): 2}

    for rule, subject, at, author in (
        ("r", "s", NOW, "ann"),
        ("r", "s", NOW - HOUR, "ben"),
        ("q", "s", NOW, "cid"),
    ):
        connection.execute(
            "INSERT INTO closing (rule, subject, at, author, reason, alarm)"
            " VALUES (%s, %s, %s, %s, 'why', 1)",
            [rule, subject, at, author],
        )
    assert evaluation_queries.load_closings(connection) == {
        ("r", "s"): [
            (micros(NOW - HOUR), "closed by ben: why"),
            (AT, "closed by ann: why"),
        ],
        ("q", "s"): [(AT, "closed by cid: why")],
    }
    connection.execute(
        "INSERT INTO worker (name, joined_at, drained_at) VALUES ('a', %s, NULL), ('b', %s, %s)",
        [NOW, NOW, NOW],
    )
    assert evaluation_queries.request_listening(connection)()[0] == {"a": AT}
    connection.execute(
        "INSERT INTO ingest_gap VALUES ('a', %s, %s), ('b', %s, %s)",
        [NOW, NOW + HOUR, NOW - HOUR, NOW],
    )
    assert evaluation_queries.load_gaps(connection) == [
        (micros(NOW - HOUR), AT),
        (AT, micros(NOW + HOUR)),
    ]


def test_the_journal_of_a_rule_and_a_subject(connection: Connection) -> None:
    pair, other = ("r", "s"), ("r", "t")
    active = moment(AT + 2, Phase.ACTIVE)
    moments = [moment(AT), moment(AT + 1), active, moment(AT + 3), moment(AT + 4, Phase.PENDING)]
    evaluation_queries.replace_states(connection, {}, [(pair, moments), (other, [moment(AT)])])

    def opened(before: int | None) -> list[StateChange]:
        return evaluation_queries.load_open_states(connection, {pair: before}).get(pair, [])

    assert opened(None) == moments[3:]
    assert opened(AT + 3) == moments[1:]
    assert opened(AT + 4) == moments[3:]
    assert opened(AT) == moments
    both = evaluation_queries.load_open_states(
        connection, {pair: None, other: None, ("q", "s"): None}
    )
    assert both == {pair: moments[3:], other: [moment(AT)]}

    evaluation_queries.replace_states(connection, {pair: AT + 3}, [(pair, [moment(AT + 9)])])
    assert opened(AT) == [*moments[:3], moment(AT + 9)]
    kept = evaluation_queries.load_open_states(connection, {other: None})
    assert kept == {other: [moment(AT)]}
    words: dict[str, Any] = {"mark": "forgotten", "spared": [other], "shards": ALL}
    elsewhere = {**words, "shards": ALL - {shard_of("s")}}
    assert evaluation_queries.prune_states(connection, AT + 9, **elsewhere) == 0
    assert evaluation_queries.prune_states(connection, AT + 1, **words) == 0
    assert opened(AT) == [moment(AT, reason="forgotten"), *moments[1:3], moment(AT + 9)]
    assert evaluation_queries.prune_states(connection, AT + 9, **words) == 1
    left = [moment(AT + 1, reason="forgotten"), active, moment(AT + 9)]
    assert opened(AT) == left
    assert evaluation_queries.prune_states(connection, AT + 9, **words) == 0
    assert (opened(AT), evaluation_queries.load_open_states(connection, {other: None})) == (
        left,
        kept,
    )


def test_what_is_set_aside(connection: Connection) -> None:
    one, two = Setback(since=AT, problem="p"), Setback(since=AT + 1, problem="q")
    queries_setbacks.save(connection, {("r", "s"): one, ("a", ""): two}, [], ALL)
    connection.execute("UPDATE set_aside SET noticed_at = %s", [NOW])
    queries_setbacks.save(connection, {("r", "s"): two}, [("a", "x"), ("r", "")], ALL)
    both = {("r", "s"): two, ("a", ""): two}
    assert queries_setbacks.load(connection) == (both, both)
    aside = SetAside(rule="a", subject="", since=NOW + TICK, problem="q", noticed_at=NOW)
    assert queries_setbacks.listing(connection) == [aside, replace(aside, rule="r", subject="s")]
    assert queries_setbacks.count(connection) == 2
    queries_setbacks.save(connection, {}, [("a", "")], ALL)
    assert queries_setbacks.count(connection) == 1

    def fail() -> None:
        with connection.transaction():
            queries_setbacks.save(connection, {}, [("r", "s")], ALL)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert queries_setbacks.count(connection) == 1
    for error, servers in (
        (psycopg.OperationalError(), True),
        (psycopg.InterfaceError(), True),
        (psycopg.DataError(), False),
        (ValueError(), False),
    ):
        assert queries_setbacks.is_server_failure(error) is servers


def test_what_a_database_is_stays_as_it_was_said(connection: Connection) -> None:
    connection.execute("DELETE FROM instance")
    assert instance.read(connection) is None
    first = Instance(mode=Mode.EXERCISE, name="a", timezone="UTC")
    instance.create(connection, first)
    instance.create(connection, Instance(mode=Mode.LIVE, name="b"))
    assert instance.read(connection) == first
    versions = instance.versions(connection)
    assert versions.schema is not None
    assert versions.schema[:4].isdecimal()
    assert not versions.schema.endswith(".sql")
    assert versions.timescaledb is not None


def test_locks_have_the_numbers_that_other_versions_know() -> None:
    assert {one.name: one.value for one in Lock} == {
        "MIGRATING": 7351,
        "REGISTRY": 7352,
        "WORKER": 7353,
        "WATCH": 7354,
        "CONDUCTOR": 7355,
        "NOTIFIER": 7356,
        "DECIDING": 7357,
        "ROLLING_UP": 7358,
        "CORRECTING": 7359,
        "HOUSEKEEPING": 7360,
        "LIT_PLANS": 7361,
        "COPYING": 7362,
        "INCIDENTS": 7363,
        "FEEDS": 7364,
        "COMMANDS": 7365,
        "CITIZENS_MAIL": 7371,
        "CITIZENS_PUSH": 7372,
        "EVALUATOR": 7373,
        "OBSERVATIONS": 7374,
        "SPARKPLUG": 7375,
        "RECEIVER": 7376,
    }
    assert locks.Lock is Lock
