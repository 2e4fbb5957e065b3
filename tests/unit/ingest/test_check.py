"""Objects in, rows and refusals out: channels, units, ranges, status, times that are believed."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from ingest.check import TimeTolerance, check, count_clock_faults
from ingest.decode import LARGEST, decode
from ingest.layout import Layouts
from ingest.letters import make_dead_letters
from ingest.library import Library
from ingest.message import UNSTAMPED, Arrival, NewDeadLetter
from ingest.ports import Channel, Inventory
from ingest.route import Routes
from sensors._quality import Quality
from sensors._units import converter

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2022, 1, 11, 6, 20, tzinfo=UTC)
MINUTE = 60_000_000
RECEIVED = round(NOW.timestamp() * 1e6)
BELIEF = TimeTolerance(ahead=5 * MINUTE, behind=400 * 24 * 60 * MINUTE)
DEVICES = {
    "gauge": {
        "level": Channel(series=1, unit="m", low=-5.0, high=15.0, saturates=8.0),
        "temperature": Channel(series=2, unit="Cel", low=-40.0, high=60.0),
        "door": Channel(series=3, unit="bool", low=0.0, high=1.0),
    },
    "old": {"level": Channel(series=4, unit="m", low=-5.0, high=15.0, retired=RECEIVED)},
}

ROUTES = Routes(Inventory(devices=DEVICES), Library())

Row = tuple[int, float, int]


def run(
    *objects: object, device: str = "gauge", received_at: int = RECEIVED
) -> tuple[list[Row], list[NewDeadLetter]]:
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
    return found, make_dead_letters(refused, largest=LARGEST)


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


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        ({"values": {"level": 1e308}, "units": {"level": "km"}}, "not-finite", "larger than"),
        ({"values": {"level": -1e308}, "units": {"level": "km"}}, "not-finite", "larger than"),
        ({"values": {"level": True}}, "bad-value", "'level' is true: expected a number"),
        ({"values": {"level": False}, "units": {"level": "mm"}}, "bad-value", "is false"),
    ],
)
def test_what_is_no_number_of_the_quantity(
    body: dict[str, object], reason: str, words: str
) -> None:
    rows, (letter,) = run({"time": NOW.isoformat(), **body})
    assert not rows
    assert (letter.reason, words in letter.detail) == (reason, True), letter.detail
    values = {**body["values"], "door": True}  # type: ignore[dict-item]
    rows, (letter,) = run({"time": NOW.isoformat(), **body, "values": values})
    assert rows == [(3, 1.0, 0)], "what is good beside it is stored"
    assert json.loads(letter.payload) == {"time": NOW.isoformat().replace("+00:00", "Z"), **body}
    rows, (letter,) = run([{"time": NOW.isoformat(), **body}, said(level=2), said(level=3)])
    assert [value for _, value, _ in rows] == [2.0, 3.0]
    assert json.loads(letter.payload)["values"] == body["values"]


LEVEL = {"time": NOW.isoformat(), "values": {"level": 4.0}}


@pytest.mark.parametrize(
    "slip",
    [
        {"status": {"levle": "FALLO"}},
        {"status": {"levle": "ok"}},
        {"status": {"Level": "FALLO"}},
        {"status": {"level ": "doubtful"}},
        {"status": {"level": "ok", "turbidity": "FALLO"}},
        {"units": {"levle": "mm"}},
        {"units": {"": "mm"}},
        {"units": {"level": "m", "lvl": "mm"}},
        {"units": {"temperatur": "Cel"}, "status": {"level": "ok"}},
    ],
)
def test_a_name_of_nobody_refuses_its_object(slip: dict[str, dict[str, str]]) -> None:
    """4 mm must not become 4 m, nor a drowned gauge's value a good one."""
    rows, (letter,) = run({**LEVEL, **slip})
    assert not rows
    assert letter.reason == "unknown-quantity"
    assert letter.payload == json.dumps({**LEVEL, **slip}).encode()
    rows, (letter,) = run([LEVEL, {**LEVEL, **slip}])
    assert rows == [(1, 4.0, 0)], "the other object of the array is good"
    assert json.loads(letter.payload).keys() == {*LEVEL, *slip}
    for part, said_of_it in slip.items():
        assert json.loads(letter.payload)[part] == said_of_it
    # what is refused beside it takes nothing away from what is refused here
    mixed = {**LEVEL, **slip, "values": {"level": 4.0, "door": "open"}}
    rows, found = run(mixed)
    assert not rows
    by_reason = {letter.reason: json.loads(letter.payload) for letter in found}
    assert by_reason["bad-value"]["values"] == {"door": "open"}
    assert by_reason["unknown-quantity"]["values"] == {"level": 4.0}
    for part, said_of_it in slip.items():
        assert by_reason["unknown-quantity"][part] == said_of_it


def test_names_of_the_device_without_a_value_are_no_slip() -> None:
    rows, refused = run(
        {**LEVEL, "units": {"level": "m", "temperature": "Cel"}, "status": {"door": "ok"}},
        {**LEVEL, "values": {"level": 4, "ph": 7}, "status": {"ph": "ok"}, "units": {"ph": "1"}},
    )
    assert rows == [(1, 4.0, 0), (1, 4.0, 0)]
    (letter,) = refused
    assert letter.reason == "unknown-quantity"
    assert json.loads(letter.payload)["values"] == {"ph": 7}


def test_old_and_hasty_clocks_are_counted_once_a_message() -> None:
    known = {
        "gauge": {**DEVICES["gauge"], "clock_fault": Channel(series=9, unit="1", low=0, high=1)}
    }
    routes, layouts = Routes(Inventory(devices=known), Library()), Layouts(known)
    bodies = [
        [{**LEVEL, "time": "2019-01-01T00:00:00Z"}] * 3,
        {**LEVEL, "time": "2022-01-11T07:20:00Z"},
        {**LEVEL, "time": "9999-12-31T00:00:00Z"},
        {**LEVEL, "time": "0001-01-01T00:00:00Z"},
        {**LEVEL, "values": {"ph": 7}},
    ]
    messages = [
        Arrival("devices/gauge/readings", json.dumps(body).encode(), RECEIVED + number)
        for number, body in enumerate(bodies)
    ]
    messages.append(Arrival("devices/gauge/readings", json.dumps(LEVEL).encode(), UNSTAMPED))
    rows, refused = check(decode(messages, routes), layouts, BELIEF)
    assert not len(rows)
    found = count_clock_faults(refused, layouts).tolist()
    assert sorted(found) == [
        (9, RECEIVED + number, RECEIVED + number, 1.0, 0) for number in range(4)
    ]


@pytest.mark.parametrize("year", [1, 1799, 2200, 9999])
def test_no_belief_reaches_beyond_the_years(year: int) -> None:
    """In an exercise the arrival is what a stamp says, and what follows computes with times."""
    body = json.dumps({**LEVEL, "time": f"{year:04}-12-31T12:00:00Z"}).encode()
    at = datetime(year, 12, 31, 12, tzinfo=UTC)
    arrival = Arrival("devices/gauge/readings", body, (at - EPOCH) // timedelta(microseconds=1))
    rows, (letter,) = check(decode([arrival], ROUTES), Layouts(DEVICES), BELIEF)
    assert not len(rows)
    assert letter.reason == ("time-too-old" if year < 1800 else "time-ahead")
    assert str(year) in letter.detail


def test_what_devices_make_up_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.layout._MOST", 100)
    layouts = Layouts(DEVICES)
    for number in range(300):
        names = {"level": 4000.0, f"made-up-{number}": 1}
        payload = json.dumps({"time": NOW.isoformat(), "values": names}).encode()
        arrival = Arrival("devices/gauge/readings", payload, RECEIVED)
        check(decode([arrival], ROUTES), layouts, BELIEF)
        spelled = {"values": {"level": 4.0}, "units": {"level": " " * (number % 19) + "m"}}
        payload = json.dumps({"time": NOW.isoformat(), **spelled}).encode()
        arrival = Arrival("devices/gauge/readings", payload, RECEIVED)
        rows, _ = check(decode([arrival], ROUTES), layouts, BELIEF)
        assert rows["value"].tolist() == [4.0]
        assert layouts.remembered <= 104
    layouts.forget()
    for order in (("level", "door"), ("door", "level")):
        body = {"time": NOW.isoformat(), "values": dict.fromkeys(order, 1)}
        arrival = Arrival("devices/gauge/readings", json.dumps(body).encode(), RECEIVED)
        check(decode([arrival], ROUTES), layouts, BELIEF)
    assert layouts.remembered == 2 + 4 + 2  # layouts, their values, columns


@pytest.mark.parametrize("spelling", ["m{}", "banana{}"])
def test_a_series_has_twenty_units_beside_its_own_and_each_is_computed_once(
    spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million bytes of made-up units took seconds: a device could keep all others waiting."""
    computed: list[str] = []

    def convert(unit: str, to: str) -> object:
        computed.append(unit)
        return converter(unit, to)

    monkeypatch.setattr("ingest.layout.converter", convert)
    body = [
        {**LEVEL, "units": {"level": spelling.format(" " * (1 + number))}}
        for _ in range(3)
        for number in range(25)
    ]
    rows, (letter,) = run([*body, LEVEL])
    assert len(computed) == 20
    known = 20 if spelling == "m{}" else 0
    assert rows == [(1, 4.0, 0)] * (3 * known + 1)
    assert letter.reason == "unknown-unit"
    assert len(json.loads(letter.payload)) == 75 - 3 * known


def test_an_object_of_very_many_values_is_refused_whole() -> None:
    many = {f"q{number}": 1 for number in range(999)}
    rows, (letter,) = run({**LEVEL, "values": {"level": 4, **many}})
    assert rows == [(1, 4.0, 0)]
    assert letter.reason == "unknown-quantity"
    rows, (letter,) = run([{**LEVEL, "values": {"level": 4, "x": 1, **many}}, LEVEL])
    assert rows == [(1, 4.0, 0)]
    assert (letter.reason, "1001 values" in letter.detail) == ("too-large", True)
    assert len(json.loads(letter.payload)["values"]) == 1001


def test_every_reading_of_a_batch_keeps_its_own() -> None:
    """Values, units, faults, times and arrivals of many objects, each where it belongs."""
    bodies = [
        {"values": {"level": 1000, "temperature": 5}, "units": {"level": "mm"}},
        {"values": {"temperature": 280}, "units": {"temperature": "K"}, "status": {"door": "F"}},
        {"values": {"level": 2}, "status": {"level": "doubtful"}},
        {
            "values": {"temperature": 50, "level": 300, "door": True},
            "units": {"level": "cm", "temperature": "°F"},
            "status": {"temperature": "saturated"},
        },
        {"values": {"level": 0.004, "door": False}, "units": {"level": "km"}},
    ]
    arrivals = [
        Arrival(
            "devices/gauge/readings",
            json.dumps({"time": f"2022-01-11T06:1{number}:00.5Z", **body}).encode(),
            RECEIVED + number,
        )
        for number, body in enumerate(bodies)
    ]
    rows, refused = check(decode(arrivals, ROUTES), Layouts(DEVICES), BELIEF)
    assert not refused
    minutes = (rows["time"] - (RECEIVED - 10 * MINUTE)) / MINUTE - 0.5 / 60
    found = [
        (series, int(minute), received - RECEIVED, None if math.isnan(value) else value, quality)
        for (series, _, received, value, quality), minute in zip(
            rows.tolist(), minutes.round().tolist(), strict=True
        )
    ]
    assert found == [
        (1, 0, 0, 1.0, 0),
        (2, 0, 0, 5.0, 0),
        (2, 1, 1, pytest.approx(6.85), 0),
        (3, 1, 1, None, Quality.SENSOR_FAULT),
        (1, 2, 2, 2.0, Quality.DOUBTFUL),
        (2, 3, 3, pytest.approx(10.0), Quality.SATURATED),
        (1, 3, 3, 3.0, 0),
        (3, 3, 3, 1.0, 0),
        (1, 4, 4, 4.0, 0),
        (3, 4, 4, 0.0, 0),
    ]


@pytest.mark.parametrize(
    ("microseconds", "reason"),
    [
        (BELIEF.ahead, None),
        (BELIEF.ahead + 1, "time-ahead"),
        (-BELIEF.behind, None),
        (-BELIEF.behind - 1, "time-too-old"),
    ],
)
def test_the_bounds_of_belief(microseconds: int, reason: str | None) -> None:
    time = (NOW + timedelta(microseconds=microseconds)).isoformat()
    rows, refused = run({"time": time, "values": {"level": 1}})
    assert (len(rows), [letter.reason for letter in refused]) == (
        (0, [reason]) if reason else (1, [])
    )
