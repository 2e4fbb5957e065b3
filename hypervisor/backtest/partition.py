"""A registry in pieces that are evaluated apart; what rules read of each other stays together."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from hypervisor.backtest.registries import list_owners, registry_around
from hypervisor.registry.model import Registry, Revision

_FEWEST, _MOST = 64, 1024  # series of a piece, where sites are not bound together
_PIECES = 64  # rather

Node = tuple[str, str]  # (site or group, name)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """`registry`: for evaluating the subjects at `places` (None: those without a site), in order.

    It lacks what all pieces have in common: see `list_common`.
    """

    registry: Registry
    places: tuple[str | None, ...]

    def join(self, common: Sequence[Revision]) -> Registry:
        """The complete registry."""
        return replace(self.registry, revisions=(*common, *self.registry.revisions))

    @property
    def series(self) -> frozenset[int]:
        """The numbers of all series that evaluation here may read."""
        return frozenset(series.id or 0 for series in self.registry.series.values())


def list_common(registry: Registry) -> tuple[Revision, ...]:
    """The revisions of the complete territory: rules and plans."""
    return tuple(revision for revision in registry.revisions if not list_owners(revision))


def cut(
    registry: Registry,
    places: AbstractSet[str | None] | None,
    apart: AbstractSet[int] = frozenset(),
) -> Iterator[Piece]:
    """Pieces in which each subject at these places, or anywhere, is evaluated exactly once.

    The same registry is always cut alike. `apart`: series of which pieces have only these, or none.
    """
    series_of = _list_series(registry)
    bundles = _list_bundles(registry, series_of)
    most = min(max(len(registry.series) // _PIECES, _FEWEST), _MOST)
    bins: list[list[Node]] = []
    size, kept_apart = 0, False
    for bundle in bundles:
        own = [number for kind, name in bundle if kind == "site" for number in series_of[name]]
        is_apart = not apart.isdisjoint(own)
        if not bins or size + len(own) > most or is_apart != kept_apart:
            bins.append([])
            size = 0
        bins[-1] += bundle
        size, kept_apart = size + len(own), is_apart
    for near in _split(registry, bins):
        yield from _cut_places(near, places, series_of, most)


def _cut_places(
    registry: Registry,
    places: AbstractSet[str | None] | None,
    series_of: Mapping[str, Sequence[int]],
    most: int,
) -> Iterator[Piece]:
    """One piece, or several where very much is bound together."""
    chosen = [name for name in sorted(registry.sites) if places is None or name in places]
    siteless: list[str | None] = [None] if places is None or None in places else []
    if len(registry.series) <= 2 * most:
        if siteless or chosen:
            yield Piece(registry=registry, places=(*siteless, *chosen))
        return
    if siteless and any(group.site is None for group in registry.groups.values()):
        yield Piece(registry=registry, places=(None,))
    while chosen:
        count, size = 0, 0
        while count < len(chosen) and (not count or size + len(series_of[chosen[count]]) <= most):
            size += len(series_of[chosen[count]])
            count += 1
        taken, chosen = chosen[:count], chosen[count:]
        yield Piece(registry=registry_around(registry, taken), places=tuple(taken))


def _list_series(registry: Registry) -> dict[str, list[int]]:
    """The numbers of the series at each site."""
    series_of: dict[str, list[int]] = {name: [] for name in registry.sites}
    for (device, _), series in registry.series.items():
        series_of[registry.devices[device].site].append(series.id or 0)
    return series_of


def _list_bundles(registry: Registry, series_of: Mapping[str, Sequence[int]]) -> list[list[Node]]:
    """Sites and groups that must be evaluated together; in the order of their series."""
    neighbours: dict[Node, set[Node]] = {("site", name): set() for name in registry.sites}
    neighbours |= {("group", name): set() for name in registry.groups}
    for left, right in _list_bonds(registry):
        if left in neighbours and right in neighbours:
            neighbours[left].add(right)
            neighbours[right].add(left)
    bundles: list[list[Node]] = []
    seen: set[Node] = set()
    for start in neighbours:
        if start not in seen:
            bundle = [start]
            seen.add(start)
            for node in bundle:  # grows meanwhile
                further = sorted(neighbours[node] - seen)
                seen.update(further)
                bundle += further
            bundles.append(bundle)

    def order(bundle: Sequence[Node]) -> tuple[int, Node]:
        numbers = [number for kind, name in bundle if kind == "site" for number in series_of[name]]
        return min(numbers, default=0), min(bundle)

    return sorted(bundles, key=order)


def _list_bonds(registry: Registry) -> Iterator[tuple[Node, Node]]:
    """What reads what: along rivers, groups their devices, forecasts their inputs."""
    for group in registry.groups.values():
        if group.site is not None:
            yield ("group", group.name), ("site", group.site)
    for revision in registry.revisions:
        owner, _, name = revision.key.rpartition("/")
        match revision.kind:
            case "link":
                above, _, below = revision.key.partition(">")
                yield ("site", above), ("site", below)
            case "member" if name in registry.devices:
                yield ("group", owner), ("site", registry.devices[name].site)
            case "forecast":
                for series in (revision.value or {}).get("inputs", ()):
                    yield ("site", owner), ("site", str(series["site"]))


def _split(registry: Registry, bins: Sequence[Sequence[Node]]) -> Iterator[Registry]:
    """The registry of each bin of sites and groups, in one pass over the revisions of these."""
    bin_of = {node: number for number, nodes in enumerate(bins) for node in nodes}
    bin_of |= {
        ("device", device.name): bin_of["site", device.site] for device in registry.devices.values()
    }
    revisions: list[list[Revision]] = [[] for _ in bins]
    for revision in registry.revisions:
        owners = list_owners(revision)
        if not owners:
            continue
        kind, name = owners[0]
        number = bin_of.get(("site" if kind == "water" else kind, name))
        if number is not None:
            revisions[number].append(revision)
    devices: list[list[str]] = [[] for _ in bins]
    for name, device in registry.devices.items():
        devices[bin_of["site", device.site]].append(name)
    series: list[list[tuple[str, str]]] = [[] for _ in bins]
    for key in registry.series:
        series[bin_of["device", key[0]]].append(key)
    for number, nodes in enumerate(bins):
        sites = {name: registry.sites[name] for kind, name in nodes if kind == "site"}
        communes = {site.commune for site in sites.values()}
        yield replace(
            registry,
            areas={code: area for code, area in registry.areas.items() if code in communes},
            sites=sites,
            devices={name: registry.devices[name] for name in devices[number]},
            series={key: registry.series[key] for key in series[number]},
            groups={name: registry.groups[name] for kind, name in nodes if kind == "group"},
            gateways={},
            zones={},
            assets={},
            revisions=tuple(revisions[number]),
        )
