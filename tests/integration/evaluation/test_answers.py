"""How many answers of the database evaluation waits for: between machines each takes its time."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hypervisor.database.connect import Connection, connect
from hypervisor.evaluation.batch import load_memory
from tests.integration.evaluation.world import Sent, World

pytestmark = pytest.mark.integration

SITES = ("orge", "yvette", "juine")


def measure(world: World, at: float, level: float) -> None:
    world.store([Sent(site=site, at=at, value=level) for site in SITES])
    world.beat(at)


def count_answers(own: Connection, trace: Path, work: Callable[[], object]) -> int:
    """The answers that work waits for, by the messages of the protocol that it sends.

    A flush just behind a sync only fetches what was asked for.
    """
    with trace.open("w") as file:
        own.pgconn.trace(file.fileno())
        work()
        own.pgconn.untrace()
    kinds = re.findall(r"^[\d-]+ [\d:.]+\tF\t\d+\t(\w+)", trace.read_text(), re.MULTILINE)
    waits = [
        kind in ("Sync", "Query") or (kind == "Flush" and before != "Sync")
        for before, kind in zip(["", *kinds], kinds, strict=False)
    ]
    return sum(waits)


def test_a_step_waits_for_two_answers_and_for_a_third_to_raise_alarms(
    world: World, tmp_path: Path
) -> None:
    world.register(SITES)
    world.record_rules()
    world.join()
    measure(world, 0, 2.0)
    world.settle()
    assert world.own is not None
    answers = []
    for at, level in [(5, 2.0), (10, 3.4), (15, 3.4), (20, 3.4), (25, 4.5), (30, 2.0)]:
        measure(world, at, level)
        answers.append(count_answers(world.own, tmp_path / "trace", world.step))
    assert answers == [2, 2, 2, 3, 2, 2]
    assert {transition.kind for transition in world.transitions()} == {"raised", "severity"}
    with connect(world.url, autocommit=True) as other:
        taking_over = count_answers(
            other, tmp_path / "trace", lambda: load_memory(other, world.setup)
        )
    assert taking_over == 14
