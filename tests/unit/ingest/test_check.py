"""Objects in, rows and refusals out: channels, units, ranges, status, times that are believed."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from ingest.check import Belief, check
from ingest.decode import LARGEST, decode
from ingest.layout import Layouts
from ingest.letters import letters
from ingest.library import Library
from ingest.message import UNSTAMPED, Arrival, Letter
from ingest.ports import Channel, Known
from ingest.route import Routes
from sensors._quality import Quality

NOW = datetime(2022, 1, 11, 6, 20, tzinfo=UTC)
MINUTE = 60_000_000
RECEIVED = round(NOW.timestamp() * 1e6)
BELIEF = Belief(ahead=5 * MINUTE, behind=400 * 24 * 60 * MINUTE)
DEVICES = {
    "gauge": {
        "level": Channel(series=1, unit="m", low=-5.0, high=15.0, saturates=8.0),
        "temperature": Channel(series=2, unit="Cel", low=-40.0, high=60.0),
        "door": Channel(series=3, unit="bool", low=0.0, high=1.0),
    },
    "old": {"level": Channel(series=4, unit="m", low=-5.0, high=15.0, retired=RECEIVED)},
}

ROUTES = Routes(Known(devices=DEVICES), Library())

Row = tuple[int, float, int]


def run(
    *objects: object, device: str = "gauge", received_at: int = RECEIVED
) -> tuple[list[Row], list[Letter]]:
    messages = [
        Arrival(
            topic=f"devices/{device}/readings",
            payload=json.dumps(each).encode(),
            received_at=received_at,
        )
        for each in objects
    ]
    rows, refused = check(decode(messages, ROUTES), Layouts(DEVICES), BELIEF)
    found = [(series, value, quality) for series, _, _, value, quality in rows.tolist()]
    return found, letters(refused, largest=LARGEST)


def said(**values: object) -> dict[str, object]:
    return {"time": NOW.isoformat(), "values": values}


def test_a_row_has_its_series_times_value_and_quality() -> None:
    message = Arrival(
        topic="devices/gauge/readings",
        payload=b'{"time":"2022-01-11T07:19:00.25+01:00","values":{"level":4.306}}',
        received_at=RECEIVED,
    )
    rows, refused = check(decode([message], ROUTES), Layouts(DEVICES), BELIEF)
    assert rows.tolist() == [(1, RECEIVED - MINUTE + 250_000, RECEIVED, 4.306, 0)]
    assert not refused


def test_units_are_converted_exactly() -> None:
    rows, _ = run(
        {**said(level=4306), "units": {"level": "mm"}},
        {**said(level=4.306), "units": {"level": "m"}},
        {**said(temperature=50), "units": {"temperature": "°F"}},
    )
    assert rows[0] == rows[1] == (1, 4.306, 0)
    assert rows[2][1] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("value", "status", "stored", "quality"),
    [
        (4.3, None, 4.3, Quality.GOOD),
        (4.3, "ok", 4.3, Quality.GOOD),
        (15.0, None, 15.0, Quality.SATURATED),
        (15.1, None, 15.1, Quality.OUT_OF_RANGE | Quality.SATURATED),
        (-5.1, None, -5.1, Quality.OUT_OF_RANGE),
        (8.0, None, 8.0, Quality.SATURATED),
        (4.3, "saturated", 4.3, Quality.SATURATED),
        (4.3, "doubtful", 4.3, Quality.DOUBTFUL),
        (4.3, "FALLO", 4.3, Quality.SENSOR_FAULT),
        (None, "FALLO", None, Quality.SENSOR_FAULT),
        (None, None, None, Quality.SENSOR_FAULT),
    ],
)
def test_quality(
    value: float | None, status: str | None, stored: float | None, quality: Quality
) -> None:
    body = said(level=value)
    if status is not None:
        body["status"] = {"level": status}
    ((_, found, flags),), refused = run(body)
    assert math.isnan(found) if stored is None else found == stored
    assert flags == quality
    assert not refused


def test_a_fault_without_a_value_is_a_reading() -> None:
    rows, refused = run({**said(temperature=7.5), "status": {"level": "FALLO", "door": "ok"}})
    assert [(series, quality) for series, _, quality in rows] == [(2, 0), (1, Quality.SENSOR_FAULT)]
    assert not refused


def test_true_and_false_are_one_and_zero() -> None:
    rows, _ = run(said(door=True), said(door=False))
    assert [value for _, value, _ in rows] == [1.0, 0.0]


def test_what_is_not_in_the_inventory_is_named() -> None:
    rows, refused = run(said(level=4.3, turbidity=7, ph=6))
    assert rows == [(1, 4.3, 0)]
    (letter,) = refused
    assert letter.reason == "unknown-quantity"
    assert "'turbidity'" in letter.detail
    assert "level, temperature, door" in letter.detail
    assert json.loads(letter.payload)["values"] == {"turbidity": 7, "ph": 6}


def test_an_unknown_device_keeps_its_message_as_it_was() -> None:
    rows, (letter,) = run(said(level=4.3), device="stranger")
    assert not rows
    assert letter.reason == "unknown-device"
    assert letter.payload == json.dumps(said(level=4.3)).encode()


@pytest.mark.parametrize("unit", ["kg", "furlongs/fortnight", "", "\x00"])
def test_an_unknown_unit_is_named(unit: str) -> None:
    rows, (letter,) = run({**said(level=4.3, temperature=3), "units": {"level": unit}})
    assert rows == [(2, 3.0, 0)]
    assert letter.reason == "unknown-unit"


def test_empty_values() -> None:
    _, (letter,) = run({"time": NOW.isoformat(), "values": {}})
    assert letter.reason == "no-values"


@pytest.mark.parametrize(
    ("minutes", "reason"),
    [(5, None), (5.1, "time-ahead"), (-399 * 1440, None), (-401 * 1440, "time-too-old")],
)
def test_times_that_cannot_be_believed(minutes: float, reason: str | None) -> None:
    moment = (NOW + timedelta(minutes=minutes)).isoformat()
    rows, refused = run(said(level=1), {"time": moment, "values": {"level": 2, "door": True}})
    assert len(rows) == (1 if reason else 3)
    assert [letter.reason for letter in refused] == ([reason] if reason else [])


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_time(moment: str) -> None:
    rows, refused = run({"time": moment, "values": {"level": 2}})
    assert not rows
    assert len(refused) == 1


def test_one_unbelieved_object_of_an_array_is_refused_alone() -> None:
    late = {"time": "2023-01-11T06:20:00Z", "values": {"level": 2}}
    rows, (letter,) = run([said(level=1), late, said(level=3)])
    assert [value for _, value, _ in rows] == [1.0, 3.0]
    assert json.loads(letter.payload) == late


def test_a_retired_device_may_still_send_what_it_measured_before() -> None:
    before = {"time": (NOW - timedelta(minutes=1)).isoformat(), "values": {"level": 1}}
    rows, (letter,) = run(before, said(level=2), device="old")
    assert rows == [(4, 1.0, 0)]
    assert letter.reason == "device-retired"


def test_in_an_exercise_a_message_without_a_stamp_is_refused() -> None:
    rows, (letter,) = run(said(level=1), received_at=UNSTAMPED)
    assert not rows
    assert letter.reason == "no-stamp"


def test_a_conversion_that_overflows_is_no_number() -> None:
    rows, _ = run({**said(level=1e308), "units": {"level": "km"}})
    assert math.isnan(rows[0][1])
    assert rows[0][2] & Quality.OUT_OF_RANGE
