"""Evaluations -> rule states, alarms and transitions, as they must now be written."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.log import Alarm, Pair, Transition
from hypervisor.database.connect import Connection
from hypervisor.evaluation import queries
from hypervisor.evaluation.evaluate import Evaluated, Task
from hypervisor.evaluation.memory import Memory, Standing
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.schedule import EvaluationPlan, is_calm
from hypervisor.evaluation.setbacks import run_isolated
from hypervisor.evaluation.transitions import (
    LastValue,
    ShownValue,
    last_values,
    list_transitions,
)
from hypervisor.notifications import queries_outbox
from hypervisor.notifications.events import build_events
from rules._log import episodes
from rules._reconcile import Change, Recorded, reconcile
from rules._rule_state import Phase, StateChange, Truth
from sensors._row import NEVER


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One alarm that an evaluation changes. `cause`: of a revision; `value`: as it is now shown."""

    evaluation: Evaluated
    change: Change
    cause: str
    value: LastValue | None


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """An evaluation beside what is recorded. `lasting`: active alarms that it does not change."""

    evaluation: Evaluated
    moments: tuple[StateChange, ...]
    differs: bool
    changes: Sequence[Change]
    lasting: Sequence[Alarm]


@dataclass(kw_only=True)
class Findings:
    """What one batch changes in states and alarms; written at the end of its transaction.

    `before`: of each evaluated pair its number, start (µs) and former standing.
    """

    now: int  # when it is noticed, µs
    erase: dict[Pair, int] = field(default_factory=dict)
    moments: list[tuple[Pair, tuple[StateChange, ...]]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    values: dict[int, tuple[Pair, LastValue]] = field(default_factory=dict)
    before: dict[Pair, tuple[int, int, Standing]] = field(default_factory=dict)
    evaluated: int = 0

    def add(self, memory: Memory, evaluations: Sequence[Evaluated]) -> None:
        """Compare evaluations of one rule with what is recorded; memory takes the new states."""
        plan = memory.plans[evaluations[0].task.pair[0]]

        def failed(evaluation: Evaluated, error: Exception) -> None:
            memory.setbacks.put(evaluation.task.pair, evaluation.task.start, error)

        compared = run_isolated(
            evaluations, lambda some: [_compare(memory, evaluation) for evaluation in some], failed
        )
        valued = run_isolated(
            [comparison for some in compared for comparison in some],
            lambda some: [*zip(some, _list_values(memory, some), strict=True)],
            lambda comparison, error: failed(comparison.evaluation, error),
        )
        done = [self._take(memory, plan, *each) for some in valued for each in some]
        plan.rest(np.array(done, dtype=np.int64), memory.stats, memory.watermark.floor)
        self.evaluated += len(evaluations)

    def _take(
        self,
        memory: Memory,
        plan: EvaluationPlan,
        comparison: "_Comparison",
        values: Sequence[LastValue | None],
    ) -> int:
        """Take one evaluation; the subject's number."""
        evaluation = comparison.evaluation
        task, number, pair = evaluation.task, evaluation.task.number, evaluation.task.pair
        standing = memory.standings[pair]
        self.before[pair] = number, task.start, replace(standing)
        cause = plan.causes.pop(number, "")
        own = iter(values)
        for change in comparison.changes:
            value = None if change.episode is None else next(own)
            self.outcomes.append(
                Outcome(evaluation=evaluation, change=change, cause=cause, value=value)
            )
        for alarm, value in zip(comparison.lasting, own, strict=True):
            if value is not None and value != alarm.last_value:
                self.values[alarm.id] = pair, value
        if comparison.differs:
            if task.replaced:
                self.erase[pair] = task.start
            self.moments.append((pair, comparison.moments))
        states = [*task.kept, *comparison.moments]
        if comparison.differs or len(states) > 1:  # perhaps loaded for this evaluation alone
            standing.open = _from_last_inactive(states)
            if not comparison.changes:
                _settle(standing)
        soonest = (evaluation.verdict.due, memory.closing_after(pair, task.horizon))
        plan.due[number] = min((at for at in soonest if at is not None), default=LATER)
        plan.calm[number] = is_calm(standing.open)
        memory.setbacks.passed(pair)
        return number

    def of(self, pairs: Collection[Pair]) -> "Findings":
        """The findings of some rules and subjects."""
        return replace(
            self,
            erase={pair: since for pair, since in self.erase.items() if pair in pairs},
            moments=[moment for moment in self.moments if moment[0] in pairs],
            outcomes=[each for each in self.outcomes if each.evaluation.task.pair in pairs],
            values={key: value for key, value in self.values.items() if value[0] in pairs},
        )

    def undo(self, memory: Memory, pair: Pair, error: Exception) -> None:
        """Set aside what could not be written, with its former standing."""
        number, start, memory.standings[pair] = self.before[pair]
        memory.plans[pair[0]].bring_forward(number, start)
        memory.setbacks.put(pair, start, error)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written; `standing`: the alarms of each pair, for memory once they are committed."""

    alarms: list[Alarm] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    standing: dict[Pair, list[Alarm]] = field(default_factory=dict)

    def settle(self, memory: Memory) -> None:
        """Memory takes the alarms."""
        for pair, alarms in self.standing.items():
            memory.standings[pair].alarms = alarms
            _settle(memory.standings[pair])


def write_isolated(connection: Connection, memory: Memory, findings: Findings) -> Written:
    """As `write`, but a rule at a subject whose findings cannot be written is set aside."""
    pairs = [pair for pair, _ in findings.moments]
    pairs = list(dict.fromkeys([*pairs, *(pair for pair, _ in findings.values.values())]))
    written = Written()

    def run(some: Sequence[Pair]) -> Written:
        with connection.transaction():
            return write(connection, memory, findings.of({*some}))

    for part in run_isolated(pairs, run, lambda pair, error: findings.undo(memory, pair, error)):
        written.alarms.extend(part.alarms)
        written.transitions.extend(part.transitions)
        written.standing.update(part.standing)
    return written


def write(connection: Connection, memory: Memory, findings: Findings) -> Written:
    """Write the findings and their notifications in the caller's transaction and pipeline."""
    queries.replace_states(connection, findings.erase, findings.moments)
    new = sum(outcome.change.identity is None for outcome in findings.outcomes)
    identities = iter(alarm_queries.reserve_ids(connection, new) if new else [])
    changed: dict[int, Alarm] = {}
    written = Written()
    for outcome in findings.outcomes:
        pair, change = outcome.evaluation.task.pair, outcome.change
        there = written.standing.setdefault(pair, memory.standings[pair].alarms)
        before = next((a for a in there if a.id == change.identity), None)
        alarm = _alarm(memory, outcome, before, now=findings.now, identities=identities)
        changed[alarm.id] = alarm
        written.transitions.extend(
            list_transitions(alarm, before, change, cause=outcome.cause, now=findings.now)
        )
        kept = [a for a in there if a.id != alarm.id]
        written.standing[pair] = kept if alarm.withdrawn is not None else [*kept, alarm]
    written.alarms.extend(changed.values())
    alarm_queries.save(connection, written.alarms, written.transitions)
    queries_outbox.put_events(connection, build_events(written.transitions, written.alarms))
    values = {key: value for key, (_, value) in findings.values.items() if key not in changed}
    alarm_queries.save_last_values(connection, values)
    return written


def _compare(memory: Memory, evaluation: Evaluated) -> _Comparison:
    """Compare one evaluation with the states and alarms recorded."""
    task, moments = evaluation.task, tuple(evaluation.verdict.moments)
    standing = memory.standings[task.pair]
    if not moments and not task.kept:
        moments = _mark_evaluated(task)
    differs, changes = moments != task.replaced, list[Change]()
    if differs:
        seen = max(task.seen, task.replaced[-1].time if task.replaced else NEVER)
        current = episodes(*task.pair, [*task.kept, *moments])
        recorded = [Recorded(identity=a.id, episode=a.episode) for a in standing.alarms]
        if current or recorded:
            changes = reconcile(recorded, current, judged=seen)
    identities = {change.identity for change in changes}
    return _Comparison(
        evaluation=evaluation,
        moments=moments,
        differs=differs,
        changes=changes,
        lasting=[a for a in standing.alarms if a.active and a.id not in identities],
    )


def _list_values(
    memory: Memory, comparisons: Sequence[_Comparison]
) -> list[list[LastValue | None]]:
    """What is shown of each comparison's changes that leave an alarm, and of its lasting alarms."""
    shown = [
        [
            *(
                ShownValue(
                    evaluated=comparison.evaluation,
                    severity=alarm.severity[-1][1],
                    until=alarm.ended,
                )
                for alarm in (change.episode for change in comparison.changes)
                if alarm is not None
            ),
            *(
                ShownValue(
                    evaluated=comparison.evaluation, severity=a.episode.severity[-1][1], until=None
                )
                for a in comparison.lasting
            ),
        ]
        for comparison in comparisons
    ]
    values = iter(last_values(memory.territory, [each for some in shown for each in some]))
    return [[next(values) for _ in some] for some in shown]


def _alarm(
    memory: Memory,
    outcome: Outcome,
    before: Alarm | None,
    *,
    now: int,
    identities: Iterator[int],
) -> Alarm:
    """The alarm as it now is."""
    episode, evaluation = outcome.change.episode, outcome.evaluation
    if before is not None and episode is None:
        return replace(before, withdrawn=now, changed=now)
    assert episode is not None, "a new alarm has an episode"  # noqa: S101
    value = outcome.value
    if before is not None:
        return replace(before, episode=episode, last_value=value, changed=now)
    rule = memory.territory.rules[evaluation.task.pair[0]].at(episode.began)
    subject = memory.territory.subjects[evaluation.task.pair[1]]
    return Alarm(
        id=next(identities),
        site=subject.site,
        place=subject.place,
        domain=rule.domain,
        category=rule.category,
        episode=episode,
        title=subject.named(rule.title),
        advice=subject.named(rule.advice),
        title_fr=subject.named(rule.french.title) or None,
        advice_fr=subject.named(rule.french.advice) or None,
        last_value=value,
        withdrawn=None,
        noticed=now,
        changed=now,
    )


def _mark_evaluated(task: Task) -> tuple[StateChange, ...]:
    """Without any state: one that says so, so that it is not evaluated from the beginning again."""
    time = task.replaced[0].time if len(task.replaced) == 1 else task.horizon
    return (StateChange(time=time, phase=Phase.INACTIVE, when=Truth.UNKNOWN, clear=Truth.UNKNOWN),)


def _settle(standing: Standing) -> None:
    """Keep the alarms that began after the first state in memory."""
    first = standing.open[0] if standing.open else None
    after = first.time if first is not None and first.phase is Phase.INACTIVE else NEVER
    standing.alarms = sorted(
        (a for a in standing.alarms if a.episode.since > after), key=lambda a: a.episode.began
    )


def _from_last_inactive(states: list[StateChange]) -> list[StateChange]:
    last = max((i for i, state in enumerate(states) if state.phase is Phase.INACTIVE), default=0)
    return states[last:]
