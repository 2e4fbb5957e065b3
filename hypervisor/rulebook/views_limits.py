"""All thresholds in force, by site."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.access.context import RequestContext
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook import queries, service_thresholds, views_words
from hypervisor.rulebook.views_threshold import shown_value
from hypervisor.rulebook.views_words import folded

SHOWN = 100  # sites; of more the search chooses


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One threshold."""

    key: str
    label: str
    value: str
    last: RecordedRevision


@dataclass(frozen=True, kw_only=True)
class AtSite:
    """The thresholds of one site; those of its devices among them."""

    name: str
    title: str
    domain: str
    limits: tuple[Limit, ...]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What was found, the first of it to be shown, and how much there is in all."""

    sites: tuple[AtSite, ...]
    more: int  # sites found that are not shown
    count: int
    whole: int


def every_threshold(context: RequestContext, q: str, domain: str) -> Limits:
    """Those of sites, and of devices, whose name has all the words of `q`."""
    found: dict[str, list[RecordedRevision]] = {}
    places = queries.places(context.connection)
    for one in service_thresholds.standing(context.connection, now=context.now()):
        owner = one.key.rpartition("/")[0]
        found.setdefault(owner, []).append(one)
    fits: list[tuple[queries.Owner, list[RecordedRevision]]] = []
    words = folded(q).split()
    for owner, ones in found.items():
        place = places.get(owner)
        if place is None or domain not in ("", place.domain):
            continue
        labels = [views_words.label(_name(one), context.catalogue) for one in ones] if words else []
        said = folded(" ".join([owner, place.title, *labels]))
        if all(word in said for word in words):
            fits.append((place, ones))
    fits.sort(key=lambda one: (one[0].domain, one[0].title))
    return Limits(
        sites=tuple(
            AtSite(
                name=place.site,
                title=place.title,
                domain=place.domain,
                limits=_limits(context, ones),
            )
            for place, ones in fits[:SHOWN]
        ),
        more=max(len(fits) - SHOWN, 0),
        count=sum(len(ones) for _place, ones in fits),
        whole=sum(map(len, found.values())),
    )


def _name(recorded: RecordedRevision) -> str:
    return recorded.key.rpartition("/")[2]


def _limits(context: RequestContext, found: Sequence[RecordedRevision]) -> tuple[Limit, ...]:
    order = list(context.catalogue.thresholds)
    names = [_name(recorded) for recorded in found]
    pairs = sorted(
        zip(names, found, strict=True),
        key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order),
    )
    return tuple(
        Limit(
            key=one.key,
            label=views_words.label(name, context.catalogue),
            value=shown_value(one),
            last=one,
        )
        for name, one in pairs
    )
