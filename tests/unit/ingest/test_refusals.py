"""What is refused, in words for those who can mend it; and both sides of each bound."""

import json
from datetime import UTC, datetime

import pytest

from ingest.check import TimeTolerance, check
from ingest.decode import decode
from ingest.engine import Engine, _epochs
from ingest.layout import Layouts
from ingest.letters import make_dead_letters
from ingest.library import Library
from ingest.message import UNSTAMPED, Arrival, Reason
from ingest.parsing import parse_json
from ingest.ports import Channel, Inventory
from ingest.reply import UnusableError
from ingest.route import Routes
from ingest.sandbox import Failure, Sandbox, ScriptError
from ingest.senml import read_pack
from ingest.times import parse_micros
from tests.unit.ingest.field import RECEIVED, chirpstack, say

DAY = 86_400_000_000
BELIEF = TimeTolerance(ahead=300_000_000, behind=400 * DAY)
RETIRED = RECEIVED - 3_600_000_000
DEVICES = {
    "gauge": {
        "level": Channel(series=1, unit="m", low=None, high=None),
        "old": Channel(series=2, unit="m", low=None, high=None, retired=RETIRED),
    },
    "bare": {},
}


def written(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, UTC).isoformat(timespec="microseconds")


def told(
    time: int | str,
    *names: str,
    device: str = "gauge",
    received_at: int = RECEIVED,
    **fields: object,
) -> list[tuple[str, str]]:
    body = {
        "time": time if isinstance(time, str) else written(time),
        "values": dict.fromkeys(names or ("level",), 1.0),
        **fields,
    }
    arrival = Arrival(f"devices/{device}/readings", json.dumps(body).encode(), received_at)
    decoded = decode([arrival], Routes(Inventory(devices=DEVICES), Library()))
    _, refused = check(decoded, Layouts(DEVICES), BELIEF)
    return [(each.reason, each.detail) for each in make_dead_letters(refused, largest=1_000_000)]


def test_a_time_is_believed_to_the_microsecond() -> None:
    ahead, behind = RECEIVED + 300_000_000, RECEIVED - 400 * DAY
    assert told(ahead) == told(behind) == told(RETIRED - 1, "old") == []
    assert [reason for reason, _ in told(ahead + 1)] == ["time-ahead"]
    assert [reason for reason, _ in told(behind - 1)] == ["time-too-old"]
    assert [reason for reason, _ in told(RETIRED, "old")] == ["device-retired"]


@pytest.mark.parametrize(
    ("given", "reason", "detail"),
    [
        (
            {"time": RECEIVED + 3_600_400_000},
            "time-ahead",
            (
                "measured at 2022-01-11T07:15:00+00:00, 3600 s after it arrived"
                " (2022-01-11T06:15:00+00:00); at most 300 s are accepted. If the clock sends"
                " local time as UTC, replay with a shift:"
                " `hypervisor dead-letters replay --shift -1h`"
            ),
        ),
        (
            {"time": RECEIVED - 500 * DAY},
            "time-too-old",
            (
                "measured at 2020-08-29T06:15:00+00:00, more than 400 days before it arrived"
                " (2022-01-11T06:15:00+00:00); load real history with `hypervisor import`"
            ),
        ),
        (
            {"time": RETIRED, "names": ["old"]},
            "device-retired",
            "measured at 2022-01-11T05:15:00+00:00, after its device was retired",
        ),
        (
            {"time": RECEIVED, "received_at": UNSTAMPED},
            "no-stamp",
            (
                "no readable scenario-time: an exercise accepts only the player's messages, which"
                " carry the scenario's time"
            ),
        ),
        (
            {"time": RECEIVED, "device": "nobody"},
            "unknown-device",
            "no device 'nobody' in the inventory",
        ),
        (
            {"time": RECEIVED, "names": ["ph"]},
            "unknown-quantity",
            "'gauge' has no 'ph' in the inventory; it has level, old",
        ),
        (
            {"time": RECEIVED, "device": "bare"},
            "unknown-quantity",
            "'bare' has no 'level' in the inventory; it has nothing",
        ),
        ({"time": RECEIVED, "values": {}}, "no-values", "'values' is empty"),
        (
            {"time": RECEIVED, "status": {"ph": "odd"}},
            "unknown-quantity",
            (
                "'status' names 'ph', which 'gauge' has not; nothing of the object is taken, since"
                " it may concern another quantity"
            ),
        ),
        (
            {"time": RECEIVED, "values": {"level": True}},
            "bad-value",
            "'level' is true: expected a number",
        ),
        (
            {"time": RECEIVED, "values": {"level": 1e308}, "units": {"level": "km"}},
            "not-finite",
            "'level' is larger than any number in the catalogue's unit",
        ),
    ],
)
def test_the_words_of_a_refusal(given: dict[str, object], reason: str, detail: str) -> None:
    names = given.pop("names", ())
    assert told(given.pop("time"), *names, **given) == [(reason, detail)]  # type: ignore[arg-type,misc]


def test_a_lone_object_is_kept_as_it_came_though_blanks_stand_before_it() -> None:
    for before, kept in ((b" \n", True), (b"[", False)):
        body = json.dumps(
            {"time": written(RECEIVED - 500 * DAY), "values": {"level": 1.0}}
        ).encode()
        payload = before + body + (b"" if kept else b"]")
        arrival = Arrival("devices/gauge/readings", payload, RECEIVED)
        decoded = decode([arrival], Routes(Inventory(devices=DEVICES), Library()))
        _, refused = check(decoded, Layouts(DEVICES), BELIEF)
        (letter,) = make_dead_letters(refused, largest=1_000_000)
        assert (letter.payload == payload) == kept


def test_an_arrival_is_a_first_one_unless_it_says_otherwise() -> None:
    assert not Arrival("t", b"", 0).again


# -- JSON ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (b"", Reason.EMPTY, "the payload is empty"),
        (b'{"x": 1' + b"0" * 400 + b', "x": 1}', Reason.WRONG_SHAPE, "'x' is twice in one obj"),
        (b'{"x": 1, "\\u0078": 1}', Reason.WRONG_SHAPE, "'x' is twice in one object"),
        (b'{"x": 1, "x": 1}', Reason.WRONG_SHAPE, "'x' is twice in one object"),
        (b'{"x": "\xff"}', Reason.NOT_UTF8, "byte 7 is not UTF-8"),
        (b"[" * 100_000, Reason.TOO_DEEP, "nested too deeply; expected this"),
        (b"{x}", Reason.NOT_JSON, "this is not JSON: object keys must be strings (byte 1)"),
    ],
)
def test_what_is_no_json(payload: bytes, reason: Reason, detail: str) -> None:
    with pytest.raises(UnusableError) as raised:
        parse_json(payload, expected="this")
    assert raised.value.refusal.reason == reason
    assert raised.value.refusal.detail.startswith(detail)


def test_json_that_repeats_nothing_is_read() -> None:
    for payload in (b'{"x": [{"x": "\\""}, {"x": 1}]}', b"[1" + b"0" * 400 + b"]", b'"x"'):
        assert parse_json(payload, expected="this") == json.loads(payload)


# -- SenML --------------------------------------------------------------------------------------


def pack(*records: dict[str, object]) -> int:
    return len(read_pack(json.dumps(records).encode(), received_at=RECEIVED))


@pytest.mark.parametrize("version", [1, 10, 26])
def test_versions_that_are_read(version: int) -> None:
    record = {"n": "a", "v": 1}
    assert pack({**record, "bver": version}, record, {**record, "bver": version}) == 3


@pytest.mark.parametrize("version", [0, 11, 25, 27])
def test_versions_that_are_not(version: int) -> None:
    with pytest.raises(UnusableError, match=f"^record 1: version {version}; expected 1 to 10"):
        pack({"n": "a", "v": 1, "bver": version})


def test_a_pack_without_a_version_is_of_the_tenth() -> None:
    record = {"n": "a", "v": 1}
    assert pack(record, {**record, "bver": 10}) == 2
    for version in (9, 26):
        with pytest.raises(UnusableError, match=f"^record 2: version {version}; expected 1 to 10"):
            pack(record, {**record, "bver": version})


def test_a_record_of_an_unknown_quantity_is_named_without_its_device() -> None:
    (letter,) = say(("devices/alone/senml", [{"n": "alone/ph", "v": 7}])).letters
    assert letter.reason == "unknown-quantity"
    assert letter.detail.startswith("'alone' has no 'ph' in the inventory; it has air_temperature,")


# -- network servers ----------------------------------------------------------------------------

HEARD = [{"gwTime": "2022-01-11T06:00:00Z"}, {"nsTime": "2022-01-11T06:01:00Z"}]


@pytest.mark.parametrize(
    ("received", "minute"), [(HEARD, 1), (HEARD[:1], 0), (HEARD[::-1], 1), ([{}, *HEARD[:1]], 0)]
)
def test_an_uplink_without_a_time_has_its_network_s_or_a_gateway_s(
    received: list[dict[str, str]], minute: int
) -> None:
    eui, made = "a840410000000002", {"level": 1.5}
    said = say(chirpstack(b"\x01", eui=eui, object=made, time=None, rxInfo=received))
    assert said.times == {"plain": [RECEIVED - (15 - minute) * 60_000_000]}


@pytest.mark.parametrize("received", [None, "x", {}, [], [5]])
def test_an_uplink_without_any_time_is_refused(received: object) -> None:
    event = chirpstack(
        b"\x01", eui="a840410000000002", object={"level": 1}, time=None, rxInfo=received
    )
    (letter,) = say(event).letters
    assert (letter.reason, letter.detail) == (
        "no-time",
        "no time: a reading's time is the network's time of receipt",
    )


# -- the engine ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("a trap\n at a place\n\n  unreachable \n"), "unreachable"),
        (RuntimeError("x" * 400), "x" * 300),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
def test_an_engine_that_breaks_off_says_its_last_line(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(_engine: Engine, _code: str) -> str:
        raise error

    monkeypatch.setattr(Engine, "call", call)
    sandbox = Sandbox("function decodeUplink(i) { return {data: {}} }")
    with pytest.raises(ScriptError) as raised:
        sandbox.decode(b"", port=1, millis=0, variables={})
    sandbox.close()
    assert str(raised.value) == f"the engine broke off: {words}"
    assert raised.value.failure is Failure.MEMORY


def test_instants_lie_in_the_years_that_are_believed() -> None:
    assert parse_micros("1800-01-01T00:00:00Z") == -5_364_662_400_000_000
    assert parse_micros("2199-12-31T23:59:59.999999Z") == 7_258_118_399_999_999
    for text in ("1799-12-31T23:59:59.999999Z", "2200-01-01T00:00:00Z"):
        with pytest.raises(ValueError, match=r"^'.*' lies outside the years 1800 to 2199$"):
            parse_micros(text)


def test_an_engine_looks_at_the_time_every_twentieth_of_a_second() -> None:
    """And four looks later than QuickJS itself: a tenth of a second of a message is 0.3 at most."""
    assert [_epochs(seconds) for seconds in (0.1, 0.11, 1.0, 60.0)] == [6, 7, 24, 1204]
