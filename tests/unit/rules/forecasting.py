"""A small model and small series for tests of forecasts: minutes, a level, a gauge upstream."""

from collections.abc import Sequence

import numpy as np

from rules._forecast import (
    ForecastModel,
    InputSeries,
    Linear,
    Spread,
    Step,
    Tier,
    Trend,
    Use,
)
from rules._forecast_parts import Feature
from rules._inputs import SeriesColumns, Steps
from sensors._quantity import Kind, Reporting

MINUTE = 60_000_000
HOUR = 60 * MINUTE
OWN = InputSeries(site="mill", quantity="level")
ABOVE = InputSeries(site="bridge", quantity="level")


def series(
    values: Sequence[float],
    *,
    every: int = 15 * MINUTE,
    start: int = 0,
    breaks: Sequence[int] = (),
) -> SeriesColumns:
    """Good readings from `start` on."""
    number = len(values)
    return SeriesColumns(
        time=start + np.arange(number, dtype=np.int64) * every,
        value=np.array(values, dtype=np.float64),
        quality=np.zeros(number, dtype=np.int16),
        received_at=start + np.arange(number, dtype=np.int64) * every,
        device="gauge",
        kind=Kind.GAUGE,
        reporting=Reporting.PERIODIC,
        nonnegative=False,
        interval=Steps.of([(0, every)]),
        stale_after=Steps.of([(0, 3 * every)]),
        breaks=np.array(breaks, dtype=np.int64),
    )


def spread(half: float = 0.1) -> Spread:
    """Errors of a constant width: the 80 % range is ± 2 `half`, whatever the regime."""
    offsets = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    return Spread(
        weights=(half, 0.0, 0.0, 0.0), offsets=(offsets,) * 3, rise=1e9, high=1e9, base=0.0
    )


def small_model() -> ForecastModel:
    """One and two hours; the gauge upstream adds what it rose in an hour; without it the line."""
    upstream = Linear(intercept=0.0, coefficients=(1.0,), low=-9.0, high=9.0)
    return ForecastModel(
        site=OWN.site,
        quantity=OWN.quantity,
        unit="m",
        horizons=(HOUR, 2 * HOUR),
        inputs=(OWN, ABOVE),
        uses=(Use(hold=HOUR), Use(hold=HOUR)),
        memory=4 * HOUR,
        trend=Trend(span=3 * HOUR, samples=13),
        span=HOUR,
        tiers=(
            Tier(
                name="upstream",
                inputs=(0, 1),
                features=(Feature(input=1, kind="change", until=0, since=HOUR),),
                steps=(
                    Step(method="ridge", linear=upstream, linear_weight=1.0, spread=spread()),
                    Step(method="ridge", linear=upstream, linear_weight=1.0, spread=spread(0.2)),
                ),
            ),
            Tier(
                name="own",
                inputs=(0,),
                features=(),
                steps=(
                    Step(method="trend", trend=1.0, spread=spread()),
                    Step(method="trend", trend=1.0, spread=spread(0.2)),
                ),
            ),
        ),
    )
