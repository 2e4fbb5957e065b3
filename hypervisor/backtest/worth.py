"""What one rule's alarms were worth, those counted that were severe enough."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from hypervisor.backtest.model import RaisedAlarm
from hypervisor.backtest.scoring import Outcome
from hypervisor.backtest.service import Answer
from rules._rule import SEVERITIES

_TEN = 600_000_000  # µs


@dataclass(frozen=True, kw_only=True)
class Spell:
    """A time in alarm (µs), as severe as was asked for. `false`: it is of nothing that happened.

    `false` is None where nothing is known to have happened: then nobody can say.
    """

    subject: str
    began: int
    ended: int | None
    severity: str
    false: bool | None


@dataclass(frozen=True, kw_only=True)
class Worth:
    """`outcomes`: of each event; `in_alarm`: µs in the span; `busiest`: began in ten minutes."""

    spells: tuple[Spell, ...]
    outcomes: tuple[Outcome, ...]
    in_alarm: int
    busiest: int

    @property
    def hits(self) -> int:
        return sum(outcome.alarm is not None for outcome in self.outcomes)

    @property
    def misses(self) -> int:
        return len(self.outcomes) - self.hits

    @property
    def false(self) -> tuple[Spell, ...]:
        return tuple(spell for spell in self.spells if spell.false)

    @property
    def leads(self) -> list[int]:
        return [outcome.lead for outcome in self.outcomes if outcome.lead is not None]

    @property
    def lead(self) -> float | None:
        """The median (µs)."""
        return median(self.leads) if self.leads else None

    @property
    def shortest(self) -> int | None:
        return min(self.leads, default=None)


def worth(answer: Answer, rule: str, severity: str | None, others: Sequence[int]) -> Worth:
    """Of one rule. `others`: when other rules' alarms began (µs), which an operator has as well."""
    judgement = answer.judgement
    scores = [score for score in answer.scored.scores if score.rule == rule]
    false = [set(map(id, score.false)) for score in scores]
    of_none = set.intersection(*false) if false else None
    spells = tuple(
        sorted(
            (
                spell
                for alarm in judgement.alarms
                if alarm.episode.rule == rule
                for spell in _spells(
                    alarm, severity, None if of_none is None else id(alarm) in of_none
                )
            ),
            key=lambda spell: spell.began,
        )
    )
    began = sorted(spell.began for spell in spells if spell.began >= judgement.since)
    return Worth(
        spells=spells,
        outcomes=tuple(
            sorted(
                (outcome for score in scores for outcome in score.outcomes),
                key=lambda outcome: outcome.event.crossed,
            )
        ),
        in_alarm=sum(_lasted(spell, judgement.since, judgement.until) for spell in spells),
        busiest=_busiest(began, others),
    )


def _spells(alarm: RaisedAlarm, severity: str | None, false: bool | None) -> Iterator[Spell]:  # noqa: FBT001
    """The times in which an alarm was severe enough."""
    least = 0 if severity is None else SEVERITIES.index(severity)
    steps = alarm.episode.severity
    began: int | None = None
    highest = ""
    for at, name in steps:
        if SEVERITIES.index(name) >= least:
            began = at if began is None else began
            highest = max(highest or name, name, key=SEVERITIES.index)
        elif began is not None:
            yield _spell(alarm, began, at, highest, false)
            began, highest = None, ""
    if began is not None:
        yield _spell(alarm, began, alarm.episode.ended, highest, false)


def _spell(
    alarm: RaisedAlarm,
    began: int,
    ended: int | None,
    severity: str,
    false: bool | None,  # noqa: FBT001
) -> Spell:
    return Spell(
        subject=alarm.episode.subject, began=began, ended=ended, severity=severity, false=false
    )


def _lasted(spell: Spell, since: int, until: int) -> int:
    ended = until if spell.ended is None else spell.ended
    return max(0, min(ended, until) - max(spell.began, since))


def _busiest(began: Sequence[int], others: Sequence[int]) -> int:
    """The most that began within ten minutes of which one is of this rule."""
    most, times = 0, sorted([*began, *others])
    mine = set(began)
    first = 0
    for last, at in enumerate(times):
        while at - times[first] >= _TEN:
            first += 1
        if any(time in mine for time in times[first : last + 1]):
            most = max(most, last - first + 1)
    return most
