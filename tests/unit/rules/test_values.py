"""What the engine is given and gives are values: frozen, made by name, equal by what they mean."""

import dataclasses
import runpy
from pathlib import Path
from typing import Any

import pytest

from rules._duration import HOUR, SECOND
from rules._inputs import Steps
from rules._pack import load_pack
from rules._rule import Chatter, PackTest, Rule, Step, ahead_of, judged_by
from rules._texts import Texts
from rules._tree import Call, Name, Number
from sensors._errors import Place

FOLDER = Path(__file__).parents[3] / "rules"
FILES = sorted(FOLDER.glob("_[a-z]*.py"))
HERE = Place(file="f", line=1, column=1)
WRITTEN = {"id": "flood-x", "when": "level > 3 m"}


def declared(name: str) -> dict[str, Any]:
    """What a file declares, run again."""
    return runpy.run_path(str(FOLDER / f"{name}.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_every_value_is_frozen_and_made_by_name(file: Path) -> None:
    own = runpy.run_path(str(file), run_name="own")
    for kind in own.values():
        declared_here = isinstance(kind, type) and kind.__module__ == "own"
        if declared_here and dataclasses.is_dataclass(kind):
            assert vars(kind)["__dataclass_params__"].frozen, kind
            assert all(part.kw_only for part in dataclasses.fields(kind)), kind


def test_what_is_not_told_of_a_judgement_is_not_so() -> None:
    own = declared("_rule_state")
    moment = own["StateChange"](time=1, phase="inactive", when=0, clear=2)
    assert dataclasses.astuple(moment) == (
        *(1, "inactive", 0, 2),
        *(None, None, None, None, (), None, False, None, None, False),
    )
    assert [(one.name, one.value) for one in own["Truth"]] == [
        ("FALSE", 0),
        ("UNKNOWN", 1),
        ("TRUE", 2),
    ]


def test_the_words_of_the_calendar_have_these_numbers() -> None:
    own = declared("_vocabulary")
    assert own["NAMED"] == {
        "weekday": {"mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6, "sun": 7},
        "month": {
            "jan": 1,
            "feb": 2,
            "mar": 3,
            "apr": 4,
            "may": 5,
            "jun": 6,
            "jul": 7,
            "aug": 8,
            "sep": 9,
            "oct": 10,
            "nov": 11,
            "dec": 12,
        },
    }
    assert own["LEAST_AND_MOST"] == {"hour": (0, 24), "weekday": (1, 7), "month": (1, 12)}
    calendar = {"hour", "weekday", "month", "night", "holiday", "school_holiday"}
    assert own["WORDS"] == calendar | {"planned_on", "planned_level"}


LEAST = Rule(
    id="flood-x",
    title="x",
    domain="flood",
    when=Name(place=HERE, name="level"),
    written=WRITTEN,
)

DIFFERENT: dict[str, Any] = {
    "title": "y",
    "per": "group",
    "category": "maintenance",
    "when": Name(place=HERE, name="rain"),
    "clear": Name(place=HERE, name="rain"),
    "hold": 1,
    "keep": 1,
    "severity": "minor",
    "steps": (Step(severity="critical", when=Name(place=HERE, name="rain")),),
    "advice": "Look.",
    "wrong_when": "Never.",
    "french": Texts(title="y"),
    "inhibits": ("flood-y",),
    "group_by": "site",
    "labels": {"crew": "north"},
    "remind": 1,
    "escalate": 1,
    "grace": 1,
    "chatter": Chatter(count=5, span=HOUR),
    "tests": (PackTest(name="a", line=1, body={}),),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_two_rules_are_equal_when_their_author_wrote_the_same(name: str) -> None:
    assert dataclasses.replace(LEAST, **{name: DIFFERENT[name]}) == LEAST


def test_two_rules_differ_by_id_by_domain_and_by_what_is_written() -> None:
    assert dataclasses.replace(LEAST, id="flood-y") != LEAST
    assert dataclasses.replace(LEAST, domain="lighting") != LEAST
    assert dataclasses.replace(LEAST, written={**WRITTEN, "for": "1 h"}) != LEAST


def test_what_a_rule_does_not_write_is_the_usual() -> None:
    names = set(DIFFERENT) - {"title", "when"}
    assert {name: getattr(LEAST, name) for name in names} == {
        "per": "site",
        "category": "hazard",
        "clear": None,
        "hold": 0,
        "keep": 0,
        "severity": "major",
        "steps": (),
        "advice": "",
        "wrong_when": "",
        "french": Texts(),
        "inhibits": (),
        "group_by": None,
        "labels": {},
        "remind": None,
        "escalate": None,
        "grace": None,
        "chatter": None,
        "tests": (),
    }
    step = Step(severity="major", when=LEAST.when)
    assert (step.clear, step.hold) == (None, 0)


@pytest.mark.parametrize(
    ("domain", "written", "grouping"),
    [
        ("flood", None, "river"),
        ("lighting", None, "site"),
        ("weather", None, "commune"),
        ("flood", "group", "group"),
    ],
)
def test_alarms_are_one_incident_by_what_is_written_else_by_the_domain(
    domain: str, written: str | None, grouping: str
) -> None:
    rule = dataclasses.replace(LEAST, domain=domain, group_by=written)  # type: ignore[arg-type]
    assert rule.grouping == grouping


def test_a_rule_is_judged_by_its_conditions_and_not_by_its_words() -> None:
    assert judged_by(None) is None
    written = {
        "id": "x",
        "domain": "flood",
        "per": "site",
        "title": "t",
        "when": "a",
        "clear": "b",
        "for": "1 h",
        "keep for": "2 h",
        "severity": "minor",
        "steps": [],
        "advice": "c",
    }
    assert judged_by(written) == {
        key: written[key]
        for key in ("domain", "per", "when", "clear", "for", "keep for", "severity", "steps")
    }


RULE = """
- id: flood-x
  title: "{site}: x"
  when: >-
    level > threshold.alert and hour > 6 and
    upstream(discharge > threshold.flow_danger and not stuck(level, 1 h), 2 h)
  clear: level < threshold.attention and upstream(rain) < 1 mm
  severity: minor
  steps:
    - severity: major
      when: level > threshold.first_asset
      clear: level_trend < threshold.attention
  advice: Look.
  wrong when: It is not so.
  tests: []
"""


def test_a_rule_knows_what_is_its_own_and_what_is_of_sites_upstream() -> None:
    text = RULE.replace("level_trend", "level")
    (rule,) = load_pack(text, file="f", domain="flood").rules
    assert rule.names == rule.plain == ("level",)
    assert rule.afar == ("discharge", "level", "rain")
    assert rule.afar_thresholds == ("flow_danger",)
    assert rule.thresholds == ("alert", "attention")
    assert rule.optional_thresholds == ("first_asset",)
    assert rule.steps[0].thresholds == ("attention", "first_asset")
    assert rule.words == {"hour"}
    assert (rule.shared, rule.inside, rule.shares) == ((), (), ())
    assert [ahead_of(call) for call in rule.upstreams] == [2 * HOUR, 0]
    assert len(rule.conditions) == 4
    assert rule.axis == "values"


def test_a_call_of_upstream_without_a_duration_looks_at_what_arrives_now() -> None:
    level = Name(place=HERE, name="level")
    span = Number(place=HERE, value=5 * SECOND, unit="us")
    for arguments, ahead in (((level,), 0), ((level, span), 5 * SECOND), ((span,), 0)):
        assert ahead_of(Call(place=HERE, function="upstream", arguments=arguments)) == ahead


def test_equal_parts_of_expressions_are_equal_and_tell_no_place() -> None:
    there = Place(file="g", line=7, column=8)
    assert Name(place=HERE, name="a") == Name(place=there, name="a")
    assert repr(Name(place=there, name="a")) == "Name(name='a')"
    assert Name(place=HERE, name="a").parts == ()
    assert str(there) == "g:7:8"


def test_steps_are_made_of_pairs() -> None:
    steps = Steps.of([(1, 2.0), (3, 4.5)])
    assert (steps.at.tolist(), steps.value.tolist()) == ([1, 3], [2.0, 4.5])
    nothing = Steps.of([])
    assert (str(nothing.at.dtype), str(nothing.value.dtype)) == ("int64", "float64")
