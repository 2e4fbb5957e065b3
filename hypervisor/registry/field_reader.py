"""Read the fields of one mapping of a file; mistakes are collected."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from hypervisor.base.scalars import ScalarError, instant, measure, truth
from hypervisor.registry.inventory import Fact
from hypervisor.registry.problems import Problem, Where
from hypervisor.registry.tree import Fields, Items, Leaf, Node
from sensors._nearest import did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")  # a code such as 01004 stays text
Value = TypeVar("Value")
EMPTY = "is empty: give a value, write null to withdraw it, or leave the line out"
Convert = Callable[[str], Any]


class FieldReader:
    """One mapping of a file. All readers of a file add problems to one list."""

    def __init__(
        self, fields: Fields, problems: list[Problem], *, allowed: Iterable[str] | None = None
    ) -> None:
        self.fields = fields.fields
        self.where = fields.where
        self.problems = problems
        self._allowed = set(allowed) if allowed is not None else None
        if self._allowed is not None:
            self._refuse_others(self._allowed)

    def _refuse_others(self, allowed: set[str]) -> None:
        for name, node in self.fields.items():
            if name not in allowed:
                self.problem(
                    f"there is no field {name!r} here{did_you_mean(name, allowed)}", node.where
                )

    def problem(self, text: str, where: Where | None = None) -> None:
        self.problems.append(Problem(where=where or self.where, text=text))

    def has(self, name: str) -> bool:
        return name in self.fields

    def at(self, name: str) -> Where:
        node = self.fields.get(name)
        return node.where if node is not None else self.where.inside(name)

    def text(self, name: str) -> str | None:
        """The text of a field; None when absent, null, or no plain text (which is a problem)."""
        node = self.fields.get(name)
        if node is None:
            return None
        if not isinstance(node, Leaf):
            self.problem("expected one value, found a list or fields", node.where)
            return None
        if node.text == "":
            self.problem(EMPTY, node.where)
            return None
        return node.text

    def take(self, name: str, convert: Callable[[str], Value]) -> Value | None:
        """A field converted; None when absent, null or wrong (which is a problem)."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return convert(text)
        except ScalarError as error:
            self.problem(str(error), self.at(name))
            return None

    def given(self, conversions: Mapping[str, Convert]) -> dict[str, Any]:
        """The present fields, converted; a null is None."""
        return {
            name: self.take(name, convert)
            for name, convert in conversions.items()
            if name in self.fields
        }

    def name(self, field: str = "name") -> str | None:
        """The name, which is a key in topics and rules."""
        text = self.text(field)
        if text is None:
            self.problem(f"needs a {field!r}", self.at(field))
        elif not _NAME.fullmatch(text):
            self.problem(
                f"{text!r} cannot be a name: letters a-z A-Z, digits, '-' and '_', at most 64",
                self.at(field),
            )
            return None
        return text

    def read_mappings(
        self, name: str, *, allowed: Iterable[str] | None = None
    ) -> Iterator["FieldReader"]:
        """The mappings of a list."""
        node = self.fields.get(name)
        if node is None or (isinstance(node, Leaf) and not node.text):
            return
        if not isinstance(node, Items):
            self.problem("expected a list: each item begins with '- '", node.where)
            return
        for item in node.items:
            if isinstance(item, Fields):
                yield FieldReader(item, self.problems, allowed=allowed)
            else:
                self.problem("expected fields such as 'name: …'", item.where)

    def nodes(self, name: str) -> Mapping[str, Node]:
        """The named nodes of a mapping, or of a list of plain names."""
        node = self.fields.get(name)
        if node is None or (isinstance(node, Leaf) and not node.text):
            return {}
        if isinstance(node, Fields):
            return node.fields
        if isinstance(node, Items) and all(isinstance(item, Leaf) for item in node.items):
            return {
                str(item.text): Leaf(text="", where=item.where)
                for item in node.items
                if isinstance(item, Leaf)
            }
        self.problem("expected names, each with its value", node.where)
        return {}

    def properties(self) -> dict[str, Any]:
        """The mapping `properties` as plain values."""
        return {key: plain_value(node) for key, node in self.nodes("properties").items()}

    def one_of(self, name: str, words: Iterable[str]) -> str | None:
        """A field of an enumeration; None when absent or unknown (a problem)."""
        allowed = tuple(words)
        text = self.text(name)
        if text is not None and text not in allowed:
            self.problem(f"unknown {name} {text!r}{did_you_mean(text, allowed)}", self.at(name))
            return None
        return text

    def read_mapping(self, name: str, *, allowed: Iterable[str]) -> "FieldReader | None":
        """The mapping of a field; None when absent, null, or no mapping (a problem)."""
        node = self.fields.get(name)
        if node is None or (isinstance(node, Leaf) and node.text is None):
            return None
        if isinstance(node, Fields):
            return FieldReader(node, self.problems, allowed=allowed)
        self.problem(f"expected fields: {', '.join(allowed)}", node.where)
        return None

    def fact(
        self,
        kind: str,
        key: str,
        value: Mapping[str, Any] | None,
        *,
        illustrative: bool = False,
        where: Where | None = None,
    ) -> Fact:
        """A fact with this mapping's own `illustrative`, `effective` and `reason`."""
        own = self.take("illustrative", truth)
        return Fact(
            kind=kind,
            key=key,
            value=value,
            where=where or self.where,
            illustrative=(illustrative if own is None else own) and value is not None,
            effective=self.take("effective", instant),
            reason=self.text("reason"),
        )

    def withdrawn(self, name: str) -> bool:
        """Whether a field is null."""
        node = self.fields.get(name)
        return isinstance(node, Leaf) and node.text is None


def plain_value(node: Node) -> Any:
    """A node as plain values; texts that look like numbers become numbers."""
    if isinstance(node, Leaf):
        text = node.text
        return float(text) if text is not None and _PLAIN_NUMBER.fullmatch(text) else text
    if isinstance(node, Fields):
        return {name: plain_value(child) for name, child in node.fields.items()}
    return [plain_value(child) for child in node.items]


def in_unit(unit: str) -> Callable[[str], float]:
    """A conversion of a measure into `unit`."""
    return lambda text: measure(text, unit)
