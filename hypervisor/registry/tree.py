"""A file as a tree of text with places, whatever its format; its problems reported together.

Scalars stay text: YAML would read the code 01004 as an octal number and `no` as a boolean.
None is a null, the empty text a name without a value.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from sensors import _yaml
from sensors._errors import Message, Place, TerritoryError
from sensors._nearest import did_you_mean

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")  # a code such as 01004 stays text


@dataclass(frozen=True, kw_only=True, order=True)
class Where:
    """A place in a file; `field` is the dotted path inside it. Zeros: unknown."""

    file: str
    line: int
    column: int = 0
    field: str = ""

    def inside(self, name: str, node: yaml.Node | None = None) -> "Where":
        """The place of a field inside this one, at a node if there is one."""
        field = f"{self.field}.{name}" if self.field else name
        if node is None:
            return Where(file=self.file, line=self.line, column=self.column, field=field)
        mark = node.start_mark
        return Where(file=self.file, line=mark.line + 1, column=mark.column + 1, field=field)

    def problem(self, text: str) -> "Problem":
        """A problem at this place."""
        return Problem(where=self, text=text)

    def unknown(self, what: str, name: str, names: Iterable[str]) -> "Problem":
        """The problem of a name that nothing has."""
        return self.problem(
            Message("there is no {what} {name!r}{hint}", what, name, did_you_mean(name, names))
        )

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.field}" if self.field else place


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One problem at a place."""

    where: Where
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


class InventoryError(TerritoryError):
    """An inventory cannot be applied; `problems` in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        head = f"{count} problem{'s' if count > 1 else ''} in the inventory, nothing was changed"
        super().__init__("\n  ".join([head, *map(str, self.problems)]))

    @classmethod
    def at(cls, where: Where, text: str) -> "InventoryError":
        """One problem."""
        return cls([Problem(where=where, text=text)])


class Items(list["Node"]):
    """A list; `places` of its items."""

    def __init__(self, where: Where, items: Iterable[tuple["Node", Where]] = ()) -> None:
        pairs = list(items)
        super().__init__(node for node, _ in pairs)
        self.where = where
        self.places = [place for _, place in pairs]


class Fields(dict[str, "Node"]):
    """A mapping in file order; `places` of its fields."""

    def __init__(self, where: Where, nodes: "Mapping[str, Node] | None" = None) -> None:
        super().__init__(nodes or {})
        self.where = where
        self.places: dict[str, Where] = {}

    @classmethod
    def short(cls, name: str, node: "Node", where: Where) -> "Fields | None":
        """A mapping as it is; a text alone as the value of one field; None: a list."""
        if isinstance(node, Fields):
            return node
        fields = cls(where)
        fields.put(name, node, where)
        return None if isinstance(node, Items) else fields

    def put(self, name: str, node: "Node", where: Where) -> None:
        """Add a field at its place."""
        self[name] = node
        self.places[name] = where

    def at(self, name: str) -> Where:
        """The place of a field, there or not."""
        return self.places.get(name) or self.where.inside(name)


Node = str | Items | Fields | None


def find_unwritable(node: Node, where: Where) -> Iterator[Where]:
    """The places of texts with characters that PostgreSQL refuses: NUL and lone surrogates."""
    if isinstance(node, str) and _UNWRITABLE.search(node):
        yield where
    elif isinstance(node, Fields):
        for name, child in node.items():
            yield from find_unwritable(child, node.at(name))
    elif isinstance(node, Items):
        for child, place in zip(node, node.places, strict=True):
            yield from find_unwritable(child, place)


def plain_value(node: Node) -> Any:
    """A node as plain values; texts that look like numbers become numbers."""
    if isinstance(node, Fields):
        return {name: plain_value(child) for name, child in node.items()}
    if isinstance(node, Items):
        return [plain_value(child) for child in node]
    return float(node) if node is not None and _PLAIN_NUMBER.fullmatch(node) else node


class _Source(_yaml.Source):
    largest = 50_000_000

    def error(self, place: Place, problem: str) -> InventoryError:
        where = Where(file=place.file, line=place.line, column=place.column)
        return InventoryError.at(where, problem)


def parse_yaml(text: str, *, file: str) -> Fields:
    """The tree of a YAML document whose top is a mapping; of no document an empty one.

    Raises InventoryError: it is no YAML, no mapping, or names a field twice.
    """
    where = Where(file=file, line=1)
    source = _Source(file)
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        return Fields(where)
    tree = _convert(source, source.compose(text), where)
    if not isinstance(tree, Fields):
        raise InventoryError.at(
            where, Message("expected fields such as 'sites:', found a list or a text")
        )
    return tree


def _convert(source: _Source, node: yaml.Node, where: Where) -> Node:
    if isinstance(node, yaml.SequenceNode):
        places = [where.inside(_label(item, at), item) for at, item in enumerate(node.value, 1)]
        converted = [
            _convert(source, item, place) for item, place in zip(node.value, places, strict=True)
        ]
        return Items(where, zip(converted, places, strict=True))
    if isinstance(node, yaml.MappingNode):
        fields = Fields(where)
        for name, child in source.mapping(node, "fields").items():
            place = where.inside(name, child)
            fields.put(name, _convert(source, child, place), place)
        return fields
    return None if source.is_null(node) and node.value else str(node.value)


def _label(item: yaml.Node, position: int) -> str:
    """An item's name in messages: its own, else its position."""
    if isinstance(item, yaml.MappingNode):
        for key, value in item.value:
            if key.value in ("name", "code") and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return str(position)
