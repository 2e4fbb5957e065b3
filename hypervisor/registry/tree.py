"""A file as a tree of text with line numbers, whatever its format.

Scalars stay text: YAML would read the code 01004 as an octal number and `no` as a boolean.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from hypervisor.registry.problems import InventoryError, Problem, Where

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
_NULLS = ("~", "null", "Null", "NULL")


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A scalar. None: null. Empty: a name without a value."""

    text: str | None
    where: Where


@dataclass(frozen=True, kw_only=True)
class Items:
    """A list."""

    items: "tuple[Node, ...]"
    where: Where


@dataclass(frozen=True, kw_only=True)
class Fields:
    """A mapping; iterating gives its names in file order."""

    fields: "dict[str, Node]"
    where: Where

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)


Node = Leaf | Items | Fields


def find_unwritable(node: Node) -> Iterator[Leaf]:
    """The leaves with characters that PostgreSQL refuses: NUL and lone surrogates."""
    if isinstance(node, Leaf):
        if node.text is not None and _UNWRITABLE.search(node.text):
            yield node
        return
    for child in node.fields.values() if isinstance(node, Fields) else node.items:
        yield from find_unwritable(child)


def parse_yaml(text: str, *, file: str) -> Fields:
    """The tree of a YAML document whose top is a mapping.

    Raises:
        InventoryError: it is no YAML, no mapping, or names a field twice.
    """
    try:
        top = _compose(text, file)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        hint = " (a tab? YAML indents with spaces)" if "\t" in str(error) else ""
        where = Where(file=file, line=line)
        raise InventoryError(
            [Problem(where=where, text=f"not readable as YAML: {error.problem}{hint}")]
        ) from error
    except yaml.YAMLError as error:
        where = Where(file=file, line=0)
        raise InventoryError(
            [Problem(where=where, text=f"not readable as YAML: {error}")]
        ) from error
    where = Where(file=file, line=1)
    if top is None:
        return Fields(fields={}, where=where)
    problems: list[Problem] = []
    tree = _convert(top, where, problems)
    if not isinstance(tree, Fields):
        problems.append(
            Problem(where=where, text="expected fields such as 'sites:', found a list or a text")
        )
    if problems or not isinstance(tree, Fields):
        raise InventoryError(problems)
    return tree


def _compose(text: str, file: str) -> yaml.Node | None:
    """With libyaml, for speed; what it refuses, PyYAML explains better."""
    try:
        return _compose_with(text, file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return _compose_with(text, file, yaml.SafeLoader)


def _compose_with(text: str, file: str, loader: Any) -> yaml.Node | None:
    _refuse_aliases(text, file, loader)
    node: yaml.Node | None = yaml.compose(text, Loader=loader)
    return node


def _refuse_aliases(text: str, file: str, loader: Any) -> None:
    """Refuse aliases: they could expand without bound."""
    for token in yaml.scan(text, Loader=loader):
        if isinstance(token, yaml.AliasToken):
            where = Where(file=file, line=token.start_mark.line + 1)
            raise InventoryError(
                [Problem(where=where, text="aliases (*name) are not read here: write it out")]
            )


def _convert(node: yaml.Node, where: Where, problems: list[Problem]) -> Node:
    here = Where(file=where.file, line=node.start_mark.line + 1, field=where.field)
    if isinstance(node, yaml.ScalarNode):
        bare = not node.style and node.value in _NULLS  # unquoted
        return Leaf(text=None if bare else node.value, where=here)
    if isinstance(node, yaml.SequenceNode):
        items = [
            _convert(item, here.inside(_label(item, position)), problems)
            for position, item in enumerate(node.value, start=1)
        ]
        return Items(items=tuple(items), where=here)
    fields: dict[str, Node] = {}
    for key, value in node.value:
        name = str(key.value)
        place = Where(file=where.file, line=key.start_mark.line + 1, field=here.field).inside(name)
        if name in fields:
            problems.append(Problem(where=place, text=f"{name!r} is written twice here"))
        converted = _convert(value, place, problems)
        fields[name] = (
            converted if not isinstance(converted, Leaf) else Leaf(text=converted.text, where=place)
        )
    return Fields(fields=fields, where=here)


def _label(item: yaml.Node, position: int) -> str:
    """An item's name in messages: its own, else its position."""
    if isinstance(item, yaml.MappingNode):
        for key, value in item.value:
            if key.value in ("name", "code") and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return str(position)
