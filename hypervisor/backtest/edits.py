"""One threshold moved, or one rule rewritten: what it would have meant, beside what stands."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hypervisor.alarms import queries_load as load_store
from hypervisor.backtest import past_events, registries, service
from hypervisor.backtest.compared_series import Compared
from hypervisor.backtest.draft import Desk, Edit, desk_of
from hypervisor.backtest.evaluate import WARM, Whole
from hypervisor.backtest.events import Entry
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.service import Answer, Question
from hypervisor.backtest.sources import Kept, Stored
from hypervisor.backtest.strip import Seen, Strip, strip
from hypervisor.backtest.worth import Worth, worth
from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from hypervisor.evaluation import columns, rulebook
from hypervisor.evaluation.columns import ColumnQuery
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.rulebook import Territory
from hypervisor.evaluation.series_tail import SeriesTail
from hypervisor.registry import queries as registry_store
from hypervisor.registry.model import Registry
from rules._engine import evaluate_part
from rules._rule import Rule
from sensors._domain import Catalogue
from sensors._row import NEVER, ROW, believed

RETENTION = 400 * 86_400_000_000  # µs: a lamp's supply is known no farther back
_NO_STORE: Any = None  # whole tails leave nothing to ask it for


@dataclass(frozen=True, kw_only=True)
class Side:
    """Of today or of the edit: the threshold's value in its unit, what the alarms were worth.

    `beyond`: the share of the known time in which it lay beyond the threshold.
    """

    value: float | None
    worth: Worth
    beyond: float | None


@dataclass(frozen=True, kw_only=True)
class Tried:
    """The answer. `rules`: of the site that name the threshold; `rule`: the one that was judged.

    `today` None: nothing stands there yet. `severity`: an alarm counts from when it was so severe;
    None: from its beginning. `peaks`: how far it came in each event, by its beginning (µs).
    `lasted`: s that all this took.
    """

    rule: Rule
    rules: tuple[str, ...]
    severity: str | None
    unit: str
    today: Side | None
    edit: Side | None
    compared: Compared | None
    picture: Strip | None
    peaks: Mapping[int, float | None] = field(default_factory=dict)
    since: int
    until: int
    rows: int
    lasted: float


def try_edit(  # noqa: PLR0913  whose, of what, and where
    connection: Connection,
    edit: Edit,
    catalogue: Catalogue,
    *,
    zone: ZoneInfo,
    load: Callable[[Connection], Registry] = registry_store.load,
    seeing: Connection,
) -> Tried:
    """Judge the rule at the site by both, over the span. The connection's transaction must be new.

    `seeing`: a connection that sees what whoever asks may see: the other alarms of their load.

    Raises:
        BacktestError: what was asked cannot be.
        RuleError: a rule is not understood.
    """
    began = time.perf_counter()
    source = Kept(Stored.of(connection))
    registry = load(connection)
    desk = desk_of(registry, edit, catalogue)
    entries = [
        replace(entry, rules=(), severity=desk.severity)
        for entry in past_events.list_events(connection, registry, [desk.site])
    ]
    answers = [
        None if trial is None else _ask(desk, trial, source, catalogue, entries)
        for trial in (desk.today, desk.tried)
    ]
    first = next(answer for answer in answers if answer is not None).judgement
    looked = _look(desk, source, catalogue)
    others = load_store.list_beginnings(
        seeing,
        moment(first.since),
        moment(first.until),
        rule=desk.rule.id,
        site=desk.site,
    )
    sides = [
        None if answer is None else _side(desk, value, answer, looked, others)
        for answer, value in zip(answers, (desk.value, desk.new_value), strict=True)
    ]
    return Tried(
        rule=desk.rule,
        rules=desk.rules,
        severity=desk.severity,
        unit=desk.unit,
        today=sides[0],
        edit=sides[1],
        compared=desk.compared,
        picture=None if looked is None else strip(looked, desk.since, desk.until, zone),
        peaks={} if looked is None else _peaks(looked, [side for side in sides if side]),
        since=desk.since,
        until=desk.until,
        rows=first.rows,
        lasted=time.perf_counter() - began,
    )


def _ask(
    desk: Desk, trial: Trial, source: Kept, catalogue: Catalogue, entries: Sequence[Entry]
) -> Answer:
    question = Question(
        rules=(desk.rule.id,),
        trial=trial,
        sites=frozenset({desk.site}),
        span=desk.span,
        events=tuple(entries),
        retention=RETENTION,
    )
    return service.ask(desk.near, source, catalogue, question, lambda _done, _of: None)


def _side(
    desk: Desk, value: float | None, answer: Answer, looked: Seen | None, others: Sequence[int]
) -> Side:
    return Side(
        value=value,
        worth=worth(answer, desk.rule.id, desk.severity, others),
        beyond=None if looked is None or value is None else looked.beyond(value),
    )


def _peaks(looked: Seen, sides: Sequence[Side]) -> dict[int, float | None]:
    peaks: dict[int, float | None] = {}
    for side in sides:
        for outcome in side.worth.outcomes:
            peaks[outcome.event.crossed] = looked.extreme(
                outcome.event.crossed, outcome.event.until
            )
        for spell in side.worth.spells:
            peaks[spell.began] = looked.extreme(spell.began, spell.ended or looked.last)
    return peaks


def _look(desk: Desk, source: Kept, catalogue: Catalogue) -> Seen | None:
    """What the rule compares with the threshold, at each reading of the span; None: nothing."""
    compared = desk.compared
    name = None if compared is None else compared.series
    if compared is None or name is None or desk.rule.axis == "silence":
        return None
    trial = desk.tried or desk.today or Trial()
    power_schedule = PowerSchedule(retention=RETENTION)
    power_schedule.extend(source.floor, source.gaps)
    territory = rulebook.arrange(
        registries.only_rules(registries.with_trial(desk.near, trial, catalogue), [desk.rule.id]),
        catalogue,
        power_schedule,
    )
    pair = desk.rule.id, desk.subject
    if pair not in territory.revisions or name not in territory.subjects[pair[1]].series:
        return None
    subject = territory.subjects[pair[1]].series[name]
    read = _read(desk, source, territory)
    query = ColumnQuery(
        subject=territory.subjects[pair[1]],
        since=dict.fromkeys(territory.listens[pair], NEVER),
    )
    columned = columns.load_subjects(_NO_STORE, read, [query])[pair[1]]
    rows = columned.series[name]
    good = (
        believed(rows.value, rows.quality) & (rows.time >= desk.since) & (rows.time <= desk.until)
    )
    times = rows.time[good]
    if not len(times):
        return None
    low, high = evaluate_part(desk.rule, compared.node, columned, times)
    return Seen.of(times, low, high, compared, int(subject.stale_after.value[-1]))


def _read(desk: Desk, source: Kept, territory: Territory) -> Mapping[int, SeriesTail]:
    """The rows of all that is judged at the site: the very ones that were read for judging."""
    pairs = [pair for pair in territory.revisions if territory.subjects[pair[1]].place == desk.site]
    series = sorted({series_number for pair in pairs for series_number in territory.listens[pair]})
    since = desk.since - WARM - registries.reach_of(territory.longest)
    stored = source.rows(series, since, desk.until)
    nothing = np.empty(0, dtype=ROW)
    return {number: Whole(stored.get(number, nothing)) for number in territory.quantity_of}
