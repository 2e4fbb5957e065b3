"""A message; the same at every attempt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Message:
    """`kind`: info, success, warning or failure, as channels show colours. `data`: for programs."""

    title: str
    text: str
    kind: str
    data: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "text": self.text,
            "kind": self.kind,
            "data": dict(self.data),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Message":
        return cls(**value)
