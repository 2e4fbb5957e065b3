"""The worked cases that a gauge of ours can speak, through the real database and the watch."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypervisor.base.instants import BEGINNING, micros, parse
from hypervisor.readings import queries_workers
from rules._readings import DAY_ZERO, Sent, read_readings, read_time, time_text
from sensors._errors import Place
from tests.integration.evaluation.world import DAY, MINUTE, World
from tests.integration.evaluation.world import Sent as Row

pytestmark = pytest.mark.integration

SHARED = Path(os.environ.get("HYPERVISOR_SHARED", Path(__file__).parents[4] / "shared"))
FILE = SHARED / "cases" / "alarm-log.yaml"
OURS = Path(__file__).parents[2] / "cases" / "usual.yaml"
SPOKEN = {"name", "why", "rule", "readings", "until", "deaf", "commissioned", "thresholds", "log"}
HERE = Place(file="case", line=1, column=1)


def cases() -> list[dict[str, Any]]:
    return [
        one
        for file in (FILE, OURS)
        if file.exists()
        for one in yaml.safe_load(file.read_text(encoding="utf-8"))
        if set(one) <= SPOKEN | {"interval"} and set(one["readings"]) == {"level"}
    ]


CASES = cases()
EVERY = [pytest.param(one, id=one["name"]) for one in CASES]
SAMPLE = {
    "the drowned gauge keeps its alarm",
    "a late reading breaks a for, so the alarm never was",
    "an outage, then the backfill in reverse order",
    "a correction counts as if it had been there from the start",
    "a superseded value does not come back by a redelivery",
    "a late reading is judged under the threshold of its own time",
    "our own deafness accuses nobody",
    "a backfill does not undo a silence",
    "severity climbs and falls inside one alarm",
    "stale to the minute",
    "a reading three weeks late changes what is usual today",
}


def time_of(text: str) -> int:
    return read_time(text, HERE)


def minutes(time: int) -> float:
    return (time - DAY_ZERO) / MINUTE


def with_units(rule: dict[str, Any]) -> dict[str, Any]:
    def one(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: one(part) for key, part in value.items()}
        if isinstance(value, list):
            return [one(part) for part in value]
        return re.sub(r"(?<=[<>=] )(\d+(?:\.\d+)?)(?! *[(*])", r"\1 m", str(value))

    return {key: one(value) for key, value in rule.items()}


def build(world: World, case: dict[str, Any]) -> None:
    """The case's territory and its one rule."""
    assert micros(DAY) == DAY_ZERO
    limits = case.get("thresholds", {})
    interval = float(str(case.get("interval", "5 min")).split()[0])
    interval *= 60 if str(case.get("interval", "")).endswith("h") else 1
    commissioned = time_of(case["commissioned"]) if "commissioned" in case else None
    world.register(["case"], interval=interval, quantities=("level",), commissioned=commissioned)
    for name, steps in limits.items():
        world.revise(
            *(
                world.fact(
                    "threshold", f"case/{name}", {"value": v, "unit": "m"}, since=time_of(at)
                )
                for at, v in steps
            )
        )
    rule = {
        "domain": "flood",
        "id": "flood-case",
        "title": "{site}",
        "severity": "major",
        "advice": "",
        "wrong when": "",
        "tests": [],
        **with_units(case["rule"]),
    }
    world.revise(world.fact("rule", "flood-case", rule, since=BEGINNING))
    world.join()
    for since, until in case.get("deaf", []):
        queries_workers.record_gaps(world.connection, "one", [(time_of(since), time_of(until))])
        world.connection.commit()


def horizon(case: dict[str, Any], sent: list[Sent]) -> int:
    if "until" in case:
        return time_of(case["until"])
    last = max(one.time for one in sent)
    silence = "silent" in str(case["rule"]["when"])
    return max(last, *(one.received_at for one in sent)) if silence else last


def play(world: World, case: dict[str, Any], *, kill: bool) -> list[dict[str, Any]]:
    build(world, case)
    sent = read_readings("level", case["readings"]["level"], HERE)
    until = horizon(case, sent)
    for one in sorted(sent, key=lambda row: row.received_at):
        value = None if one.value != one.value else one.value
        at, arrived = minutes(one.time), minutes(one.received_at)
        world.store(
            [Row(site="case", at=at, value=value, quality=int(one.quality), received=arrived)]
        )
        world.beat(minutes(min(one.received_at, until)))
        if kill:
            world.restart()
        world.step()
    world.beat(minutes(until))
    world.settle()
    return [as_case(one, case["log"]) for one in world.log()]


def as_case(entry: dict[str, Any], expected: list[dict[str, Any]]) -> dict[str, Any]:
    def when(text: str | None) -> str:
        return "" if text is None else time_text(parse(text))

    told: dict[str, Any] = {"since": when(entry["since"]), "began": when(entry["began"])}
    if entry["ended"]:
        told["ended"] = when(entry["ended"])
    if any("severity" in one for one in expected):
        told["severity"] = [f"{when(at)} {name}" for at, name in entry["severity"]]
    if entry["stale"]:
        told["stale"] = [
            f"{when(a)} to {when(b)}" if b else f"{when(a)} on" for a, b in entry["stale"]
        ]
    return told


@pytest.mark.parametrize("case", [one for one in EVERY if one.id in SAMPLE])
def test_a_sample_of_the_worked_cases(world: World, case: dict[str, Any]) -> None:
    assert play(world, case, kill=False) == case["log"]


@pytest.mark.long
@pytest.mark.parametrize("kill", [False, True], ids=["on", "killed"])
@pytest.mark.parametrize("case", EVERY)
def test_every_worked_case_of_a_gauge(world: World, case: dict[str, Any], *, kill: bool) -> None:
    assert play(world, case, kill=kill) == case["log"]
