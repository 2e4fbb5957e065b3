"""A draft of a rule as text and as form fields, with errors by field."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypervisor.evaluation.rule_text import read_one
from hypervisor.rulebook.pack_checks import run_bounded_tests
from hypervisor.rulebook.views_guide import Guide, read_guide, write_guide
from hypervisor.rulebook.yaml_output import rule_text
from hypervisor.web.refusals import refusal
from rules._errors import RuleError
from rules._pack_test import Tested
from rules._rule import Rule
from sensors._domain import catalogue
from sensors._errors import TerritoryError
from sensors._yaml import Source

PLAIN = ("title", "when", "clear", "for", "keep for", "severity", "advice", "wrong when")
FRENCH = ("title", "advice", "wrong when")
_STEP = ("severity", "when", "clear", "for")
_KEY = re.compile(r"([A-Za-z](?:\w| +(?=\w))*+)\s*+:")


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """An error: its place in the text, and its form field."""

    line: int
    column: int
    problem: str
    field: str


@dataclass(frozen=True, kw_only=True)
class Draft:
    """`fields`: the parsed YAML, None if it is invalid. `rule` is None if there are errors.

    `guide`: what the pickers show; None: the rule is beyond them, or has errors.
    """

    text: str
    fields: Mapping[str, Any] | None
    rule: Rule | None
    slips: tuple[FieldError, ...]
    tests: tuple[Tested, ...]
    guide: Guide | None = None

    @property
    def ok(self) -> bool:
        return self.rule is not None and not any(test.differences for test in self.tests)

    def field(self, key: str) -> str:
        """Value of a form field; `fr title` is the French title."""
        where = self.fields or {}
        if key.startswith("fr "):
            where, key = _as_mapping(where.get("fr")), key.removeprefix("fr ")
        value = where.get(key)
        if isinstance(value, list):
            return ", ".join(str(entry) for entry in value)
        return "" if value is None else " ".join(str(value).split())

    @property
    def steps(self) -> list[dict[str, str]]:
        """Steps as form rows, with an empty row at the end."""
        steps = (self.fields or {}).get("steps")
        rows = [
            {key: str(step.get(key, "")) for key in _STEP}
            for step in (steps if isinstance(steps, list) else ())
            if isinstance(step, Mapping)
        ]
        return [*rows, dict.fromkeys(_STEP, "")]

    def slip(self, field: str) -> str:
        """The errors of a field."""
        return "; ".join(slip.problem for slip in self.slips if slip.field == field)


def parse_draft(text: str, domain: str) -> Draft:
    """Parse and check a text, and run its tests."""
    text = text.replace("\r\n", "\n")
    fields = _load_yaml(text)
    try:
        proposed = read_one(text, domain=domain)
    except RuleError as error:
        slips = (_field_error(error, text),)
        return Draft(text=text, fields=fields, rule=None, slips=slips, tests=())
    tests = tuple(run_bounded_tests(proposed.pack))
    guide = read_guide(proposed.rule, catalogue())
    return Draft(text=text, fields=fields, rule=proposed.rule, slips=(), tests=tests, guide=guide)


def merge_form(
    text: str, fields: Mapping[str, str], steps: Sequence[Mapping[str, str]] | None
) -> str:
    """Merge form fields into the text; other keys, and steps for None, stay as they are."""
    rule: dict[str, Any] = dict(_load_yaml(text) or {})
    for key in ("id", *PLAIN):
        if key in fields:
            _put(rule, key, fields[key])
    french = dict(_as_mapping(rule.get("fr")))
    for key in FRENCH:
        if f"fr {key}" in fields:
            _put(french, key, fields[f"fr {key}"])
    _put(rule, "fr", french)
    if "inhibits" in fields:
        _put(rule, "inhibits", re.findall(r"[^,\s]+", fields["inhibits"]))
    if steps is not None:
        rows = [
            {key: step[key].strip() for key in _STEP if step.get(key, "").strip()} for step in steps
        ]
        _put(rule, "steps", [step for step in rows if set(step) - {"severity"}])
    return rule_text(rule)


def merge_guide(text: str, guide: Guide, *, domain: str, taken: Collection[str] | None) -> str:
    """Merge the guided form into the text; `taken`: identifiers that a new rule cannot have."""
    before = parse_draft(text, domain).guide
    keys = _load_yaml(text) or {}
    return rule_text(
        write_guide(keys, guide, catalogue(), before=before, domain=domain, taken=taken)
    )


def _put(rule: dict[str, Any], key: str, part: Any) -> None:
    """Set a key; without a value, remove it."""
    part = " ".join(part.split()) if isinstance(part, str) else part
    if part:
        rule[key] = part
    else:
        rule.pop(key, None)


def _as_mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _load_yaml(text: str) -> Mapping[str, Any] | None:
    try:
        source = Source("draft")
        document = source.plain(source.compose(text))
    except TerritoryError:
        return None
    return document if isinstance(document, Mapping) else None


def _field_error(error: RuleError, text: str) -> FieldError:
    lines = text.split("\n")
    line = min(max(error.place.line, 1), len(lines))
    return FieldError(
        line=line,
        column=error.place.column,
        problem=refusal(error.problem),
        field=_field_at(lines, line),
    )


def _field_at(lines: Sequence[str], line: int) -> str:
    """The field of a line: the nearest key at or above it."""
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
