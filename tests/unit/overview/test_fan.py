"""A current forecast as the fan of a site's main chart."""

from datetime import UTC, datetime

from hypervisor.forecast.queries_current import CurrentForecast
from hypervisor.overview.views_fan import make_current_fan

AT = datetime(2024, 10, 10, 3, tzinfo=UTC)
START = AT.timestamp()


def forecast(**changes: object) -> CurrentForecast:
    fields: dict[str, object] = {
        "site": 1,
        "name": "bievre-igny",
        "quantity": "level",
        "open": True,
        "coverage": {},
        "issued": AT,
        "value": 0.9,
        "horizons": [3600, 7200],
        "levels": [0.1, 0.5, 0.9],
        "quantiles": [0.9, 1.0, 1.2, 0.95, 1.1, 1.6],
    }
    return CurrentForecast(**{**fields, **changes})  # type: ignore[arg-type]


def test_it_has_the_median_and_the_range_around_it() -> None:
    fan = make_current_fan(forecast(), START + 21_600)
    assert fan is not None
    assert list(fan.times) == [START, START + 3600, START + 7200]
    assert list(fan.median) == [0.9, 1.0, 1.1]
    assert [tuple(map(list, band)) for band in fan.bands] == [([0.9, 0.9, 0.95], [0.9, 1.2, 1.6])]


def test_it_ends_within_the_chart() -> None:
    fan = make_current_fan(forecast(), START + 5000)
    assert fan is not None
    assert list(fan.times) == [START, START + 3600]
    assert make_current_fan(forecast(), START + 60) is None


def test_without_a_current_forecast_there_is_no_fan() -> None:
    none = {"issued": None, "value": None, "horizons": None, "levels": None, "quantiles": None}
    assert make_current_fan(forecast(**none), START + 21_600) is None
    assert make_current_fan(None, START + 21_600) is None
    hidden = forecast(quantiles=[float("nan")] * 6)
    assert make_current_fan(hidden, START + 21_600) is None
