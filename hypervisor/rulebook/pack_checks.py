"""Checks of packs: their tests, and how late each rule can be at each subject of a registry."""

import time
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hypervisor.base.errors import RulebookError
from hypervisor.evaluation.facts import SeriesFacts, SubjectFacts
from hypervisor.evaluation.rule_histories import lacks
from hypervisor.evaluation.subjects import build_subjects
from hypervisor.registry.model import Registry
from rules._lateness import Lateness, SiteFacts, lateness, warnings
from rules._pack import Pack
from rules._pack_test import Tested, run_tests
from rules._rule import Rule
from sensors._domain import Catalogue, catalogue
from sensors._quantity import Reporting

_SHOWN = 12  # sites in a line
_WORK = 50_000  # readings times functions; the largest pack that is shipped takes half
_SECONDS = 15.0


@dataclass(kw_only=True)
class CheckBudget:
    """What all tests of one request may cost together."""

    work: int = _WORK
    seconds: float = _SECONDS
    _count: int = field(default=0, init=False)
    _begun: float = field(default_factory=time.monotonic, init=False)

    def spend(self, cost: int) -> None:
        """Pay for a test. Raises RulebookError: too little is left for it."""
        self.work -= cost
        if self.work < 0 or time.monotonic() - self._begun > self.seconds:
            raise RulebookError(
                "the tests cost too much: after {count} of them the limit of {seconds:g} s or of "
                "{work} readings times functions was reached; check fewer at once, or use "
                "`hypervisor rules check`",
                self._count,
                _SECONDS,
                _WORK,
            )
        self._count += 1


def run_bounded_tests(pack: Pack) -> list[Tested]:
    """Run the tests of a pack that somebody sent. Raises RulebookError: they cost too much."""
    return run_tests(pack, catalogue(), CheckBudget().spend)


def run_pack_tests(pack: Pack, rules: Container[str] | None = None) -> list[Tested]:
    """Run the tests of a pack, or only those of the given rules."""
    if rules is not None:
        pack = replace(pack, rules=tuple(rule for rule in pack.rules if rule.id in rules))
    return run_tests(pack, catalogue())


def format_report(pack: Pack, outcomes: Sequence[Tested]) -> Iterator[str]:
    """Report lines of a pack: its failures, or SUCCESS."""
    if not outcomes:
        return
    wrong = [tested for tested in outcomes if tested.differences]
    yield f"Unit testing: {pack.file}"
    for outcome in wrong:
        place = f"{outcome.place.file}:{outcome.place.line}"
        yield "  FAILED:"
        yield f"    rule: {outcome.rule}, test: {outcome.name} ({place})"
        for difference in outcome.differences:
            lines = difference.replace(", found ", "\nfound ", 1).splitlines()
            yield from (f"        {line}" for line in lines)
    passed = len(outcomes) - len(wrong)
    yield f"  {passed} passed, {len(wrong)} failed" if wrong else f"  SUCCESS: {passed} passed"


@dataclass(frozen=True, kw_only=True)
class RuleLateness:
    """Lateness of a rule at each subject where it applies, with its warnings."""

    rule: str
    sites: tuple[Lateness, ...]
    warnings: tuple[str, ...]


def compute_lateness(
    packs: Sequence[Pack], registry: Registry, domains: Catalogue
) -> Iterator[RuleLateness]:
    """Lateness of all rules of the packs, at all subjects of the registry.

    A rule waits before it notifies as long as one that inhibits it may take to appear there.
    """
    subjects = build_subjects(registry, domains).values()
    rules = [rule for pack in packs for rule in pack.rules]
    for rule in rules:
        facts = {
            subject.key: _site_facts(rule, subject)
            for subject in subjects
            if subject.per == rule.per
        }
        sites = [facts[subject.key] for subject in subjects if lacks(rule, subject) is None]
        inhibitors = [other for other in rules if rule.id in other.inhibits]
        yield RuleLateness(
            rule=rule.id,
            sites=tuple(lateness(rule, site, grace=_grace(inhibitors, site)) for site in sites),
            warnings=tuple(f"{place}: {text}" for place, text in warnings(rule, facts.values())),
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


def _site_facts(rule: Rule, subject: SubjectFacts) -> SiteFacts:
    """Facts of a subject for one rule; a group counts with its slowest member."""
    series: dict[str, list[SeriesFacts]] = {}
    for name in rule.names:
        keys = subject.group.get(name, (name,))
        present = [subject.series[key] for key in keys if key in subject.series]
        if present:
            series[name] = present
    return SiteFacts(
        name=subject.key,
        intervals={name: max(map(_interval, some)) for name, some in series.items()},
        thresholds=frozenset(subject.thresholds),
        on_change=frozenset(
            name
            for name, some in series.items()
            if all(facts.reporting is Reporting.ON_CHANGE for facts in some)
        ),
        upstream={
            name: max(
                (_interval(at.series[name]) for at in subject.upstream if name in at.series),
                default=0,
            )
            for name in rule.afar
        },
        forecasts=frozenset(
            name for name, forecast in subject.forecasts.items() if forecast.begins is not None
        ),
    )


def _interval(facts: SeriesFacts) -> int:
    """The interval now expected, µs."""
    return int(facts.interval.value[-1])


def _grace(inhibitors: Iterable[Rule], site: SiteFacts) -> int:
    """Longest holding time of the inhibitors plus the site's own interval."""
    usual = max(site.intervals.values(), default=0)
    bare = (
        (rule, SiteFacts(name="", intervals=dict.fromkeys((*rule.names, *rule.afar), own)))
        for rule in inhibitors
        for own in [usual if rule.axis == "silence" else 0]
    )
    return max((lateness(rule, facts).stands + usual for rule, facts in bare), default=0)
