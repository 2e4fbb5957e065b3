"""What fails is found by halving, set aside from where it first failed, and told once a rule."""

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation import memory as memories
from hypervisor.evaluation import queries_setbacks
from hypervisor.evaluation.queries_setbacks import Setback
from hypervisor.evaluation.rule_histories import Revisions
from hypervisor.evaluation.setbacks import (
    Setbacks,
    concerns,
    describe_error,
    describe_setback,
    run_each_isolated,
    run_isolated,
)
from hypervisor.evaluation.shards import shard_of
from hypervisor.evaluation.territory import _within_retention
from hypervisor.notifications import queries_outbox
from rules._errors import RuleError
from sensors._errors import Place
from sensors._row import NEVER

PAIR = ("flood-x", "mill")


class Doubling:
    """Doubles numbers, all at once; 13 and 17 fail."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.failed: list[tuple[int, str]] = []

    def run(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append([*numbers])
        if {13, 17} & {*numbers}:
            raise ValueError(f"of {len(numbers)}")
        return [2 * number for number in numbers]

    def fail(self, number: int, error: Exception) -> None:
        self.failed.append((number, str(error)))


def test_what_fails_alone_is_named_and_all_others_are_done_in_their_order() -> None:
    doubling = Doubling()
    parts = [1, 2, 13, 4, 5, 6, 7, 17]
    found = [two for some in run_isolated(parts, doubling.run, doubling.fail) for two in some]
    assert found == [2, 4, 8, 10, 12, 14]
    assert doubling.failed == [(13, "of 1"), (17, "of 1")]


def test_where_nothing_fails_all_is_done_at_once() -> None:
    doubling = Doubling()
    assert [*run_isolated([1, 2, 3], doubling.run, doubling.fail)] == [[2, 4, 6]]
    assert doubling.calls == [[1, 2, 3]]
    assert [*run_isolated([], doubling.run, doubling.fail)] == []
    assert doubling.calls == [[1, 2, 3]]
    assert [*run_each_isolated([13, 1], lambda one: doubling.run([one]), doubling.fail)] == [[2]]
    assert doubling.failed == [(13, "of 1")]


@pytest.mark.parametrize("error", [psycopg.OperationalError, psycopg.InterfaceError])
def test_a_server_that_is_gone_is_the_fault_of_nobody(error: type[Exception]) -> None:
    def run(_: Sequence[int]) -> None:
        raise error("the connection is lost")

    doubling = Doubling()
    with pytest.raises(error):
        list(run_isolated([1, 2], run, doubling.fail))
    assert doubling.failed == []


def test_what_the_server_refuses_is() -> None:
    def run(_: Sequence[int]) -> None:
        raise psycopg.errors.NumericValueOutOfRange("bigint out of range")

    doubling = Doubling()
    assert list(run_isolated([1, 2], run, doubling.fail)) == []
    assert [number for number, _ in doubling.failed] == [1, 2]


@pytest.mark.parametrize(
    ("aside", "concerned"),
    [
        (("flood-x", "mill"), True),
        (("flood-x", ""), True),
        (("", "mill"), True),
        (("", "town"), True),
        (("flood-x", "ford"), False),
        (("flood-y", "mill"), False),
        (("flood-y", ""), False),
        (("", "ford"), False),
    ],
)
def test_whom_a_setback_is_about(aside: tuple[str, str], concerned: bool) -> None:  # noqa: FBT001
    assert concerns(aside, PAIR, "town") == concerned


def test_the_earliest_failure_stands_until_it_is_evaluated() -> None:
    setbacks = Setbacks(trying={PAIR: Setback(since=100, problem="before")})
    setbacks.put(PAIR, 300, ValueError("again"))
    assert setbacks.now == {PAIR: Setback(since=100, problem="ValueError: again")}
    assert setbacks.trying == {}
    setbacks.lower(PAIR, 200)
    assert setbacks.now[PAIR].since == 100
    setbacks.lower(PAIR, 50)
    assert setbacks.now[PAIR].since == 50
    setbacks.put(PAIR, BEGINNING - 5, ValueError("long ago"))
    assert setbacks.now[PAIR].since == BEGINNING
    assert setbacks.holds(PAIR, 1_000)
    assert not setbacks.holds(("flood-x", "ford"), 1_000)
    setbacks.again[PAIR] = 500
    assert setbacks.holds(PAIR, 499)
    assert not setbacks.holds(PAIR, 500)
    setbacks.passed(PAIR)
    assert (setbacks.now, setbacks.again) == ({}, {})


def test_it_is_told_when_the_first_of_a_rule_comes_and_when_the_last_one_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put: list[tuple[str, str, list[str], int]] = []

    def told(_: Any, events: Any) -> int:
        put.extend(
            (one.event, one.body["rule"], one.body["subjects"], one.body["count"]) for one in events
        )
        return 0

    saved: list[tuple[set[Any], list[Any]]] = []
    monkeypatch.setattr(queries_outbox, "put_events", told)
    monkeypatch.setattr(
        queries_setbacks, "save", lambda _, put, gone, __: saved.append((set(put), list(gone)))
    )
    monkeypatch.setattr(queries_setbacks, "list_elsewhere", lambda *_: set())
    nobody: Any = None
    setbacks, other, whole = Setbacks(), ("flood-x", "ford"), ("", "weir")
    assert setbacks.save(nobody, 5) == ([], [])
    setbacks.put(PAIR, 10, ValueError("x"))
    setbacks.put(whole, 10, ValueError("y"))
    assert setbacks.save(nobody, 10) == ([whole, PAIR], [])
    setbacks.put(other, 20, ValueError("x"))
    assert setbacks.save(nobody, 20) == ([other], [])
    setbacks.passed(PAIR)
    assert setbacks.save(nobody, 30) == ([], [PAIR])
    setbacks.passed(other)
    assert setbacks.save(nobody, 40) == ([], [other])
    assert setbacks.save(nobody, 50) == ([], [])
    assert put == [
        ("set aside", "", ["weir"], 1),
        ("set aside", "flood-x", ["mill"], 1),
        ("resumed", "flood-x", ["ford"], 1),
    ]
    assert saved == [({PAIR, whole}, []), ({other}, []), (set(), [PAIR]), (set(), [other])]


def test_a_problem_is_one_line_that_is_not_too_long() -> None:
    assert describe_error(ValueError("a\n b\0")) == "ValueError: a b"
    assert describe_error(KeyError()) == "KeyError: no details"
    assert describe_error(RuleError(Place(file="f", line=1, column=2), "x")) == "f:1:2: x"
    assert len(describe_error(ValueError("x" * 5000))) == 300
    assert describe_setback(PAIR) == "rule flood-x at mill"
    assert describe_setback(("", "mill")) == "every rule at mill"
    assert describe_setback(("flood-x", "")) == "rule flood-x at every subject"


def reach(spans: dict[int, int], written: Revisions) -> dict[int, int]:
    """Each revision (by when it holds) looks back by itself; together the longest counts."""
    return {1: max((spans[at] for at, _ in written), default=0)}


@pytest.mark.parametrize(
    ("spans", "kept"),
    [
        ({0: 100, 1: 100}, [0, 1]),
        ({0: 101, 1: 100}, [1]),
        ({0: 100, 1: 101}, None),
        ({0: 500}, None),
    ],
)
def test_a_revision_that_looks_back_too_far_counts_as_none_unless_it_is_the_latest(
    spans: dict[int, int], kept: list[int] | None
) -> None:
    written: Revisions = tuple((at, None) for at in spans)
    if kept is None:
        with pytest.raises(Exception, match="it looks back"):
            _within_retention(written, lambda some: reach(spans, some), 100)
        return
    found, heard = _within_retention(written, lambda some: reach(spans, some), 100)
    assert [at for at, _ in found] == kept
    assert heard == {1: 100}


def test_the_horizon_is_what_was_heard_less_retention_and_the_longest_look_back() -> None:
    memory: Any = SimpleNamespace(
        watermark=SimpleNamespace(floor=1_000),
        power_schedule=SimpleNamespace(retention=400),
        territory=SimpleNamespace(longest={1: 50, 2: 70}),
    )
    assert memories.revision_horizon(memory) == 1_000 - 400 + 70
    memory.watermark.floor = NEVER
    assert memories.revision_horizon(memory) == NEVER


def told_of(
    monkeypatch: pytest.MonkeyPatch,
    setbacks: Setbacks,
    now: int,
    elsewhere: Iterable[tuple[str, str]] = (),
) -> list[tuple[str, int, dict[str, Any], str]]:
    """What is put into the outbox at the next save: event, when, body and key."""
    put: list[Any] = []
    monkeypatch.setattr(queries_outbox, "put_events", lambda _, events: put.extend(events))
    monkeypatch.setattr(queries_setbacks, "save", lambda *_: None)
    monkeypatch.setattr(queries_setbacks, "list_elsewhere", lambda *_: set(elsewhere))
    nobody: Any = None
    setbacks.save(nobody, now)
    assert all(each.alarm is None for each in put)
    return [(each.event, each.at, dict(each.body), each.key) for each in put]


def test_what_is_told_of_a_setback_names_its_rule_subjects_and_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setbacks = Setbacks()
    for number in range(22):
        setbacks.put(("flood-x", f"s{number:02}"), 10, ValueError(f"of {number}"))
    setbacks.put(("", "weir"), 10, ValueError("y"))
    whole = {"rule": "", "subjects": ["weir"], "count": 1, "problem": "ValueError: y"}
    some = {
        "rule": "flood-x",
        "subjects": [f"s{number:02}" for number in range(20)],
        "count": 22,
        "problem": "ValueError: of 0",
    }
    assert told_of(monkeypatch, setbacks, 30) == [
        ("set aside", 30, whole, "set aside::weir:30"),
        ("set aside", 30, some, "set aside:flood-x::30"),
    ]
    setbacks.now.clear()
    assert told_of(monkeypatch, setbacks, 40) == [
        ("resumed", 40, whole, "resumed::weir:40"),
        ("resumed", 40, some, "resumed:flood-x::40"),
    ]


def test_what_stood_before_and_is_tried_again_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {PAIR: Setback(since=1, problem="x")}
    setbacks = Setbacks(trying=dict(before), stored=dict(before))
    assert told_of(monkeypatch, setbacks, 5) == []
    setbacks.put(PAIR, 9, ValueError("z"))
    assert told_of(monkeypatch, setbacks, 6) == []  # it is known of
    assert setbacks.stored == {PAIR: Setback(since=1, problem="ValueError: z")}


def test_a_rule_that_fails_in_several_processes_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setbacks = Setbacks(shards={shard_of("mill")})
    setbacks.put(PAIR, 9, ValueError("z"))
    assert told_of(monkeypatch, setbacks, 10, elsewhere=[("flood-x", "ford")]) == []
    setbacks.passed(PAIR)
    assert told_of(monkeypatch, setbacks, 11, elsewhere=[("flood-x", "ford")]) == []
    setbacks.put(PAIR, 9, ValueError("z"))
    assert [event for event, *_ in told_of(monkeypatch, setbacks, 12)] == ["set aside"]


def test_a_failure_is_logged_once_a_rule(caplog: pytest.LogCaptureFixture) -> None:
    setbacks = Setbacks()
    for pair in (PAIR, ("flood-x", "ford"), ("flood-y", "ford")):
        setbacks.put(pair, 1, ValueError("z"))
    assert [each.getMessage() for each in caplog.records] == [
        *("set aside: rule flood-x at mill", "set aside: rule flood-y at ford"),
    ]


def test_a_later_failure_is_no_longer_tried_when_a_revision_comes() -> None:
    setbacks = Setbacks(again={PAIR: 500})
    setbacks.put(PAIR, 1, ValueError("z"))
    assert setbacks.again == {}
    assert setbacks.holds(PAIR, 10**9)
