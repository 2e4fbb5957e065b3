"""What a file says of its base, how it is written, and how two revisions are told apart."""

from pathlib import Path

import pytest

from hypervisor.base.errors import RulebookError
from hypervisor.evaluation.rule_text import (
    domain_of,
    read_any,
    read_bases,
    read_one,
    read_written,
    rebase,
)
from hypervisor.rulebook.model import list_differences
from hypervisor.rulebook.yaml_output import ordered_rule, pack_text, rule_text
from rules._errors import RuleError
from rules._pack import load_pack, packs

FILE = """\
# Ours.
- id: flood-one        # the first
  title: t
  when: level > 3 m
  severity: minor
  advice: a
  wrong when: w
  tests: []

- {id: flood-two, based on: 4-aaaaaaaa, title: t, when: level > 4 m, severity: minor, advice: a,
   wrong when: w, tests: []}
- {id: flood-three, title: t, when: level > 4 m, severity: minor, advice: a,
   wrong when: w, tests: []}
"""


def test_a_base_is_written_and_nothing_else_is_touched() -> None:
    marks = {"flood-one": "7-1", "flood-two": "8-2", "flood-three": "9-3"}
    after = rebase(FILE, marks)

    assert {name: said for name, (_, said) in read_bases(after, file="f").items()} == marks
    assert (
        after.replace("\n  based on: 7-1", "")
        .replace("8-2", "4-aaaaaaaa")
        .replace(", based on: 9-3", "")
        == FILE
    )
    assert "# the first\n  based on: 7-1\n  title" in after
    assert rebase(after, marks) == after
    assert [rule.written for rule in load_pack(after, file="f", domain="flood").rules] == [
        rule.written for rule in load_pack(FILE, file="f", domain="flood").rules
    ]


def test_every_pack_is_the_same_once_written_and_read() -> None:
    for pack in packs():
        text = pack_text([(rule.to_json(), "1-00000000") for rule in pack.rules])
        again = load_pack(text, file="f", domain=pack.domain)
        assert [rule.to_json() for rule in again.rules] == [rule.to_json() for rule in pack.rules]
        assert all(len(line) <= 120 for line in text.splitlines())


def test_a_text_has_its_own_lines_and_columns() -> None:
    (first, *_) = load_pack(FILE, file="f", domain="flood").rules
    text = rule_text(first.to_json())
    assert read_one(text, domain="flood").rule.written == first.written
    assert read_written(ordered_rule(first.to_json()), domain="flood").rule.written == first.written
    assert [rule.id for rule in read_any(text, domain="flood").rules] == ["flood-one"]
    assert len(read_any(FILE, domain="flood").rules) == 3

    for wrong, line, column in (
        (text.replace("level", "levle"), 3, 7),
        (text.replace("minor", "mnior"), 4, 11),
        ("\n\n" + text.replace("level", "levle"), 5, 7),
        (f"{text}claer: level < 3 m\n", 8, 1),
    ):
        with pytest.raises(RuleError) as error:
            read_one(wrong, domain="flood")
        assert (error.value.place.line, error.value.place.column) == (line, column), wrong
    with pytest.raises(RuleError, match="expected one rule"):
        read_one(FILE, domain="flood")


def test_the_domain_is_told_by_the_name_or_by_the_first_rule() -> None:
    assert domain_of("- id: lighting-x", Path("flood.yaml")) == "flood"
    assert domain_of("- id: lighting-x", Path("mine.yaml")) == "lighting"
    with pytest.raises(RulebookError, match="unknown domain: name the file after one"):
        domain_of("- id: odd", Path("mine.yaml"))


def test_differences_name_what_a_person_changed() -> None:
    before = {
        "id": "flood-one",
        "title": "t",
        "when": "level > 3 m",
        "for": "10 min",
        "steps": [{"severity": "major", "when": "level > 4 m"}],
        "tests": [{"name": "wet", "level": "1 2 3"}, {"name": "dry", "level": "1 1 1"}],
    }
    after = {
        "id": "flood-one",
        "title": "t",
        "when": "level > 3.5 m",
        "clear": "level < 3 m",
        "steps": [{"severity": "major", "when": "level > 4 m"}],
        "tests": [{"name": "dry", "level": "1 1 2"}],
    }
    assert [str(difference) for difference in list_differences(before, after)] == [
        "when: level > 3 m -> level > 3.5 m",
        "clear: (nothing) -> level < 3 m",
        "for: 10 min -> (nothing)",
        "tests [dry] level: 1 1 1 -> 1 1 2",
        "tests [wet] level: 1 2 3 -> (nothing)",
        "tests [wet] name: wet -> (nothing)",
    ]
    assert list_differences(before, before) == []
    assert [str(difference) for difference in list_differences(before, None)] == [
        "rule: t -> withdrawn"
    ]
