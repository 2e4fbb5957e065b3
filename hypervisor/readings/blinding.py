"""What goes dark without a device: assets, gauges below, members of its group, rules."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypervisor.database.connect import Connection
from hypervisor.readings import queries_latest, queries_territory
from hypervisor.registry import queries_devices, queries_tables
from hypervisor.registry.queries_devices import DeviceRow, SeriesRow

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_NOBODY: frozenset[str] = frozenset()
_LEVEL = "level"  # what an asset's reach is a value of


@dataclass(frozen=True, kw_only=True)
class Blinds:
    """By how much it is missed; `assets` by title, `below` the sites that its water reaches."""

    assets: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    members: int = 0
    rules: tuple[str, ...] = ()

    @property
    def weight(self) -> tuple[int, int, int, int]:
        """The heavier, the sooner somebody looks: what may be flooded comes first."""
        return (len(self.assets), len(self.below), self.members, len(self.rules))


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What the registry and the rules say of who needs whom."""

    quantities: Mapping[str, frozenset[str]]  # by device
    speaking: Mapping[tuple[str, str], frozenset[str]]  # devices by site and quantity
    assets: Mapping[str, tuple[str, ...]]  # titles by gauge
    below: Mapping[str, tuple[str, ...]]  # titles of sites by the site above
    members: Mapping[str, int] = field(default_factory=dict)  # by site that a group is run from
    rules: Mapping[str, frozenset[str]] = field(default_factory=dict)  # words by rule's id

    @classmethod
    def read(cls, connection: Connection, devices: Sequence[DeviceRow], now: datetime) -> "Ground":
        rows = queries_devices.list_series(connection, now)
        titles = {row.name: row.title for row in queries_latest.sites(connection)}
        named = {asset.name: asset.title for asset in queries_tables.list_assets(connection)}
        assets: dict[str, list[str]] = {}
        for reached in queries_territory.reaches(connection, now).values():
            if reached.asset in named:
                assets.setdefault(reached.gauge, []).append(named[reached.asset])
        below: dict[str, list[str]] = {}
        for upstream, downstream, _ in queries_territory.links(connection, now):
            below.setdefault(upstream, []).append(titles.get(downstream, downstream))
        return cls(
            quantities=_by_device(rows),
            speaking=_speaking(rows, devices, now),
            assets={gauge: tuple(found) for gauge, found in assets.items()},
            below={site: tuple(found) for site, found in below.items()},
            members=_members(connection, devices),
            rules={
                key: frozenset(_WORD.findall(_conditions(written)))
                for key, written, _ in queries_latest.rules(connection, now)
            },
        )

    def blinds(self, device: DeviceRow, *, well: frozenset[str]) -> Blinds:
        """What this device blinds; a device that is `well` and measures the same stands in."""
        own = self.quantities.get(device.name, frozenset())
        lost = {name for name in own if not self.speaking.get((device.site, name), _NOBODY) & well}
        is_member = bool(device.groups)
        level = _LEVEL in lost
        return Blinds(
            assets=self.assets.get(device.site, ()) if level else (),
            below=self.below.get(device.site, ()) if level else (),
            members=0 if is_member else self.members.get(device.site, 0),
            rules=tuple(
                rule
                for rule, words in self.rules.items()
                if rule.startswith(f"{device.domain}-") and words & lost
            ),
        )


def _conditions(written: Mapping[str, Any]) -> str:
    steps = written.get("steps") or ()
    return " ".join(str(one.get("when", "")) for one in (written, *steps))


def _by_device(rows: Iterable[SeriesRow]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.in_use:
            found.setdefault(row.device, set()).add(row.quantity)
    return {device: frozenset(own) for device, own in found.items()}


def _speaking(
    rows: Iterable[SeriesRow], devices: Sequence[DeviceRow], now: datetime
) -> dict[tuple[str, str], frozenset[str]]:
    used = {
        device_row.name
        for device_row in devices
        if device_row.in_service and (device_row.retired is None or device_row.retired > now)
    }
    found: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row.in_use and row.device in used:
            found.setdefault((row.site, row.quantity), set()).add(row.device)
    return {key: frozenset(own) for key, own in found.items()}


def _members(connection: Connection, devices: Sequence[DeviceRow]) -> dict[str, int]:
    homes = {
        group.name: group.site
        for group in queries_tables.list_groups(connection)
        if group.kind == "cabinet"
    }
    found: dict[str, int] = {}
    for device in devices:
        for group in device.groups:
            home = homes.get(group)
            if home is not None:
                found[home] = found.get(home, 0) + 1
    return found
