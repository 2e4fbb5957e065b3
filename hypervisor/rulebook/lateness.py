"""How late each rule can be at each subject of a registry, and what speaks against it there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hypervisor.evaluation.facts import SeriesFacts, SubjectFacts
from hypervisor.evaluation.rulebook import lacks
from hypervisor.evaluation.subjects import build_subjects
from hypervisor.registry.model import Registry
from rules._lateness import Lateness, SiteFacts, lateness, warnings
from rules._pack import Pack
from rules._rule import Rule
from sensors._domain import Catalogue
from sensors._quantity import Reporting

_SHOWN = 12  # sites in a line


@dataclass(frozen=True, kw_only=True)
class Late:
    """A rule, and how late it can be at each subject where it applies; `told`: its warnings."""

    rule: str
    sites: tuple[Lateness, ...]
    told: tuple[str, ...]


def late(some: Sequence[Pack], registry: Registry, catalogue: Catalogue) -> Iterator[Late]:
    """Every rule of these packs, at every subject of the registry.

    A rule waits before it notifies as long as one that inhibits it may take to appear there.
    """
    known = build_subjects(registry, catalogue)
    rules = [rule for pack in some for rule in pack.rules]
    for rule in rules:
        there = [
            subject_facts for subject_facts in known.values() if lacks(rule, subject_facts) is None
        ]
        sites = [facts(rule, subject_facts) for subject_facts in there]
        inhibitors = [other for other in rules if rule.id in other.inhibits]
        yield Late(
            rule=rule.id,
            sites=tuple(lateness(rule, site, grace=_grace(inhibitors, site)) for site in sites),
            told=tuple(_told(rule, known.values(), sites)),
        )


def lines(one: Late) -> Iterator[str]:
    """A rule as a person reads it: the sites that are equally late together."""
    yield f"{one.rule}: at {len(one.sites)} site{'s' * (len(one.sites) != 1)}"
    alike: dict[str, list[str]] = {}
    for site in sorted(one.sites, key=lambda late: (late.notified, late.site)):
        alike.setdefault(site.how, []).append(site.site)
    for how, names in alike.items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield f"    {how}: {', '.join(names[:_SHOWN])}{more}"
    for text in one.told:
        yield f"    warning: {text}"


def facts(rule: Rule, subject: SubjectFacts) -> SiteFacts:
    """What matters of a subject for one rule; a word of a group has its slowest member's."""
    series = {name: _series(name, subject) for name in rule.names}
    found = {name: some for name, some in series.items() if some}
    above = {
        name: max(
            (
                _interval(upstream_facts.series[name])
                for upstream_facts in subject.upstream
                if name in upstream_facts.series
            ),
            default=0,
        )
        for name in rule.afar
    }
    return SiteFacts(
        name=subject.key,
        intervals={name: max(map(_interval, some)) for name, some in found.items()},
        thresholds=frozenset(subject.thresholds),
        on_change=frozenset(
            name
            for name, some in found.items()
            if all(series_facts.reporting is Reporting.ON_CHANGE for series_facts in some)
        ),
        upstream=above,
    )


def _series(name: str, subject: SubjectFacts) -> list[SeriesFacts]:
    keys = subject.group.get(name, (name,))
    return [subject.series[key] for key in keys if key in subject.series]


def _interval(series_facts: SeriesFacts) -> int:
    """As it is now expected, µs."""
    return int(series_facts.interval.value[-1])


def _grace(inhibitors: Iterable[Rule], site: SiteFacts) -> int:
    """As long as the slowest of those that inhibit it may take, with the site's own interval."""
    usual = max(site.intervals.values(), default=0)
    return max((_held(rule) + usual for rule in inhibitors), default=0)


def _held(rule: Rule) -> int:
    bare = SiteFacts(name="", intervals=dict.fromkeys((*rule.names, *rule.afar), 0))
    return lateness(rule, bare).stands


def _told(rule: Rule, known: Iterable[SubjectFacts], there: Sequence[SiteFacts]) -> Iterator[str]:
    """Its warnings: thresholds are asked of all sites of its kind, windows where it applies."""
    others = {
        subject_facts.key: subject_facts for subject_facts in known if subject_facts.per == rule.per
    }
    every: Mapping[str, SiteFacts] = {site.name: site for site in there}
    sites = [every[key] if key in every else facts(rule, one) for key, one in others.items()]
    for place, text in warnings(rule, sites):
        yield f"{place}: {text}"
