"""YAML of scenarios: every error names file, line and column."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml

from sensors import _yaml
from sensors._errors import Place
from sensors._scalars import ScalarError, duration_micros
from simulators._field import SimulatorError

LONGEST = 10 * 366 * 24.0  # h of what is written
_HOUR = 3_600_000_000  # µs


class ScenarioError(SimulatorError):
    """A scenario's file cannot be read: names file, line and column, and what was expected."""


def parse_hours(word: str) -> float | None:
    """`30`, `30 h`, `90 min`, `1 d 6 h`, with a minus or without, up to ten years; None: not so."""
    bare = word.strip().removeprefix("-").strip()
    sign = -1.0 if word.strip().startswith("-") else 1.0
    plain = re.fullmatch(r"\d+(\.\d+)?", bare)
    try:
        span = duration_micros(f"{bare} h" if plain else bare, longest=round(LONGEST * _HOUR))
    except ScalarError:
        return None
    return sign * span / _HOUR


class Reader(_yaml.Source):
    """A scenario's file."""

    def error(self, place: Place, problem: str) -> ScenarioError:
        return ScenarioError("{place}: {problem}", place, problem)

    def number(self, node: yaml.Node, what: str) -> float:
        word = self.text(node, what)
        try:
            number = float(word)
        except ValueError:
            self.fail(node, "{what}: {word!r} is not a number", what, word)
        if not -1e12 < number < 1e12:
            self.fail(
                node, "{what}: expected a number between -1e12 and 1e12; found {word!r}", what, word
            )
        return number

    def hours(self, node: yaml.Node, what: str) -> float:
        """`30`, `30 h`, `90 min`, `1 d 6 h`, with a minus for before the scenario."""
        hours = parse_hours(self.text(node, what))
        if hours is None:
            self.fail(
                node,
                "{what}: {word!r} is not a time; expected one such as 30 h, or 1 d 6 h, up to ten"
                " years",
                what,
                self.text(node, what),
            )
        return hours

    def fields(
        self, node: yaml.Node, what: str, kinds: Mapping[str, "Kind"], needed: Iterable[str] = ()
    ) -> dict[str, Any]:
        """The fields of a mapping, each read by its kind; absent ones are left out."""
        return {
            name: kinds[name](self, value, f"`{name}`")
            for name, value in self.mapping(node, what, kinds, needed).items()
        }


Kind = Callable[[Reader, yaml.Node, str], Any]
