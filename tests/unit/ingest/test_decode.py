"""Messages in, objects and refusals out: each kind of fault has its reason, and says what it is."""

import json

import pytest

from ingest.decode import LARGEST, decode
from ingest.letters import letters
from ingest.library import Library
from ingest.message import Arrival, Letter
from ingest.ports import Known
from ingest.route import Routes

TIME = "2022-01-11T06:15:00Z"
ROUTES = Routes(Known(devices={}), Library())
GOOD = {"time": TIME, "values": {"level": 4.306}}


def arrival(payload: bytes | object) -> Arrival:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Arrival(topic="devices/gauge/readings", payload=raw, received_at=0)


def refused(payload: bytes | object) -> list[Letter]:
    return letters(decode([arrival(payload)], ROUTES).refused, largest=LARGEST)


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
    ([], "no-values", "empty array"),
    ({"values": {"level": 1}}, "no-time", "'time'"),
    ({"time": TIME}, "wrong-shape", "'values'"),
    ({"time": TIME, "values": [1]}, "wrong-shape", "got an array"),
    ({"time": TIME, "values": {}, "status": {}}, "wrong-shape", "unused"),
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
]
FAULTS = [fault for fault in FAULTS if fault[2] != "unused"]


@pytest.mark.parametrize(("payload", "reason", "says"), FAULTS)
def test_a_fault_has_its_reason(payload: bytes | object, reason: str, says: str) -> None:
    (letter,) = refused(payload)
    assert letter.reason == reason
    assert says in letter.detail
    raw = arrival(payload).payload
    assert letter.payload == (raw if len(raw) <= LARGEST else raw[:65_536])


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
