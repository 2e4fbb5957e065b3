"""The file that says how sources are read; errors give line, column and a suggestion."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from hypervisor.external.mapping import Choice, SourceMapping
from rules._rule import CATEGORIES, SEVERITIES
from sensors._scalars import ScalarError, duration_micros
from sensors._yaml import Source

_CHOICES = ("severity", "site", "commune", "domain", "category")
_TEMPLATES = ("title", "advice")
_KEYS = (*_CHOICES, *_TEMPLATES, "stale after", "at most")


@dataclass(frozen=True, kw_only=True)
class Mappings:
    """By source; one that is not named is read by the defaults."""

    sources: Mapping[str, SourceMapping] = field(default_factory=dict)

    def of(self, source: str) -> SourceMapping:
        return self.sources.get(source, SourceMapping())


def read_mappings(
    text: str,
    *,
    file: str,
    sources: Collection[str] = (),
    sites: Collection[str] = (),
    domains: Collection[str] = (),
) -> Mappings:
    """The mappings of a file; `sources`, `sites`, `domains`: names that it may use (none: any).

    Raises TerritoryError: says where, and what was expected.
    """
    source = Source(file)
    parts = source.mapping(source.compose(text), "a file of sources", ("sources",), ("sources",))
    named = source.mapping(parts["sources"], "the sources", sources or None)
    allowed = {
        "severity": SEVERITIES,
        "site": sites,
        "domain": domains,
        "category": tuple(CATEGORIES),
    }
    return Mappings(
        sources={name: _read_mapping(source, node, allowed) for name, node in named.items()}
    )


def _read_mapping(
    source: Source, node: yaml.Node, allowed: Mapping[str, Collection[str]]
) -> SourceMapping:
    parts = {} if source.is_null(node) else source.mapping(node, "a source", _KEYS)
    mapping = SourceMapping()
    changes: dict[str, Any] = {
        name: _read_choice(source, parts[name], getattr(mapping, name), allowed.get(name, ()))
        for name in _CHOICES
        if name in parts
    }
    changes |= {name: source.texts(parts[name], name) for name in _TEMPLATES if name in parts}
    if "stale after" in parts:
        changes["stale_after"] = _read_duration(source, parts["stale after"])
    if "at most" in parts:
        changes["most"] = _read_count(source, parts["at most"], mapping.most)
    return replace(mapping, **changes)


def _read_choice(
    source: Source, node: yaml.Node, usual: Choice, allowed: Collection[str]
) -> Choice:
    """`{label: …, values: {…}, default: …}`, or one word for all alerts."""
    if isinstance(node, yaml.ScalarNode):
        return Choice(default=_read_word(source, node, allowed))
    parts = source.mapping(node, "a choice", ("label", "values", "default"))
    values = source.mapping(parts["values"], "values") if "values" in parts else {}
    default = parts.get("default")
    return Choice(
        labels=source.texts(parts["label"], "a label") if "label" in parts else usual.labels,
        values={
            **usual.values,
            **{name: _read_word(source, value, allowed) for name, value in values.items()},
        },
        default=usual.default if default is None else _read_word(source, default, allowed),
    )


def _read_word(source: Source, node: yaml.Node, allowed: Collection[str]) -> str:
    return source.choice(node, "known here", allowed) if allowed else source.text(node, "a word")


def _read_duration(source: Source, node: yaml.Node) -> int:
    text = source.text(node, "a duration")
    try:
        span = duration_micros(text)
    except ScalarError as error:
        source.fail(node, str(error))
    if span < 60_000_000:
        source.fail(node, "expected a minute or more")
    return span


def _read_count(source: Source, node: yaml.Node, most: int) -> int:
    text = source.text(node, "a number of alarms")
    if not text.isdecimal() or not 0 < int(text[:9]) <= most:
        source.fail(node, "{text!r}: expected a whole number of alarms, 1 to {most}", text, most)
    return int(text)
