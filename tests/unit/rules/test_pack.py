"""Packs: those of the installation, and what is said of a slip in one."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings

import rules
from rules import _replay
from rules._engine import lookback, run_start
from rules._errors import RuleError
from rules._inputs import Horizon
from rules._log import episodes
from rules._pack import load_pack, packs, rule_from_json
from rules._pack_table import Table
from rules._pack_test import run_tests
from rules._replay import each_going_on, evaluate_at_once, replay
from rules._rule_state import Phase, StateChange, Truth
from sensors._domain import catalogue
from tests.unit.rules.generating import MINUTE, World, worlds

FILES = sorted((Path(__file__).parents[3] / "rules").glob("*.yaml"))
SHORT = 80  # arrivals; each is judged with all before it

RULE = """
- id: flood-x
  title: "{site}: x"
  when: level > threshold.alert
  for: 10 min
  severity: minor
  advice: Look.
  wrong when: It is not so.
  tests: []
"""


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_every_pack_passes_its_own_tests(file: Path) -> None:
    pack = load_pack(file.read_text(encoding="utf-8"), file=file.name, domain=file.stem)
    for tested in run_tests(pack, catalogue()):
        assert not tested.differences, (tested.rule, tested.name, tested.differences)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_cuts_that_go_on_from_each_other_find_what_the_packs_tests_find(file: Path) -> None:
    """What `run_tests` proves in one call, step by step: the shortest test of rules, if short."""
    pack = load_pack(file.read_text(encoding="utf-8"), file=file.name, domain=file.stem)
    for rule in pack.rules:
        tables = [Table(test.body, rule.when.place, catalogue()) for test in rule.tests]
        table = min(tables, key=lambda one: len(one.sent()[0]))
        sent, until = table.sent()
        if len(sent) > SHORT:
            continue
        horizon = Horizon(values=until, silence=until)
        moments = evaluate_at_once([(0, rule)], table.subject(sent), horizon)
        assert each_going_on([(0, rule)], table.subject, sent, horizon, moments) == moments
        cut = replay([(0, rule)], table.subject, sent, horizon, size=1)
        assert episodes(rule.id, "test", cut) == episodes(rule.id, "test", moments)


def test_an_engine_that_forgets_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-back too short: judged whole all is well, going on it is not."""
    monkeypatch.setattr(_replay, "lookback", lambda *_: 60_000_000)
    (file,) = [one for one in FILES if one.stem == "weather"]
    pack = load_pack(file.read_text(encoding="utf-8"), file=file.name, domain=file.stem)
    found = [
        run_test for run_test in run_tests(pack, catalogue()) if run_test.rule == "weather-rain"
    ]
    assert any(
        "one arrival at a time" in difference
        for tested in found
        for difference in tested.differences
    )
    assert not any(
        difference.startswith("expected") for tested in found for difference in tested.differences
    )


def test_the_packs_are_found_by_scanning() -> None:
    assert {pack.domain for pack in packs()} == {file.stem for file in FILES}


_NAMES = re.compile(r"\{\w+\}")


def test_every_rule_tells_what_to_do_and_when_it_is_wrong_and_is_tested() -> None:
    for pack in packs():
        for rule in pack.rules:
            assert rule.advice
            assert rule.wrong_when
            assert rule.tests
            french = rule.french
            assert french.title
            assert french.advice
            assert french.wrong_when
            assert _NAMES.findall(french.title) == _NAMES.findall(rule.title)
            assert f"{{{rule.per}}}" in rule.title or "{site}" in rule.title


def test_a_rule_comes_back_from_json_as_it_was() -> None:
    for pack in packs():
        for rule in pack.rules:
            again = rule_from_json(json.loads(json.dumps(rule.to_json())))
            assert again == rule
            assert (again.when, again.clear, again.steps) == (rule.when, rule.clear, rule.steps)
            assert (again.hold, again.keep, again.domain) == (rule.hold, rule.keep, rule.domain)


def test_french_keeps_its_spaces_together() -> None:
    advice = "À 80 %, dire « vite » ; 2 h d'eau, 3 maires"
    said = f'  fr:\n    title: "{{site}} : crue"\n    advice: {advice}\n'
    (rule,) = load_pack(
        RULE.replace("  tests", f"{said}  tests"), file="rules/flood.yaml", domain="flood"
    ).rules
    assert rule.french.title == "{site}\N{NO-BREAK SPACE}: crue"
    assert rule.french.advice.replace("\N{NO-BREAK SPACE}", "~") == (
        "À 80~%, dire «~vite~»~; 2~h d'eau, 3 maires"
    )
    assert rule.french.wrong_when == ""
    again = rule_from_json(json.loads(json.dumps(rule.to_json())))
    assert again.french == rule.french


def test_what_a_rule_is_judged_per_and_what_its_alarms_are_about() -> None:
    text = RULE.replace(
        "severity: minor", "severity: minor\n  per: device\n  category: maintenance"
    )
    (rule,) = load_pack(text, file="rules/flood.yaml", domain="flood").rules
    assert (rule.per, rule.category) == ("device", "maintenance")
    again = rule_from_json(json.loads(json.dumps(rule.to_json())))
    assert (again.per, again.category) == ("device", "maintenance")
    (usual,) = load_pack(RULE, file="rules/flood.yaml", domain="flood").rules
    assert (usual.per, usual.category) == ("site", "hazard")


def test_a_word_means_a_member_or_the_group_itself_and_not_both() -> None:
    text = RULE.replace("level >", "share(lamp_fault == 1) > 0.3 and level >")
    grouped = text.replace("severity: minor", "severity: minor\n  per: group")
    (rule,) = load_pack(grouped, file="rules/flood.yaml", domain="flood").rules
    assert (rule.shared, rule.plain) == (("lamp_fault",), ("level",))
    both = grouped.replace("lamp_fault == 1", "level > 1 m")
    with pytest.raises(RuleError, match="level both inside a share and outside"):
        load_pack(both, file="rules/flood.yaml", domain="flood")


def test_thresholds_that_only_steps_name_are_optional() -> None:
    (rule,) = [rule for pack in packs() for rule in pack.rules if rule.id == "flood-level"]
    assert rule.thresholds == ("attention",)
    assert rule.optional_thresholds == ("alert", "danger")
    assert rule.axis == "values"


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "says"),
    [
        ("level >", "levle >", 4, 9, "unknown series 'levle'; did you mean 'level'?"),
        ("for: 10 min", "fro: 10 min", 5, 3, "a rule has no 'fro'; did you mean 'for'?"),
        ("for: 10 min", "for: 10", 5, 8, "10 has no unit"),
        ("for: 10 min", "for: 10 minn", 5, 8, "did you mean 'min'?"),
        ("minor", "mineur", 6, 13, "unknown severity 'mineur'"),
        ("minor", "minor\n  per: lamp", 7, 8, "unknown per 'lamp'; expected one of"),
        ("minor", "minor\n  per: devise", 7, 8, "unknown per 'devise'; did you mean 'device'?"),
        ("minor", "minor\n  category: upkeep", 7, 13, "unknown category 'upkeep'; expected one"),
        (
            "when: level",
            "when: share(level > 1 m) > 1 and level",
            2,
            3,
            "'flood-x' uses share and is not `per: group`",
        ),
        ("flood-x", "x", 2, 3, "must be named flood-"),
        ("  advice: Look.\n", "", 2, 3, "a rule in a pack needs `advice`"),
        ("tests: []", "tests: [", 10, 1, "this is not YAML"),
        ("minor", "[minor]", 6, 13, "expected a severity; found a list"),
        ("when: level > threshold.alert", 'when: "level > 10 min"', 4, 16, "duration"),
        (RULE, RULE + RULE, 11, 3, "rule 'flood-x' appears twice"),
    ],
)
def test_a_slip_is_told_with_its_line_and_column(
    old: str, new: str, line: int, column: int, says: str
) -> None:
    with pytest.raises(RuleError) as caught:
        load_pack(RULE.replace(old, new), file="rules/flood.yaml", domain="flood")
    assert says in caught.value.problem
    assert (caught.value.place.line, caught.value.place.column) == (line, column)


@pytest.mark.parametrize("text", ["", "- 3", "a: b", "[[]]", "- {when: [}", "\x00"])
def test_what_is_no_pack_is_said_to_be_none(text: str) -> None:
    with pytest.raises(RuleError):
        load_pack(text, file="rules/flood.yaml", domain="flood")


def test_steps_must_climb() -> None:
    text = RULE.replace("severity: minor", "severity: major").replace(
        "  tests: []", "  steps: [{severity: minor, when: level > threshold.danger}]\n  tests: []"
    )
    with pytest.raises(RuleError, match="must rise"):
        load_pack(text, file="rules/flood.yaml", domain="flood")


@settings(max_examples=20)
@given(worlds())
def test_lookback_covers_the_longest_window_and_limit(world: World) -> None:
    reach = lookback([world.rule], world.subject())
    assert reach >= 2 * 45 * MINUTE


def test_the_earliest_run_under_way_is_asked_for() -> None:
    active = StateChange(
        time=9,
        phase=Phase.ACTIVE,
        when=Truth.FALSE,
        clear=Truth.TRUE,
        clear_since=8,
        since=1,
        began=2,
        steps=((True, 3, None), (False, 7, None)),
    )
    assert run_start(active) == 7
    inactive = StateChange(time=9, phase=Phase.INACTIVE, when=Truth.FALSE, clear=Truth.TRUE)
    assert run_start(inactive) is None


LAMPS = """
- id: lighting-x
  title: "{group}: x"
  per: group
  when: share(silent(light_level, 1 h)) >= 0.5
  severity: minor
  advice: Look.
  wrong when: It is not so.
  tests:
    - name: half of them stay dark in the evening
      every: 30 min
      fed: 17:00 to 06:00
      until: "1d00:00"
      members:
        lamp-1 to lamp-2: {light_level: 100*12 -*22 100*14}
        lamp-3 to lamp-4: {light_level: 100*12}
      expect:
        - {began: "17:30"}
"""


def lamps_tell(text: str) -> tuple[str, ...]:
    pack = load_pack(text, file="rules/lighting.yaml", domain="lighting")
    (tested,) = run_tests(pack, catalogue())
    return tested.differences


def test_a_test_may_have_members_with_a_supply() -> None:
    assert not lamps_tell(LAMPS)
    assert lamps_tell(LAMPS.replace("17:00 to", "16:00 to"))
    assert not lamps_tell(LAMPS.replace("17:00 to 06:00", "[17:00 to 20:00, 22:00 to 06:00]"))
    assert lamps_tell(LAMPS.replace("lamp-1 to lamp-2", "lamp-1 to lamp-5"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "17:00 to 06:00",
            "17:00",
            "'17:00' is not a time span; expected one such as 17:00 to 06:00",
        ),
        ("17:00 to 06:00", "dusk to dawn", "'dusk' is not a time"),
        ("{light_level: 100*12}", "3", "member 'lamp-3 to lamp-4' has no series"),
        (
            "{light_level: 100*12}",
            "{ligth_level: 1}",
            "a member has no 'ligth_level'; did you mean",
        ),
        ("members:", "membres:", "a test has no 'membres'; did you mean 'members'?"),
        ("light_level: 100", "light_command: 100", "does not give light_level of members"),
    ],
)
def test_a_slip_in_a_test_with_members_is_told(old: str, new: str, says: str) -> None:
    (difference,) = lamps_tell(LAMPS.replace(old, new))
    assert says in difference


def test_no_two_packs_have_a_rule_of_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
- id: flood-a-b
  title: "{site}: x"
  when: level > 1 m
  severity: minor
  advice: Look.
  wrong when: It is not so.
  tests: []
"""
    (tmp_path / "flood.yaml").write_text(text)
    (tmp_path / "no-pack.txt").write_text("nothing")
    monkeypatch.setattr(rules, "__path__", [str(tmp_path)])
    assert [(pack.domain, len(pack.rules)) for pack in packs()] == [("flood", 1)]
    (tmp_path / "flood-a.yaml").write_text(text)
    with pytest.raises(RuleError, match=r"rule 'flood-a-b' is already in /.+/flood-a\.yaml"):
        packs()
