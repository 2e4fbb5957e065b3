"""One question to the past, and its answer: what the command line and the API both ask."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypervisor.backtest import differences, registries, scoring
from hypervisor.backtest.differences import Change
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.evaluate import Place, Span, Tick, backtest
from hypervisor.backtest.events import Entry, is_event, rules_of
from hypervisor.backtest.model import Judgement, RaisedAlarm
from hypervisor.backtest.parts import Share
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.registry_around import registry_around
from hypervisor.backtest.scoring import Scored
from hypervisor.backtest.sources import Kept, Source
from hypervisor.registry.model import Registry
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean

_FEW = 5  # sites whose readings are held while they are judged a second time


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which `rules` (ids) are judged, with what is tried; `against` what it is held."""

    rules: tuple[str, ...]
    trial: Trial = field(default_factory=Trial)
    against: Trial | None = None
    sites: frozenset[str] | None = None
    span: Span = field(default_factory=Span)
    events: tuple[Entry, ...] = ()
    retention: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The alarms found and what they were worth; `other`: the same by what is held against."""

    judgement: Judgement
    scored: Scored
    other: "Answer | None" = None
    changes: tuple[Change, ...] = ()


def ask(  # noqa: PLR0913  by what, of what, and with whom
    registry: Registry,
    source: Source,
    catalogue: Catalogue,
    question: Question,
    tick: Tick,
    *,
    share: Share | None = None,
) -> Answer:
    """Judge, score and compare. `tick` runs to twice the subjects where there is an `against`.

    `share`: with whom a long work may be shared.

    Raises:
        BacktestError: a site is unknown, or no rule applies to anything.
    """
    _check_sites(registry, question)
    registry = registries.with_trial(registry, question.trial, catalogue)
    rounds = 1 if question.against is None else 2
    if question.against is not None and len(question.sites or ()) in range(1, _FEW):
        source = Kept(source)

    def first(done: int, of: int) -> None:
        tick(done, of * rounds)

    answer = _answer(registry, source, catalogue, question, first, share)
    if question.against is None:
        return answer
    other = registries.with_trial(registry, question.against, catalogue)

    def second(done: int, of: int) -> None:
        tick(done + of, of * rounds)

    against = _answer(other, source, catalogue, question, second, share)
    changes = differences.compare(answer.judgement.alarms, against.judgement.alarms)
    return replace(answer, other=against, changes=tuple(changes))


def _answer(  # noqa: PLR0913, PLR0917  as above
    registry: Registry,
    source: Source,
    catalogue: Catalogue,
    question: Question,
    tick: Tick,
    share: Share | None,
) -> Answer:
    events = rules_of(question.events, catalogue)
    if question.sites is not None:
        registry = registry_around(registry, question.sites)
    registry = registries.with_trial(registry, Trial(rules=tuple(events)), catalogue)
    rules = [*question.rules, *(rule.id for rule in events)]
    judgement = backtest(
        registries.only_rules(registry, rules),
        source,
        catalogue,
        span=question.span,
        place=Place(sites=question.sites),
        retention=question.retention,
        closed=not question.trial and question.against is None,
        tick=tick,
        share=share,
    )
    judgement, crossings = _apart(judgement)
    if not judgement.judged:
        raise BacktestError(
            "none of these rules applies anywhere: no site has their series and thresholds"
        )
    return Answer(judgement=judgement, scored=scoring.score(question.events, judgement, crossings))


def _apart(judgement: Judgement) -> tuple[Judgement, Sequence[RaisedAlarm]]:
    """Alarms, and what only tells when something happened."""
    crossings = [alarm for alarm in judgement.alarms if is_event(alarm.episode.rule)]
    return (
        replace(
            judgement,
            alarms=tuple(alarm for alarm in judgement.alarms if not is_event(alarm.episode.rule)),
            judged=tuple(pair for pair in judgement.judged if not is_event(pair[0])),
        ),
        crossings,
    )


def _check_sites(registry: Registry, question: Question) -> None:
    named = {*(question.sites or ()), *(site for event in question.events for site in event.sites)}
    for site in sorted(named - registry.sites.keys()):
        raise BacktestError(f"there is no site {site!r}{did_you_mean(site, registry.sites)}")
