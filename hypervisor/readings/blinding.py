"""What goes dark without a device: assets, gauges below, members of its group, rules."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypervisor.database.connect import Connection
from hypervisor.readings import queries_latest, queries_territory
from hypervisor.registry import queries_devices, queries_tables
from hypervisor.registry.model import Asset, Group
from hypervisor.registry.queries_devices import DeviceRow, SeriesRow

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_NOBODY: frozenset[str] = frozenset()
_LEVEL = "level"  # what an asset's reach is a value of


@dataclass(frozen=True, kw_only=True)
class Impact:
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
class Dependencies:
    """What the registry and the rules say of who needs whom."""

    quantities: Mapping[str, frozenset[str]]  # by device
    speaking: Mapping[tuple[str, str], frozenset[str]]  # devices by site and quantity
    assets: Mapping[str, tuple[str, ...]]  # titles by gauge
    below: Mapping[str, tuple[str, ...]]  # titles of sites by the site above
    members: Mapping[str, int] = field(default_factory=dict)  # by site that a group is run from
    rules: Mapping[str, frozenset[str]] = field(default_factory=dict)  # words by rule's id

    @classmethod
    def read(
        cls, connection: Connection, devices: Sequence[DeviceRow], now: datetime
    ) -> "Dependencies":
        rows = queries_devices.list_series(connection, now)
        titles = {row.name: row.title for row in queries_latest.list_sites(connection)}
        named = {asset.name: asset.title for asset in queries_tables.list_things(connection, Asset)}
        assets: dict[str, list[str]] = {}
        for reached in queries_territory.list_reaches(connection, now).values():
            if reached.asset in named:
                assets.setdefault(reached.gauge, []).append(named[reached.asset])
        below: dict[str, list[str]] = {}
        for upstream, downstream, _ in queries_territory.list_links(connection, now):
            below.setdefault(upstream, []).append(titles.get(downstream, downstream))
        return cls(
            quantities=_group_by_device(rows),
            speaking=_group_by_quantity(rows, devices, now),
            assets={gauge: tuple(titles_below) for gauge, titles_below in assets.items()},
            below={site: tuple(titles_below) for site, titles_below in below.items()},
            members=_count_members(connection, devices),
            rules={
                key: frozenset(_WORD.findall(_join_conditions(written)))
                for key, written, _ in queries_latest.list_rules(connection, now)
            },
        )

    def blinds(self, device: DeviceRow, *, well: frozenset[str]) -> Impact:
        """What this device blinds; a device that is `well` and measures the same stands in."""
        own = self.quantities.get(device.name, frozenset())
        lost = {name for name in own if not self.speaking.get((device.site, name), _NOBODY) & well}
        is_member = bool(device.groups)
        level = _LEVEL in lost
        return Impact(
            assets=self.assets.get(device.site, ()) if level else (),
            below=self.below.get(device.site, ()) if level else (),
            members=0 if is_member else self.members.get(device.site, 0),
            rules=tuple(
                rule
                for rule, words in self.rules.items()
                if rule.startswith(f"{device.domain}-") and words & lost
            ),
        )


def _join_conditions(written: Mapping[str, Any]) -> str:
    steps = written.get("steps") or ()
    return " ".join(str(step.get("when", "")) for step in (written, *steps))


def _group_by_device(rows: Iterable[SeriesRow]) -> dict[str, frozenset[str]]:
    quantities: dict[str, set[str]] = {}
    for row in rows:
        if row.in_use:
            quantities.setdefault(row.device, set()).add(row.quantity)
    return {device: frozenset(own) for device, own in quantities.items()}


def _group_by_quantity(
    rows: Iterable[SeriesRow], devices: Sequence[DeviceRow], now: datetime
) -> dict[tuple[str, str], frozenset[str]]:
    used = {
        device_row.name
        for device_row in devices
        if device_row.in_service and (device_row.retired is None or device_row.retired > now)
    }
    devices_by_key: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row.in_use and row.device in used:
            devices_by_key.setdefault((row.site, row.quantity), set()).add(row.device)
    return {key: frozenset(own) for key, own in devices_by_key.items()}


def _count_members(connection: Connection, devices: Sequence[DeviceRow]) -> dict[str, int]:
    homes = {
        group.name: group.site
        for group in queries_tables.list_things(connection, Group)
        if group.kind == "cabinet"
    }
    members: dict[str, int] = {}
    for device in devices:
        for group in device.groups:
            home = homes.get(group)
            if home is not None:
                members[home] = members.get(home, 0) + 1
    return members
