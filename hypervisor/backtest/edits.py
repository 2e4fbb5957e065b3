"""Trial of a changed threshold or rule on past readings, compared with the current one."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hypervisor.alarms import queries_load as load_store
from hypervisor.backtest import past_events, registries, service, what_if
from hypervisor.backtest.compared_series import Compared
from hypervisor.backtest.draft import Draft, Edit, list_places, prepare
from hypervisor.backtest.evaluate import WARM, CompleteTail
from hypervisor.backtest.events import Entry
from hypervisor.backtest.model import Span
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.service import Answer, Question
from hypervisor.backtest.sources import CachedSource, StoredSource
from hypervisor.backtest.strip import ComparedValues, Strip, strip
from hypervisor.backtest.trial_side import Side, rate
from hypervisor.backtest.what_if import Laid, LaidSource
from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from hypervisor.evaluation import columns, rule_histories
from hypervisor.evaluation.columns import ColumnQuery
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.series_tail import SeriesTail
from hypervisor.evaluation.territory import Territory, arrange
from hypervisor.registry import queries as registry_store
from hypervisor.registry.model import Registry
from rules._engine import evaluate_parts
from rules._lateness import second_reading
from rules._rule import Rule
from sensors._domain import Catalogue
from sensors._row import NEVER, ROW, believed

RETENTION = 400 * 86_400_000_000  # µs: a lamp's supply is not known farther back
_NO_STORE: Any = None  # complete tails need no query


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """The result. `rules`: those at the site that use the threshold; `rule`: the one evaluated.

    `today` None: nothing is in force. `severity`: an alarm counts from when it reached it; None:
    from its beginning. `peaks`: extremes by beginning of each event and alarm (µs). `lasted`: s.
    `begun`: from when on (µs) it is evaluated, if not in all of the period. `second`: how long (µs)
    an alarm waits for the second reading, which `for` needs, where readings are rare.
    """

    rule: Rule
    rules: tuple[str, ...]
    severity: str | None
    unit: str
    today: Side | None
    edit: Side | None
    compared: Compared | None
    picture: Strip | None
    laid: Laid | None = None
    peaks: Mapping[int, float | None] = field(default_factory=dict)
    since: int
    until: int
    rows: int
    lasted: float
    begun: int | None = None
    second: int | None = None


def try_edit(  # noqa: PLR0913  what is tried, and where
    connection: Connection,
    edit: Edit,
    catalogue: Catalogue,
    *,
    zone: ZoneInfo,
    load: Callable[[Connection], Registry] = registry_store.load,
    visible: Connection,
) -> TrialResult:
    """Evaluate the rule at the site with both. The connection's transaction must be new.

    `visible`: a connection with the user's rights, for the other alarms of the load.
    """
    began = time.perf_counter()
    source = CachedSource(StoredSource.of(connection))
    registry = load(connection)
    draft = prepare(registry, edit, catalogue)
    laid = None
    if edit.flood is not None:
        laid, rows = what_if.lay_over(draft.near, draft.site, edit.flood, edit.until)
        source = CachedSource(LaidSource(source=source.source, laid=rows))
    entries = [
        replace(entry, rules=(), severity=draft.severity)
        for entry in past_events.list_events(connection, registry, [draft.site])
        if laid is None  # what was reported did not happen in it
    ]
    answers = [
        None if trial is None else _ask(draft, trial, source, catalogue, entries)
        for trial in (draft.today, draft.tried)
    ]
    first = next(answer for answer in answers if answer is not None).evaluation
    seen = _see(draft, source, catalogue)
    begins, ends = moment(first.since), moment(first.until)
    others = load_store.list_beginnings(visible, begins, ends, rule=draft.rule.id, site=draft.site)
    today, tried = (
        None if answer is None else _side(draft, value, answer, seen, others)
        for answer, value in zip(answers, (draft.value, draft.new_value), strict=True)
    )
    return TrialResult(
        rule=draft.rule,
        rules=draft.rules,
        severity=draft.severity,
        unit=draft.unit,
        today=today,
        edit=tried,
        compared=draft.compared,
        laid=laid,
        picture=None if seen is None else strip(seen, edit.since, edit.until, zone),
        peaks={} if seen is None else _peaks(seen, [side for side in (today, tried) if side]),
        since=edit.since,
        until=edit.until,
        rows=first.rows,
        begun=first.begun.get((draft.rule.id, draft.subject)),
        second=None if seen is None else second_reading(draft.rule, seen.interval),
        lasted=time.perf_counter() - began,
    )


@dataclass(frozen=True, kw_only=True)
class SiteTrial:
    """A written rule at one site; `today` None: no such rule is in force there."""

    site: str
    today: Side | None
    edit: Side


def try_everywhere(  # noqa: PLR0913  what is tried, and where
    connection: Connection,
    written: Rule,
    span: Span,
    catalogue: Catalogue,
    *,
    visible: Collection[str],
    most: int,
    load: Callable[[Connection], Registry] = registry_store.load,
) -> tuple[list[SiteTrial], int]:
    """Evaluate a written rule at the visible sites where it applies, by name, `most` at most.

    And at how many it applies. The connection's transaction must be new.
    """
    source = CachedSource(StoredSource.of(connection))
    registry = load(connection)
    trial = Trial(rules=(written,))
    on_trial = registries.only_rules(
        registries.with_trial(registry, trial, catalogue), [written.id]
    )
    fitting = sorted(list_places(on_trial, written.id, catalogue) & set(visible))
    sites = fitting[:most]
    if not sites:
        return [], 0
    last = rule_histories.histories(registry.revisions, catalogue.common).get(written.id)
    before = None if last is None else last.revisions[-1][1]
    tried = _ask_at(registry, source, catalogue, written, sites, span)
    today = None if before is None else _ask_at(registry, source, catalogue, before, sites, span)
    return [
        SiteTrial(
            site=site,
            today=None if today is None else _side_at(today, written.id, site),
            edit=_side_at(tried, written.id, site),
        )
        for site in sites
    ], len(fitting)


def _ask_at(  # noqa: PLR0913, PLR0917  what is evaluated, and where
    registry: Registry,
    source: CachedSource,
    catalogue: Catalogue,
    rule: Rule,
    sites: Sequence[str],
    span: Span,
) -> Answer:
    question = Question(rules=(rule.id,), trial=Trial(rules=(rule,)), sites=sites, span=span)
    return service.ask(
        registry, source, catalogue, question, lambda _done, _of: None, retention=RETENTION
    )


def _side_at(answer: Answer, rule: str, site: str) -> Side:
    """The part of an answer that is about one site."""
    own = tuple(alarm for alarm in answer.evaluation.alarms if alarm.place == site)
    return rate(replace(answer, evaluation=replace(answer.evaluation, alarms=own)), rule, None, [])


def _ask(
    draft: Draft, trial: Trial, source: CachedSource, catalogue: Catalogue, entries: Sequence[Entry]
) -> Answer:
    question = Question(
        rules=(draft.rule.id,), trial=trial, sites=(draft.site,), span=draft.span, events=entries
    )
    return service.ask(
        draft.near, source, catalogue, question, lambda _done, _of: None, retention=RETENTION
    )


def _side(
    draft: Draft,
    value: float | None,
    answer: Answer,
    seen: ComparedValues | None,
    others: Sequence[int],
) -> Side:
    beyond = None if seen is None or value is None else seen.beyond(value)
    return rate(answer, draft.rule.id, draft.severity, others, value=value, beyond=beyond)


def _peaks(seen: ComparedValues, sides: Sequence[Side]) -> dict[int, float | None]:
    peaks: dict[int, float | None] = {}
    for side in sides:
        for event in (outcome.event for outcome in side.outcomes):
            peaks[event.crossed] = seen.extreme(event.crossed, event.until)
        for spell in side.spells:
            peaks[spell.began] = seen.extreme(spell.began, spell.ended or seen.last)
    return peaks


def _see(draft: Draft, source: CachedSource, catalogue: Catalogue) -> ComparedValues | None:
    """What the rule compares with the threshold, at each reading of the period; None: nothing."""
    compared = draft.compared
    name = None if compared is None else compared.series
    if compared is None or name is None or draft.rule.axis == "silence":
        return None
    trial = draft.tried or draft.today or Trial()
    power_schedule = PowerSchedule(retention=RETENTION)
    power_schedule.extend(source.floor, source.gaps)
    registry = registries.with_trial(draft.near, trial, catalogue)
    territory = arrange(registries.only_rules(registry, [draft.rule.id]), catalogue, power_schedule)
    pair = draft.rule.id, draft.subject
    if pair not in territory.revisions or name not in territory.subjects[pair[1]].series:
        return None
    subject = territory.subjects[pair[1]]
    query = ColumnQuery(subject=subject, since=dict.fromkeys(territory.listens[pair], NEVER))
    columned = columns.load_subjects(_NO_STORE, _read(draft, source, territory), [query])[pair[1]]
    rows = columned.series[name]
    since, until = draft.span.since or 0, draft.span.until or 0
    good = believed(rows.value, rows.quality) & (rows.time >= since) & (rows.time <= until)
    times = rows.time[good]
    if not len(times):
        return None
    ((low, high),) = evaluate_parts(draft.rule, [compared.node], [(columned, times)])
    return ComparedValues.of(
        times, low, high, compared, int(subject.series[name].stale_after.value[-1])
    )


def _read(draft: Draft, source: CachedSource, territory: Territory) -> Mapping[int, SeriesTail]:
    """The rows of all that is evaluated at the site, as `Run` has read them before."""
    pairs = [
        pair for pair in territory.revisions if territory.subjects[pair[1]].place == draft.site
    ]
    series = sorted({number for pair in pairs for number in territory.listens[pair]})
    reach = max(territory.longest.values(), default=0)
    stored = source.rows(series, (draft.span.since or 0) - WARM - reach, draft.span.until or 0)
    nothing = np.empty(0, dtype=ROW)
    return {number: CompleteTail(stored.get(number, nothing)) for number in territory.quantity_of}
