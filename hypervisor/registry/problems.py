"""Problems of an inventory with file, line and field, reported together."""

from collections.abc import Iterable
from dataclasses import dataclass

from sensors._errors import TerritoryError


@dataclass(frozen=True, kw_only=True, order=True)
class Where:
    """A place in a file; `field` is the dotted path inside it."""

    file: str
    line: int
    field: str = ""

    def inside(self, name: str) -> "Where":
        """The place of a field inside this one."""
        field = f"{self.field}.{name}" if self.field else name
        return Where(file=self.file, line=self.line, field=field)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
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
