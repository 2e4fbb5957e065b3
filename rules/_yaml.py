"""YAML whose every part knows its line and column, so that a slip can be shown where it is."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import yaml
from yaml.error import Mark, MarkedYAMLError

from rules._bounds import NESTED, TEXT, bounded_size
from rules._errors import RuleError, nearest
from rules._tree import Place


class _Loader(yaml.SafeLoader):
    """YAML as people write rules: nothing nested without end, nothing that stands for another."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node.

        Raises:
            MarkedYAMLError: it is nested too deep, or an alias, by which few words unfold to many.
        """
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refused("an alias; write it out", event)
        if self._depth >= NESTED:
            raise _refused(f"more than {NESTED} lists or mappings inside one another", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _refused(problem: str, event: yaml.Event) -> MarkedYAMLError:
    return MarkedYAMLError(problem=problem, problem_mark=cast("Mark", event.start_mark))


class Source:
    """One file. Its nodes are PyYAML's; the methods read them or say where they are wrong."""

    def __init__(self, file: str) -> None:
        self.file = file

    def compose(self, text: str) -> yaml.Node:
        """The file's one document.

        Raises:
            RuleError: it is no YAML, or empty.
        """
        start = Place(file=self.file, line=1, column=1)
        bounded_size(text, TEXT, "characters of one file", start)
        try:
            node = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            place = Place(file=self.file, line=line, column=column)
            raise RuleError(place, f"this is no YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise RuleError(start, str(error)) from error
        if node is None:
            raise RuleError(start, "the file is empty")
        return node

    def place(self, node: yaml.Node) -> Place:
        """Where a node begins; where its text does, when it is quoted."""
        mark = node.start_mark
        quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
        return Place(file=self.file, line=mark.line + 1, column=mark.column + 1 + quoted)

    def mapping(
        self, node: yaml.Node, what: str, allowed: Iterable[str] | None = None
    ) -> dict[str, yaml.Node]:
        """A mapping by its keys.

        Raises:
            RuleError: it is none, a key stands twice, or is none of `allowed`.
        """
        if not isinstance(node, yaml.MappingNode):
            raise RuleError(self.place(node), f"expected {what}, a mapping; found {_kind(node)}")
        names = None if allowed is None else frozenset(allowed)
        nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self.text(key, "a key")
            if name in nodes:
                raise RuleError(self.place(key), f"{name!r} stands twice")
            if names is not None and name not in names:
                hint = nearest(name, names)
                raise RuleError(self.place(key), f"{what} has no {name!r}{hint}")
            nodes[name] = value
        return nodes

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
    """Plain values as YAML, to be read by the same reader as a file.

    Raises:
        RuleError: they are nested deeper than a file may be.
    """
    level: list[Any] = [value]
    for _ in range(NESTED + 1):
        level = [part for whole in level for part in _inside(whole)]
    if level:
        problem = f"more than {NESTED} lists or mappings inside one another"
        raise RuleError(Place(file="rule", line=1, column=1), problem)
    return yaml.safe_dump(dict(value), allow_unicode=True, sort_keys=False, width=10_000)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else repr(node.value)
