"""What people write and devices say, word for word: scenario files, faults, frames, recordings."""

import dataclasses
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensors._domain import catalogue
from simulators import _options
from simulators._device_table import DeviceTable, device_tables
from simulators._envelopes import SentFrames, chirpstack, the_things_stack
from simulators._field import Asset, Field, Group, Place, SimulatorError
from simulators._lorawan import layout_of, lorawan_messages
from simulators._plain_json import native_messages, senml_messages
from simulators._readings import as_read, saturated, ticks
from simulators._recordings import RecordingError, read
from simulators._scenarios import parse_scenario
from simulators._selection import resolve_events, select_names
from simulators._story import HOUR, SECOND, ScheduledEvent, Where
from simulators._yaml import ScenarioError, parse_hours

HEAD = "name: mine\ntitle: Mine\nbegins: 2024-10-08T00:00:00Z\nhours: 2 d\n"

# -- scenarios ----------------------------------------------------------------------------------


def test_a_story_of_four_lines_is_an_ordinary_day() -> None:
    assert dataclasses.asdict(parse_scenario(HEAD, "m.yaml")) == {
        "name": "mine",
        "title": "Mine",
        "begins": datetime(2024, 10, 8, tzinfo=UTC),
        "hours": 48,
        "title_fr": "",
        "description": "",
        "weather": {
            "storms": (),
            "fronts": (),
            "temperature": None,
            "amplitude": None,
            "cloud": 0.5,
            "wind": 3.0,
            "pressure": 1016.0,
            "dryness": 3.0,
            "wetness": 0.0,
            "river": 1.0,
            "season": 0.0,
        },
        "events": (),
        "faults": (),
        "truth": (),
        "injects": (),
        "quiet": False,
    }


NOBODY = {
    "names": (),
    "any": "",
    "count": 1,
    "share": None,
    "near": None,
    "within": 15.0,
    "pick": "",
}


def test_what_a_part_of_a_story_is_where_it_does_not_say() -> None:
    story = parse_scenario(
        HEAD
        + "quiet: true\n"
        + "weather: {fronts: [{at: 5}], storms:"
        + " [{at: 1, hours: 2, total: 3, lon: 2, lat: 48, spread: 9}]}\n"
        + "events: [{kind: door, from: 1, to: 2}]\n"
        + "truth: [{what: x, from: 1, to: 2}]\n"
        + "injects: [{kind: call, at: 1, title: x}]\n",
        "m.yaml",
    )
    told = dataclasses.asdict(story)
    assert told["quiet"] is True
    assert told["weather"]["storms"] == (
        {
            "at": 1,
            "hours": 2,
            "total": 3,
            "lon": 2,
            "lat": 48,
            "spread": 9,
            "gust": 0.0,
            "least": 0.0,
        },
    )
    assert told["weather"]["fronts"] == (
        {
            "at": 5,
            "heading": 90.0,
            "speed": 40.0,
            "rain": 5.0,
            "hours": 3.0,
            "drop": 4.0,
            "fall": 8.0,
            "wind": 5.0,
        },
    )
    assert told["events"] == (
        {"kind": "door", "at": 1, "until": 2, "where": NOBODY, "parameters": {}},
    )
    assert told["truth"] == (
        {
            "what": "x",
            "what_fr": "",
            "where": NOBODY,
            "at": 1,
            "until": 2,
            "alarms": (),
            "tolerance": None,
        },
    )
    texts = dict.fromkeys(
        ("title_fr", "text", "text_fr", "sender", "sender_fr", "expected", "expected_fr"), ""
    )
    assert told["injects"] == (
        {
            "kind": "call",
            "at": 1,
            "title": "x",
            "where": NOBODY,
            "quantity": "",
            "value": None,
            "hours": None,
            **texts,
        },
    )


def test_every_word_of_a_story_is_read() -> None:
    story = parse_scenario(
        HEAD
        + "title_fr: La mienne\ndescription: words\nquiet: FALSE\n"
        + "weather:\n  temperature: 3\n  amplitude: 4\n  cloud: 1\n  wind: 6\n  pressure: 990\n"
        + "  dryness: 2\n  wetness: 7\n  river: 2.5\n  season: 0.5\n"
        + "  fronts: [{at: 1 h, heading: 10, speed: 20, rain: 3, hours: 4, drop: -5, fall: 6,"
        + " wind: 7}]\n"
        + "events:\n  - kind: wear\n    from: -2 h\n    to: 90 min\n    lamps: 3\n    where:\n"
        + "      names: [a, b]\n      any: lamp\n      count: 3\n      share: 0\n"
        + "      near: [-180, 90]\n      within: 2\n      pick: x\n"
        + "truth:\n  - {what: w, what_fr: f, where: a, from: 1, to: 2, alarms: r, tolerance: 3 h}\n"
        + "injects:\n  - {kind: rumour, at: 1, title: t, title_fr: tf, text: x, text_fr: xf,"
        + " sender: s, sender_fr: sf, expected: e, expected_fr: ef}\n",
        "m.yaml",
    )
    told = dataclasses.asdict(story)
    assert (told["title_fr"], told["description"], told["quiet"]) == ("La mienne", "words", False)
    assert list(told["weather"].values())[2:] == [3, 4, 1, 6, 990, 2, 7, 2.5, 0.5]
    assert list(told["weather"]["fronts"][0].values()) == [1, 10, 20, 3, 4, -5, 6, 7]
    (event,) = told["events"]
    assert (event["at"], event["until"], event["parameters"]) == (-2, 1.5, {"lamps": 3})
    assert list(event["where"].values()) == [("a", "b"), "lamp", 3, 0, (-180, 90), 2, "x"]
    assert list(told["truth"][0].values()) == [
        *("w", "f", {**NOBODY, "names": ("a",)}, 1, 2, ("r",), 3)
    ]
    assert list(told["injects"][0].values())[:10] == [
        *("rumour", 1, "t", "tf", "x", "xf", "s", "sf", "e", "ef")
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "m.yaml:1: expected a scenario, a mapping; found a list"),
        (HEAD.replace("2 d", "0"), "m.yaml:1: hours: expected more than 0 and at most"),
        (HEAD.replace("2 d", "401 d"), "m.yaml:1: hours: expected more than 0 and at most"),
        (HEAD + "quiet: maybe\n", "m.yaml:5: `quiet`: expected true or false"),
        (HEAD + "title_fr: [x]\n", "m.yaml:5: expected `title_fr`; found a list"),
        (
            HEAD + "weather: {wind: x}\n",
            "m.yaml:5: `wind`: 'x' is not a number",
        ),
        (
            HEAD + "weather: {wind: 1e12}\n",
            "m.yaml:5: `wind`: expected a number between",
        ),
        (
            HEAD + "weather: {wind: -1e12}\n",
            "m.yaml:5: `wind`: expected a number between",
        ),
        (
            HEAD + "weather: {wind: nan}\n",
            "m.yaml:5: `wind`: expected a number between",
        ),
        (
            HEAD + "weather: {river: 0}\n",
            "m.yaml:5: `river`: expected a ",
        ),
        (
            HEAD + "weather: {cloud: -0.1}\n",
            "m.yaml:5: `cloud`: expected",
        ),
        (
            HEAD + "weather: {cloud: 1.1}\n",
            "m.yaml:5: `cloud`: expected",
        ),
        (
            HEAD + "events: [{kind: a, from: 1, to: 2, where: {any: b, count: 0}}]\n",
            "m.yaml:5: `count`: expected a whole number above 0",
        ),
        (
            HEAD + "events: [{kind: a, from: 1, to: 2, where: {any: b, count: 1.5}}]\n",
            "m.yaml:5: `count`: expected a whole number above 0",
        ),
        *(
            (
                HEAD + f"events: [{{kind: a, from: 1, to: 2, where: {{any: b, near: {near}}}}}]\n",
                "m.yaml:5: `near`: expected [lon, lat] in degrees, ",
            )
            for near in ("[1, 2, 3]", "[181, 0]", "[-181, 0]", "[0, 91]", "[0, -91]")
        ),
        (
            HEAD + "events: [{kind: a, from: 2, to: 2}]\n",
            "m.yaml:5: `events`: it ends before it begins",
        ),
        (HEAD + "events: [{from: 2, to: 2}]\n", "m.yaml:5: `events` needs 'kind'"),
        (
            HEAD + "injects: [{kind: reading, at: 1, title: x, where: a, quantity: level}]\n",
            "m.yaml:5: `injects`: a reading needs its quantity and its value",
        ),
        (
            HEAD + "injects: [{kind: reading, at: 1, title: x, where: a, value: 0}]\n",
            "m.yaml:5: `injects`: a reading needs its quantity and its value",
        ),
        (
            HEAD + "injects: [{kind: reading, at: 1, title: x, quantity: level, value: 0}]\n",
            "m.yaml:5: `injects`: a reading needs a where",
        ),
        (
            HEAD + "injects: [{kind: shout, at: 1, title: x}]\n",
            "m.yaml:5: `injects`: no inject is a 'shout'; expected one of reading",
        ),
        (HEAD + "a\tb: [\n", "m.yaml:5: this is not YAML: found character"),
    ],
)
def test_a_slip_is_told_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        parse_scenario(text, "m.yaml")
    assert re.sub(r"^(m.yaml:\d+):\d+:", r"\1:", str(raised.value)).startswith(sentence)


@pytest.mark.parametrize(
    ("word", "hours"),
    [
        *(("-90 min", -1.5), ("1.5 d", 36), ("36 s", 0.01), ("2 d 3 h 30 min", 51.5), (" 5 ", 5)),
        *(("- 5", -5), ("87840", 87_840), ("87841", None), ("3660 d", 87_840), ("3661 d", None)),
        *(("-", None), ("5 x", None), ("x 5 h", None), ("1.h", None), ("-87841", None)),
    ],
)
def test_lengths_of_time(word: str, hours: float | None) -> None:
    assert parse_hours(word) == (None if hours is None else pytest.approx(hours))


# -- the command line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "text", "sentence"),
    [
        (_options.parse_speed, "fast", "speed 'fast': expected a number such as 600, or max"),
        (_options.parse_speed, "0", "speed '0': expected a number above 0, or max"),
        (_options.parse_speed, "inf", "speed 'inf': expected a number above 0, or max"),
        (_options.parse_speed, "-1", "speed '-1': expected a number above 0, or max"),
        (
            _options.parse_duration,
            "6",
            "duration '6': expected a number and s, min, h or d, such as 6h",
        ),
        (_options.parse_duration, "3661d", "duration '3661d': expected at most ten years"),
        (
            _options.parse_instant,
            "soon",
            "instant 'soon': expected ISO 8601 such as 2022-01-10T06:00Z",
        ),
        (_options.parse_span, "x", "span 'x': expected FROM..TO, two instants"),
        (
            _options.parse_span,
            "2022-01-11..2022-01-10",
            "span '2022-01-11..2022-01-10': its end comes before its beginning",
        ),
        (
            _options.parse_fault,
            "stuck:a",
            "fault 'stuck:a': expected KIND:WHO:FROM..TO such as drop-out:orge-arpajon:30h..36h",
        ),
        (
            _options.parse_fault,
            "stcuk:a:1h..2h",
            "fault 'stcuk:a:1h..2h': no fault is called 'stcuk'; did you mean 'stuck'?",
        ),
        (
            _options.parse_fault,
            "zzz:a:1h..2h",
            (
                "fault 'zzz:a:1h..2h': no fault is called 'zzz'; expected one of actuator-failure,"
                " clock-skew, delay, drop-out, duplicate, failure, saturation, spike, stuck"
            ),
        ),
        (
            _options.parse_fault,
            "stuck:a:1h..1h",
            "fault 'stuck:a:1h..1h': '1h..1h' is no span such as 30h..36h",
        ),
        (
            _options.parse_fault,
            "stuck:a:1h..x",
            "fault 'stuck:a:1h..x': '1h..x' is no span such as 30h..36h",
        ),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(act: Any, text: str, sentence: str) -> None:
    with pytest.raises(_options.OptionError) as raised:
        act(text)
    assert str(raised.value) == sentence


def test_what_people_write_is_read() -> None:
    assert _options.parse_speed(" MAX ") is None
    assert _options.parse_speed("X2") == 2
    assert (_options.parse_duration(" 3660d "), _options.parse_duration("2.5min")) == (
        316_224_000,
        150,
    )
    same = _options.parse_span("2022-01-10..2022-01-10")
    assert same[0] == same[1] == 1_641_772_800_000_000
    found = _options.parse_fault("spike : lamp*2 : 1h..2h : by = 3, share=0.5")
    assert (found.kind, found.where.any, found.where.count) == ("spike", "lamp", 2)
    assert found.where.share is None
    assert found.parameters == {"by": "3", "share": "0.5"}


# -- who is picked ------------------------------------------------------------------------------


def lamp(name: str, km: float | None = 0.0) -> Place:
    lat = None if km is None else 48.0 + km / 111.2
    return Place(device=name, site=f"at-{name}", quantities={}, model="lamp", lon=2.0, lat=lat)


FIELD = Field(
    places=(lamp("c", 3.0), lamp("a", 1.0), lamp("b", 1.0), lamp("nowhere", None)),
    assets=(Asset(name="hall", kind="hall", gauge="g", level=1, lon=2.0 + 10 / 111.2, lat=60.0),),
    groups=(Group(name="row", kind="row", members=("a",)),),
)
HERE = (2.0, 48.0)


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (Where(any="lamp", near=HERE, count=9), ("a", "b", "c")),
        (Where(any="lamp", near=HERE), ("a",)),
        (Where(any="lamp", near=HERE, count=9, within=2.9), ("a", "b")),
        (Where(any="lamp", near=HERE, share=0.5), ("a", "b")),
        (Where(any="lamp", near=HERE, share=0.1), ()),
        (Where(any="hall", near=(2.0, 60.0), within=5.1), ("hall",)),
        (Where(any="hall", near=(2.0, 60.0), within=4.9), ()),
        (Where(any="row"), ("row",)),
        (Where(names=("row", "at-c"), any="hall"), ("row", "at-c", "hall")),
        (Where(names=("hall",)), ("hall",)),
    ],
)
def test_the_nearest_are_picked(where: Where, names: tuple[str, ...]) -> None:
    assert select_names(where, FIELD, 1) == names


def test_a_pick_is_the_same_wherever_it_is_spoken_of() -> None:
    every = {select_names(Where(any="lamp", pick=f"{n}"), FIELD, 1) for n in range(40)}
    assert every == {("a",), ("b",), ("c",), ("nowhere",)}
    four = select_names(Where(any="lamp", count=4, pick="x"), FIELD, 1)
    assert select_names(Where(any="lamp", count=2, pick="x"), FIELD, 1) == four[:2]
    assert sorted(four) == ["a", "b", "c", "nowhere"]
    with pytest.raises(SimulatorError) as raised:
        select_names(Where(names=("hull",)), FIELD, 1)
    assert str(raised.value) == (
        "no device, site, group or asset is called 'hull'; did you mean 'hall'?"
    )
    with pytest.raises(SimulatorError, match=r"is called 'zzzzzz'$"):
        select_names(Where(names=("zzzzzz",)), FIELD, 1)


def test_events_begin_in_order_and_find_somebody() -> None:
    def told(at: float, where: Where) -> ScheduledEvent:
        return ScheduledEvent(kind=f"k{at}", at=at, until=at + 1, where=where, parameters={"x": at})

    events = resolve_events(
        [told(3, Where()), told(1.5, Where(names=("a",))), told(2, Where(any="nobody"))],
        FIELD,
        7 * HOUR,
        1,
    )
    assert [(e.kind, e.begins, e.ends, e.where, e.parameters) for e in events] == [
        ("k1.5", int(8.5 * HOUR), int(9.5 * HOUR), frozenset({"a"}), {"x": 1.5}),
        ("k3", 10 * HOUR, 11 * HOUR, frozenset(), {"x": 3}),
    ]


# -- devices' words -----------------------------------------------------------------------------

NAN = float("nan")


def a_telling(**more: Any) -> DeviceTable:
    known: dict[str, Any] = {
        "device": "d",
        "times": np.array([0, 1_500_000]),
        "names": ("battery", "door", "level"),
        "units": ("%", "bool", "m"),
        "value": np.array([[80.0, 1.0, 1.2345], [NAN, 0.0, 2.0]]),
        "there": np.array([[True, True, True], [True, True, False]]),
        "status": None,
    }
    return DeviceTable(**(known | more))


def test_native_messages_word_for_word() -> None:
    words = np.array([["ok", "ok", "saturated"], ["FALLO", "ok", "odd"]], dtype=object)
    said = native_messages(a_telling(status=words), np.array([0, 2_500_000]), "t", {"level": "mm"})
    assert [json.loads(payload) for payload in said.payloads] == [
        {
            "time": "1970-01-01T00:00:00.000000Z",
            "values": {"battery": 80.0, "door": True, "level": 1234.5},
            "units": {"battery": "%", "level": "mm"},
            "status": {"level": "saturated"},
        },
        {
            "time": "1970-01-01T00:00:02.500000Z",
            "values": {"battery": None, "door": False},
            "units": {"battery": "%"},
            "status": {"battery": "FALLO"},
        },
    ]
    assert said.topic == "t"
    assert said.arrivals == [0, 1_500_000]
    assert said.of.tolist() == [0, 0, 0, 1, 1]
    assert said.times.tolist() == [0, 0, 0, 2_500_000, 2_500_000]
    assert said.quantities.tolist() == ["battery", "door", "level", "battery", "door"]
    assert said.units.tolist() == ["%", "bool", "m", "%", "bool"], "as it is stored"
    assert said.value[:3].tolist() == [80, 1, 1.2345]
    assert said.status.tolist() == ["ok", "ok", "saturated", "FALLO", "ok"]


def test_a_plain_device_speaks_in_its_own_units() -> None:
    said = native_messages(a_telling(), np.array([0, SECOND]), "t")
    assert json.loads(said.payloads[0]) == {
        "time": "1970-01-01T00:00:00Z",
        "values": {"battery": 80.0, "door": True, "level": 1.2345},
        "units": {"battery": "%", "level": "m"},
    }
    assert said.status.tolist() == ["ok"] * 5


def test_senml_packs_word_for_word() -> None:
    said = senml_messages(a_telling(), np.array([60_000_000, 61_500_000]), "t", "urn:x:")
    assert [json.loads(payload) for payload in said.payloads] == [
        [
            {"bn": "urn:x:", "bt": 60, "n": "battery", "u": "%EL", "v": 80.0},
            {"n": "door", "u": "bool", "v": 1.0},
            {"n": "level", "u": "m", "v": 1.2345},
        ],
        [{"bn": "urn:x:", "bt": 61.5, "n": "door", "u": "bool", "v": 0.0}],
    ]
    assert b'"bt":60,' in said.payloads[0]
    assert said.quantities.tolist() == ["battery", "door", "level", "door"]
    nothing = a_telling(value=np.full((2, 3), NAN))
    assert senml_messages(nothing, np.array([0, SECOND]), "t", "b").payloads == []


def test_what_a_device_knows_that_always_tells_all() -> None:
    value = np.array([[NAN, 5.0], [7.0, NAN], [NAN, NAN], [9.0, 6.0]])
    there = np.array([[False, True], [True, False], [False, False], [True, True]])
    telling = a_telling(
        names=("a", "b"), units=("1", "1"), times=np.arange(4), value=value, there=there
    )
    assert telling.filled("a", counted=False).tolist() == [7, 7, 7, 9]
    assert telling.filled("a", counted=True).tolist() == [0, 7, 0, 9]
    assert telling.filled("b", counted=False).tolist() == [5, 5, 5, 6]
    assert np.isnan(telling.filled("c", counted=False)).all()


def test_rows_become_a_table_a_device() -> None:
    frame = pd.DataFrame(
        [
            (2, "b", "level", "m", 3.0, "ok"),
            (1, "a", "rain", "mm", 1.0, "odd"),
            (2, "a", "level", "m", 2.0, "ok"),
            (1, "b", "level", "m", 4.0, "ok"),
        ],
        columns=["time", "device", "quantity", "unit", "value", "status"],
    )
    frame["time"] = pd.to_datetime(frame["time"], unit="us", utc=True).dt.as_unit("us")
    first, second = device_tables(frame)
    assert (first.device, first.names, first.units) == ("a", ("level", "rain"), ("m", "mm"))
    assert first.times.tolist() == [1, 2]
    assert first.there.tolist() == [[False, True], [True, False]]
    assert first.value[first.there].tolist() == [1, 2]
    assert first.status is not None
    assert first.status.tolist() == [["ok", "odd"], ["ok", "ok"]]
    assert (second.device, second.times.tolist(), second.value.tolist()) == (
        "b",
        [1, 2],
        [[4], [3]],
    )
    assert second.status is None


@pytest.mark.parametrize(
    ("name", "true", "saturates", "told"),
    [
        ("level", 1.23456, None, 1.235),
        ("level", 99.0, None, 15.0),
        ("level", 99.0, 8.0, 8.0),
        ("level", -99.0, 8.0, -5.0),
        ("wind_direction", 359.7, None, 360.0),
    ],
)
def test_a_reading_is_rounded_and_in_range(
    name: str, true: float, saturates: float | None, told: float
) -> None:
    quantity = catalogue().quantities[name]
    assert as_read(quantity, np.array([true]), saturates).tolist() == [told]


def test_a_scale_has_a_top() -> None:
    assert saturated(np.array([1.0]), None) is None
    words = saturated(np.array([7.9, 8.0, 9.0]), 8.0)
    assert words is not None
    assert words.tolist() == ["ok", "saturated", "saturated"]
    assert ticks(5, 5 + 3 * SECOND, 1.5).tolist() == [5, 5 + 1_500_000, 5 + 3_000_000]


# -- frames -------------------------------------------------------------------------------------

NODE = Place(
    device="Lamp_7",
    site="s",
    quantities={},
    model="tipping-bucket",
    gateway="lora",
    protocol="chirpstack",
    address="a1b2c3d4e5f60718",
)


def sent(count: int = 2, *, readable: bool = True, place: Place = NODE) -> SentFrames:
    return SentFrames(
        place=place,
        port=5,
        frames=[bytes([0, n % 256]) for n in range(count)],
        times=[f"2024-10-08T00:00:{n % 60:02}" for n in range(count)],
        readable=[{"rain_mm": n / 10} for n in range(count)] if readable else None,
        seed=1,
    )


def test_chirpstack_s_event() -> None:
    first, second = (json.loads(each) for each in chirpstack(sent()))
    assert first["time"] == "2024-10-08T00:00:00+00:00"
    assert (first["fPort"], first["data"], first["object"]) == (5, "AAA=", {"rain_mm": 0.0})
    assert (second["data"], second["object"]) == ("AAE=", {"rain_mm": 0.1})
    assert second["fCnt"] == first["fCnt"] + 1
    assert first["deviceInfo"]["devEui"] == "a1b2c3d4e5f60718"
    assert first["deviceInfo"]["deviceName"] == "Lamp_7"
    assert first["deviceInfo"]["deviceProfileName"] == "tipping-bucket"
    assert 0xE000_0000 <= int(first["devAddr"], 16) < 0xE100_0000
    (heard,) = first["rxInfo"]
    assert heard["gwTime"] == heard["nsTime"] == first["time"]
    assert heard["uplinkId"] == first["fCnt"] * 7 + 11
    assert heard["crcStatus"] == "CRC_OK"
    channels = {868_100_000: 0, 868_300_000: 1, 868_500_000: 2}
    assert channels[first["txInfo"]["frequency"]] == heard["channel"]
    assert first["txInfo"]["modulation"]["lora"]["bandwidth"] == 125_000
    assert first["dr"] + first["txInfo"]["modulation"]["lora"]["spreadingFactor"] == 12
    assert "object" not in json.loads(next(chirpstack(sent(readable=False))))


def test_the_things_stack_s_message() -> None:
    place = dataclasses.replace(NODE, protocol="the-things-stack")
    first, second = (json.loads(each) for each in the_things_stack(sent(place=place)))
    assert first["end_device_ids"]["device_id"] == "lamp-7"
    assert first["end_device_ids"]["dev_eui"] == "A1B2C3D4E5F60718"
    assert first["received_at"] == "2024-10-08T00:00:00Z"
    uplink = first["uplink_message"]
    assert (uplink["f_port"], uplink["frm_payload"]) == (5, "AAA=")
    assert uplink["decoded_payload"] == {"rain_mm": 0.0}
    assert uplink["received_at"] == "2024-10-08T00:00:00Z"
    assert second["uplink_message"]["f_cnt"] == uplink["f_cnt"] + 1
    (heard,) = uplink["rx_metadata"]
    assert heard["timestamp"] == uplink["f_cnt"] * 977 % 4_294_967_296
    assert heard["time"] == heard["received_at"] == "2024-10-08T00:00:00Z"
    assert heard["rssi"] == heard["channel_rssi"]
    assert uplink["settings"]["data_rate"]["lora"]["bandwidth"] == 125_000
    plain = json.loads(next(the_things_stack(sent(readable=False, place=place))))
    assert "decoded_payload" not in plain["uplink_message"]


def test_radio_is_as_far_devices_have_it() -> None:
    """Slower the farther; weaker by 11 dB a step, and less clear by 2.5."""
    heard: dict[int, list[tuple[float, float]]] = {}
    identities, frequencies = set(), set()
    for number in range(300):
        place = dataclasses.replace(NODE, device=f"n{number}")
        for event in map(json.loads, chirpstack(sent(4, place=place))):
            factor = event["txInfo"]["modulation"]["lora"]["spreadingFactor"]
            assert event["dr"] == 12 - factor
            (received,) = event["rxInfo"]
            heard.setdefault(factor, []).append((received["rssi"], received["snr"]))
            assert received["snr"] * 4 == int(received["snr"] * 4)
            assert 0 <= event["fCnt"] < 40_004
            frequencies.add(event["txInfo"]["frequency"])
            identities.add(event["deduplicationId"])
    assert set(heard) == {7, 8, 9, 10}
    assert frequencies == {868_100_000, 868_300_000, 868_500_000}
    assert len(identities) == 1_200
    assert all(each[14] == "4" and each[19] == "a" and len(each) == 36 for each in identities)
    counts = {factor: len(each) / 1_200 for factor, each in heard.items()}
    assert counts == pytest.approx({7: 0.71, 8: 0.2, 9: 0.06, 10: 0.025}, abs=0.06)
    rssi, snr = np.array(heard[7]).mean(axis=0)
    assert (rssi, snr) == (pytest.approx(-81, abs=1.5), pytest.approx(9.5, abs=0.3))
    assert np.array(heard[8]).mean(axis=0)[0] == pytest.approx(-92, abs=3)
    assert np.array(heard[8]).mean(axis=0)[1] == pytest.approx(7, abs=0.5)
    assert np.array(heard[7])[:, 1].std() == pytest.approx(1.5, abs=0.2)
    strengths = [json.loads(event)["rxInfo"][0]["rssi"] for event in chirpstack(sent(800))]
    assert np.std(strengths) == pytest.approx(3, abs=0.3), "of one device"
    assert np.array(heard[7])[:, 0].std() == pytest.approx(5.83, abs=0.6), "of all: 5 and 3"


def test_a_frame_arrives_when_the_network_had_it() -> None:
    """Each device has a phase of up to twenty seconds, each frame its own of up to 1.5."""
    lates = []
    for number in range(60):
        place = dataclasses.replace(NODE, device=f"n{number}", model="unheard-of")
        telling = a_telling(
            names=("level",),
            units=("m",),
            times=np.arange(20) * 60 * SECOND,
            value=np.arange(20.0)[:, None] / 3,
            there=np.ones((20, 1), dtype=bool),
        )
        layout = layout_of(telling, None, None)
        assert layout is not None
        said = lorawan_messages(telling, place, layout, 1, frozenset())
        late = (np.array(said.arrivals) - telling.times) / SECOND
        assert late.max() - late.min() < 1.5
        lates.append(late)
        assert said.topic == "gateways/lora/application/territory/device/a1b2c3d4e5f60718/event/up"
        assert said.value[:3].tolist() == [0, 0.333, 0.667]
        event = json.loads(said.payloads[1])
        assert event["object"] == {"level": 0.333}
        assert event["fPort"] == 1
        assert event["data"] == "AAABTQ=="  # 333
    spread = np.concatenate(lates)
    assert 0 <= spread.min() < 1.5
    assert 19 < spread.max() < 21.5


# -- recordings ---------------------------------------------------------------------------------


def written(folder: Path, text: str, name: str = "poyo-2024-10.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_both_layouts_word_for_word(tmp_path: Path) -> None:
    hubeau = (
        "code_station;grandeur_hydro;date_obs;resultat_obs;code_qualification_obs\n"
        " A ;H; 2024-01-01T01:00:00+01:00 ;1500;16\n"
        ";Q;2024-01-01T00:00:00Z;1;12\n"
        "A;Q;2024-01-01T00:00:00Z;;12\n"
        "B;Q;2024-01-01T00:00:00Z;2000; 12 \n"
    )
    recording = read(written(tmp_path, hubeau))
    assert recording.notes == ("1 rows without a station code left out (copies by site)",)
    told = recording.rows.drop(columns="time").astype(object)
    assert told.where(told.notna(), None).to_numpy().tolist() == [
        ["A", "level", "m", 1.5, "ok"],
        ["A", "discharge", "m3/s", None, "doubtful"],
        ["B", "discharge", "m3/s", 2.0, "doubtful"],
    ]
    assert set(recording.rows["time"]) == {pd.Timestamp("2024-01-01T00:00:00Z")}
    wide = (
        "time_utc,H_cm_V1,Q_ls,P_mm,H_in,X_m,status\n"
        "2024-01-01 00:00,150,2000,0.4,3,3, Ok \n"
        "2024-01-01 01:00,,,NA,,,\n"
        "2024-01-01 02:00,nan,null,,,, odd\n"
    )
    recording = read(written(tmp_path, wide))
    assert recording.notes == (
        "column H_in left out: no quantity of the catalogue",
        "column X_m left out: no quantity of the catalogue",
    )
    told = recording.rows.drop(columns="time").astype(object)
    assert told.where(told.notna(), None).to_numpy().tolist() == [
        ["V1", "level", "m", 1.5, "ok"],
        ["poyo", "discharge", "m3/s", 2.0, "ok"],
        ["poyo", "catchment_rain", "mm", 0.4, "ok"],
        ["V1", "level", "m", None, "odd"],
        ["poyo", "discharge", "m3/s", None, "odd"],
        ["poyo", "catchment_rain", "mm", None, "odd"],
    ]


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (
            "time_utc,Q_m3s\n2024-01-01,inf\n",
            {},
            ", line 2, column 'Q_m3s': 'inf'; expected a number such as 4.306, or nothing",
        ),
        (
            "time,Q_m3s\n2024-01-01T00:00:00Z,1\n2024-01-01T00:00:00,1\n",
            {},
            (
                ", line 3, column 'time': '2024-01-01T00:00:00'; expected an instant such as"
                " 2022-01-11T06:15:00Z, with its offset from UTC"
            ),
        ),
        (
            "time_utc,Q_m3s\nsoon,1\n",
            {},
            ", line 2, column 'time_utc': 'soon'; expected an instant such as 2022-01-11T06:15:00Z",
        ),
        (
            "time_utc,Q_m3s\n2024-01-01,1,2\n",
            {},
            ", line 2: 3 cells; the first line has 2 names",
        ),
        (
            "time_utc,Q_m3s\n2024-01-01,1\n",
            {"columns": ["z=level[m]"]},
            ", line 1: no column z; it has Q_m3s",
        ),
        (
            "time_utc,Q_m3s_A,Q_m3s_B\n2024-01-01,1,2\n",
            {"stations": ["B", "C", "D"]},
            " has no station C, D; it has A, B",
        ),
        (
            "code_station;grandeur_hydro;date_obs;resultat_obs\nA;H;2024-01-01T00:00:00Z;1\n",
            {"columns": ["z=level[m]"]},
            " has Hub'Eau's layout: its columns need no explanation",
        ),
    ],
)
def test_a_recording_that_cannot_be_read_says_where(
    tmp_path: Path, text: str, options: dict[str, Any], sentence: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RecordingError) as raised:
        read(path, **options)
    assert str(raised.value).startswith(f"{path}{sentence}")


def test_stations_and_spans_narrow_a_recording(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "time_utc,Q_m3s_A,Q_m3s_B\n2024-01-01T00:00,1,4\n2024-01-01T01:00,2,5\n"
        "2024-01-01T02:00,3,6\n",
    )
    assert read(path, stations=["B"]).rows["value"].tolist() == [4, 5, 6]
    one = datetime(2024, 1, 1, 1, tzinfo=UTC)
    assert read(path, stations=["B"], start=one).rows["value"].tolist() == [5, 6]
    assert read(path, stations=["A"], end=one).rows["value"].tolist() == [1, 2]
    assert read(path, stations=["A", "B"], start=one, end=one).rows["value"].tolist() == [2, 5]
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read(tmp_path / "gone.csv")
    with pytest.raises(RecordingError) as raised:
        read(path, columns=["oops"])
    assert str(raised.value).startswith("columns: 'oops' cannot be read; expected COLUMN=QUANTITY[")
