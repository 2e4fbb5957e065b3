"""Messages in, objects and refusals out: each kind of fault has its reason, and says what it is."""

import json
from datetime import datetime

import pytest

from ingest.decode import LARGEST, decode
from ingest.letters import make_dead_letters
from ingest.library import Library
from ingest.message import Arrival, NewDeadLetter
from ingest.ports import Inventory
from ingest.route import Routes

TIME = "2022-01-11T06:15:00Z"
ROUTES = Routes(Inventory(devices={}), Library())
TOPICS = (
    "devices/gauge/readings",
    "devices/gauge/senml",
    "gateways/lora/devices/a/readings",
    "gateways/lora/senml",
    "gateways/lora/application/7/device/a/event/up",
    "gateways/lora/v3/app/devices/a/up",
    "gateways/lora/nonsense",
)
GOOD = {"time": TIME, "values": {"level": 4.306}}


def arrival(payload: bytes | object) -> Arrival:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Arrival(topic="devices/gauge/readings", payload=raw, received_at=0)


def refused(payload: bytes | object) -> list[NewDeadLetter]:
    return make_dead_letters(decode([arrival(payload)], ROUTES).refused, largest=LARGEST)


def twice(*fields: str) -> bytes:
    """An object written by hand: `json` would not say a thing twice."""
    return ("{" + ",".join((f'"time":"{TIME}"', *fields)) + "}").encode()


SHAPE = "wrong-shape"
FAULTS: list[tuple[bytes | object, str, str]] = [
    (b"", "empty", "empty"),
    (b"\xff\xfe", "not-utf8", "byte 0"),
    (b'{"time": "' + b"\xc3" + b'"}', "not-utf8", "byte 10"),
    (b"hello", "not-json", "expected {"),
    (b"{", "not-json", "expected {"),
    (b"[" * 100_000, "too-deep", "nested"),
    (b" " * (LARGEST + 1), "too-large", "at most"),
    (b"null", "wrong-shape", "got null"),
    (12, "wrong-shape", "got a number"),
    ("text", "wrong-shape", "got a text"),
    ([], "no-values", "the array is empty"),
    ({"values": {"level": 1}}, "no-time", "'time'"),
    ({"time": TIME}, "wrong-shape", "'values'"),
    ({"time": TIME, "values": [1]}, "wrong-shape", "got an array"),
    ({**GOOD, "unit": {"level": "m"}}, "wrong-shape", "unknown field 'unit'"),
    ({**GOOD, "units": {"level": 3}}, "wrong-shape", "'units'"),
    ({**GOOD, "status": "ok"}, "wrong-shape", "'status'"),
    ({**GOOD, "time": "2022-01-11T06:15:00"}, "bad-time", "offset"),
    ({**GOOD, "time": "11/01/2022 06:15"}, "bad-time", "2022-01-11T06:15:00Z"),
    ({**GOOD, "time": 1641881700}, "bad-time", "1641881700"),
    ({**GOOD, "time": "2022-02-30T00:00:00Z"}, "bad-time", "2022-02-30"),
    ({"time": TIME, "values": {"level": "4.3"}}, "bad-value", "'level'"),
    ({"time": TIME, "values": {"level": [4.3]}}, "bad-value", "'level'"),
    ({"time": TIME, "values": {"level": float("nan")}}, "not-finite", "'level'"),
    (b'{"time":"2022-01-11T06:15:00Z","values":{"level":1e999}}', "not-finite", "'level'"),
    ({**GOOD, "time": "2022-01-11T06:15:60Z"}, "bad-time", "leap second"),
    ({**GOOD, "time": "2022-01-11T23:59:60-01:00"}, "bad-time", "leap second"),
    ({**GOOD, "time": "2022-01-11T23:59:61Z"}, "bad-time", "23:59:61"),
    ({**GOOD, "time": "9999-12-31T23:59:60Z"}, "bad-time", "end of time"),
    ({**GOOD, "time": "0000-01-01T00:00:00Z"}, "bad-time", "0000"),
    ({**GOOD, "time": None}, "bad-time", "None"),
    ({**GOOD, "time": float("nan")}, "bad-time", "nan"),
    ({**GOOD, "time": -1e300}, "bad-time", "-1e+300"),
    (twice('"values":{"level":4}', '"values":{"level":0}'), "wrong-shape", "'values' is twice"),
    (twice('"values":{"level":4,"level":0}'), "wrong-shape", "'level' is twice"),
    (twice('"values":{"level":4,"le\\u0076el":0}'), "wrong-shape", "'level' is twice"),
    (twice('"values":{}', '"units":{"level":"mm","level":"m"}'), SHAPE, "'level' is twice"),
    (
        twice('"values":{"level":4}', '"status":{"level":"FALLO","level":"ok"}'),
        "wrong-shape",
        "twice",
    ),
    (twice('"values":{}', '"status":null', '"status":null'), SHAPE, "'status' is twice"),
    (
        b"["
        + twice('"values":{"level":4}')
        + b","
        + twice('"values":{"level":1,"level":1}')
        + b"]",
        "wrong-shape",
        "twice",
    ),
]


@pytest.mark.parametrize(("payload", "reason", "says"), FAULTS)
def test_a_fault_has_its_reason(payload: bytes | object, reason: str, says: str) -> None:
    (letter,) = refused(payload)
    assert letter.reason == reason
    assert says in letter.detail
    raw = arrival(payload).payload
    assert letter.payload == (raw if len(raw) <= LARGEST else raw[:65_536])


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("good", [GOOD, [GOOD], [{"n": "level", "v": 1}]])
def test_a_message_beyond_the_largest_is_refused(topic: str, good: object) -> None:
    """Though the rest of it be good, and whatever its form; only its beginning is kept."""
    text = json.dumps(good).encode()
    within, beyond = (text + b" " * (size - len(text)) for size in (LARGEST, LARGEST + 1))
    for payload, reason in ((within, None), (beyond, "too-large")):
        decoded = decode([Arrival(topic=topic, payload=payload, received_at=0)], ROUTES)
        made = make_dead_letters(decoded.refused, largest=LARGEST)
        if reason is None:
            assert "too-large" not in {letter.reason for letter in made}
            continue
        (letter,) = made
        assert not decoded.envelopes
        assert letter.reason == reason
        assert letter.payload == payload[:65_536]
        assert f"{LARGEST + 1} bytes" in letter.detail


def test_a_leap_second_is_the_first_second_of_the_next_day() -> None:
    written = {
        "2022-06-30T23:59:60Z": "2022-07-01T00:00:00+00:00",
        "2022-07-01T01:59:60.25+02:00": "2022-07-01T02:00:00.250000+02:00",
        "1990-12-31t15:59:60-08:00": "1990-12-31T16:00:00-08:00",
        "2016-12-31T23:59:60.9999999Z": "2017-01-01T00:00:01+00:00",
        "2016-12-31T23:59:60.5+00:00": "2017-01-01T00:00:00.5+00:00",
    }
    for text, expected in written.items():
        (envelope,) = decode([arrival({**GOOD, "time": text})], ROUTES).envelopes
        assert envelope.time == datetime.fromisoformat(expected)
    both = [{**GOOD, "time": text} for text in ("2022-06-30T23:59:60Z", "2022-06-30T23:59:59Z")]
    assert len(decode([arrival(both)], ROUTES).envelopes) == 2


def test_quotation_marks_within_names_are_no_doubles() -> None:
    odd = {"time": TIME, "values": {'a"b': 1, "c\\": 2, "\u00e9": 3}, "units": {'a"b': "m"}}
    for payload in (odd, json.dumps(odd, ensure_ascii=False).encode()):
        (envelope,) = decode([arrival(payload)], ROUTES).envelopes
        assert envelope.values == odd["values"]


def test_objects_and_arrays_of_them() -> None:
    decoded = decode([arrival(GOOD), arrival([GOOD, GOOD]), arrival(b"x"), arrival(GOOD)], ROUTES)
    assert len(decoded.envelopes) == len(decoded.arrivals) == 4
    assert len(decoded.refused) == 1


def test_what_is_good_of_a_message_is_kept() -> None:
    mixed = {"time": TIME, "values": {"level": 4.3, "battery": "88"}, "units": {"level": "cm"}}
    decoded = decode([arrival(mixed)], ROUTES)
    assert decoded.envelopes[0].values == {"level": 4.3}
    assert decoded.envelopes[0].units == {"level": "cm"}
    (letter,) = refused(mixed)
    assert json.loads(letter.payload) == {"time": TIME, "values": {"battery": "88"}}


def test_the_bad_objects_of_an_array_make_one_letter_a_reason() -> None:
    array = [GOOD, 3, {"values": {}}, None, {**GOOD, "time": "now"}, GOOD]
    decoded = decode([arrival(array)], ROUTES)
    assert len(decoded.envelopes) == 2
    by_reason = {letter.reason: letter for letter in refused(array)}
    assert set(by_reason) == {"wrong-shape", "no-time", "bad-time"}
    assert json.loads(by_reason["wrong-shape"].payload) == [3, None]
    assert "1 more" in by_reason["wrong-shape"].detail


def test_a_letter_can_be_stored_as_text() -> None:
    odd = b'{"time":"2022-01-11T06:15:00Z","values":{"a\\u0000\\ud800":"x"}}'
    (letter,) = refused(odd)
    assert "\x00" not in letter.detail
    letter.detail.encode()


def test_a_message_of_very_many_objects_is_refused_before_it_costs_much() -> None:
    for topic, one in (("devices/gauge/readings", b"{}"), ("devices/gauge/senml", b"{}")):
        for number, reason in ((20_000, {"no-time", "no-values"}), (20_001, {"too-large"})):
            payload = b"[" + b",".join([one] * number) + b"]"
            sent = Arrival(topic=topic, payload=payload, received_at=0)
            (letter,) = make_dead_letters(decode([sent], ROUTES).refused, largest=LARGEST)
            assert letter.reason in reason
            assert letter.payload == payload
            assert number == 20_000 or "20001" in letter.detail


def test_an_array_within_an_array_stays_one_in_its_letter() -> None:
    for array in ([[GOOD]], [GOOD, [GOOD]], [[GOOD], [[GOOD]]]):
        (letter,) = refused(array)
        again = decode([arrival(letter.payload)], ROUTES)
        assert not again.envelopes
        assert [one.reason for one in again.refused] == ["wrong-shape"] * len(again.refused)


def test_a_good_message_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look costs ten times the first: it is for what is wrong, or written oddly."""

    def never(*_: object) -> None:
        raise AssertionError("a second look")

    monkeypatch.setattr("ingest.decode.salvage", never)
    for count in range(12):
        values = {f"quantity-{number}": 1.5 for number in range(count)}
        texts = dict.fromkeys(values, "m")
        one = {"time": TIME, "values": values}
        shapes = [one, {**one, "units": texts}, {**one, "status": texts}]
        shapes.append({**one, "units": texts, "status": {"a": "ok"}})
        assert len(decode([arrival(each) for each in shapes], ROUTES).envelopes) == len(shapes)
        assert len(decode([arrival(shapes)], ROUTES).envelopes) == len(shapes)
