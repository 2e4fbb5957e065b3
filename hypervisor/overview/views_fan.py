"""A forecast as a fan for a chart."""

from dataclasses import replace
from datetime import datetime

from hypervisor.base.translation import translate as _
from hypervisor.charts.model import Fan
from hypervisor.forecast.queries_current import CurrentForecast, Quantiles


def make_fan(issued: datetime, value: float, by_horizon: Quantiles) -> Fan:
    """The median and the ranges between opposite quantiles, from the value at the issue time."""
    start = issued.timestamp()
    rows = [
        (start + horizon, [row[level] for level in sorted(row)])
        for horizon, row in by_horizon.items()
        if None not in row.values()
    ]
    columns = list(zip(*(row for _at, row in rows), strict=True))
    middle = len(columns) // 2

    def line(place: int) -> list[float]:
        return [value, *(each for each in columns[place] if each is not None)]

    return Fan(
        times=[start, *(at for at, _row in rows)],
        median=line(middle) if columns else [value],
        bands=[(line(place), line(-1 - place)) for place in range(middle)],
    )


def make_current_fan(forecast: CurrentForecast | None, last: float) -> Fan | None:
    """Up to `last` (s since the epoch); None: no forecast is current, or none ends before it."""
    if forecast is None or forecast.issued is None or forecast.value is None:
        return None
    start = forecast.issued.timestamp()
    within = {
        horizon: row for horizon, row in forecast.by_horizon.items() if start + horizon <= last
    }
    fan = make_fan(forecast.issued, forecast.value, within)
    return replace(fan, note=_("experimental forecast")) if len(fan.times) > 1 else None
