"""All thresholds in force, by site."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.api.access import Access
from hypervisor.console.views import rules_words
from hypervisor.console.views.rules_threshold import shown_value
from hypervisor.console.views.rules_words import folded
from hypervisor.rulebook import thresholds
from hypervisor.store import authoring
from hypervisor.store.rulebook import Recorded


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One threshold."""

    key: str
    label: str
    value: str
    last: Recorded


@dataclass(frozen=True, kw_only=True)
class AtSite:
    """The thresholds of one site; those of its devices among them."""

    name: str
    title: str
    domain: str
    limits: tuple[Limit, ...]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What was found, and how much there is in all."""

    sites: tuple[AtSite, ...]
    count: int
    whole: int


def every_threshold(asked: Access, q: str, domain: str) -> Limits:
    """Those of sites, and of devices, whose name has all the words of `q`."""
    found: dict[str, list[Recorded]] = {}
    places = authoring.places(asked.connection)
    for one in thresholds.standing(asked.connection, now=asked.now()):
        owner = one.key.rpartition("/")[0]
        found.setdefault(owner, []).append(one)
    sites: list[AtSite] = []
    words = folded(q).split()
    for owner, ones in found.items():
        place = places.get(owner)
        if place is None or domain not in ("", place.domain):
            continue
        limits = _limits(asked, ones)
        said = folded(" ".join([owner, place.title, *(one.label for one in limits)]))
        if all(word in said for word in words):
            sites.append(
                AtSite(name=place.site, title=place.title, domain=place.domain, limits=limits)
            )
    sites.sort(key=lambda one: (one.domain, one.title))
    return Limits(
        sites=tuple(sites),
        count=sum(len(one.limits) for one in sites),
        whole=sum(map(len, found.values())),
    )


def _limits(asked: Access, found: Sequence[Recorded]) -> tuple[Limit, ...]:
    order = list(asked.catalogue.thresholds)
    names = [one.key.rpartition("/")[2] for one in found]
    pairs = sorted(
        zip(names, found, strict=True),
        key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order),
    )
    return tuple(
        Limit(
            key=one.key,
            label=rules_words.label(name, asked.catalogue),
            value=shown_value(one),
            last=one,
        )
        for name, one in pairs
    )
