"""The one error tree: every error that a person is meant to read descends from here."""

from dataclasses import dataclass


class TerritoryError(Exception):
    """Something a person can mend: its text says what is wrong, where, and what was expected."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A position in a file, 1-based, for messages to its author."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"
