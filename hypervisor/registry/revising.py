"""Facts compared with the revisions that stand: which to add, and from when each holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.base.instants import EPOCH
from hypervisor.registry.entries import Fact
from hypervisor.registry.model import Registry, Revision
from hypervisor.registry.problems import Where
from hypervisor.registry.starts import Starts
from sensors._domain import Catalogue

NOWHERE = Where(file="", line=0)
STALE_INTERVALS = 3  # a periodic series is stale after so many intervals unless the registry says

Key = tuple[str, str]
Revised = tuple[Revision, Revision | None]  # the new one and the one it replaces


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """Who changes the registry, why, and from when it holds.

    `effective` None: a first value holds from the commissioning of what it speaks of, so that
    history older than today is judged; a changed one from `now` (in an exercise the scenario's
    clock; None before its start: then from where the value it replaces holds).
    """

    author: str
    reason: str
    now: datetime | None
    effective: datetime | None = None


def revise(
    facts: Iterable[Fact],
    *,
    before: Registry,
    after: Registry,
    catalogue: Catalogue,
    stamp: Stamp,
) -> list[Revised]:
    """The revisions to add, with what each replaces; a fact that stands already adds none."""
    past: dict[Key, list[Revision]] = {}
    for revision in before.revisions:
        past.setdefault((revision.kind, revision.key), []).append(revision)
    revised: list[Revised] = []
    listed = list(facts)
    starts = Starts(after, listed)
    first = _first_facts(listed, before=before, after=after)
    for fact in (*first, *_moved_back(past, old=Starts(before), new=starts), *listed):
        standing = past.setdefault((fact.kind, fact.key), [])
        found = _revise(fact, standing, starts=starts, catalogue=catalogue, stamp=stamp)
        if found is not None:
            standing.append(found[0])
            standing.sort(key=lambda revision: revision.effective)
            revised.append(found)
    return revised


def _first_facts(facts: list[Fact], *, before: Registry, after: Registry) -> Iterable[Fact]:
    """A new device is in service, a new series reports as the catalogue says, unless said so."""
    said = {(fact.kind, fact.key): fact for fact in facts}
    new = [("device", name) for name in after.devices.keys() - before.devices.keys()]
    new += [("series", "/".join(key)) for key in after.series.keys() - before.series.keys()]
    for kind, key in sorted(new):
        fact = said.get((kind, key))
        if fact is None or fact.effective is not None:
            value = {"in_service": True} if kind == "device" else {}
            yield Fact(kind=kind, key=key, value=value, where=NOWHERE)


def _moved_back(past: Mapping[Key, list[Revision]], *, old: Starts, new: Starts) -> Iterable[Fact]:
    """A commissioning corrected to an earlier day takes the first values along."""
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
    starts: Starts,
    catalogue: Catalogue,
    stamp: Stamp,
) -> Revised | None:
    asked = fact.effective or stamp.effective
    earlier = [revision for revision in past if asked is None or revision.effective <= asked]
    current = earlier[-1] if earlier else None
    value = _completed(fact, current.value if current else None, catalogue)
    if _stands(fact, value, current):
        return None
    effective = asked
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


def _stands(fact: Fact, value: Mapping[str, Any] | None, current: Revision | None) -> bool:
    if current is None or current.value is None:
        return value is None
    return current.value == value and current.illustrative == fact.illustrative


def _completed(
    fact: Fact, before: Mapping[str, Any] | None, catalogue: Catalogue
) -> Mapping[str, Any] | None:
    """A series' facts may be given in part: the rest stays, or is the catalogue's."""
    if fact.kind != "series" or fact.value is None:
        return fact.value
    quantity = catalogue.quantities[fact.key.partition("/")[2]]
    interval = quantity.interval.total_seconds()
    base = before or {"interval_s": interval, "reporting": quantity.reporting.value}
    merged = {**base, **fact.value}
    if "stale_s" not in fact.value and ("interval_s" in fact.value or "stale_s" not in merged):
        merged["stale_s"] = STALE_INTERVALS * merged["interval_s"]
    return merged
