"""What ingest needs of others, as its user sees it; the entry point wires."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ingest.batch import Batch, Parcel
from sensors._errors import TerritoryError


class UnavailableError(TerritoryError):
    """The store cannot be reached just now, or asks to be tried again: nothing was stored."""


class OccupiedError(UnavailableError):
    """Another process does this work: leave it to that one, and stand by."""


class NotStorableError(TerritoryError):
    """The store refuses this batch for what is in it: trying again will not help."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One quantity of one device, as far as a reading is checked against it.

    `low`, `high` (inclusive) and `saturates` in `unit`; `retired` in µs. None: no such bound.
    """

    series: int
    unit: str
    low: float | None
    high: float | None
    saturates: float | None = None
    retired: int | None = None


Devices = Mapping[str, Mapping[str, Channel]]  # device name -> quantity name -> channel


@dataclass(frozen=True, kw_only=True)
class CodecSource:
    """An instance's own codec as it was added; ingest.mapping reads it."""

    mapping: str
    script: str | None = None


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All that a message is decoded and checked against.

    `gateways`: of each, the devices it speaks for, by name and by address (lower case).
    `addresses`: device name -> its address, as registered.
    `codecs`: device name -> the codec that the inventory names; `models`: -> its model.
    `variables`: device name -> what a vendor's script is handed as `variables`.
    `own`: the instance's own codecs, which win over shipped ones of the same name.
    """

    devices: Devices
    gateways: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    codecs: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    own: Mapping[str, CodecSource] = field(default_factory=dict)


class InventorySource(Protocol):
    """Who may speak, and of what."""

    def changed(self, *, at_once: bool) -> Inventory | None:
        """All that is known if that has changed since last asked, else None.

        `at_once`: look now, though somebody looked a moment ago.

        Raises:
            UnavailableError: it cannot be read just now.
        """


class Store(Protocol):
    """Where checked readings go."""

    def commit(self, batch: Batch) -> None:
        """Store the whole batch or nothing of it.

        Raises:
            UnavailableError: try again.
            NotStorableError: do not.
        """


class Inbox(Protocol):
    """What has been received and not yet handed over."""

    bytes: int

    @property
    def waiting(self) -> int:
        """How many messages and heartbeats."""

    @property
    def behind(self) -> int:
        """How long the oldest of our heartbeats is under way (µs)."""

    def take(self) -> Parcel:
        """What was received since last taken."""


class BrokerLink(Protocol):
    """The way to the broker, in one thread but for `wake`.

    `keeps_unread`: what we do not read waits at the broker, though we are connected.
    """

    keeps_unread: bool

    @property
    def inbox(self) -> Inbox: ...

    @property
    def up(self) -> bool:
        """Whether the broker has let us in."""

    def turn(self, seconds: float, *, room: int) -> None:
        """Wait for something to do and do it; read up to `room` messages."""

    def rest(self, seconds: float) -> None:
        """Wait to be woken."""

    def wake(self) -> None:
        """End a turn or a rest early; from any thread."""

    def acknowledge(self, parcel: Parcel) -> None:
        """What the parcel holds has been committed."""

    def beat(self) -> None:
        """Send our clock round through the broker."""

    def pause(self, account: str) -> None:
        """Have an account put out for a while that floods the broker."""

    def close(self) -> None:
        """Send what is to be sent, and leave."""
