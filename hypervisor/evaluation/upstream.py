"""What lies upstream of each site: on every branch the nearest that measures, and how far away."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import numpy as np

from hypervisor.evaluation.facts import (
    SubjectFacts,
    UpstreamFacts,
    any_of,
    check_span,
    read_revisions,
    steps,
    sum_steps,
)
from hypervisor.registry.model import Revision
from rules._inputs import Steps

_SECOND = 1_000_000
_NOT_NOW = 2**62

Link = tuple[str, Steps]  # the site above, and how long (µs) water takes from there
_Way = tuple[str, str, Steps]  # site, quantity, how long


def upstream_links(
    revisions: Mapping[tuple[str, str], Sequence[Revision]],
    failed: Callable[[str, Exception], None],
) -> dict[str, list[Link]]:
    """What flows into each site, by its name; `failed` is given a site whose link cannot be."""
    links_by_site: dict[str, list[Link]] = {}
    for (kind, key), history in sorted(revisions.items()):
        if kind == "link":
            above, _, below = key.partition(">")
            try:
                links_by_site.setdefault(below, []).append((above, _travel(history)))
            except Exception as error:  # noqa: BLE001  of one link, which stops no other
                failed(below, error)
    return links_by_site


def join_upstream(
    sites: Iterable[SubjectFacts], flowing: Mapping[str, Sequence[Link]]
) -> Iterator[SubjectFacts]:
    """The sites, each with those upstream of it.

    A gauge that was retired is still the nearest: what flows from farther is said by another link.
    """
    sites_by_name = {subject_facts.key: subject_facts for subject_facts in sites}
    every = {name for site in sites_by_name.values() for name in _measured(site)}
    for site in sites_by_name.values():
        if site.key in flowing:
            yield replace(site, upstream=_upstream(site.key, every, sites_by_name, flowing))
        else:
            yield site


def _upstream(
    site: str,
    quantities: AbstractSet[str],
    sites: Mapping[str, SubjectFacts],
    flowing: Mapping[str, Sequence[Link]],
) -> tuple[UpstreamFacts, ...]:
    best: dict[tuple[str, str], Steps] = {}
    for name, quantity, lag in _ways(site, quantities, (), sites, flowing):
        other = best.get((name, quantity))
        if other is None or _length(lag) < _length(other):
            best[name, quantity] = lag
    together: dict[tuple[str, int], tuple[Steps, list[str]]] = {}
    for (name, quantity), lag in sorted(best.items(), key=lambda entry: entry[0]):
        together.setdefault((name, id(lag)), (lag, []))[1].append(quantity)
    return tuple(
        _seen(sites[name], lag, quantities) for (name, _), (lag, quantities) in together.items()
    )


def _seen(above: SubjectFacts, lag: Steps, quantities: Sequence[str]) -> UpstreamFacts:
    """A site from which water comes while the lag is known; then a last lag stands in for it."""
    gone = np.isnan(lag.value)
    absent = steps(dict(zip(lag.at.tolist(), gone.astype(float).tolist(), strict=True)))
    place = np.maximum.accumulate(np.where(gone, -1, np.arange(len(gone))))
    first = lag.value[~gone][:1] if (~gone).any() else np.zeros(1)
    filled = np.where(place < 0, first, lag.value[np.maximum(place, 0)])
    series = {name: above.series[name] for name in quantities}
    for name, series_facts in above.series.items():
        if name not in series:
            series[f"{series_facts.quantity.name}@{series_facts.device}"] = series_facts
    return UpstreamFacts(
        site=above.key,
        lag=steps(dict(zip(lag.at.tolist(), filled.tolist(), strict=True))),
        series={
            name: replace(series_facts, withdrawn=any_of(absent, series_facts.withdrawn))
            for name, series_facts in series.items()
        },
        devices=above.devices,
        thresholds=above.thresholds,
    )


def _ways(
    site: str,
    quantities: AbstractSet[str],
    so_far: tuple[Steps, ...],
    sites: Mapping[str, SubjectFacts],
    flowing: Mapping[str, Sequence[Link]],
) -> Iterator[_Way]:
    """Up every branch, until all that is wanted was found there. Water flows one way: it ends."""
    for above, travel in flowing.get(site, ()):
        if above not in sites:
            continue
        parts = (*so_far, travel)
        here = quantities & _measured(sites[above])
        if here:
            lag = sum_steps(parts)
            yield from ((above, quantity, lag) for quantity in here)
        if quantities - here:
            yield from _ways(above, quantities - here, parts, sites, flowing)


def _measured(subject_facts: SubjectFacts) -> set[str]:
    return {name for name in subject_facts.series if "@" not in name}


def _length(lag: Steps) -> float:
    """As it is now; a way on which no water comes is the longest."""
    return float(lag.value[-1]) if lag.value[-1] == lag.value[-1] else _NOT_NOW


def _travel(revisions: Iterable[Revision]) -> Steps:
    spans = read_revisions(revisions, lambda value: check_span(value["travel_s"]) * _SECOND)
    return steps({at: float("nan") if span is None else span for at, span in spans})
