"""From when a first value holds: the first commissioning of what it speaks of."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from hypervisor.base.instants import EPOCH
from hypervisor.registry.entries import Fact
from hypervisor.registry.model import Registry

Value = Mapping[str, Any] | None


class Starts:
    """The commissionings of one registry, looked up by facts."""

    def __init__(self, registry: Registry, said: Iterable[Fact] = ()) -> None:
        """`said`: facts not yet among its revisions."""
        self._registry = registry
        told = [(fact.kind, fact.key) for fact in registry.revisions]
        told += [(fact.kind, fact.key) for fact in said]
        self._memberships = {key for kind, key in told if kind == "member"}

    def of(self, kind: str, key: str, value: Value) -> datetime:
        """EPOCH where nothing is known that the fact speaks of, or it speaks of no device."""
        match kind:
            case "device" | "series":
                start = self._device(key.partition("/")[0])
            case "member":
                start = self._device(key.partition("/")[2])
            case "supply":
                start = self._members.get(key, EPOCH)
            case "reach":
                start = self._sites.get(str((value or {}).get("gauge")), EPOCH)
            case "link":
                start = min(self._known(key.split(">")), default=EPOCH)
            case "threshold" | "datum":
                start = self._owner(key)
            case _:  # a plan, works, a rule: theirs is no device
                start = EPOCH
        return start

    def _owner(self, key: str) -> datetime:
        """A site's, or a device's own: `device/<device>/<name>`."""
        owner, *rest = key.split("/")
        return self._device(rest[0]) if len(rest) > 1 else self._sites.get(owner, EPOCH)

    def _device(self, name: str) -> datetime:
        found = self._registry.devices.get(name)
        return found.commissioned if found else EPOCH  # one that lacks its day is told elsewhere

    def _known(self, sites: list[str]) -> list[datetime]:
        return [self._sites[site] for site in sites if site in self._sites]

    @cached_property
    def _sites(self) -> dict[str, datetime]:
        """By site: when its first device began."""
        first: dict[str, datetime] = {}
        for device in self._registry.devices.values():
            known = first.get(device.site, device.commissioned)
            first[device.site] = min(known, device.commissioned)
        return first

    @cached_property
    def _members(self) -> dict[str, datetime]:
        """By group: when the first of its members began, whoever they are in the end."""
        first: dict[str, datetime] = {}
        for group, _, name in (key.partition("/") for key in self._memberships):
            device = self._registry.devices.get(name)
            if device is not None:
                known = first.get(group, device.commissioned)
                first[group] = min(known, device.commissioned)
        return first
