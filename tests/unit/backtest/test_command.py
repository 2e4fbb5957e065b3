"""`hypervisor rules backtest` on a recording, as a person types it; no database is there."""

import json
from pathlib import Path
from typing import Any

import pytest

from hypervisor.backtest.model import BacktestError
from tests import command_line

INVENTORY = """
title: A mill
sites:
  - name: mill-bridge
    title: Mill bridge
    lon: 2.2
    lat: 48.7
    devices: [{name: mill, commissioned: 2023-12-01, model: hubeau-station, series: {level: 1 h}}]
    thresholds: {attention: 1 m, alert: 2 m}
"""
PACK = """
- id: flood-high
  title: "{site}: high"
  when: level > threshold.attention
  severity: minor
  advice: look
  wrong when: never
  tests: []
"""
EVENTS = """
- {name: above, crossings: level > 1.4 m}
- {name: the day before, from: 2023-12-31, to: 2024-01-01, expect: nothing}
"""
LEVELS = (0.5, 0.6, 1.2, 1.6, 1.5, 0.4, 0.3)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Seven hours of the mill's level in a CSV file, and what the command prints of them."""
    monkeypatch.chdir(tmp_path)
    rows = [f"2024-01-01 {hour:02}:00:00Z,{level}\n" for hour, level in enumerate(LEVELS)]
    Path("mill.csv").write_text("time,height\n" + "".join(rows))
    Path("town.yaml").write_text(INVENTORY)
    Path("pack.yaml").write_text(PACK)
    Path("events.yaml").write_text(EVENTS)
    recording = ("--file", "mill.csv", "--columns", "height=level[m]", "--inventory", "town.yaml")

    def ran(*words: str, given: tuple[str, ...] = recording) -> str:
        done = command_line.run("rules", "backtest", *words, *given)
        return done.stdout or done.stderr

    return ran


def test_the_answer_as_json_and_as_tables(ask: Any) -> None:
    words = ("pack.yaml", "flood-high", "--events", "events.yaml", "--station", "mill")
    answer = json.loads(ask(*words, "--json"))
    (alarm,) = answer["alarms"]
    assert (alarm["rule"], alarm["subject"]) == ("flood-high", "mill-bridge")
    assert (alarm["began"], alarm["ended"]) == ("2024-01-01T02:00:00Z", "2024-01-01T05:00:00Z")
    hits = {one["events"]: one["hits"] for one in answer["scores"] if one["rule"] == "flood-high"}
    assert hits == {"above": 1, "named events": 0}
    table = ask(*words)
    assert "2024-01-01 02:00" in table
    assert "3 h" in table


def test_what_differs_with_another_threshold(ask: Any) -> None:
    words = ("pack.yaml", "flood-high", "--against", "mill-bridge/attention=1.55 m")
    assert "later by 1 h" in ask(*words)


@pytest.mark.parametrize(
    ("words", "alarms"),
    [
        (("--from", "2024-01-01T06:00Z"), 0),
        (("--from", "2024-01-01T04:00Z"), 1),
        (("--to", "2024-01-01T01:30Z"), 0),
        (("--to", "2024-01-01T02:00Z"), 1),
        (("--site", "mill-bridge"), 1),
    ],
)
def test_a_part_of_it(ask: Any, words: tuple[str, ...], alarms: int) -> None:
    answer = json.loads(ask("pack.yaml", "flood-high", *words, "--json"))
    assert len(answer["alarms"]) == alarms


def test_words_that_are_refused(ask: Any) -> None:
    for given in (("--inventory", "cance"), ("--station", "mill"), ("--columns", "a=level[m]")):
        with pytest.raises(BacktestError, match="go with --file"):
            ask(given=given)
    assert "expected" in ask("pack.yaml", "--from", "soon")
    with pytest.raises(BacktestError, match="weir"):
        ask("pack.yaml", "--site", "weir")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--workers", "many"), "expected a number such as 4, or an address"),
        (("--workers", "0"), "expected a number such as 4, or an address"),
        (("--workers", "tcp://here:8786"), "--history goes with the address of a scheduler"),
        (("--workers", "2", "--history", "parts"), "--history goes with the address"),
        (("--history", "parts"), "--history goes with the address"),
    ],
)
def test_workers_that_are_none(ask: Any, words: tuple[str, ...], problem: str) -> None:
    with pytest.raises(BacktestError, match=problem):
        ask(*words)
