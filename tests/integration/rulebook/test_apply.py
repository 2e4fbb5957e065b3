"""An author's file and what others did meanwhile meet in the same revisions."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hypervisor.base.errors import RulebookError, StaleError, UnknownError
from hypervisor.database import audit
from rules._errors import RuleError
from tests.integration.evaluation.world import World, us

pytestmark = pytest.mark.integration

Type = Callable[..., str]
WHY = ("--reason", "after the flood", "--author", "Ada")
NEW = """\
# Ours.
- id: flood-ours      # our own
  title: "{site}: ours"
  when: level > 2.4 m
  severity: minor
  advice: look
  wrong when: never
  tests: []
"""


@pytest.fixture
def file(hypervisor: Type, tmp_path: Path) -> Path:
    path = tmp_path / "flood.yaml"
    hypervisor("export", "--domain", "flood", "--output", str(path))
    return path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def rows(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_exported_edited_applied_and_applied_again(hypervisor: Type, file: Path) -> None:
    edit(file, "when: level > threshold.attention", "when: level > threshold.alert")
    before = hypervisor("log")

    dry = hypervisor("apply", str(file), "--dry-run")
    assert "when: level > threshold.attention -> level > threshold.alert" in dry
    assert "1 rule would change, in force from 2024-01-01 00:30:00Z of event time" in dry
    assert hypervisor("log") == before

    said = hypervisor("apply", str(file), *WHY)
    assert "= 3 rules unchanged" in said
    assert "1 rule changed; in force from 2024-01-01 00:30:00Z of event time" in said
    assert "without a restart" in said
    assert "nothing to change" in hypervisor("apply", str(file), *WHY)

    edit(file, "when: level > threshold.alert", "when: level > threshold.danger")
    assert "1 rule changed" in hypervisor("apply", str(file), *WHY)
    log = rows(hypervisor("log", "flood-high", "--json"))
    assert [row["author"] for row in log] == ["hypervisor", "Ada", "Ada"]
    assert log[-1]["previous"] == log[-2]["id"]


def test_a_file_is_refused_where_somebody_changed_the_rule_meanwhile(
    hypervisor: Type, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "flood.yaml"
    hypervisor("export", "--domain", "flood", "--output", str(other))
    edit(other, "for: 10 min", "for: 20 min")
    hypervisor("apply", str(other), "--reason", "too nervous", "--author", "Bob")
    edit(file, "severity: minor", "severity: info")
    before = hypervisor("log")

    with pytest.raises(StaleError) as refused:
        hypervisor("apply", str(file), *WHY)

    said = str(refused.value)
    assert re.search(r"flood\.yaml:1:3: flood-high: it is based on revision \d+ of", said)
    assert re.search(r'since then came revision \d+ by Bob of .*, "too nervous"', said)
    assert "for: 10 min -> 20 min\n    yours: severity: minor -> info\n" in said
    assert "rules export" in said
    assert hypervisor("log") == before

    hypervisor("export", "--domain", "flood", "--output", str(file), "--force")
    edit(file, "severity: minor", "severity: info")
    assert "1 rule changed" in hypervisor("apply", str(file), *WHY)
    assert "for: 20 min" in hypervisor("show", "flood-high")


def test_a_file_that_says_no_base_adds_but_overwrites_nothing(
    hypervisor: Type, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "flood.yaml"
    file.write_text(NEW)

    assert "+ flood-ours" in hypervisor("apply", str(file), *WHY)
    text = file.read_text()
    assert text.startswith("# Ours.\n- id: flood-ours      # our own\n  based on: ")
    world.settle()
    assert [alarm.episode.rule for alarm in world.alarms()] == ["flood-ours"]
    assert world.alarms()[0].episode.began == us(30)

    file.write_text(NEW)
    assert "nothing to change" in hypervisor("apply", str(file), *WHY)
    file.write_text(NEW.replace("2.4 m", "2.6 m"))
    with pytest.raises(StaleError, match="has no `based on:`"):
        hypervisor("apply", str(file), *WHY)


def test_a_rule_may_inhibit_one_that_is_withdrawn_but_none_that_never_was(
    hypervisor: Type, tmp_path: Path
) -> None:
    file = tmp_path / "flood.yaml"
    hypervisor("withdraw", "flood-rise", *WHY)
    file.write_text(NEW + "  inhibits: [flood-rize]\n")
    with pytest.raises(RuleError, match="did you mean 'flood-rise'"):
        hypervisor("apply", str(file), *WHY)
    file.write_text(NEW + "  inhibits: [flood-rise]\n")
    assert "+ flood-ours" in hypervisor("apply", str(file), *WHY)


def test_rules_of_two_files_may_not_silence_each_other(hypervisor: Type, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours" / "flood.yaml", tmp_path / "theirs" / "flood.yaml"
    ours.parent.mkdir()
    ours.write_text(NEW + "  inhibits: [flood-rise]\n")
    hypervisor("apply", str(ours), *WHY)
    hypervisor("export", "flood-rise", "--output", str(theirs))
    edit(theirs, "severity: major", "severity: major\n  inhibits: [flood-ours]")
    with pytest.raises(RuleError, match="'flood-rise' inhibits 'flood-ours', which inhibits"):
        hypervisor("apply", str(theirs), *WHY)
    hypervisor("withdraw", "flood-ours", *WHY)
    assert "1 rule changed" in hypervisor("apply", str(theirs), *WHY)


def test_reason_and_author_are_needed_and_failing_tests_stop_it(
    hypervisor: Type, file: Path
) -> None:
    edit(file, "severity: minor", "severity: info")
    with pytest.raises(RulebookError, match="no reason given"):
        hypervisor("apply", str(file))
    with pytest.raises(RulebookError, match="is the software itself"):
        hypervisor("apply", str(file), "--reason", "x", "--author", "hypervisor")
    edit(
        file,
        "tests: []",
        "tests: [{name: wet, every: 5 min, thresholds: {attention: 3 m, alert: 4 m}, level: 1 1,"
        " catchment_rain: 0 0, expect: [{began: '00:05'}]}]",
    )
    with pytest.raises(RulebookError, match="test 'wet'"):
        hypervisor("apply", str(file), *WHY)
    assert len(rows(hypervisor("log", "flood-high", "--json"))) == 1


def test_rolled_back_withdrawn_and_shown(hypervisor: Type, world: World, file: Path) -> None:
    (first,) = rows(hypervisor("log", "flood-high", "--json"))
    edit(file, "for: 10 min", "for: 20 min")
    hypervisor("apply", str(file), *WHY)
    assert "for: 10 min -> 20 min" in hypervisor("diff", "flood-high")

    said = hypervisor("rollback", "flood-high", "--to", str(first["id"]), *WHY)
    assert "for: 20 min -> 10 min" in said
    assert "for: 10 min" in hypervisor("show", "flood-high")

    hypervisor("withdraw", "flood-high", *WHY)
    assert "(withdrawn)" in hypervisor("show", "flood-high")
    assert "flood-high" not in hypervisor("export", "--domain", "flood")
    with pytest.raises(RulebookError, match="withdrawn already"):
        hypervisor("withdraw", "flood-high", *WHY)
    with pytest.raises(StaleError, match="which withdrew it"):
        hypervisor("apply", str(file), *WHY)
    with pytest.raises(UnknownError, match="did you mean 'flood-high'"):
        hypervisor("show", "flood-hihg")
    with pytest.raises(UnknownError, match="has no revision 999"):
        hypervisor("rollback", "flood-high", "--to", "999", *WHY)

    kinds = [act.kind for act in audit.list_acts(world.connection, subject="flood-high")]
    assert kinds == ["rule", "rule-rollback", "rule-withdraw"]
    assert [row["author"] for row in rows(hypervisor("log", "flood-high", "--json"))][1:] == [
        "Ada",
        "Ada",
        "Ada",
    ]


def test_an_earlier_effective_time_says_what_takes_over(hypervisor: Type, file: Path) -> None:
    edit(file, "for: 10 min", "for: 20 min")
    hypervisor("apply", str(file), *WHY, "--effective", "2024-02-01")
    assert "nothing to change" in hypervisor("apply", str(file), *WHY)  # it still is for later
    assert "# from 2024-02-01 00:00Z: revision" in hypervisor("show", "flood-high")
    hypervisor("export", "--domain", "flood", "--output", str(file), "--force")
    edit(file, "for: 20 min", "for: 15 min")

    said = hypervisor("apply", str(file), *WHY, "--effective", "2024-01-01")

    assert "until 2024-02-01 00:00Z: then revision" in said
    assert "in force from 2024-01-01 00:00:00Z" in said
