"""All thresholds in force, by site."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.access.context import RequestContext
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook import queries, service_thresholds, views_texts
from hypervisor.rulebook.views_texts import fold_text
from hypervisor.rulebook.views_threshold import format_revision

SHOWN = 100  # sites shown at most


@dataclass(frozen=True, kw_only=True)
class ThresholdLine:
    """One threshold."""

    key: str
    label: str
    value: str
    last: RecordedRevision


@dataclass(frozen=True, kw_only=True)
class SiteThresholds:
    """Thresholds of one site and its devices."""

    name: str
    title: str
    domain: str
    limits: tuple[ThresholdLine, ...]


@dataclass(frozen=True, kw_only=True)
class ThresholdList:
    """Matching thresholds; `whole` is the number of all thresholds."""

    sites: tuple[SiteThresholds, ...]
    more: int  # matching sites not shown
    count: int
    whole: int


def list_thresholds(context: RequestContext, q: str, domain: str) -> ThresholdList:
    """Thresholds whose site, device or label matches all words of `q`."""
    by_owner: dict[str, list[RecordedRevision]] = {}
    places = queries.list_threshold_owners(context.connection)
    for recorded in service_thresholds.list_in_force(context.connection, now=context.now()):
        owner = recorded.key.rpartition("/")[0]
        by_owner.setdefault(owner, []).append(recorded)
    matches: list[tuple[queries.ThresholdOwner, list[RecordedRevision]]] = []
    words = fold_text(q).split()
    for owner, recorded_thresholds in by_owner.items():
        place = places.get(owner)
        if place is None or domain not in ("", place.domain):
            continue
        labels = (
            [
                views_texts.threshold_label(_name(recorded), context.catalogue)
                for recorded in recorded_thresholds
            ]
            if words
            else []
        )
        search_text = fold_text(" ".join([owner, place.title, *labels]))
        if all(word in search_text for word in words):
            matches.append((place, recorded_thresholds))
    matches.sort(key=lambda recorded: (recorded[0].domain, recorded[0].title))
    return ThresholdList(
        sites=tuple(
            SiteThresholds(
                name=place.site,
                title=place.title,
                domain=place.domain,
                limits=_threshold_lines(context, recorded_thresholds),
            )
            for place, recorded_thresholds in matches[:SHOWN]
        ),
        more=max(len(matches) - SHOWN, 0),
        count=sum(len(recorded_thresholds) for _place, recorded_thresholds in matches),
        whole=sum(map(len, by_owner.values())),
    )


def _name(recorded: RecordedRevision) -> str:
    return recorded.key.rpartition("/")[2]


def _threshold_lines(
    context: RequestContext, thresholds: Sequence[RecordedRevision]
) -> tuple[ThresholdLine, ...]:
    order = list(context.catalogue.thresholds)
    names = [_name(recorded) for recorded in thresholds]
    pairs = sorted(
        zip(names, thresholds, strict=True),
        key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order),
    )
    return tuple(
        ThresholdLine(
            key=recorded.key,
            label=views_texts.threshold_label(name, context.catalogue),
            value=format_revision(recorded),
            last=recorded,
        )
        for name, recorded in pairs
    )
