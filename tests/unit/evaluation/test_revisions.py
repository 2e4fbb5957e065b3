"""Which rules are evaluated again, and from when, where rules or facts changed."""

from types import SimpleNamespace
from typing import Any

import pytest

from hypervisor.evaluation import revisions
from hypervisor.evaluation.memory import Standing
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.shards import ALL, shard_of
from rules._inputs import Closing
from rules._rule import Rule
from sensors._row import NEVER
from tests.unit.evaluation import test_rule_histories as book
from tests.unit.evaluation.test_recording import inactive
from tests.unit.evaluation.test_schedule import SILENT, Desk, at

AFAR = book.rule("level > 1 m and upstream(level > 2 m)")


def due(rule: Rule, changed: dict[tuple[str, str], Any], **upstream: str) -> list[Any]:
    """From which minute on each of two gauges is judged again, and why; changed in all shards."""
    desk = Desk(rule)
    everywhere = {(shard, *key): each for key, each in changed.items() for shard in ALL}
    above = {name: [SimpleNamespace(site=upstream[name])] for name in upstream}
    memory: Any = SimpleNamespace(
        plans={"flood-x": desk.plan},
        territory=SimpleNamespace(
            rules={"flood-x": desk.plan.rule},
            subjects={
                key: SimpleNamespace(upstream=above.get(key, [])) for key in ("ford", "mill")
            },
        ),
    )
    revisions._bring_forward(memory, everywhere)  # noqa: SLF001  what a change makes due
    return [
        None if when is None else (when, desk.plan.causes[number])
        for number, when in enumerate(desk.due())
    ]


def difference(minute: float, what: str = "threshold attention") -> Any:
    return SimpleNamespace(since=at(minute), what=what)


def test_what_differs_is_judged_again_where_a_rule_is_judged_by_it() -> None:
    high = book.rule("level > threshold.attention")
    revised = "threshold attention revised from 2024-01-01T00:05:00Z"
    assert due(high, {}) == [None, None]
    assert due(high, {("subject", "ford"): difference(5)}) == [(5, revised), None]
    assert due(high, {("subject", "weir"): difference(5)}) == [None, None]
    rule = {("rule", "flood-x"): difference(7, "rule")}
    revised_rule = (7, "rule revised from 2024-01-01T00:07:00Z")
    assert due(high, rule) == [revised_rule, revised_rule]
    assert due(high, {**rule, ("subject", "mill"): difference(5)}) == [revised_rule, (5, revised)]
    assert due(high, {("rule", "flood-y"): difference(7)}) == [None, None]


def test_ingest_gaps_are_the_matter_of_silence_alone() -> None:
    gaps = {("gap", ""): difference(5, "ingest gaps")}
    assert due(book.rule("level > threshold.attention"), gaps) == [None, None]
    heard = (5, "ingest gaps revised from 2024-01-01T00:05:00Z")
    assert due(SILENT, gaps) == [heard, heard]


def test_what_differs_in_another_shard_concerns_its_own_subjects_alone() -> None:
    desk = Desk(book.rule("level > threshold.attention"))
    memory: Any = SimpleNamespace(
        plans={"flood-x": desk.plan},
        territory=SimpleNamespace(
            rules={"flood-x": desk.plan.rule},
            subjects=dict.fromkeys(("ford", "mill"), SimpleNamespace(upstream=[])),
        ),
    )
    assert shard_of("ford") != shard_of("mill")
    changed = {(shard_of("ford"), "rule", "flood-x"): difference(7, "rule")}
    revisions._bring_forward(memory, changed)  # noqa: SLF001
    assert desk.due() == [7, None]


def test_what_differs_upstream_is_the_matter_of_rules_that_ask_of_it() -> None:
    above = {("subject", "spring"): difference(5)}
    assert due(AFAR, above, mill="spring") == [
        *(None, (5, "threshold attention revised from 2024-01-01T00:05:00Z")),
    ]
    plain = book.rule("level > threshold.attention")
    assert due(plain, above, mill="spring") == [None, None]


def closed(before: list[list[Any]], now: list[list[Any]], subject: str = "ford") -> list[Any]:
    desk = Desk()
    key = (shard_of(subject), "closing", f"flood-x\n{subject}")
    memory: Any = SimpleNamespace(plans={"flood-x": desk.plan})
    facts: dict[Any, Any] = {(0, "rule", "flood-x"): []}
    revisions._reevaluate_closed(  # noqa: SLF001  what a closing makes due
        memory,
        facts | ({key: before} if before else {}),
        facts | ({key: now} if now else {}),
    )
    return [*desk.due(), desk.plan.causes]


def test_it_is_judged_again_from_where_somebody_closed_it() -> None:
    first, other = [at(5), "closed by anne: a boat"], [at(9), "closed by bob: a duck"]
    assert closed([], [first]) == [5, None, {0: "closed by anne: a boat"}]
    assert closed([first], [first, other]) == [9, None, {0: "closed by bob: a duck"}]
    assert closed([first], [first]) == [None, None, {}]
    assert closed([first], []) == [5, None, {}]
    assert closed([], [first], subject="mill")[1] == 5
    reworded = [[at(5), "closed by anne: a duck"]]
    assert closed([first], reworded) == [5, None, {0: "closed by anne: a duck"}]
    assert closed([], [first], subject="gone") == [None, None, {}]


def test_what_is_remembered_of_facts_is_said_in_plain_values() -> None:
    memory: Any = SimpleNamespace(
        facts={(3, "rule", "flood-x"): []},
        shards={3, 4},
        closings={("flood-x", "ford"): (Closing(at=5, reason="a boat"),)},
        gaps=((1, 2), (5, 9)),
    )
    assert revisions._collect_facts(memory) == {  # noqa: SLF001
        (3, "rule", "flood-x"): [],
        (shard_of("ford"), "closing", "flood-x\nford"): [[5, "a boat"]],
        (3, "gap", ""): [[1, 2], [5, 9]],
        (4, "gap", ""): [[1, 2], [5, 9]],
    }


@pytest.mark.parametrize(
    ("rule", "evaluated_to", "watermark", "begins"),
    [
        (book.rule("level > 1 m"), 20, 10, 20),
        (SILENT, 20, 10, 10),
        (book.rule("level > 1 m"), None, 10, 0),
    ],
)
def test_judging_goes_on_just_after_what_was_judged(
    rule: Rule, evaluated_to: float | None, watermark: float, begins: float
) -> None:
    desk = Desk(rule)
    memory: Any = SimpleNamespace(
        stats=desk.stats,
        state=SimpleNamespace(
            evaluated_to=NEVER if evaluated_to is None else at(evaluated_to),
            watermark=at(watermark),
        ),
    )
    revisions._resume(memory, desk.plan, 0, Standing(open=[inactive(1)]))  # noqa: SLF001
    after = 0 if evaluated_to is None else 1
    assert desk.plan.due.tolist() == [at(begins) + after, LATER]
    assert desk.plan.causes == {}
