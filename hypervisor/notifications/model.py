"""A message, the same at every attempt, and the errors of notifications."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensors._errors import TerritoryError


class NotifyError(TerritoryError):
    """Notifications cannot be configured or sent: says why."""


class ChannelError(NotifyError):
    """A channel did not deliver a message, or this is unknown: it is retried."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """`kind`: info, success, warning or failure, as channels show colours. `data`: for programs."""

    title: str
    text: str
    kind: str
    data: Mapping[str, Any]
