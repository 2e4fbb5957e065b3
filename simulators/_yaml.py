"""YAML read with the line of every part at hand, so that a slip is shown where it is."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

import yaml

from sensors._plain_yaml import Loader
from simulators._errors import SimulatorError

SPAN = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>d|h|min|s)")
LONGEST = 10 * 366 * 24.0  # h of what is written
HOURS = {"d": 24.0, "h": 1.0, "min": 1 / 60, "s": 1 / 3600}


class ScenarioError(SimulatorError):
    """A scenario's file cannot be read: names file, line and field, and what was expected."""


def nearest(word: str, names: Iterable[str]) -> str:
    """A hint at the known word that was perhaps meant."""
    words = sorted(names)
    close_matches = difflib.get_close_matches(word, words, n=1)
    return (
        f"; did you mean {close_matches[0]!r}?"
        if close_matches
        else f"; there are {', '.join(words)}"
    )


def parse_hours(word: str) -> float | None:
    """`30`, `30 h`, `90 min`, `1 d 6 h`, with a minus or without; None: it is no such thing.

    Nor is anything longer than ten years.
    """
    bare = word.strip().removeprefix("-").strip()
    sign = -1.0 if word.strip().startswith("-") else 1.0
    if re.fullmatch(r"\d+(\.\d+)?", bare):
        hours = float(bare)
    elif not bare or SPAN.sub("", bare).strip():
        return None
    else:
        hours = sum(float(m["number"]) * HOURS[m["unit"]] for m in SPAN.finditer(bare))
    return sign * hours if hours <= LONGEST else None


class Reader:
    """One file."""

    def __init__(self, file: str) -> None:
        self.file = file

    def compose(self, text: str) -> yaml.Node:
        try:
            node = yaml.compose(text, Loader=Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise ScenarioError(f"{self.file}, line {line}: {error.problem}") from error
        except yaml.YAMLError as error:
            raise ScenarioError(f"{self.file}: {error}") from error
        if node is None:
            raise ScenarioError(f"{self.file} is empty")
        return node

    def fail(self, node: yaml.Node, text: str) -> NoReturn:
        raise ScenarioError(f"{self.file}, line {node.start_mark.line + 1}: {text}")

    def mapping(
        self, node: yaml.Node, what: str, allowed_names: Iterable[str] | None = None
    ) -> dict[str, yaml.Node]:
        """By its keys; None: any key."""
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"{what}: expected a mapping such as `key: value`")
        nodes: dict[str, yaml.Node] = {}
        allowed = None if allowed_names is None else set(allowed_names)
        for key, value in node.value:
            name = self.text(key, "a key")
            if name in nodes:
                self.fail(key, f"{name!r} stands twice in {what}")
            if allowed is not None and name not in allowed:
                self.fail(key, f"{what} has no field {name!r}{nearest(name, allowed)}")
            nodes[name] = value
        return nodes

    def entries(self, node: yaml.Node, what: str) -> Iterator[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, f"{what}: expected a list")
        yield from node.value

    def text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, f"{what}: expected a word or a number")
        return str(node.value).strip()

    def number(self, node: yaml.Node, what: str) -> float:
        word = self.text(node, what)
        try:
            number = float(word)
        except ValueError:
            self.fail(node, f"{what}: {word!r} is no number")
        if not -1e12 < number < 1e12:
            self.fail(node, f"{what}: {word!r} is no number of this world")
        return number

    def hours(self, node: yaml.Node, what: str) -> float:
        """`30`, `30 h`, `90 min`, `1 d 6 h`, with a minus for before the scenario."""
        hours = parse_hours(self.text(node, what))
        if hours is None:
            self.fail(
                node,
                f"{what}: {self.text(node, what)!r} is no time; expected one such as 30 h,"
                " or 1 d 6 h, up to ten years",
            )
        return hours

    def plain(self, node: yaml.Node) -> Any:
        """Whatever is there, as Python's own values."""
        return Loader("").construct_object(node, deep=True)

    def fields(
        self, node: yaml.Node, what: str, kinds: Mapping[str, "Kind"], needed: Iterable[str] = ()
    ) -> dict[str, Any]:
        """The fields of a mapping, each read by its kind; those that are not there are left out."""
        nodes = self.mapping(node, what, kinds)
        for name in needed:
            if name not in nodes:
                self.fail(node, f"{what} needs {name!r}")
        return {name: kinds[name](self, value, f"{what}, {name}") for name, value in nodes.items()}


Kind = Callable[[Reader, yaml.Node, str], Any]
