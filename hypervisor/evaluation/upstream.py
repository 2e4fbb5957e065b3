"""Sites upstream of each site: on every branch the nearest that measures, with its travel time."""

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
_NO_WATER = 2**62

Link = tuple[str, Steps]  # the site above, and the travel time (µs) from there
_Path = tuple[str, str, Steps]  # site, quantity, travel time


def upstream_links(
    revisions: Mapping[tuple[str, str], Sequence[Revision]],
    failed: Callable[[str, Exception], None],
) -> dict[str, list[Link]]:
    """The links into each site, by name; `failed` takes a site with a link that cannot be read."""
    links_by_site: dict[str, list[Link]] = {}
    for (kind, key), history in sorted(revisions.items()):
        if kind == "link":
            above, _, below = key.partition(">")
            try:
                links_by_site.setdefault(below, []).append((above, _travel(history)))
            except Exception as error:  # noqa: BLE001  one link stops no other
                failed(below, error)
    return links_by_site


def join_upstream(
    sites: Iterable[SubjectFacts], flowing: Mapping[str, Sequence[Link]]
) -> Iterator[SubjectFacts]:
    """The sites, each with those upstream of it.

    A retired gauge is still the nearest: water from farther up has a link of its own.
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
    for name, quantity, lag in _paths(site, quantities, (), sites, flowing):
        other = best.get((name, quantity))
        if other is None or _length(lag) < _length(other):
            best[name, quantity] = lag
    together: dict[tuple[str, int], tuple[Steps, list[str]]] = {}
    for (name, quantity), lag in sorted(best.items(), key=lambda entry: entry[0]):
        together.setdefault((name, id(lag)), (lag, []))[1].append(quantity)
    return tuple(
        _upstream_facts(sites[name], lag, quantities)
        for (name, _), (lag, quantities) in together.items()
    )


def _upstream_facts(above: SubjectFacts, lag: Steps, quantities: Sequence[str]) -> UpstreamFacts:
    """A site upstream, withdrawn while its lag is unknown; the last known lag stands in."""
    gone = np.isnan(lag.value)
    absent = steps(dict(zip(lag.at.tolist(), gone.astype(float).tolist(), strict=True)))
    place = np.maximum.accumulate(np.where(gone, -1, np.arange(len(gone))))
    first = lag.value[~gone][:1] if (~gone).any() else np.zeros(1)
    filled = np.where(place < 0, first, lag.value[np.maximum(place, 0)])
    series = {name: above.series[name] for name in quantities}
    for name, each in above.series.items():
        if name not in series:
            series[f"{each.quantity.name}@{each.device}"] = each
    return UpstreamFacts(
        site=above.key,
        lag=steps(dict(zip(lag.at.tolist(), filled.tolist(), strict=True))),
        series={
            name: replace(each, withdrawn=any_of(absent, each.withdrawn))
            for name, each in series.items()
        },
        devices=above.devices,
        thresholds=above.thresholds,
    )


def _paths(
    site: str,
    quantities: AbstractSet[str],
    so_far: tuple[Steps, ...],
    sites: Mapping[str, SubjectFacts],
    flowing: Mapping[str, Sequence[Link]],
) -> Iterator[_Path]:
    """Up every branch, until each quantity is measured. Links have no circle, so it ends."""
    for above, travel in flowing.get(site, ()):
        if above not in sites:
            continue
        parts = (*so_far, travel)
        here = quantities & _measured(sites[above])
        if here:
            lag = sum_steps(parts)
            yield from ((above, quantity, lag) for quantity in here)
        if quantities - here:
            yield from _paths(above, quantities - here, parts, sites, flowing)


def _measured(subject_facts: SubjectFacts) -> set[str]:
    return {name for name in subject_facts.series if "@" not in name}


def _length(lag: Steps) -> float:
    """The present travel time; without water the longest of all."""
    return float(lag.value[-1]) if lag.value[-1] == lag.value[-1] else _NO_WATER


def _travel(revisions: Iterable[Revision]) -> Steps:
    spans = read_revisions(revisions, lambda value: check_span(value["travel_s"]) * _SECOND)
    return steps({at: float("nan") if span is None else span for at, span in spans})
