"""Backtests: when rules would have raised an alarm, and whether they were right."""

import time
from contextlib import nullcontext
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.exceptions import HTTPException
from pydantic import BaseModel, ConfigDict, Field

from hypervisor.access.context import Context
from hypervisor.backtest.events import parse_events
from hypervisor.backtest.formatting import format_answer
from hypervisor.backtest.model import BacktestError, Span
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.service import Question, backtest_stored
from hypervisor.base.instance import Banner
from hypervisor.base.instants import micros
from hypervisor.evaluation.rule_text import read_any
from hypervisor.readings.queries_columnar import FOLDER
from hypervisor.web.budget import TRIAL, costs
from hypervisor.web.problems import responses
from hypervisor.web.request import get_settings
from hypervisor.web.times import Instant
from sensors._errors import Message

router = APIRouter(prefix="/backtests", tags=["rules"])

_LONGEST = timedelta(days=800)
_SECONDS = 15.0  # of work at most
_RETENTION = timedelta(days=400)

_Text = Annotated[str, Field(max_length=200_000)]
_Names = Annotated[list[str], Field(max_length=2_000)]


class RuleTrialPost(BaseModel):
    """Tried as if always in force: a pack's text, thresholds by `site/name`."""

    model_config = ConfigDict(extra="forbid")

    pack: _Text | None = None
    domain: str = Field(default="", description="Of the pack.", examples=["flood"])
    thresholds: Annotated[dict[str, str], Field(max_length=2_000)] = Field(
        default_factory=dict, examples=[{"sarras/flow_attention": "60 m3/s"}]
    )

    def trial(self) -> Trial:
        if self.pack is not None and not self.domain:
            raise BacktestError("a pack needs its domain, such as flood")
        rules = () if self.pack is None else read_any(self.pack, domain=self.domain).rules
        return Trial(rules=tuple(rules), thresholds=dict(self.thresholds))


class BacktestPost(BaseModel):
    """What is evaluated; without `rules` and a pack, all rules in force."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    rules: _Names = Field(default_factory=list, examples=[["flood-level"]])
    trial: RuleTrialPost = Field(default_factory=RuleTrialPost)
    against: RuleTrialPost | None = None
    sites: _Names = Field(default_factory=list)
    since: Instant = Field(alias="from")
    until: Instant = Field(alias="to")
    events: _Text | None = Field(default=None, description="An events file: docs/backtest.md.")


class BacktestBody(BaseModel):
    """Alarms, load, scores, differences, as `hypervisor rules backtest --json` prints them."""

    mode: Banner
    result: dict[str, Any]


@router.post("", responses=responses(422, 429))
@costs(TRIAL)
def backtest(context: Context, request: Request, body: BacktestPost) -> BacktestBody:
    """Evaluate stored readings; nothing is written. One of an account at a time, a few seconds."""
    if not timedelta(0) < body.until - body.since <= _LONGEST:
        raise HTTPException(
            422, Message("from … to must be a span of at most {days} days", _LONGEST.days)
        )
    try:
        return BacktestBody(mode=context.mode, result=_result(context, request, body))
    except BacktestError as error:
        raise HTTPException(422, str(error)) from error


def _result(context: Context, request: Request, body: BacktestPost) -> dict[str, Any]:
    ends = time.monotonic() + _SECONDS

    def tick(done: int, of: int) -> None:
        if time.monotonic() > ends:
            raise BacktestError(
                "{seconds:g} s sufficed for {done} of {of} subjects only: choose fewer rules "
                "or sites or a shorter period, or use `hypervisor rules backtest`",
                _SECONDS,
                done,
                of,
            )

    question = Question(
        rules=body.rules,
        trial=body.trial.trial(),
        sites=body.sites,
        span=Span(since=micros(body.since), until=micros(body.until)),
        events=[] if body.events is None else parse_events(body.events, file="events"),
        against=None if body.against is None else body.against.trial(),
    )
    # Who sees only a part reads the tables: the columnar copy holds everything.
    everywhere = context.sees_everything
    context.connection.rollback()  # that asked the database, and a snapshot begins a transaction
    with context.owning() if everywhere else nullcontext(context.connection) as connection:
        answer = backtest_stored(
            connection,
            question,
            context.catalogue,
            retention=_RETENTION // timedelta(microseconds=1),
            tick=tick,
            folder=get_settings(request).data / FOLDER if everywhere else None,
        )
    return format_answer(answer)
