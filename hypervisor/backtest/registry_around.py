"""The registry round a few sites: all that their judgement can depend on, and little else.

A territory has thousands of lamps; a person who moves a threshold of one gauge asks of that gauge.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from hypervisor.registry.model import Registry, Revision

_DEVICE = "device/"


def registry_around(registry: Registry, sites: Iterable[str]) -> Registry:
    """What stands at the sites and upstream of them, and the groups that have a part there.

    Whatever is judged at one of the sites is judged by this as by the whole registry; what stands
    elsewhere may be here in part only, and must not be judged.
    """
    kept = _upstream(registry.revisions, frozenset(sites))
    groups, devices = _together(registry, kept)
    homes = {registry.devices[device].site for device in devices}
    homes |= {site for group in groups if (site := registry.groups[group].site) is not None}
    near = _Near(sites=kept | homes, complete=kept, devices=devices, groups=groups)
    return replace(
        registry,
        sites={name: site for name, site in registry.sites.items() if name in near.sites},
        devices={name: device for name, device in registry.devices.items() if name in devices},
        series={key: series for key, series in registry.series.items() if key[0] in devices},
        groups={name: group for name, group in registry.groups.items() if name in groups},
        revisions=tuple(revision for revision in registry.revisions if near.concerns(revision)),
    )


@dataclass(frozen=True, kw_only=True)
class _Near:
    """What is kept; `complete`: the sites of which everything is."""

    sites: frozenset[str]
    complete: frozenset[str]
    devices: frozenset[str]
    groups: frozenset[str]

    @cached_property
    def _owners(self) -> Mapping[str, frozenset[str]]:
        """Whose facts are kept, by their kind; of other kinds all are."""
        return {
            "device": self.devices,
            "series": self.devices,
            "member": self.groups,
            "supply": self.groups,
            "datum": self.complete,
            "reach": frozenset(),  # of assets, which no rule asks about
            "works": frozenset(),  # suppress beside the log
        }

    def concerns(self, revision: Revision) -> bool:
        if revision.kind == "threshold":
            owner = revision.key.rpartition("/")[0]
            device = owner.removeprefix(_DEVICE)
            return owner in self.sites if owner == device else device in self.devices
        if revision.kind == "link":
            above, _, below = revision.key.partition(">")
            return above in self.complete and below in self.complete
        if revision.kind not in self._owners:
            return True
        owner, _, _ = revision.key.rpartition("/")
        return (owner or revision.key) in self._owners[revision.kind]


def _upstream(revisions: Iterable[Revision], sites: frozenset[str]) -> frozenset[str]:
    """The sites and all from which water ever came to them."""
    above: dict[str, set[str]] = {}
    for revision in revisions:
        if revision.kind == "link":
            upper, _, lower = revision.key.partition(">")
            above.setdefault(lower, set()).add(upper)
    reached, new = set(sites), set(sites)
    while new:
        new = {upper for site in new for upper in above.get(site, ())} - reached
        reached |= new
    return frozenset(reached)


def _together(registry: Registry, sites: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The groups run from the sites or with a member there, ever; the devices of both."""
    here = {name for name, device in registry.devices.items() if device.site in sites}
    members: dict[str, set[str]] = {}
    for revision in registry.revisions:
        if revision.kind == "member":
            group, _, device = revision.key.rpartition("/")
            members.setdefault(group, set()).add(device)
    groups = {
        name
        for name, group in registry.groups.items()
        if group.site in sites or members.get(name, set()) & here
    }
    theirs = {device for group in groups for device in members.get(group, ())}
    return frozenset(groups), frozenset(here | (theirs & registry.devices.keys()))
