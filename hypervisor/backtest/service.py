"""One question to the past, on stored readings or a recording, and its answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from hypervisor.backtest import differences, registries, scoring
from hypervisor.backtest.differences import Change
from hypervisor.backtest.evaluate import Inputs, Tick, backtest
from hypervisor.backtest.events import Entry, is_event, rules_of
from hypervisor.backtest.model import BacktestError, Evaluation, Span
from hypervisor.backtest.registries import Trial, registry_around
from hypervisor.backtest.scoring import Scored
from hypervisor.backtest.sources import CachedSource, RecordedSource, Source, StoredSource
from hypervisor.backtest.worker_pool import Workers, backtest_by_workers
from hypervisor.backtest.worker_process import InProcess
from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.model import Registry
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from simulators import _recordings

_FEW = 5  # sites whose readings are kept for a second evaluation
Evaluate = Callable[[Inputs, Tick], Evaluation]  # as `backtest`
_LONG = 200 * 366 * 86_400_000_000  # µs: a recording may have any age


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is evaluated. `rules`: ids or domains; with none, and none tried, all in force.

    `trial`: replaces what is in force. `against`: a second trial to compare with. `sites`: these,
    or all.
    """

    rules: Sequence[str] = ()
    trial: Trial = field(default_factory=Trial)
    against: Trial | None = None
    sites: Sequence[str] = ()
    span: Span = field(default_factory=Span)
    events: Sequence[Entry] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The alarms and their scores; `other`: the same for `against`, with the differences."""

    evaluation: Evaluation
    scored: Scored
    other: "Answer | None" = None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A file, and which of its stations and columns are read."""

    file: Path
    stations: Sequence[str] | None = None
    columns: Sequence[str] | None = None


def backtest_stored(  # noqa: PLR0913  what is asked, and of which instance
    connection: Connection,
    question: Question,
    catalogue: Catalogue,
    *,
    retention: int,
    tick: Tick,
    folder: Path | None = None,
    url: str | None = None,
    workers: Workers | None = None,
) -> Answer:
    """Evaluate stored readings, in one snapshot: the connection's transaction must be new.

    `folder`: the instance's columnar copy. `url`: of the database, for a helper process, which
    `workers` replace.
    """
    source = StoredSource.of(connection, folder)
    registry = registry_queries.load(connection)
    helped: Evaluate = backtest
    if workers is not None:
        helped = partial(backtest_by_workers, workers=workers)
    elif url is not None:
        helped = partial(backtest, share=InProcess(url=url, source=source))
    return ask(registry, source, catalogue, question, tick, retention=retention, evaluate=helped)


def backtest_recording(  # noqa: PLR0913  what is asked, of what, and with whom
    recording: Recording,
    registry: Registry,
    question: Question,
    catalogue: Catalogue,
    tick: Tick,
    *,
    workers: Workers | None = None,
) -> tuple[Answer, list[str]]:
    """Evaluate a recording at its sites; with notes on what was left out."""
    read = _recordings.read(recording.file, stations=recording.stations, columns=recording.columns)
    source = RecordedSource.of(read.rows, registry, catalogue)
    if not source.by_series:
        raise BacktestError("{file}: {notes}", recording.file, "; ".join(source.notes))
    sites = {registry.devices[device].site for device in read.devices if device in registry.devices}
    if question.sites:
        _check_sites(registry, question)
        sites &= set(question.sites)
    if not sites:
        raise BacktestError(
            "{file} holds nothing of {sites}", recording.file, ", ".join(question.sites)
        )
    registry = _commission(registry, source)
    question = replace(question, sites=sorted(sites))
    helped: Evaluate = backtest
    if workers is not None:
        helped = partial(backtest_by_workers, workers=workers)
    answer = ask(registry, source, catalogue, question, tick, retention=_LONG, evaluate=helped)
    return answer, [*read.notes, *source.notes]


def _commission(registry: Registry, source: RecordedSource) -> Registry:
    """Devices are commissioned at their first reading, so that none counts as silent before."""
    first: dict[str, int] = {}
    for series in registry.series.values():
        rows = source.by_series.get(series.id or 0)
        if rows is not None:
            begins = int(rows["time"][0])
            first[series.device] = min(begins, first.get(series.device, begins))
    devices = {
        name: replace(device, commissioned=moment(first[name])) if name in first else device
        for name, device in registry.devices.items()
    }
    return replace(registry, devices=devices)


def ask(  # noqa: PLR0913  of what, with what, and with whom
    registry: Registry,
    source: Source,
    catalogue: Catalogue,
    question: Question,
    tick: Tick,
    *,
    retention: int,
    evaluate: Evaluate = backtest,
) -> Answer:
    """Evaluate, score and compare; `tick` runs to twice the subjects if there is an `against`.

    BacktestError: a site or rule is unknown, or no rule applies anywhere.
    """
    _check_sites(registry, question)
    against = question.against
    registry = registries.with_trial(registry, question.trial, catalogue)
    rules = _choose_rules(registry, question, catalogue)
    crossings = rules_of(question.events, catalogue)
    sites = frozenset(question.sites) or None
    rounds = 1 if against is None else 2
    if against is not None and sites is not None and len(sites) < _FEW:
        source = CachedSource(source)

    def answer_to(registry: Registry, number: int) -> Answer:
        """Evaluate with a registry: as the first of the rounds, or the second."""
        near = registry if sites is None else registry_around(registry, sites)
        near = registries.with_trial(near, Trial(rules=tuple(crossings)), catalogue)
        inputs = Inputs(
            registry=registries.only_rules(near, [*rules, *(rule.id for rule in crossings)]),
            source=source,
            catalogue=catalogue,
            span=question.span,
            places=sites,
            retention=retention,
            closed=not question.trial and against is None,
        )
        evaluation = evaluate(inputs, lambda done, of: tick(done + number * of, of * rounds))
        return _score(question, evaluation)

    answer = answer_to(registry, 0)
    if against is None:
        return answer
    other = answer_to(registries.with_trial(registry, against, catalogue), 1)
    changes = differences.compare(answer.evaluation.alarms, other.evaluation.alarms)
    return replace(answer, other=other, changes=tuple(changes))


def _score(question: Question, evaluation: Evaluation) -> Answer:
    """Separate the crossings of events from the alarms, and score these."""
    crossings = [alarm for alarm in evaluation.alarms if is_event(alarm.episode.rule)]
    evaluation = replace(
        evaluation,
        alarms=tuple(alarm for alarm in evaluation.alarms if not is_event(alarm.episode.rule)),
        evaluated=tuple(pair for pair in evaluation.evaluated if not is_event(pair[0])),
        begun={pair: at for pair, at in evaluation.begun.items() if not is_event(pair[0])},
    )
    if not evaluation.evaluated:
        raise BacktestError(
            "none of these rules applies anywhere: no site has their series, thresholds and models"
        )
    return Answer(
        evaluation=evaluation, scored=scoring.score(question.events, evaluation, crossings)
    )


def _choose_rules(registry: Registry, question: Question, catalogue: Catalogue) -> list[str]:
    """The ids of the rules to evaluate."""
    trial, against = question.trial, question.against
    rules = [rule.id for rule in trial.rules]
    new = [] if against is None else [rule.id for rule in against.rules]
    # a changed pack alone is compared with its rules as they are
    if question.rules or not (rules or (new and against and not against.thresholds)):
        rules += registries.choose_rules(registry, question.rules, catalogue)
    return list(dict.fromkeys([*rules, *new]))


def _check_sites(registry: Registry, question: Question) -> None:
    named = {*question.sites, *(site for event in question.events for site in event.sites)}
    for site in sorted(named - registry.sites.keys()):
        raise BacktestError(
            "there is no site {site!r}{hint}", site, did_you_mean(site, registry.sites)
        )
