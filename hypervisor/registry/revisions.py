"""Compare facts with existing revisions: which to add, effective when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from hypervisor.base.instants import EPOCH
from hypervisor.registry.inventory import Fact
from hypervisor.registry.model import Registry, Revision
from hypervisor.registry.tree import Where
from sensors._domain import Catalogue
from sensors._quantity import STALE_INTERVALS

NOWHERE = Where(file="", line=0)

Key = tuple[str, str]
Revised = tuple[Revision, Revision | None]  # the new one and the one it replaces


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """Who changes the registry, why, and effective when.

    `effective` None: a first value is in force from the commissioning of its devices, so that
    older history is evaluated; a changed one from `now` (in an exercise the scenario's
    clock; None before its start: then from where the replaced value is in force).
    """

    author: str
    reason: str
    now: datetime | None
    effective: datetime | None = None


Value = Mapping[str, Any] | None


class DefaultStarts:
    """Default effective times: the commissioning of the devices that a fact concerns."""

    def __init__(self, registry: Registry, given: Iterable[Fact] = ()) -> None:
        """`given`: facts not yet among its revisions."""
        self._registry = registry
        facts = [(fact.kind, fact.key) for fact in registry.revisions]
        facts += [(fact.kind, fact.key) for fact in given]
        self._memberships = {key for kind, key in facts if kind == "member"}

    def of(self, kind: str, key: str, value: Value) -> datetime:
        """EPOCH if the fact concerns no known device."""
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
                start = min(self._first_days(key.split(">")), default=EPOCH)
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
        device = self._registry.devices.get(name)
        return device.commissioned if device else EPOCH  # a missing day is a problem of its own

    def _first_days(self, sites: list[str]) -> list[datetime]:
        return [self._sites[site] for site in sites if site in self._sites]

    @cached_property
    def _sites(self) -> dict[str, datetime]:
        """By site: when its first device began."""
        first: dict[str, datetime] = {}
        for device in self._registry.devices.values():
            earliest = first.get(device.site, device.commissioned)
            first[device.site] = min(earliest, device.commissioned)
        return first

    @cached_property
    def _members(self) -> dict[str, datetime]:
        """By group: the first commissioning among all past and present members."""
        first: dict[str, datetime] = {}
        for group, _, name in (key.partition("/") for key in self._memberships):
            device = self._registry.devices.get(name)
            if device is not None:
                earliest = first.get(group, device.commissioned)
                first[group] = min(earliest, device.commissioned)
        return first


def revise(
    facts: Iterable[Fact],
    *,
    before: Registry,
    after: Registry,
    catalogue: Catalogue,
    stamp: Stamp,
) -> list[Revised]:
    """The revisions to add, each with the one it replaces; unchanged facts add none."""
    past: dict[Key, list[Revision]] = {}
    for revision in before.revisions:
        past.setdefault((revision.kind, revision.key), []).append(revision)
    revised: list[Revised] = []
    listed = list(facts)
    starts = DefaultStarts(after, listed)
    first = _default_facts(listed, before=before, after=after)
    for fact in (*first, *_backdate(past, old=DefaultStarts(before), new=starts), *listed):
        standing = past.setdefault((fact.kind, fact.key), [])
        revised_fact = _revise(fact, standing, starts=starts, catalogue=catalogue, stamp=stamp)
        if revised_fact is not None:
            standing.append(revised_fact[0])
            standing.sort(key=lambda revision: revision.effective)
            revised.append(revised_fact)
    return revised


def _default_facts(facts: list[Fact], *, before: Registry, after: Registry) -> Iterable[Fact]:
    """Defaults: a new device is in service, a new series reports as in the catalogue."""
    given = {(fact.kind, fact.key): fact for fact in facts}
    new = [("device", name) for name in after.devices.keys() - before.devices.keys()]
    new += [("series", "/".join(key)) for key in after.series.keys() - before.series.keys()]
    for kind, key in sorted(new):
        fact = given.get((kind, key))
        if fact is None or fact.effective is not None:
            value = {"in_service": True} if kind == "device" else {}
            yield Fact(kind=kind, key=key, value=value, where=NOWHERE)


def _backdate(
    past: Mapping[Key, list[Revision]], *, old: DefaultStarts, new: DefaultStarts
) -> Iterable[Fact]:
    """First values follow a commissioning that was corrected to an earlier day."""
    for (kind, key), standing in past.items():
        if not standing:
            continue
        first = standing[0]
        start = new.of(kind, key, first.value)
        if start < first.effective == old.of(kind, key, first.value):
            yield Fact(
                kind=kind,
                key=key,
                value=first.value,
                effective=start,
                illustrative=first.illustrative,
                where=NOWHERE,
            )


def _revise(
    fact: Fact,
    past: list[Revision],
    *,
    starts: DefaultStarts,
    catalogue: Catalogue,
    stamp: Stamp,
) -> Revised | None:
    requested = fact.effective or stamp.effective
    earlier = [
        revision for revision in past if requested is None or revision.effective <= requested
    ]
    current = earlier[-1] if earlier else None
    value = _fill_reporting(fact, current.value if current else None, catalogue)
    if _is_unchanged(fact, value, current):
        return None
    effective = requested
    if effective is None and not past:
        effective = starts.of(fact.kind, fact.key, value)
    elif effective is None:
        effective = max(stamp.now or past[-1].effective, past[-1].effective)
    return (
        Revision(
            kind=fact.kind,
            key=fact.key,
            value=value,
            effective=effective or EPOCH,
            author=stamp.author,
            reason=fact.reason or stamp.reason,
            illustrative=fact.illustrative,
        ),
        current,
    )


def _is_unchanged(fact: Fact, value: Mapping[str, Any] | None, current: Revision | None) -> bool:
    if current is None or current.value is None:
        return value is None
    return current.value == value and current.illustrative == fact.illustrative


def _fill_reporting(
    fact: Fact, before: Mapping[str, Any] | None, catalogue: Catalogue
) -> Mapping[str, Any] | None:
    """Complete a partial reporting fact from the previous value or the catalogue."""
    if fact.kind != "series" or fact.value is None:
        return fact.value
    quantity = catalogue.quantities[fact.key.partition("/")[2]]
    interval = quantity.interval.total_seconds()
    base = before or {"interval_s": interval, "reporting": quantity.reporting.value}
    merged = {**base, **fact.value}
    if "stale_s" not in fact.value and ("interval_s" in fact.value or "stale_s" not in merged):
        merged["stale_s"] = STALE_INTERVALS * merged["interval_s"]
    return merged
