"""Filters of a request as trees: what OData and SensorThings can say of properties."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal as OneOf

from hypervisor.base.errors import NotFoundError
from sensors._errors import TerritoryError

Position = tuple[float, float]  # longitude, latitude


class QueryError(TerritoryError):
    """A request that the standard or this server does not understand: says what was expected."""


class NoResourceError(NotFoundError):
    """Nothing is at this address, or the account does not see it."""


@dataclass(frozen=True)
class Interval:
    """From `begin` to `end`."""

    begin: datetime
    end: datetime


@dataclass(frozen=True)
class Geometry:
    """A point, a line, or the rings of a polygon: the outer one, then its holes."""

    kind: OneOf["point", "line", "polygon"]
    rings: tuple[tuple[Position, ...], ...]


Value = str | float | bool | datetime | time | timedelta | Interval | Geometry | None


@dataclass(frozen=True)
class Literal:
    value: Value


@dataclass(frozen=True)
class Path:
    """A property, perhaps of a related entity: `Datastream/Thing/name`."""

    steps: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.steps)


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True)
class Operation:
    """Of two operands: comparison, arithmetic, `and`, `or`."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Negation:
    operand: "Expression"


Expression = Literal | Path | Call | Operation | Negation
