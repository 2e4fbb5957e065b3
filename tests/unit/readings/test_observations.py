"""What a person may enter as a reading, and what is refused, at its bounds."""

from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.database.audit import ActError
from hypervisor.readings.corrections import ObservationRequest, check_observation
from sensors._quality import Quality
from tests.unit.registry.field import CATALOGUE, FIELD, built

RETIRED = datetime(2025, 3, 1, tzinfo=UTC)
REGISTRY = built(
    "sites: [{name: gif, devices: [{name: gauge, retired: 2025-03-01}]}]", registry=built(FIELD)
)
THEN = datetime(2025, 1, 1, tzinfo=UTC)


def entered(value: float = 2.0, unit: str = "m", **more: object) -> ObservationRequest:
    given = {"series": "gauge/level", "value": value, "unit": unit, "time": THEN}
    return ObservationRequest(**{**given, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_", "value"),
    [
        (entered(), 2.0),
        (entered(250, "cm"), 2.5),
        (entered(-1.0), -1.0),  # what the inventory has for this gauge
        (entered(4.0), 4.0),
        (entered(time=RETIRED - timedelta(microseconds=1)), 2.0),
        (entered(time=datetime(1800, 1, 1, tzinfo=UTC)), 2.0),
    ],
)
def test_what_is_stored(request_: ObservationRequest, value: float) -> None:
    seen = check_observation(REGISTRY, CATALOGUE, request_)
    assert (seen.value, seen.quality, seen.time) == (value, Quality.MANUAL, request_.time)
    assert (seen.series.device, seen.series.quantity) == ("gauge", "level")


@pytest.mark.parametrize("value", [-1.001, 4.001])
def test_what_is_out_of_range_is_stored_by_will_and_marked(value: float) -> None:
    with pytest.raises(ActError, match="is outside -1 … 4 m"):
        check_observation(REGISTRY, CATALOGUE, entered(value))
    seen = check_observation(REGISTRY, CATALOGUE, entered(value, force=True))
    assert seen.quality == Quality.MANUAL | Quality.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (entered(series="gauge"), "expected DEVICE/QUANTITY"),
        (entered(series="gauge/"), "expected DEVICE/QUANTITY"),
        (entered(series="gage/level"), "no device 'gage' in the inventory; did you mean 'gauge'"),
        (entered(series="gauge/levle"), "has no 'levle' in the inventory; did you mean 'level'"),
        (entered(unit="kg"), "gauge/level is in m"),
        (entered(1e308, "km", force=True), "is not a number of m"),
        (entered(float("nan"), force=True), "is not a number of m"),
        (entered(time=datetime(1799, 12, 31, 23, 59, tzinfo=UTC)), "outside the years 1800 to"),
        (entered(time=datetime(2200, 1, 1, tzinfo=UTC)), "outside the years 1800 to 2199"),
        (entered(time=RETIRED), "'gauge' was retired at 2025-03-01"),
    ],
)
def test_what_is_refused(request_: ObservationRequest, why: str) -> None:
    with pytest.raises(ActError) as refused:
        check_observation(REGISTRY, CATALOGUE, request_)
    assert why in str(refused.value)
