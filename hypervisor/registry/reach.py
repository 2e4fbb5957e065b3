"""Where the things of a change lie, against the territory of its author."""

from collections.abc import Iterator

from hypervisor.base.person import Territory
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Group, Registry, Revision

_SHARED = "shared"  # what lies in no commune, and concerns everybody: a gateway, a lighting plan


def is_within(held: Territory, before: Registry, after: Registry, changes: Changes) -> bool:
    """Whether all that changes lies in the territory, where it was and where it will be."""
    return held.whole or all(
        place != _SHARED and held.holds(place)
        for registry in (before, after)
        for place in _places(registry, changes)
    )


def _places(registry: Registry, changes: Changes) -> Iterator[str | None]:
    """The communes of what changes; None: a known thing in no commune."""
    if changes.areas or changes.gateways or changes.zones:
        yield _SHARED
    for site in changes.sites:
        yield from _of_site(registry, site.name)
    for device in (
        *(device.name for device in changes.devices),
        *(series.device for series in changes.series),
    ):
        yield from _of_device(registry, device)
    for group in changes.groups:
        yield from _of_group(registry, registry.groups.get(group.name))
    for asset in changes.assets:
        yield from _of_asset(registry, asset.name)
    for revision in changes.revisions:
        yield from _of_revision(registry, revision)


def _of_site(registry: Registry, name: str | None) -> Iterator[str | None]:
    site = registry.sites.get(name or "")
    if site is not None:
        yield site.commune


def _of_device(registry: Registry, name: str) -> Iterator[str | None]:
    if name in registry.devices:
        yield from _of_site(registry, registry.devices[name].site)


def _of_group(registry: Registry, group: Group | None) -> Iterator[str | None]:
    if group is not None and group.site is None:
        yield _SHARED
    elif group is not None:
        yield from _of_site(registry, group.site)


def _of_asset(registry: Registry, name: str) -> Iterator[str | None]:
    asset = registry.assets.get(name)
    if asset is not None and asset.commune is None and asset.site is not None:
        yield from _of_site(registry, asset.site)
    elif asset is not None:
        yield asset.commune


def _of_revision(registry: Registry, revision: Revision) -> Iterator[str | None]:
    owner, _, rest = revision.key.partition("/")
    match revision.kind:
        case "threshold" if owner == "device":
            yield from _of_device(registry, rest.partition("/")[0])
        case "threshold" | "datum" | "forecast":
            yield from _of_site(registry, owner)
        case "device" | "series":
            yield from _of_device(registry, owner)
        case "member":
            yield from _of_group(registry, registry.groups.get(owner))
            yield from _of_device(registry, rest)
        case "supply":
            yield from _of_group(registry, registry.groups.get(owner))
        case "reach":
            yield from _of_asset(registry, owner)
        case "link":
            for site in revision.key.split(">"):
                yield from _of_site(registry, site)
        case "works":
            yield from _of_works(registry, revision)
        case _:
            yield _SHARED


def _of_works(registry: Registry, revision: Revision) -> Iterator[str | None]:
    value = revision.value
    if value is None:
        yield _SHARED
        return
    for site in value["sites"]:
        yield from _of_site(registry, site)
    for device in value["devices"]:
        yield from _of_device(registry, device)
    for group in value["groups"]:
        yield from _of_group(registry, registry.groups.get(group))
