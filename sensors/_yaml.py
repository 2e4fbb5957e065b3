"""Read YAML files whose every part knows its line and column.

Scalars are those of YAML 1.2: `on`, `12:30`, `1_000` and a date are texts, `07` is seven.
"""

import re
from collections.abc import Iterable
from typing import Any, NoReturn, cast

import yaml
from yaml.error import Mark, MarkedYAMLError

from sensors._errors import Message, Place, TerritoryError
from sensors._nearest import did_you_mean

_LONGEST = 400  # digits of a whole number
_EXPLAINED = 40_000  # characters whose slip PyYAML explains; it takes a minute for 400,000
_ALIAS = "an alias; write it out"
TOO_DEEP = "more than {count} nested lists or mappings"
_NULLS = ("", "~", "null", "Null", "NULL")


class Loader(yaml.SafeLoader):
    """The safe loader with the scalars of YAML 1.2's core schema; no aliases, no deep nesting."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  as PyYAML declares it; filled below
    yaml_constructors = {  # noqa: RUF012  likewise; what JSON lacks (bytes, dates, sets) is refused
        tag: yaml.SafeLoader.yaml_constructors[tag]
        for tag in (
            *map("tag:yaml.org,2002:{}".format, ("null", "bool", "str", "seq", "map")),
            None,
        )
    }
    deepest = 12
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node.

        Raises:
            MarkedYAMLError: nested too deep, or an alias, by which few words expand to many.
        """
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refused(_ALIAS, event)
        if self._depth >= self.deepest:
            raise _refused(Message(TOO_DEEP, self.deepest), event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _refused(problem: str, event: yaml.Event) -> MarkedYAMLError:
    return MarkedYAMLError(problem=problem, problem_mark=cast("Mark", event.start_mark))


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same scalars by libyaml, ten times faster; its errors explain less."""

    yaml_implicit_resolvers = Loader.yaml_implicit_resolvers


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), [*"~nN", ""]
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), [*"tTfF"]
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"),
    [*"-+0123456789"],
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    [*"-+.0123456789"],
)


def _int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """PyYAML's own takes `010` for eight."""
    text = str(loader.construct_scalar(node))
    if len(text) > _LONGEST:
        raise yaml.constructor.ConstructorError(
            problem=f"a number of {len(text)} digits", problem_mark=node.start_mark
        )
    return int(text, 16 if text[:2] == "0x" else 8 if text[:2] == "0o" else 10)


def _float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    """PyYAML's own takes `1e3` for a text."""
    text = str(loader.construct_scalar(node)).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


Loader.add_constructor("tag:yaml.org,2002:int", _int)
Loader.add_constructor("tag:yaml.org,2002:float", _float)


class Source:
    """One file. Its nodes are PyYAML's; the methods read them or raise where they are wrong."""

    largest = 400_000  # characters
    deepest = 12  # nested lists or mappings

    def __init__(self, file: str) -> None:
        self.file = file

    def error(self, place: Place, problem: str) -> TerritoryError:
        """The error of this kind of file."""
        return TerritoryError("{place}: {problem}", place, problem)

    def fail(self, node: yaml.Node | None, problem: str, /, *values: object) -> NoReturn:
        """Raise the error of this kind of file, at a node or at the file's start."""
        place = self.place(node) if node else Place(file=self.file, line=1, column=1)
        raise self.error(place, Message(problem, *values))

    def compose(self, text: str) -> yaml.Node:
        """The file's one document.

        Raises:
            TerritoryError: not YAML, empty, too long, nested too deep, or with aliases.
        """
        if len(text) > self.largest:
            self.fail(
                None,
                "{count} characters of one file; expected at most {largest}",
                len(text),
                self.largest,
            )
        try:
            node = self._compose(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            problem = Message("this is not YAML: {problem}", error.problem)
            if "'\\t'" in problem:
                problem += Message(" (a tab? YAML indents with spaces)")
            raise self.error(Place(file=self.file, line=line, column=column), problem) from error
        except yaml.YAMLError as error:
            raise self.error(Place(file=self.file, line=1, column=1), str(error)) from error
        if node is None:
            self.fail(None, "the file is empty")
        return node

    def _compose(self, text: str) -> yaml.Node | None:
        try:
            depth = 0
            for event in yaml.parse(text, Loader=_FastLoader):
                depth += isinstance(event, yaml.CollectionStartEvent)
                depth -= isinstance(event, yaml.CollectionEndEvent)
                if isinstance(event, yaml.AliasEvent):
                    raise _refused(_ALIAS, event)
                if depth >= self.deepest:
                    raise _refused(Message(TOO_DEEP, self.deepest), event)
            return yaml.compose(text, Loader=_FastLoader)
        except yaml.YAMLError:
            if len(text) > _EXPLAINED:
                raise
        loader = Loader(text)
        loader.deepest = self.deepest
        return loader.get_single_node()

    def place(self, node: yaml.Node) -> Place:
        """Where a node begins; where its text does, when it is quoted."""
        mark = node.start_mark
        quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
        return Place(file=self.file, line=mark.line + 1, column=mark.column + 1 + quoted)

    def mapping(
        self,
        node: yaml.Node,
        what: str,
        allowed: Iterable[str] | None = None,
        needed: Iterable[str] = (),
    ) -> dict[str, yaml.Node]:
        """A mapping by its keys.

        Raises:
            TerritoryError: not one, a key appears twice, is not of `allowed`, or is missing.
        """
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, "expected {what}, a mapping; found {kind}", what, kind_of(node))
        names = None if allowed is None else frozenset(allowed)
        nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self.text(key, "a key")
            if name in nodes:
                self.fail(key, "{name!r} appears twice", name)
            if names is not None and name not in names:
                self.fail(
                    key, "{what} has no {name!r}{hint}", what, name, did_you_mean(name, names)
                )
            nodes[name] = value
        for name in needed:
            if name not in nodes:
                self.fail(node, "{what} needs {name!r}", what, name)
        return nodes

    def sequence(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """A list.

        Raises:
            TerritoryError: not one.
        """
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, "expected {what}, a list; found {kind}", what, kind_of(node))
        return list(node.value)

    def text(self, node: yaml.Node, what: str) -> str:
        """A scalar as written.

        Raises:
            TerritoryError: a list or a mapping.
        """
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, "expected {what}; found {kind}", what, kind_of(node))
        return str(node.value)

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        """A list of scalars, or a single one."""
        nodes = [node] if isinstance(node, yaml.ScalarNode) else self.sequence(node, what)
        return tuple(self.text(part, what) for part in nodes)

    def choice(self, node: yaml.Node, what: str, choices: Iterable[str]) -> str:
        """One of some words.

        Raises:
            TerritoryError: another word; with the nearest.
        """
        word, allowed = self.text(node, what), tuple(choices)
        if word not in allowed:
            self.fail(node, "{word!r} is not {what}{hint}", word, what, did_you_mean(word, allowed))
        return word

    def is_null(self, node: yaml.Node) -> bool:
        """Whether a scalar is null or nothing, unquoted."""
        return isinstance(node, yaml.ScalarNode) and not node.style and node.value in _NULLS

    def value(self, node: yaml.Node, what: str = "") -> Any:
        """A node as Python's own values, numbers and truths by YAML 1.2.

        Raises:
            TerritoryError: such as a number of 500 digits.
        """
        try:
            return Loader("").construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError, LookupError):
            self.fail(
                node,
                "{what}{colon}{value!r:.60} cannot be read",
                what,
                ": " * bool(what),
                node.value,
            )

    def plain(self, node: yaml.Node) -> Any:
        """A node as plain Python values, scalars as written."""
        if isinstance(node, yaml.MappingNode):
            return {self.text(key, "a key"): self.plain(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(part) for part in node.value]
        return str(node.value)


def kind_of(node: yaml.Node) -> str:
    """A node in messages: what it is, or its text."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else repr(node.value)
