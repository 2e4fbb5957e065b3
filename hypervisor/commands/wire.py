"""A command as a device receives it: its topic and its message (docs/actuators.md)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hypervisor.base.instance import Mode
from ingest.topics import COMMAND_FENCE, PLAYED
from sensors._command import Value


@dataclass(frozen=True, kw_only=True)
class OutgoingCommand:
    """A command that is to be sent now. `remaining`: s of its validity."""

    id: UUID
    device: str
    kind: str
    parameters: Mapping[str, Value]
    valid_until: datetime
    remaining: float

    def write(self) -> bytes:
        """The message."""
        body = {
            "key": str(self.id),
            "command": self.kind,
            "parameters": self.parameters,
            "valid_until": self.valid_until.isoformat().replace("+00:00", "Z"),
        }
        return json.dumps(body, ensure_ascii=False).encode()


@dataclass(frozen=True, kw_only=True)
class Topics:
    """Where an instance sends commands; an exercise below `exercise/`, where no device listens."""

    prefix: str

    def of_device(self, name: str) -> str:
        return f"{self.prefix}devices/{name}/commands"

    @property
    def filter(self) -> str:
        """Of all of them: what the sender hears of itself."""
        return self.of_device("+")

    @property
    def fence(self) -> str:
        return f"{self.prefix}{COMMAND_FENCE}"


def topics_of(mode: Mode) -> Topics:
    return Topics(prefix="" if mode is Mode.LIVE else PLAYED)


def read_key(payload: bytes) -> UUID | None:
    """The key of a message that the sender wrote; None: it is none of its messages."""
    try:
        return UUID(json.loads(payload)["key"])
    except (ValueError, KeyError, TypeError):
        return None
