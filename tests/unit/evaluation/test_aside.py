"""What fails is found by halving, set aside from where it first failed, and told once a rule."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation import queries_setbacks, retention
from hypervisor.evaluation.memory import _kept
from hypervisor.evaluation.queries_setbacks import Setback
from hypervisor.evaluation.rulebook import Revisions
from hypervisor.evaluation.setbacks import (
    Asides,
    concerns,
    isolated,
    isolated_each,
    named,
    problem_of,
)
from hypervisor.notifications import queries_outbox
from rules._errors import RuleError
from rules._tree import Place
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
    found = [two for some in isolated(parts, doubling.run, doubling.fail) for two in some]
    assert found == [2, 4, 8, 10, 12, 14]
    assert doubling.failed == [(13, "of 1"), (17, "of 1")]


def test_where_nothing_fails_all_is_done_at_once() -> None:
    doubling = Doubling()
    assert [*isolated([1, 2, 3], doubling.run, doubling.fail)] == [[2, 4, 6]]
    assert doubling.calls == [[1, 2, 3]]
    assert [*isolated([], doubling.run, doubling.fail)] == []
    assert doubling.calls == [[1, 2, 3]]
    assert [*isolated_each([13, 1], lambda one: doubling.run([one]), doubling.fail)] == [[2]]
    assert doubling.failed == [(13, "of 1")]


@pytest.mark.parametrize("error", [psycopg.OperationalError, psycopg.InterfaceError])
def test_a_server_that_is_gone_is_the_fault_of_nobody(error: type[Exception]) -> None:
    def run(_: Sequence[int]) -> None:
        raise error("the connection is lost")

    doubling = Doubling()
    with pytest.raises(error):
        list(isolated([1, 2], run, doubling.fail))
    assert doubling.failed == []


def test_what_the_server_refuses_is() -> None:
    def run(_: Sequence[int]) -> None:
        raise psycopg.errors.NumericValueOutOfRange("bigint out of range")

    doubling = Doubling()
    assert list(isolated([1, 2], run, doubling.fail)) == []
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
    asides = Asides(trying={PAIR: Setback(since=100, problem="before")})
    asides.put(PAIR, 300, ValueError("again"))
    assert asides.now == {PAIR: Setback(since=100, problem="ValueError: again")}
    assert asides.trying == {}
    asides.lower(PAIR, 200)
    assert asides.now[PAIR].since == 100
    asides.lower(PAIR, 50)
    assert asides.now[PAIR].since == 50
    asides.put(PAIR, BEGINNING - 5, ValueError("long ago"))
    assert asides.now[PAIR].since == BEGINNING
    assert asides.holds(PAIR, 1_000)
    assert not asides.holds(("flood-x", "ford"), 1_000)
    asides.again[PAIR] = 500
    assert asides.holds(PAIR, 499)
    assert not asides.holds(PAIR, 500)
    asides.passed(PAIR)
    assert (asides.now, asides.again) == ({}, {})


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
    monkeypatch.setattr(queries_outbox, "put", told)
    monkeypatch.setattr(
        queries_setbacks, "save", lambda _, put, gone: saved.append((set(put), list(gone)))
    )
    nobody: Any = None
    asides, other, whole = Asides(), ("flood-x", "ford"), ("", "weir")
    assert asides.save(nobody, 5) == ([], [])
    asides.put(PAIR, 10, ValueError("x"))
    asides.put(whole, 10, ValueError("y"))
    assert asides.save(nobody, 10) == ([whole, PAIR], [])
    asides.put(other, 20, ValueError("x"))
    assert asides.save(nobody, 20) == ([other], [])
    asides.passed(PAIR)
    assert asides.save(nobody, 30) == ([], [PAIR])
    asides.passed(other)
    assert asides.save(nobody, 40) == ([], [other])
    assert asides.save(nobody, 50) == ([], [])
    assert put == [
        ("set aside", "", ["weir"], 1),
        ("set aside", "flood-x", ["mill"], 1),
        ("resumed", "flood-x", ["ford"], 1),
    ]
    assert saved == [({PAIR, whole}, []), ({other}, []), (set(), [PAIR]), (set(), [other])]


def test_a_problem_is_one_line_that_is_not_too_long() -> None:
    assert problem_of(ValueError("a\n b\0")) == "ValueError: a b"
    assert problem_of(KeyError()) == "KeyError: no further words"
    assert problem_of(RuleError(Place(file="f", line=1, column=2), "x")) == "f:1:2: x"
    assert len(problem_of(ValueError("x" * 5000))) == 300
    assert named(PAIR) == "rule flood-x at mill"
    assert named(("", "mill")) == "every rule at mill"
    assert named(("flood-x", "")) == "rule flood-x at every subject"


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
            _kept(written, lambda some: reach(spans, some), 100)
        return
    found, heard = _kept(written, lambda some: reach(spans, some), 100)
    assert [at for at, _ in found] == kept
    assert heard == {1: 100}


def test_the_horizon_is_what_was_heard_less_retention_and_the_longest_look_back() -> None:
    memory: Any = SimpleNamespace(
        ears=SimpleNamespace(floor=1_000),
        mains=SimpleNamespace(retention=400),
        territory=SimpleNamespace(longest={1: 50, 2: 70}),
    )
    assert retention.oldest(memory) == 1_000 - 400 + 70
    memory.ears.floor = NEVER
    assert retention.oldest(memory) == NEVER


def told_of(
    monkeypatch: pytest.MonkeyPatch, asides: Asides, now: int
) -> list[tuple[str, int, dict[str, Any], str]]:
    """What is put into the outbox at the next save: event, when, body and key."""
    put: list[Any] = []
    monkeypatch.setattr(queries_outbox, "put", lambda _, events: put.extend(events))
    monkeypatch.setattr(queries_setbacks, "save", lambda *_: None)
    nobody: Any = None
    asides.save(nobody, now)
    assert all(each.alarm is None for each in put)
    return [(each.event, each.at, dict(each.body), each.key) for each in put]


def test_what_is_told_of_a_setback_names_its_rule_subjects_and_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asides = Asides()
    for number in range(22):
        asides.put(("flood-x", f"s{number:02}"), 10, ValueError(f"of {number}"))
    asides.put(("", "weir"), 10, ValueError("y"))
    whole = {"rule": "", "subjects": ["weir"], "count": 1, "problem": "ValueError: y"}
    some = {
        "rule": "flood-x",
        "subjects": [f"s{number:02}" for number in range(20)],
        "count": 22,
        "problem": "ValueError: of 0",
    }
    assert told_of(monkeypatch, asides, 30) == [
        ("set aside", 30, whole, "set aside::weir:30"),
        ("set aside", 30, some, "set aside:flood-x::30"),
    ]
    asides.now.clear()
    assert told_of(monkeypatch, asides, 40) == [
        ("resumed", 40, whole, "resumed::weir:40"),
        ("resumed", 40, some, "resumed:flood-x::40"),
    ]


def test_what_stood_before_and_is_tried_again_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {PAIR: Setback(since=1, problem="x")}
    asides = Asides(trying=dict(before), stored=dict(before))
    assert told_of(monkeypatch, asides, 5) == []
    asides.put(PAIR, 9, ValueError("z"))
    assert told_of(monkeypatch, asides, 6) == []  # it is known of
    assert asides.stored == {PAIR: Setback(since=1, problem="ValueError: z")}


def test_a_failure_is_logged_once_a_rule(caplog: pytest.LogCaptureFixture) -> None:
    asides = Asides()
    for pair in (PAIR, ("flood-x", "ford"), ("flood-y", "ford")):
        asides.put(pair, 1, ValueError("z"))
    assert [each.getMessage() for each in caplog.records] == [
        *("set aside: rule flood-x at mill", "set aside: rule flood-y at ford"),
    ]


def test_a_later_failure_is_no_longer_tried_when_a_revision_comes() -> None:
    asides = Asides(again={PAIR: 500})
    asides.put(PAIR, 1, ValueError("z"))
    assert asides.again == {}
    assert asides.holds(PAIR, 10**9)
