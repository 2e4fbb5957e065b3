"""A new version's packs: untouched rules follow, edited ones stay."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from hypervisor.registry import queries_revisions
from hypervisor.rulebook import service as rulebook_service
from hypervisor.rulebook.model import Stamp
from hypervisor.rulebook.yaml_output import ordered_rule
from rules._pack import Pack, load_pack
from tests.integration.evaluation.world import DAY, RULES, World

pytestmark = pytest.mark.integration

Type = Callable[..., str]
WHY = ("--reason", "too nervous", "--author", "Ada")
STAMP = Stamp(author="Ada", reason="as shipped", now=DAY)


def version(text: str) -> list[Pack]:
    return [load_pack(text, file="rules/flood.yaml", domain="flood")]


def value(world: World, rule: str) -> dict[str, object] | None:
    found = queries_revisions.load_latest(world.connection, "rule")[rule].value
    world.connection.commit()
    return None if found is None else ordered_rule(found)


def test_an_edit_survives_new_versions_until_it_is_given_up(
    world: World, hypervisor: Type, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "flood.yaml"
    hypervisor("export", "flood-high", "--output", str(file))
    file.write_text(file.read_text().replace("\n  for: 10 min", "\n  for: 25 min"))
    hypervisor("apply", str(file), *WHY)

    world.rules = RULES.replace("for: 10 min", "for: 12 min").replace("0.5 m", "0.6 m")
    with caplog.at_level(logging.WARNING):
        assert world.record_rules() == ["flood-rise"]

    assert "flood-high stays as in revision" in caplog.text
    assert "by Ada" in caplog.text
    found = value(world, "flood-high")
    assert found is not None
    assert found["for"] == "25 min"

    rulebook_service.roll_back_rule(
        world.connection, "flood-high", "shipped", STAMP, packs=lambda: version(world.rules)
    )
    world.connection.commit()
    found = value(world, "flood-high")
    assert found is not None
    assert found["for"] == "12 min"

    world.rules = RULES.replace("for: 10 min", "for: 14 min").replace("0.5 m", "0.6 m")
    assert world.record_rules() == ["flood-high"]
    found = value(world, "flood-high")
    assert found is not None
    assert found["for"] == "14 min"


def test_a_withdrawn_rule_stays_withdrawn_and_a_dropped_one_goes(
    world: World, hypervisor: Type
) -> None:
    hypervisor("withdraw", "flood-high", *WHY)
    world.rules = RULES.replace("for: 10 min", "for: 12 min").partition("- id: flood-silent")[0]

    assert world.record_rules() == ["flood-silent"]

    assert value(world, "flood-high") is None
    assert value(world, "flood-silent") is None


def test_revisions_of_an_older_version_count_as_shipped(world: World) -> None:
    world.connection.execute("UPDATE revision SET author = 'pack' WHERE kind = 'rule'")
    world.connection.commit()
    world.rules = RULES.replace("for: 10 min", "for: 12 min")

    assert world.record_rules() == ["flood-high"]
