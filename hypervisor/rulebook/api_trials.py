"""Trials: a changed threshold evaluated on past readings; nothing is stored."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import HTTPException
from pydantic import BaseModel, Field

from hypervisor.access.context import Context
from hypervisor.backtest.edits import TrialResult
from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.trial_side import Side
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import moment, moment_if
from hypervisor.rulebook.service_trials import FIRST, YEAR, build_edit, run_trial
from hypervisor.web.budget import TRIAL, costs
from hypervisor.web.problems import responses
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant

router = APIRouter(prefix="/trials", tags=["thresholds"])
_SECOND = 1_000_000


class TrialSpellBody(BaseModel):
    """A time in alarm."""

    subject: str = Field(examples=["orge-mill"])
    began: datetime
    ended: datetime | None
    severity: str
    false: bool | None = Field(description="Without an event; null: unknown.")


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
    spells: list[TrialSpellBody]
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
    def of(cls, side: Side | None, tried: TrialResult) -> "SideBody | None":
        if side is None:
            return None
        return cls(
            value=side.value,
            beyond=side.beyond,
            spells=[
                TrialSpellBody(
                    **{**vars(spell), "began": moment(spell.began), "ended": moment_if(spell.ended)}
                )
                for spell in side.spells
            ],
            outcomes=[
                OutcomeBody(
                    event=outcome.event.name,
                    began=moment(outcome.event.crossed),
                    ended=moment(outcome.event.until),
                    peak=tried.peaks.get(outcome.event.crossed),
                    hit=outcome.alarm is not None,
                    lead_s=_seconds(outcome.lead),
                )
                for outcome in side.outcomes
            ],
            hits=side.hits,
            misses=side.misses,
            false_alarms=len(side.false),
            lead_s=_seconds(side.lead),
            shortest_lead_s=_seconds(side.shortest),
            in_alarm_s=side.in_alarm / _SECOND,
            busiest=side.busiest,
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
    begun: datetime | None = Field(
        description="Evaluated from then on, as the rule or a threshold that it needs was not in "
        "force before; null: in all of the period."
    )
    second_reading_s: float | None = Field(
        description="How long an alarm waits for the second reading, which `for` needs, "
        "if readings are rarer than twice that."
    )
    today: SideBody | None = Field(description="Null: no threshold is in force.")
    tried: SideBody | None = Field(description="Null: no value given.")
    direction: str | None = Field(description="above or below: the alarm side of the threshold.")
    bin_s: float | None = Field(description="Length of a bin of the chart.")
    picture: list[PointBody]
    readings: int
    lasted_s: float


@router.get("/{key:path}", responses=responses(404, 422, 429))
@costs(TRIAL)
def get_trial(  # noqa: PLR0913, PLR0917  a GET has no body
    context: Context,
    request: Request,
    key: str,
    value: Annotated[str | None, Query(max_length=40, examples=["1.78 m"])] = None,
    rule: Annotated[str | None, Query(max_length=200)] = None,
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Annotated[Instant | None, Query(alias="to")] = None,
) -> TrialBody:
    """Alarms of `<site>/<name>` over a period, with the current value and with `value`.

    Evaluated by the live engine on stored readings; the alarm log is not touched.
    """
    owner, _, name = key.rpartition("/")
    if not owner:
        raise NotFoundError(
            "{key!r} is no threshold; expected SITE/NAME or device/DEVICE/NAME", key
        )
    context.require(Duty.READ, subject=owner)
    ends = until or context.now()
    begins = since or max(ends, FIRST + YEAR) - YEAR
    try:
        edit = build_edit(owner, begins, ends, name=name, value=value, rule=rule)
        tried = run_trial(context, request, edit)
    except BacktestError as error:
        raise HTTPException(422, str(error)) from error
    strip = tried.picture
    return TrialBody(
        mode=context.mode,
        key=key,
        unit=tried.unit,
        rule=tried.rule.id,
        rules=list(tried.rules),
        severity=tried.severity,
        since=moment(tried.since),
        until=moment(tried.until),
        begun=moment_if(tried.begun),
        second_reading_s=_seconds(tried.second),
        today=SideBody.of(tried.today, tried),
        tried=SideBody.of(tried.edit, tried),
        direction=tried.compared.direction if tried.compared else None,
        bin_s=strip.bin / _SECOND if strip else None,
        picture=[
            PointBody(time=moment(at), value=reading)
            for at, reading in (strip.points if strip else ())
        ],
        readings=tried.rows,
        lasted_s=round(tried.lasted, 3),
    )


def _seconds(span: float | None) -> float | None:
    return None if span is None else span / _SECOND
