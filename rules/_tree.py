"""The tree that an expression is read into. Frozen, so that a rule is a value."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sensors._errors import Place


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part of an expression. Two are equal when they mean the same, wherever they stand."""

    place: Place = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple["Node", ...]:
        """The nodes directly below."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Number(Node):
    """A literal as written: `0.10 m`. `unit` is None when none was; `us` of a duration."""

    value: float
    unit: str | None = None


@dataclass(frozen=True, kw_only=True)
class Name(Node):
    """A series (or a word of a group), by the name rules use."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Word(Node):
    """What the calendar or the lighting plan says: one of rules._vocabulary."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Threshold(Node):
    """`threshold.<name>` of the subject."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Call(Node):
    """A function of the language; its durations stand in µs."""

    function: str
    arguments: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.arguments


@dataclass(frozen=True, kw_only=True)
class Arithmetic(Node):
    """`left operator right` with + - * /."""

    operator: str
    left: Node
    right: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, kw_only=True)
class Scaled(Node):
    """`operand * scale + offset`: a conversion of units that checking put in."""

    operand: Node
    scale: float
    offset: float

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.operand,)


@dataclass(frozen=True, kw_only=True)
class Comparison(Node):
    """`left operator right` with < <= > >= == !=."""

    operator: str
    left: Node
    right: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, kw_only=True)
class Every(Node):
    """`a and b and …`."""

    conditions: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.conditions


@dataclass(frozen=True, kw_only=True)
class Some(Node):
    """`a or b or …`."""

    conditions: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.conditions


@dataclass(frozen=True, kw_only=True)
class Negation(Node):
    """`not a`."""

    condition: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.condition,)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, outermost first."""
    yield node
    for part in node.parts:
        yield from walk(part)
