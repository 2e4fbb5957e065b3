"""Every worked case: the shared file's and our own, whole and in small cuts."""

import os
from pathlib import Path

import pytest

from rules._cases import Outcome, run_cases
from rules._vocabulary import open_vocabulary
from sensors._domain import catalogue
from sensors._errors import TerritoryError
from tests import command_line

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("HYPERVISOR_SHARED", ROOT.parent / "shared"))
OURS = sorted((ROOT / "tests" / "cases").glob("*.yaml"))
WORDS = open_vocabulary(catalogue())


def outcomes(file: Path) -> list[Outcome]:
    return run_cases(file.read_text(encoding="utf-8"), file=str(file), words=WORDS)


def wrong(found: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in found if not outcome.passed]


@pytest.mark.parametrize("file", OURS, ids=lambda file: str(file.stem))
def test_our_own_cases(file: Path) -> None:
    assert not wrong(outcomes(file))


def test_the_shared_cases() -> None:
    file = SHARED / "cases" / "alarm-log.yaml"
    if not file.exists():
        pytest.skip(f"{file} is not beside this checkout (set HYPERVISOR_SHARED)")
    found = outcomes(file)
    assert len(found) >= 58
    assert not wrong(found)


def run(tmp_path: Path, text: str) -> tuple[int, list[str]]:
    file = tmp_path / "cases.yaml"
    file.write_text(text, encoding="utf-8")
    result = command_line.run("rules", "cases", file)
    return result.exit_code, result.output.strip().splitlines()


GOOD = """
- name: good
  rule: {when: level > 3}
  readings: {level: "00:00=4"}
  log: [{since: "00:00", began: "00:00"}]
"""


def test_the_command_counts_and_shows_each_difference(tmp_path: Path) -> None:
    code, lines = run(tmp_path, GOOD + GOOD.replace("=4", "=2").replace("good", "bad"))
    assert code == 1
    assert lines[-1] == "1 passed, 1 failed"
    assert any("failed: bad" in line for line in lines)
    assert any("expected since 00:00, began 00:00, lasting" in line for line in lines)


def test_cases_of_words_that_do_not_exist_wait_and_fail_nothing(tmp_path: Path) -> None:
    waiting = [
        GOOD.replace("level > 3", '"inside(level) > 3"'),
        GOOD.replace("level > 3", '"level > 3 and inside(zone 3)"'),
        GOOD.replace("level > 3", '"soaked(level, 3 h) > 3"'),
        GOOD.replace("level > 3", '"level > 3", inhibited by: dam'),
        GOOD.replace("log:", "weather: rain\n  log:"),
        GOOD.replace("}]", ", notified: false}]"),
    ]
    code, lines = run(tmp_path, GOOD + "".join(waiting))
    assert code == 0
    assert lines[-2:] == ["6 waiting", "1 passed, 0 failed"]


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("00:00=4", "0:x=4"),
        GOOD.replace("level > 3", "level >"),
        GOOD.replace("{level:", "{3: 1, level:"),
        GOOD.replace("log:", "until: noon\n  log:"),
        GOOD.replace("log:", "log: [{}]\n  kinds:"),
        GOOD.replace("log:", "deaf: [[1]]\n  log:"),
        GOOD.replace("log:", "thresholds: {a: [[1]]}\n  log:"),
        GOOD.replace("log:", "report: {level: sometimes}\n  log:"),
        GOOD.replace("log:", "breaks: {level: 3}\n  log:"),
        GOOD.replace("log:", "earlier: {level: [old]}\n  log:"),
        GOOD.replace("log:", "fed: {device: [[noon, 1]]}\n  log:"),
        GOOD.replace("log:", 'withdrawn: {level: [["00:00", yes]]}\n  log:'),
        GOOD.replace("rule:", "rool:"),
        GOOD.replace("readings:", "interval: 5\n  readings:"),
        "- name: empty\n",
    ],
)
def test_a_case_that_cannot_be_read_says_why_and_the_others_run(tmp_path: Path, text: str) -> None:
    _, lines = run(tmp_path, text + GOOD)
    assert lines[-1] in ("1 passed, 1 failed", "1 passed, 0 failed")
    assert any("cases.yaml:" in line for line in lines)


def test_the_command_says_when_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TerritoryError, match="cannot be read"):
        command_line.run("rules", "cases", tmp_path / "none.yaml")


def test_the_installed_packs_check(tmp_path: Path) -> None:
    result = command_line.run("rules", "check", "--no-tests")
    assert result.exit_code == 0
    assert result.output.strip().endswith("0 failed")
    bad = tmp_path / "flood.yaml"
    bad.write_text("- id: x\n", encoding="utf-8")
    result = command_line.run("rules", "check", bad)
    assert result.exit_code == 1
    assert f"{bad}:1:3: " in result.output


def test_the_command_tells_how_late_a_rule_can_be_at_each_site(tmp_path: Path) -> None:
    pack = tmp_path / "flood.yaml"
    pack.write_text(LATE, encoding="utf-8")
    asked = ["rules", "check", pack, "--no-tests", "--inventory", "garonne"]
    lines = command_line.run(*asked).output.splitlines()
    (sites,) = [line for line in lines if line.startswith("    at most 15 min late")]
    assert "(interval 5 min, for 10 min): " in sites
    assert "foix" in sites
    assert any(
        "warning" in line and "rate(level, 5 min) needs 2 readings" in line for line in lines
    )


LATE = """
- id: flood-x
  title: "{site}: x"
  when: level > threshold.attention or rate(level, 5 min) > 1 m/h
  for: 10 min
  severity: minor
  advice: Look.
  wrong when: It is not so.
  tests: []
"""
