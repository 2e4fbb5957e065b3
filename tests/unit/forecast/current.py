"""Current forecasts for tests, by hand."""

import math
from collections.abc import Mapping
from datetime import datetime

from hypervisor.forecast.queries_current import CurrentForecast

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_STEPS = (-3, -2, -1, 0, 1, 2, 3)


def quantiles(medians: Mapping[int, float | None], spread: float) -> list[float]:
    """By horizon (h), then by level: the 80 % range is the median ± twice `spread`."""
    return [
        math.nan if median is None else median + step * spread
        for median in medians.values()
        for step in _STEPS
    ]


def forecast(
    site: str,
    issued: datetime,
    medians: Mapping[int, float | None],
    *,
    value: float = 1.0,
    spread: float = 0.1,
) -> CurrentForecast:
    """A level's, of horizons in hours; 8 in 10 held an hour ahead, 6 later."""
    return CurrentForecast(
        site=1,
        name=site,
        quantity="level",
        open=True,
        coverage={"3600": 0.8, "7200": 0.6},
        issued=issued,
        value=value,
        horizons=[hour * 3600 for hour in medians],
        levels=list(LEVELS),
        quantiles=quantiles(medians, spread),
    )


def untold(site: str, *, model: bool) -> CurrentForecast:
    """A gauge that was tried, where no forecast is current."""
    return CurrentForecast(
        site=1,
        name=site,
        quantity="level",
        open=model,
        coverage={},
        issued=None,
        value=None,
        horizons=None,
        levels=None,
        quantiles=None,
    )
