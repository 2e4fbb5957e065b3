"""YAML whose every part knows its line and column, so that a slip can be shown where it is."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from rules._errors import RuleError, nearest
from rules._tree import Place


class Source:
    """One file. Its nodes are PyYAML's; the methods read them or say where they are wrong."""

    def __init__(self, file: str) -> None:
        self.file = file

    def compose(self, text: str) -> yaml.Node:
        """The file's one document.

        Raises:
            RuleError: it is no YAML, or empty.
        """
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            place = Place(file=self.file, line=line, column=column)
            raise RuleError(place, f"this is no YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise RuleError(Place(file=self.file, line=1, column=1), str(error)) from error
        if node is None:
            raise RuleError(Place(file=self.file, line=1, column=1), "the file is empty")
        return node

    def place(self, node: yaml.Node) -> Place:
        """Where a node begins; where its text does, when it is quoted."""
        mark = node.start_mark
        quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
        return Place(file=self.file, line=mark.line + 1, column=mark.column + 1 + quoted)

    def mapping(
        self, node: yaml.Node, what: str, known: Iterable[str] | None = None
    ) -> dict[str, yaml.Node]:
        """A mapping by its keys.

        Raises:
            RuleError: it is none, a key stands twice, or is none of `known`.
        """
        if not isinstance(node, yaml.MappingNode):
            raise RuleError(self.place(node), f"expected {what}, a mapping; found {_kind(node)}")
        allowed = None if known is None else frozenset(known)
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self.text(key, "a key")
            if name in found:
                raise RuleError(self.place(key), f"{name!r} stands twice")
            if allowed is not None and name not in allowed:
                hint = nearest(name, allowed)
                raise RuleError(self.place(key), f"{what} has no {name!r}{hint}")
            found[name] = value
        return found

    def sequence(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """A list.

        Raises:
            RuleError: it is none.
        """
        if not isinstance(node, yaml.SequenceNode):
            raise RuleError(self.place(node), f"expected {what}, a list; found {_kind(node)}")
        return list(node.value)

    def text(self, node: yaml.Node, what: str) -> str:
        """A scalar as it was written.

        Raises:
            RuleError: it is a list or a mapping.
        """
        if not isinstance(node, yaml.ScalarNode):
            raise RuleError(self.place(node), f"expected {what}; found {_kind(node)}")
        return str(node.value)

    def plain(self, node: yaml.Node) -> Any:
        """A node as plain Python values, scalars as written."""
        if isinstance(node, yaml.MappingNode):
            return {self.text(key, "a key"): self.plain(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(part) for part in node.value]
        return str(node.value)


def as_yaml(value: Mapping[str, Any]) -> str:
    """Plain values as YAML, to be read by the same reader as a file."""
    return yaml.safe_dump(dict(value), allow_unicode=True, sort_keys=False, width=10_000)


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else repr(node.value)
