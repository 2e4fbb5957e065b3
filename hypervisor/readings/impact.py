"""The impact of a silent device: assets, gauges downstream, members of its group, rules."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from hypervisor.database.connect import Connection
from hypervisor.readings import queries_latest, queries_territory
from hypervisor.registry import queries_site, queries_tables
from hypervisor.registry.model import Asset, Group
from hypervisor.registry.queries_devices import DeviceRow, SeriesRow

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_LEVEL = "level"  # the quantity of which an asset's reach is a value
_Key = TypeVar("_Key")


@dataclass(frozen=True, kw_only=True)
class Impact:
    """What depends on a device: titles of `assets` and of sites downstream (`below`)."""

    assets: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    members: int = 0
    rules: tuple[str, ...] = ()

    @property
    def weight(self) -> tuple[int, int, int, int]:
        """The heavier, the more urgent: what may be flooded comes first."""
        return (len(self.assets), len(self.below), self.members, len(self.rules))


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What depends on which device, by the registry and the rules."""

    quantities: Mapping[str, frozenset[str]]  # by device
    measured_by: Mapping[tuple[str, str], frozenset[str]]  # devices by site and quantity
    assets: Mapping[str, tuple[str, ...]]  # titles by gauge
    below: Mapping[str, tuple[str, ...]]  # titles of sites by the site upstream
    members: Mapping[str, int] = field(default_factory=dict)  # by the site of a group's cabinet
    rules: Mapping[str, frozenset[str]] = field(default_factory=dict)  # words by rule id

    @classmethod
    def read(
        cls,
        connection: Connection,
        devices: Sequence[DeviceRow],
        every: Iterable[SeriesRow],
        now: datetime,
    ) -> "Dependencies":
        """Read them; `every`: all series."""
        series = [row for row in every if row.in_use]
        in_use = {
            device.name
            for device in devices
            if device.in_service and (device.retired is None or device.retired > now)
        }
        sites = {site.name: site.title for site in queries_latest.list_sites(connection)}
        things = queries_tables.list_things(connection, Asset)
        assets = {asset.name: asset.title for asset in things}
        reaches = queries_territory.list_reaches(connection, now).values()
        links = queries_site.list_links(connection, now)
        rules = queries_latest.list_rules(connection, now)
        quantities = _group((row.device, row.quantity) for row in series)
        measured_by = _group(
            ((row.site, row.quantity), row.device) for row in series if row.device in in_use
        )
        return cls(
            quantities={device: frozenset(names) for device, names in quantities.items()},
            measured_by={key: frozenset(names) for key, names in measured_by.items()},
            assets=_group(
                (reach.gauge, assets[reach.asset]) for reach in reaches if reach.asset in assets
            ),
            below=_group((above, sites.get(below, below)) for above, below, _ in links),
            members=_count_members(connection, devices),
            rules={
                key: frozenset(_WORD.findall(_join_conditions(written)))
                for key, written, _ in rules
            },
        )

    def assess(self, device: DeviceRow, *, well: frozenset[str]) -> Impact:
        """The impact of a device; another `well` device that measures the same replaces it."""
        own = self.quantities.get(device.name, frozenset())
        lost = {
            name
            for name in own
            if not self.measured_by.get((device.site, name), frozenset[str]()) & well
        }
        level = _LEVEL in lost
        return Impact(
            assets=self.assets.get(device.site, ()) if level else (),
            below=self.below.get(device.site, ()) if level else (),
            members=0 if device.groups else self.members.get(device.site, 0),
            rules=tuple(
                rule
                for rule, words in self.rules.items()
                if rule.startswith(f"{device.domain}-") and words & lost
            ),
        )


def _group(pairs: Iterable[tuple[_Key, str]]) -> dict[_Key, tuple[str, ...]]:
    groups: dict[_Key, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}


def _join_conditions(written: Mapping[str, Any]) -> str:
    steps = written.get("steps") or ()
    return " ".join(str(step.get("when", "")) for step in (written, *steps))


def _count_members(connection: Connection, devices: Sequence[DeviceRow]) -> dict[str, int]:
    cabinets = {
        group.name: group.site
        for group in queries_tables.list_things(connection, Group)
        if group.kind == "cabinet"
    }
    members: dict[str, int] = {}
    for device in devices:
        for group in device.groups:
            site = cabinets.get(group)
            if site is not None:
                members[site] = members.get(site, 0) + 1
    return members
