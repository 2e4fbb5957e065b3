"""A rule that is being written: its text and its form say the same; slips stand at their field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from hypervisor.evaluation.rule_text import read_one
from hypervisor.rulebook.testing import outcomes, row
from hypervisor.rulebook.writing import plain, rule_text
from hypervisor.web.refusals import refusal
from rules._errors import RuleError
from rules._rule import SEVERITIES, Rule

PLAIN = ("title", "when", "clear", "for", "keep for", "severity", "advice", "wrong when")
FRENCH = ("title", "advice", "wrong when")
_STEP = ("severity", "when", "clear", "for")
_KEY = re.compile(r"([A-Za-z][\w ]*?)\s*:")


@dataclass(frozen=True, kw_only=True)
class SlipAt:
    """Something to mend: where in the text, and of which field."""

    line: int
    column: int
    problem: str
    field: str


@dataclass(frozen=True, kw_only=True)
class TestTold:
    """A test that stands in the rule, as it went."""

    __test__ = False  # for pytest: this is none

    name: str
    passed: bool
    differences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """`said`: what the form shows, None while the text is no YAML. `rule` None: there is a slip."""

    text: str
    said: Mapping[str, Any] | None
    rule: Rule | None
    slips: tuple[SlipAt, ...]
    tests: tuple[TestTold, ...]

    @property
    def ok(self) -> bool:
        return self.rule is not None and all(test.passed for test in self.tests)

    def field(self, key: str) -> str:
        """A field of the form; `fr title` is the French title."""
        where = self.said or {}
        if key.startswith("fr "):
            where, key = _mapping(where.get("fr")), key.removeprefix("fr ")
        value = where.get(key)
        if isinstance(value, list):
            return ", ".join(str(one) for one in value)
        return "" if value is None else " ".join(str(value).split())

    @property
    def steps(self) -> list[dict[str, str]]:
        """The steps as rows of the form, and an empty one for the next."""
        found = (self.said or {}).get("steps")
        rows = [
            {key: str(step.get(key, "")) for key in _STEP}
            for step in (found if isinstance(found, list) else ())
            if isinstance(step, Mapping)
        ]
        return [*rows, dict.fromkeys(_STEP, "")]

    def slip(self, field: str) -> str:
        """What is wrong with a field."""
        return "; ".join(one.problem for one in self.slips if one.field == field)


def of_text(text: str, domain: str) -> Draft:
    """Read and checked, its tests run."""
    text = text.replace("\r\n", "\n")
    said = _loaded(text)
    try:
        proposed = read_one(text, domain=domain)
    except RuleError as error:
        return Draft(text=text, said=said, rule=None, slips=(_slip(error, text),), tests=())
    tests = tuple(
        TestTold(
            name=str(one["test"]),
            passed=bool(one["passed"]),
            differences=tuple(one["differences"]),
        )
        for one in map(row, outcomes(proposed.pack))
    )
    return Draft(text=text, said=said, rule=proposed.rule, slips=(), tests=tests)


def of_value(value: Mapping[str, Any], domain: str) -> Draft:
    """Of what a revision says."""
    return of_text(rule_text(plain(value)), domain)


def with_form(text: str, fields: Mapping[str, str], steps: Sequence[Mapping[str, str]]) -> str:
    """The text after the form was changed; what the form does not show stays as it is."""
    said: dict[str, Any] = dict(_loaded(text) or {})
    for key in ("id", *PLAIN):
        if key in fields:
            _put(said, key, fields[key])
    french = dict(_mapping(said.get("fr")))
    for key in FRENCH:
        if f"fr {key}" in fields:
            _put(french, key, fields[f"fr {key}"])
    _put_part(said, "fr", french)
    if "inhibits" in fields:
        names = [one for one in re.split(r"[,\s]+", fields["inhibits"]) if one]
        _put_part(said, "inhibits", names)
    rows = [
        {key: step[key].strip() for key in _STEP if step.get(key, "").strip()} for step in steps
    ]
    _put_part(said, "steps", [one for one in rows if set(one) - {"severity"}])
    return rule_text(said)


def severities() -> tuple[str, ...]:
    """The least severe first."""
    return SEVERITIES


def _put(said: dict[str, Any], key: str, text: str) -> None:
    text = " ".join(text.split())
    if text:
        said[key] = text
    else:
        said.pop(key, None)


def _put_part(said: dict[str, Any], key: str, part: Any) -> None:
    if part:
        said[key] = part
    else:
        said.pop(key, None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _loaded(text: str) -> Mapping[str, Any] | None:
    try:
        found = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  makes texts alone
    except yaml.YAMLError:
        return None
    return found if isinstance(found, Mapping) else None


def _slip(error: RuleError, text: str) -> SlipAt:
    lines = text.split("\n")
    line = min(max(error.place.line, 1), len(lines))
    return SlipAt(
        line=line,
        column=error.place.column,
        problem=refusal(error.problem),
        field=_field_at(lines, line),
    )


def _field_at(lines: Sequence[str], line: int) -> str:
    """Of which field a line is: the last key that begins one, at or above it."""
    inner = ""
    for text in reversed(lines[:line]):
        match = _KEY.match(text.strip())
        if match is None:
            continue
        if not text.startswith((" ", "-")):
            outer = match[1]
            return f"fr {inner}" if outer == "fr" and inner else outer
        inner = inner or match[1]
    return ""
