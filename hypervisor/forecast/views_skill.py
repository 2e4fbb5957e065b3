"""How far forecasts can be trusted: of the territory, and of one gauge event by event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from hypervisor.access.context import RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import moment
from hypervisor.charts.words import quantity_label
from hypervisor.forecast import queries_skill
from hypervisor.forecast.events import Outcomes, Tally
from hypervisor.forecast.fit import PERSISTENCE, TREND
from hypervisor.forecast.queries_skill import Measured, Unfitted
from hypervisor.forecast.record import FORECAST
from hypervisor.forecast.skill import (
    CHOSEN,
    FloodEvent,
    GaugeResult,
    HorizonResult,
    MethodResult,
    result_from_json,
    skill,
)

Kind = Literal["all", "hit", "missed", "false", "floods"]
_USUAL = 3 * 3_600_000_000  # the horizon that gauges are compared at, where it is shown
_AROUND = timedelta(hours=12)  # of an event, on the station's chart
SIZE, MARGIN = 260, 36  # px of the reliability diagram


@dataclass(frozen=True, kw_only=True)
class Score:
    """A method at a horizon. `over_last` and `over_line`: how much less its errors are (0 to 1)."""

    method: str
    tally: Tally
    covered: float | None
    held: int
    floods: int
    over_last: float | None
    over_line: float | None

    @property
    def hits(self) -> int:
        return len(self.tally.leads)

    @property
    def missed(self) -> int:
        return self.tally.events - self.hits

    @property
    def warns(self) -> bool:
        return self.method != PERSISTENCE

    @property
    def lead(self) -> float | None:
        """The median, in seconds."""
        return None if self.tally.lead is None else self.tally.lead / 1e6


@dataclass(frozen=True, kw_only=True)
class HorizonScores:
    """A horizon, in seconds: what is issued, and both baselines. `why` None: it is shown.

    `caution`: that its warnings were often wrong.
    """

    seconds: int
    why: str | None
    caution: str | None
    method: str
    warns_from: float
    chosen: Score
    line: Score | None
    last: Score | None


@dataclass(frozen=True, kw_only=True)
class GaugeSkill:
    """A fit of a gauge. `result` None: another version wrote it, and it has to be fitted again."""

    fit: Measured
    label: str  # of the quantity
    result: GaugeResult | None
    horizons: Sequence[HorizonScores] = ()

    @property
    def shown(self) -> list[HorizonScores]:
        return [each for each in self.horizons if each.why is None]

    @property
    def usual(self) -> HorizonScores | None:
        """The one by which it is compared: three hours, else the longest that is shown."""
        choice = [each for each in self.shown if each.seconds * 1_000_000 <= _USUAL] or self.shown
        return choice[-1] if choice else None

    @property
    def why(self) -> str | None:
        """Why nothing is shown, or not the longest horizons."""
        if self.result is not None and self.result.refused is not None:
            return self.result.refused
        return next((each.why for each in reversed(self.horizons) if each.why), None)

    @property
    def address(self) -> str:
        return f"/forecasts/{self.fit.site}?quantity={self.fit.quantity}"


@dataclass(frozen=True, kw_only=True)
class Territory:
    """All gauges: those with a forecast, those without one, those never fitted; and together."""

    shown: Sequence[GaugeSkill]
    closed: Sequence[GaugeSkill]
    unfitted: Sequence[Unfitted]
    together: HorizonScores | None

    @property
    def gauges(self) -> int:
        return len(self.shown) + len(self.closed) + len(self.unfitted)


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """An event, or a false alarm (`peak` None), as it was warned of. Leads in s; None: missed.

    `judged`: False where the method had no forecast before it.
    """

    time: datetime
    level: str
    value: float
    peak: float | None = None
    peak_at: datetime | None = None
    judged: bool = True
    lead: float | None = None
    line_judged: bool = True
    line_lead: float | None = None

    @property
    def ends(self) -> datetime:
        """Until when the station's chart shows it."""
        return (self.peak_at or self.time) + _AROUND

    @property
    def begins(self) -> datetime:
        return self.time - _AROUND


@dataclass(frozen=True, kw_only=True)
class FloodRow:
    """How the range held in a flood."""

    begins: datetime
    ends: datetime
    forecasts: int
    inside: int
    held: bool


@dataclass(frozen=True, kw_only=True)
class Point:
    """Of the reliability diagram, in px and as shares."""

    x: float
    y: float
    radius: float
    chance: float
    came: float
    forecasts: int


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A gauge at one horizon, with everything that its numbers count."""

    gauge: GaugeSkill
    others: Sequence[GaugeSkill]
    horizon: HorizonScores | None
    events: Sequence[EventRow] = ()
    false: Sequence[EventRow] = ()
    floods: Sequence[FloodRow] = ()
    points: Sequence[Point] = ()


def build_territory(context: RequestContext) -> Territory:
    """All gauges that this reader sees."""
    now = context.now()
    gauges = [
        _build_gauge(context, fit) for fit in queries_skill.list_in_force(context.connection, now)
    ]
    shown = [gauge for gauge in gauges if gauge.shown]
    return Territory(
        shown=shown,
        closed=[gauge for gauge in gauges if not gauge.shown],
        unfitted=queries_skill.list_unfitted(context.connection, FORECAST, now),
        together=_together([gauge.usual for gauge in shown if gauge.usual]),
    )


def build_sheet(
    context: RequestContext, site: str, *, quantity: str, seconds: int | None
) -> Sheet | Unfitted:
    """A gauge; Unfitted: nothing was ever fitted to it.

    Raises NotFoundError: there is no such gauge here.
    """
    now, connection = context.now(), context.connection
    gauges = [
        _build_gauge(context, fit)
        for fit in queries_skill.list_in_force(connection, now, site=site)
    ]
    gauges.sort(key=lambda gauge: not gauge.shown)
    chosen = next((each for each in gauges if each.fit.quantity == quantity), None)
    chosen = chosen or next(iter(gauges), None)
    if chosen is None:
        unfitted = queries_skill.list_unfitted(connection, FORECAST, now, site=site)
        if not unfitted:
            raise NotFoundError("nothing that is forecast is measured at {name!r}", site)
        return unfitted[0]
    others = [gauge for gauge in gauges if gauge is not chosen]
    horizon = next((each for each in chosen.horizons if each.seconds == seconds), chosen.usual)
    horizon = horizon or next(iter(chosen.horizons), None)
    if horizon is None or chosen.result is None:
        return Sheet(gauge=chosen, others=others, horizon=None)
    result = next(
        each for each in chosen.result.horizons if each.horizon == horizon.seconds * 1_000_000
    )
    return _build_details(chosen, others, horizon, chosen.result, result)


def _build_gauge(context: RequestContext, fit: Measured) -> GaugeSkill:
    result = result_from_json(fit.result)
    quantity = context.catalogue.quantities.get(fit.quantity)
    horizons = [score_horizon(each) for each in result.horizons] if result else []
    return GaugeSkill(
        fit=fit,
        label=quantity_label(quantity, fit.quantity),
        result=result,
        horizons=[each for each in horizons if each is not None],
    )


def score_horizon(result: HorizonResult) -> HorizonScores | None:
    """What pages say of a horizon; None: what is issued was not tried."""
    chosen, line, last = (result.of(name) for name in (CHOSEN, TREND, PERSISTENCE))
    if chosen is None:
        return None
    return HorizonScores(
        seconds=result.horizon // 1_000_000,
        why=result.closed,
        caution=result.caution,
        method=result.choice,
        warns_from=result.warn,
        chosen=_score(chosen, line, last),
        line=None if line is None else _score(line, None, last),
        last=None if last is None else _score(last, None, None),
    )


def _score(result: MethodResult, line: MethodResult | None, last: MethodResult | None) -> Score:
    return Score(
        method=result.method,
        tally=result.tally,
        covered=result.covered["80"] if result.method == CHOSEN else None,
        held=sum(flood.held for flood in result.floods),
        floods=len(result.floods),
        over_last=skill(result, last, lambda each: each.rmse),
        over_line=skill(result, line, lambda each: each.rmse),
    )


def _together(horizons: Sequence[HorizonScores]) -> HorizonScores | None:
    """Gauges' warnings and floods added up; errors are in different units and are not."""
    if not horizons:
        return None

    def add(scores: Sequence[Score]) -> Score:
        return Score(
            method=scores[0].method,
            tally=sum((score.tally for score in scores), Tally()),
            covered=None,
            held=sum(score.held for score in scores),
            floods=sum(score.floods for score in scores),
            over_last=None,
            over_line=None,
        )

    lines = [each.line for each in horizons if each.line]
    return HorizonScores(
        seconds=max(each.seconds for each in horizons),
        why=None,
        caution=None,
        method="",
        warns_from=0.0,
        chosen=add([each.chosen for each in horizons]),
        line=add(lines) if lines else None,
        last=None,
    )


def _build_details(
    gauge: GaugeSkill,
    others: Sequence[GaugeSkill],
    horizon: HorizonScores,
    result: GaugeResult,
    at: HorizonResult,
) -> Sheet:
    chosen, line = at.of(CHOSEN), at.of(TREND)
    issued = chosen.outcomes if chosen else ()
    straight = line.outcomes if line else ()
    events = [_event_row(event, result, issued, straight) for event in result.events]
    false = [
        EventRow(time=moment(time), level=level.name, value=level.value)
        for level, outcome in zip(result.thresholds, issued, strict=True)
        for time in outcome.false
    ]
    return Sheet(
        gauge=gauge,
        others=others,
        horizon=horizon,
        events=sorted(events, key=lambda row: row.time, reverse=True),
        false=sorted(false, key=lambda row: row.time, reverse=True),
        floods=[
            FloodRow(
                begins=moment(flood.begins),
                ends=moment(flood.ends),
                forecasts=flood.forecasts,
                inside=flood.inside,
                held=flood.held,
            )
            for flood in reversed(chosen.floods if chosen else ())
        ],
        points=_draw_reliability(chosen) if chosen else (),
    )


def _event_row(
    event: FloodEvent,
    result: GaugeResult,
    issued: Sequence[Outcomes],
    straight: Sequence[Outcomes],
) -> EventRow:
    level = result.thresholds[event.threshold]
    judged, lead = _lead_of(event, issued)
    line_judged, line_lead = _lead_of(event, straight)
    return EventRow(
        time=moment(event.time),
        level=level.name,
        value=level.value,
        peak=event.peak,
        peak_at=moment(event.peak_at),
        judged=judged,
        lead=lead,
        line_judged=line_judged,
        line_lead=line_lead,
    )


def _lead_of(event: FloodEvent, outcomes: Sequence[Outcomes]) -> tuple[bool, float | None]:
    """Whether it was judged, and the lead in seconds."""
    if event.threshold >= len(outcomes):
        return False, None
    outcome = outcomes[event.threshold]
    if event.time not in outcome.events:
        return False, None
    lead = outcome.leads[outcome.events.index(event.time)]
    return True, None if lead is None else lead / 1e6


def _draw_reliability(result: MethodResult) -> list[Point]:
    """Chance to the right, how often it came upwards; larger where more forecasts count."""
    span = SIZE - 2 * MARGIN
    most = max((each.forecasts for each in result.reliability), default=1)
    return [
        Point(
            x=round(MARGIN + each.chance * span, 1),
            y=round(SIZE - MARGIN - each.came * span, 1),
            radius=round(3 + 5 * (each.forecasts / most) ** 0.5, 1),
            chance=each.chance,
            came=each.came,
            forecasts=each.forecasts,
        )
        for each in result.reliability
    ]
