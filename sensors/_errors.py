"""Messages that keep their template, and the one tree of errors that carry them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter
from typing import Self


class Message(str):
    """A finished English sentence that keeps its template and values, for other languages.

    `Message("no device is named {name!r}{hint}", name, hint)`: the values come in the order in
    which the template first names them. A page translates the template and fills it in; values
    that are messages are translated, too. `!r` quotes what a person wrote. Without values the
    text is taken as it stands.
    """

    __slots__ = ("template", "values")
    template: str
    values: tuple[object, ...]

    def __new__(cls, template: str, /, *values: object) -> Self:
        if isinstance(template, cls) and not values:
            return template
        named = dict(zip(field_names(template), values, strict=True)) if values else {}
        message = super().__new__(cls, template.format(**named) if values else template)
        message.template = template
        message.values = values
        return message

    @property
    def parameters(self) -> dict[str, object]:
        """The values by the names of the template."""
        return dict(zip(field_names(self.template), self.values, strict=True))

    def __str__(self) -> Self:
        return self  # so that str(error) keeps the template

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (self.template, *self.values)

    def __add__(self, other: str) -> "Message":
        return listed((self, other), "")

    def __radd__(self, other: str) -> "Message":
        return listed((other, self), "")


@lru_cache(maxsize=4096)
def field_names(template: str) -> tuple[str, ...]:
    """The names of a template, in the order in which they first come."""
    return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(template) if name))


def listed(parts: Iterable[str], separator: str = ", ") -> Message:
    """Messages one after another, as one."""
    values = list(parts)
    return Message(separator.join(f"{{part{number}}}" for number in range(len(values))), *values)


class MessageError(Exception):
    """Takes a message's template and values; `str(error)` is that message."""

    def __init__(self, template: str, /, *values: object) -> None:
        super().__init__(Message(template, *values))


class TerritoryError(MessageError):
    """Something a person can mend: its text says what is wrong, where, and what was expected."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A position in a file, 1-based, for messages to its author."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"
