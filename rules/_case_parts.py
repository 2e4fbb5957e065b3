"""What stands under the keys of a worked case: times, durations, numbers, and pairs of them."""

from collections.abc import Sequence

import numpy as np
import yaml

from rules._case import ALWAYS
from rules._duration import parse_duration
from rules._errors import RuleError
from rules._inputs import Steps
from rules._readings import read_time
from rules._yaml import Source
from sensors._nearest import did_you_mean


class CaseParts:
    """Reads what stands under the keys of one case."""

    def __init__(self, source: Source, parts: dict[str, yaml.Node]) -> None:
        self.source = source
        self.parts = parts

    def text(self, key: str, default: str) -> str:
        """A scalar of the case, else the default."""
        return self.source.text(self.parts[key], key) if key in self.parts else default

    def time(self, node: yaml.Node) -> int:
        """HH:MM."""
        return read_time(self.source.text(node, "a time"), self.source.place(node))

    def mapping(self, key: str) -> dict[str, yaml.Node]:
        """A mapping of the case; empty without one."""
        return self.source.mapping(self.parts[key], key) if key in self.parts else {}

    def sequence(self, key: str) -> list[yaml.Node]:
        """A list of the case; empty without one."""
        return self.source.sequence(self.parts[key], key) if key in self.parts else []

    def pairs(self, node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
        """A list of two things each."""
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        for pair in self.source.sequence(node, "a list of pairs"):
            both = self.source.sequence(pair, "a pair")
            if len(both) != 2:
                raise RuleError(
                    self.source.place(pair), "expected a pair, found {count}", len(both)
                )
            pairs.append((both[0], both[1]))
        return pairs

    def word(self, node: yaml.Node, allowed: Sequence[str]) -> str:
        """One of the words known."""
        text = self.source.text(node, f"one of {', '.join(allowed)}")
        if text not in allowed:
            raise RuleError(
                self.source.place(node),
                "unknown word {text!r}{hint}",
                text,
                did_you_mean(text, allowed),
            )
        return text

    def duration(self, node: yaml.Node) -> int:
        """A duration, in µs."""
        return parse_duration(self.source.text(node, "a duration"), self.source.place(node))

    def spans(self, node: yaml.Node) -> int | Steps:
        """A duration that always holds, or pairs of a time and a duration."""
        if isinstance(node, yaml.ScalarNode):
            return self.duration(node)
        pairs = [(self.time(when), self.duration(span)) for when, span in self.pairs(node)]
        return Steps.of((at, float(span)) for at, span in pairs)

    def steps(self, node: yaml.Node) -> Steps:
        """A number that always holds, or pairs of a time and a number."""
        if isinstance(node, yaml.ScalarNode):
            return Steps(at=ALWAYS.at, value=np.array([self.number(node)]))
        pairs = self.pairs(node)
        return Steps(
            at=np.array([self.time(when) for when, _ in pairs], dtype=np.int64),
            value=np.array([self.number(value) for _, value in pairs]),
        )

    def facts(self, key: str) -> dict[str, Steps]:
        """Such facts by name."""
        return {name: self.steps(node) for name, node in self.mapping(key).items()}

    def number(self, node: yaml.Node) -> float:
        """A number; nan: withdrawn."""
        text = self.source.text(node, "a number")
        if text in ("null", "withdrawn"):
            return float("nan")
        try:
            return float(text)
        except ValueError as error:
            raise RuleError(self.source.place(node), "{text!r} is not a number", text) from error
