"""Hits, misses, false alarms and load of one rule; alarms count from a severity."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypervisor.backtest.load import most_in_ten_minutes
from hypervisor.backtest.model import RaisedAlarm
from hypervisor.backtest.scoring import Outcomes
from hypervisor.backtest.service import Answer
from rules._rule import SEVERITIES


@dataclass(frozen=True, kw_only=True)
class Spell:
    """A time in alarm (µs) at the severity that counts. `false`: without an event; None: unknown.

    It is unknown where no event was reported.
    """

    subject: str
    began: int
    ended: int | None
    severity: str
    false: bool | None


@dataclass(frozen=True, kw_only=True)
class Side(Outcomes):
    """One rule's alarms with one value of the threshold; `beyond`: share of the time beyond it.

    `in_alarm`: µs in the period; `busiest`: most alarms that began in ten minutes.
    """

    value: float | None
    beyond: float | None
    spells: tuple[Spell, ...]
    in_alarm: int
    busiest: int

    @property
    def false(self) -> tuple[Spell, ...]:
        return tuple(spell for spell in self.spells if spell.false)

    @property
    def shortest(self) -> int | None:
        return min(self.leads, default=None)


def rate(  # noqa: PLR0913  what it is rated by
    answer: Answer,
    rule: str,
    severity: str | None,
    others: Sequence[int],
    *,
    value: float | None = None,
    beyond: float | None = None,
) -> Side:
    """Rate a rule. `others`: when alarms of other rules began (µs): they add to the load."""
    evaluation = answer.evaluation
    scores = [score for score in answer.scored.scores if score.rule == rule]
    false = [set(map(id, score.false)) for score in scores]
    of_none = set.intersection(*false) if false else None
    spells = [
        spell
        for alarm in evaluation.alarms
        if alarm.episode.rule == rule
        for spell in _spells(alarm, severity, None if of_none is None else id(alarm) in of_none)
    ]
    spells.sort(key=lambda spell: spell.began)
    outcomes = [outcome for score in scores for outcome in score.outcomes]
    outcomes.sort(key=lambda outcome: outcome.event.crossed)
    own = [spell.began for spell in spells if spell.began >= evaluation.since]
    return Side(
        value=value,
        beyond=beyond,
        spells=tuple(spells),
        outcomes=tuple(outcomes),
        in_alarm=sum(evaluation.time_in(spell.began, spell.ended) for spell in spells),
        busiest=most_in_ten_minutes(sorted([*own, *others]), set(own)),
    )


def _spells(alarm: RaisedAlarm, severity: str | None, false: bool | None) -> Iterator[Spell]:  # noqa: FBT001
    """The times in which an alarm was severe enough."""
    least = 0 if severity is None else SEVERITIES.index(severity)
    began: int | None = None
    highest = ""
    for at, name in (*alarm.episode.severity, (alarm.episode.ended, None)):
        severe = name is not None and SEVERITIES.index(name) >= least
        if name is not None and severe:
            began = at if began is None else began
            highest = max(highest or name, name, key=SEVERITIES.index)
        elif began is not None:
            yield Spell(
                subject=alarm.episode.subject,
                began=began,
                ended=at,
                severity=highest,
                false=false,
            )
            began, highest = None, ""
