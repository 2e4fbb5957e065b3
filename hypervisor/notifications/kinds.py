"""Kinds of channels: a module `channel_<name>.py` of a room declares some, and is found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from hypervisor.base import rooms
from hypervisor.notifications.model import Message
from sensors._errors import Message as Sentence

TARGET = "target"  # the field of a kind that has one only
Fields = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Broker:
    """The address and account of our broker."""

    host: str
    port: int
    user: str
    password: str


@dataclass(frozen=True, kw_only=True)
class Posting:
    """What is sent once. `key`: the same for each repeat; `seconds`: for the whole exchange."""

    message: Message
    key: str
    seconds: float
    broker: Broker


@dataclass(frozen=True, kw_only=True)
class ChannelKind:
    """A kind of channel, as a routes file names it.

    Attributes:
        label: What people read in the form, marked for its French.
        send: Sends once, to fields without placeholders. Raises ChannelError: it was not
            delivered, or this is unknown.
        find_problem: What is wrong with the fields as they are written; None: nothing. Their
            placeholders `${NAME}` are not filled in.
        fields: Their names; one alone may be written without its name.
        secrets: Those of the fields that must be a placeholder.
    """

    name: str
    label: str
    send: Callable[[Fields, Posting], None]
    find_problem: Callable[[Fields], Sentence | None] = lambda _fields: None
    fields: tuple[str, ...] = (TARGET,)
    secrets: tuple[str, ...] = ()


@cache
def list_kinds() -> Mapping[str, ChannelKind]:
    """The kinds of all rooms by name."""
    return {kind.name: kind for module in rooms.modules("channel") for kind in module.KINDS}
