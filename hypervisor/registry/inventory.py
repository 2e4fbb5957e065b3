"""The content of inventory files: entries with the fields given, and facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.registry.model import KINDS
from hypervisor.registry.tree import Where


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Fields given for one area, site, device, group …; others stay as they are."""

    key: str  # an area's code, the name of a site or device, '<device>/<quantity>'
    given: Mapping[str, Any]
    where: Where


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A fact that rules use, see the table `revision` for kinds and keys.

    `value`: None withdraws it; absent fields stay or take their default. `effective` and `reason`:
    None if the file leaves them to the command.
    """

    kind: str
    key: str
    value: Mapping[str, Any] | None
    where: Where
    illustrative: bool = False
    effective: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The joined content of some files."""

    title: str = ""
    areas: tuple[Entry, ...] = ()
    sites: tuple[Entry, ...] = ()
    devices: tuple[Entry, ...] = ()
    series: tuple[Entry, ...] = ()
    facts: tuple[Fact, ...] = ()
    gateways: tuple[Entry, ...] = ()
    groups: tuple[Entry, ...] = ()
    zones: tuple[Entry, ...] = ()
    assets: tuple[Entry, ...] = ()


def join(parts: list[Inventory]) -> Inventory:
    """Several files as one inventory, in their order."""
    return Inventory(
        title="; ".join(part.title for part in parts if part.title),
        **{kind: tuple(entry for part in parts for entry in getattr(part, kind)) for kind in KINDS},
        facts=tuple(fact for part in parts for fact in part.facts),
    )
