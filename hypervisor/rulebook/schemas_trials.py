"""Response bodies of threshold trials."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from hypervisor.backtest.edits import Side, Tried
from hypervisor.backtest.worth import Spell, Worth
from hypervisor.base.instants import moment
from hypervisor.web.schemas import Body

_SECOND = 1_000_000


class SpellBody(BaseModel):
    """A time in alarm."""

    subject: str = Field(examples=["orge-mill"])
    began: datetime
    ended: datetime | None
    severity: str
    false: bool | None = Field(description="Without an event; null: unknown.")

    @classmethod
    def of(cls, spell: Spell) -> "SpellBody":
        return cls(
            subject=spell.subject,
            began=moment(spell.began),
            ended=None if spell.ended is None else moment(spell.ended),
            severity=spell.severity,
            false=spell.false,
        )


class OutcomeBody(BaseModel):
    """One event and its alarm."""

    event: str
    began: datetime
    ended: datetime
    peak: float | None = Field(description="Peak value in the threshold's unit.")
    hit: bool
    lead_s: float | None = Field(description="From the alarm to the event's beginning.")


class SideBody(BaseModel):
    """Alarms with one value of the threshold."""

    value: float | None
    beyond: float | None = Field(description="Share of the recorded time beyond it, 0 to 1.")
    spells: list[SpellBody]
    outcomes: list[OutcomeBody]
    hits: int
    misses: int
    false_alarms: int
    lead_s: float | None = Field(description="The median.")
    shortest_lead_s: float | None
    in_alarm_s: float
    busiest: int = Field(
        description="Maximum number of alarms of all rules that began within ten minutes."
    )

    @classmethod
    def of(cls, side: Side, tried: Tried) -> "SideBody":
        worth = side.worth
        return cls(
            value=side.value,
            beyond=side.beyond,
            spells=[SpellBody.of(spell) for spell in worth.spells],
            outcomes=_outcome_bodies(worth, tried),
            hits=worth.hits,
            misses=worth.misses,
            false_alarms=len(worth.false),
            lead_s=_seconds(worth.lead),
            shortest_lead_s=_seconds(worth.shortest),
            in_alarm_s=worth.in_alarm / _SECOND,
            busiest=worth.busiest,
        )


class PointBody(BaseModel):
    """The extreme of a bin."""

    time: datetime
    value: float | None


class TrialBody(Body):
    """A trial of a threshold compared with the current value; nothing is changed."""

    key: str = Field(examples=["orge-mill/alert"])
    unit: str
    rule: str = Field(description="The rule that was evaluated.", examples=["flood-level"])
    rules: list[str] = Field(description="All rules there that use the threshold.")
    severity: str | None = Field(description="An alarm counts from when it reached this severity.")
    since: datetime
    until: datetime
    today: SideBody | None = Field(description="Null: no threshold is in force.")
    tried: SideBody | None = Field(description="Null: no value given.")
    direction: str | None = Field(description="above or below: the alarm side of the threshold.")
    bin_s: float | None = Field(description="Length of a bin of the chart.")
    picture: list[PointBody]
    readings: int
    lasted_s: float

    @classmethod
    def of(cls, key: str, tried: Tried, mode: Literal["LIVE", "EXERCICE"]) -> "TrialBody":
        picture = tried.picture
        return cls(
            mode=mode,
            key=key,
            unit=tried.unit,
            rule=tried.rule.id,
            rules=list(tried.rules),
            severity=tried.severity,
            since=moment(tried.since),
            until=moment(tried.until),
            today=None if tried.today is None else SideBody.of(tried.today, tried),
            tried=None if tried.edit is None else SideBody.of(tried.edit, tried),
            direction=None if tried.compared is None else tried.compared.direction,
            bin_s=None if picture is None else picture.bin / _SECOND,
            picture=[
                PointBody(time=moment(at), value=value)
                for at, value in (picture.points if picture else ())
            ],
            readings=tried.rows,
            lasted_s=round(tried.lasted, 3),
        )


def _outcome_bodies(worth: Worth, tried: Tried) -> list[OutcomeBody]:
    return [
        OutcomeBody(
            event=outcome.event.name,
            began=moment(outcome.event.crossed),
            ended=moment(outcome.event.until),
            peak=tried.peaks.get(outcome.event.crossed),
            hit=outcome.alarm is not None,
            lead_s=_seconds(outcome.lead),
        )
        for outcome in worth.outcomes
    ]


def _seconds(span: float | None) -> float | None:
    return None if span is None else span / _SECOND
