"""A written rule at all sites where it applies: which would have been in alarm, and how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.backtest.edits import SiteTrial
from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.trial_side import Side
from hypervisor.base.translation import translate as _
from hypervisor.readings import queries_latest
from hypervisor.rulebook.service_trials import YEAR, run_trial_everywhere
from hypervisor.rulebook.views_trial import SpanChoice, choose_key, format_span
from hypervisor.web.filters import NOTHING, duration, number
from hypervisor.web.refusals import refusal
from rules._errors import RuleError
from rules._rule import Rule

_SPANS = (("month", timedelta(days=30)), ("week", timedelta(days=7)))


@dataclass(frozen=True, kw_only=True)
class SiteRow:
    """One site as texts; `alarms`, `today`: how many."""

    site: str
    title: str
    today: str
    alarms: str
    time: str


@dataclass(frozen=True, kw_only=True)
class EverywhereView:
    """Rows, the longest in alarm first; `count`: sites where the rule applies, shown or not."""

    rows: Sequence[SiteRow]
    count: int
    alarming: int


def choose_recent_span(
    context: RequestContext, key: str
) -> tuple[Sequence[SpanChoice], SpanChoice]:
    """Periods up to now, and the one chosen: at first the shorter ones, as sites are many."""
    now = context.now()
    choices = [
        SpanChoice(key=name, label=duration(length), since=now - length, until=now)
        for name, length in _SPANS
    ]
    choices.append(SpanChoice(key="year", label=_("12 months"), since=now - YEAR, until=now))
    return choose_key(choices, key)


def try_out_everywhere(
    context: RequestContext, request: Request, rule: Rule, span: SpanChoice
) -> tuple[EverywhereView | None, str]:
    """A trial at all sites, or why it failed."""
    try:
        trials, count = run_trial_everywhere(context, request, rule, span.since, span.until)
    except (BacktestError, RuleError) as error:
        return None, refusal(error)
    titles = {row.name: row.title for row in queries_latest.list_sites(context.connection)}
    trials = sorted(trials, key=lambda trial: (-trial.edit.in_alarm, titles[trial.site]))
    return EverywhereView(
        rows=[_row(trial, titles[trial.site]) for trial in trials],
        count=count,
        alarming=sum(bool(trial.edit.spells) for trial in trials),
    ), ""


def _row(trial: SiteTrial, title: str) -> SiteRow:
    return SiteRow(
        site=trial.site,
        title=title,
        today=_count(trial.today),
        alarms=_count(trial.edit),
        time=format_span(trial.edit.in_alarm),
    )


def _count(side: Side | None) -> str:
    return NOTHING if side is None else number(len(side.spells))
