"""What lies upstream of each site: on every branch the nearest that measures, and how far away."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import numpy as np

from hypervisor.evaluation.facts import (
    SubjectFacts,
    UpstreamFacts,
    bounded,
    either,
    readable,
    steps,
    summed,
)
from hypervisor.registry.model import Revision
from rules._inputs import Steps

_SECOND = 1_000_000
_NOT_NOW = 2**62

Link = tuple[str, Steps]  # the site above, and how long (µs) water takes from there
_Way = tuple[str, str, Steps]  # site, quantity, how long


def links(
    revisions: Mapping[tuple[str, str], Sequence[Revision]],
    failed: Callable[[str, Exception], None],
) -> dict[str, list[Link]]:
    """What flows into each site, by its name; `failed` is given a site whose link cannot be."""
    found: dict[str, list[Link]] = {}
    for (kind, key), said in sorted(revisions.items()):
        if kind == "link":
            above, _, below = key.partition(">")
            try:
                found.setdefault(below, []).append((above, _travel(said)))
            except Exception as error:  # noqa: BLE001  of one link, which stops no other
                failed(below, error)
    return found


def joined(
    sites: Iterable[SubjectFacts], flowing: Mapping[str, Sequence[Link]]
) -> Iterator[SubjectFacts]:
    """The sites, each with those upstream of it.

    A gauge that was retired is still the nearest: what flows from farther is said by another link.
    """
    known = {subject_facts.key: subject_facts for subject_facts in sites}
    every = {name for one in known.values() for name in _measured(one)}
    for one in known.values():
        if one.key in flowing:
            yield replace(one, upstream=_upstream(one.key, every, known, flowing))
        else:
            yield one


def _upstream(
    site: str,
    wanted: AbstractSet[str],
    known: Mapping[str, SubjectFacts],
    flowing: Mapping[str, Sequence[Link]],
) -> tuple[UpstreamFacts, ...]:
    best: dict[tuple[str, str], Steps] = {}
    for name, quantity, lag in _ways(site, wanted, (), known, flowing):
        other = best.get((name, quantity))
        if other is None or _length(lag) < _length(other):
            best[name, quantity] = lag
    together: dict[tuple[str, int], tuple[Steps, list[str]]] = {}
    for (name, quantity), lag in sorted(best.items(), key=lambda one: one[0]):
        together.setdefault((name, id(lag)), (lag, []))[1].append(quantity)
    return tuple(
        _seen(known[name], lag, quantities) for (name, _), (lag, quantities) in together.items()
    )


def _seen(above: SubjectFacts, lag: Steps, quantities: Sequence[str]) -> UpstreamFacts:
    """A site from which water comes while the lag is known; then a last lag stands in for it."""
    gone = np.isnan(lag.value)
    absent = steps(dict(zip(lag.at.tolist(), gone.astype(float).tolist(), strict=True)))
    place = np.maximum.accumulate(np.where(gone, -1, np.arange(len(gone))))
    first = lag.value[~gone][:1] if (~gone).any() else np.zeros(1)
    filled = np.where(place < 0, first, lag.value[np.maximum(place, 0)])
    series = {name: above.series[name] for name in quantities}
    for name, one in above.series.items():
        if name not in series:
            series[f"{one.quantity.name}@{one.device}"] = one
    return UpstreamFacts(
        site=above.key,
        lag=steps(dict(zip(lag.at.tolist(), filled.tolist(), strict=True))),
        series={
            name: replace(one, withdrawn=either(absent, one.withdrawn))
            for name, one in series.items()
        },
        devices=above.devices,
        thresholds=above.thresholds,
    )


def _ways(
    site: str,
    wanted: AbstractSet[str],
    so_far: tuple[Steps, ...],
    known: Mapping[str, SubjectFacts],
    flowing: Mapping[str, Sequence[Link]],
) -> Iterator[_Way]:
    """Up every branch, until all that is wanted was found there. Water flows one way: it ends."""
    for above, travel in flowing.get(site, ()):
        if above not in known:
            continue
        parts = (*so_far, travel)
        here = wanted & _measured(known[above])
        if here:
            lag = summed(parts)
            yield from ((above, quantity, lag) for quantity in here)
        if wanted - here:
            yield from _ways(above, wanted - here, parts, known, flowing)


def _measured(subject_facts: SubjectFacts) -> set[str]:
    return {name for name in subject_facts.series if "@" not in name}


def _length(lag: Steps) -> float:
    """As it is now; a way on which no water comes is the longest."""
    return float(lag.value[-1]) if lag.value[-1] == lag.value[-1] else _NOT_NOW


def _travel(said: Iterable[Revision]) -> Steps:
    found = readable(said, lambda value: bounded(value["travel_s"]) * _SECOND)
    return steps({at: float("nan") if span is None else span for at, span in found})
