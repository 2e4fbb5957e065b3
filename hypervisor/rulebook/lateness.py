"""Lateness of each rule at each subject of a registry, with warnings."""

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
class RuleLateness:
    """Lateness of a rule at each subject where it applies, with its warnings."""

    rule: str
    sites: tuple[Lateness, ...]
    warnings: tuple[str, ...]


def compute_lateness(
    some: Sequence[Pack], registry: Registry, catalogue: Catalogue
) -> Iterator[RuleLateness]:
    """Lateness of all rules of the packs, at all subjects of the registry.

    A rule waits before it notifies as long as one that inhibits it may take to appear there.
    """
    subject_facts_by_key = build_subjects(registry, catalogue)
    rules = [rule for pack in some for rule in pack.rules]
    for rule in rules:
        there = [
            subject_facts
            for subject_facts in subject_facts_by_key.values()
            if lacks(rule, subject_facts) is None
        ]
        sites = [site_facts(rule, subject_facts) for subject_facts in there]
        inhibitors = [other for other in rules if rule.id in other.inhibits]
        yield RuleLateness(
            rule=rule.id,
            sites=tuple(lateness(rule, site, grace=_grace(inhibitors, site)) for site in sites),
            warnings=tuple(_list_warnings(rule, subject_facts_by_key.values(), sites)),
        )


def format_lateness(late: RuleLateness) -> Iterator[str]:
    """A rule as text lines; sites with equal lateness share a line."""
    yield f"{late.rule}: at {len(late.sites)} site{'s' * (len(late.sites) != 1)}"
    alike: dict[str, list[str]] = {}
    for site in sorted(late.sites, key=lambda late: (late.notified, late.site)):
        alike.setdefault(site.how, []).append(site.site)
    for how, names in alike.items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield f"    {how}: {', '.join(names[:_SHOWN])}{more}"
    for text in late.warnings:
        yield f"    warning: {text}"


def site_facts(rule: Rule, subject: SubjectFacts) -> SiteFacts:
    """Facts of a subject for one rule; a group counts with its slowest member."""
    series = {name: _series(name, subject) for name in rule.names}
    present = {name: some for name, some in series.items() if some}
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
        intervals={name: max(map(_interval, some)) for name, some in present.items()},
        thresholds=frozenset(subject.thresholds),
        on_change=frozenset(
            name
            for name, some in present.items()
            if all(series_facts.reporting is Reporting.ON_CHANGE for series_facts in some)
        ),
        upstream=above,
    )


def _series(name: str, subject: SubjectFacts) -> list[SeriesFacts]:
    keys = subject.group.get(name, (name,))
    return [subject.series[key] for key in keys if key in subject.series]


def _interval(series_facts: SeriesFacts) -> int:
    """The interval now expected, µs."""
    return int(series_facts.interval.value[-1])


def _grace(inhibitors: Iterable[Rule], site: SiteFacts) -> int:
    """Longest holding time of the inhibitors plus the site's own interval."""
    usual = max(site.intervals.values(), default=0)
    return max((_holding_time(rule) + usual for rule in inhibitors), default=0)


def _holding_time(rule: Rule) -> int:
    bare = SiteFacts(name="", intervals=dict.fromkeys((*rule.names, *rule.afar), 0))
    return lateness(rule, bare).stands


def _list_warnings(
    rule: Rule, subjects: Iterable[SubjectFacts], there: Sequence[SiteFacts]
) -> Iterator[str]:
    """Warnings on thresholds (all sites of its kind) and windows (where the rule applies)."""
    others = {
        subject_facts.key: subject_facts
        for subject_facts in subjects
        if subject_facts.per == rule.per
    }
    facts_by_site: Mapping[str, SiteFacts] = {site.name: site for site in there}
    sites = [
        facts_by_site[key] if key in facts_by_site else site_facts(rule, subject)
        for key, subject in others.items()
    ]
    for place, text in warnings(rule, sites):
        yield f"{place}: {text}"
