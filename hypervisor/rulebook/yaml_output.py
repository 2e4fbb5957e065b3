"""Stored rules as YAML."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from rules._read import BASED_ON, RULE_KEYS
from rules._texts import FRENCH, TEXT_KEYS

_TEST_KEYS = ("name", "every", "until", "thresholds", "fed", "members")  # then series, `expect`
_STEP_KEYS = ("severity", "when", "clear", "for")
_ALARM_KEYS = ("since", "began", "ended", "severity", "stale", "reason")
_WIDTH = 84
_LONG = 76  # length from which a text is folded


class _Block(dict[str, Any]):
    """A mapping in block style."""


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  PyYAML's
        """Indent lists below their key."""
        super().increase_indent(flow, False)  # noqa: FBT003


def _block(dumper: yaml.SafeDumper, value: _Block) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = ">" if len(value) >= _LONG or "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(_Block, _block)
_Dumper.add_representer(str, _text)


def rule_text(value: Mapping[str, Any], *, based_on: str | None = None) -> str:
    """One rule as YAML, a mapping."""
    return _dump(_rule_block(value, based_on))


def pack_text(rules: Iterable[tuple[Mapping[str, Any], str]]) -> str:
    """A pack file; each rule has the mark of its revision."""
    return "\n".join(_dump([_rule_block(value, based_on)]) for value, based_on in rules)


def ordered_rule(value: Mapping[str, Any]) -> dict[str, Any]:
    """A rule with its keys in reading order."""
    return dict(_order_keys(value, RULE_KEYS, skip=("domain",)))


def _rule_block(value: Mapping[str, Any], based_on: str | None) -> _Block:
    source = {**value, BASED_ON: based_on} if based_on else value
    rule = _Block(_order_keys(source, RULE_KEYS, skip=("domain",)))
    if isinstance(rule.get("steps"), list):
        rule["steps"] = [_block_of(step, _STEP_KEYS) for step in rule["steps"]]
    if FRENCH in rule:
        rule[FRENCH] = _block_of(rule[FRENCH], TEXT_KEYS)
    if isinstance(rule.get("tests"), list):
        rule["tests"] = [_test_block(test) for test in rule["tests"]]
    return rule


def _test_block(test: Any) -> Any:
    block = _block_of(test, _TEST_KEYS)
    if isinstance(block, _Block) and "expect" in block:
        expected = block.pop("expect")
        block["expect"] = expected
        if isinstance(expected, list):
            block["expect"] = [_sort_keys(alarm, _ALARM_KEYS) for alarm in expected]
    return block


def _block_of(value: Any, keys: tuple[str, ...]) -> Any:
    return _Block(_order_keys(value, keys)) if isinstance(value, Mapping) else value


def _sort_keys(value: Any, keys: tuple[str, ...]) -> Any:
    return dict(_order_keys(value, keys)) if isinstance(value, Mapping) else value


def _order_keys(
    value: Mapping[str, Any], keys: tuple[str, ...], *, skip: tuple[str, ...] = ()
) -> list[tuple[str, Any]]:
    """Known keys first: JSON columns keep no order."""
    first = [key for key in keys if key in value]
    rest = sorted(value.keys() - set(keys) - set(skip))
    return [(key, value[key]) for key in (*first, *rest)]


def _dump(value: Any) -> str:
    return str(
        yaml.dump(
            value,
            Dumper=_Dumper,
            allow_unicode=True,
            sort_keys=False,
            width=_WIDTH,
            default_flow_style=None,
        )
    )
