"""Vendors' scripts, where they do no harm: bounded, forgetful, told apart by how they fail."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from ingest.breaker import Breaker
from ingest.codec import Codec, Script, parse_result
from ingest.engine import Engine
from ingest.mapping import load_mapping
from ingest.reply import UnusableError
from ingest.sandbox import Bounds, Failure, Sandbox, ScriptError
from ingest.uplink import Uplink, parse_uplink_time

BOUNDS = Bounds(seconds=0.2)  # a busy machine is not what is tested
PATIENT = Bounds(seconds=5)  # where memory is to run out before time does
NOON = 1_641_902_400_000


def run(
    script: str,
    *,
    times: int = 1,
    port: int = 2,
    payload: bytes = b"\x01\xff",
    bounds: Bounds = BOUNDS,
) -> Any:
    sandbox = Sandbox(script, bounds=bounds)
    for _ in range(times):
        returned = sandbox.decode(payload, port=port, millis=NOON, variables={"k": "v"})
    sandbox.close()
    return returned


def test_a_script_gets_what_ts013_says() -> None:
    script = """function decodeUplink(input) {
        return {data: {
            bytes: input.bytes, port: input.fPort, time: input.recvTime.toISOString(),
            date: input.recvTime instanceof Date, array: Array.isArray(input.bytes),
            variable: input.variables.k}} }"""
    assert run(script) == {
        "data": {
            "bytes": [1, 255],
            "port": 2,
            "time": "2022-01-11T12:00:00.000Z",
            "date": True,
            "array": True,
            "variable": "v",
        }
    }


@pytest.mark.parametrize(
    "script",
    [
        "const decodeUplink = (input) => ({data: {x: input.bytes[0]}});",
        "module.exports = {decodeUplink: function (input) { return {data: {x: 1}} }}",
        "exports.decodeUplink = function (input) { return {data: {x: 1}} }",
        "function Decoder(bytes, port) { return {x: bytes[0] + port - 2} }",
        "function Decode(fPort, bytes, variables) { return {x: bytes[0] + fPort - 2} }",
        "function decodeUplink(i) { for (x = 0; x < 1; x++); console.log(x); return {data: {x}}}",
        "'use strict'; function decodeUplink(i) { return {data: {x: 1}} }",
    ],
)
def test_forms_that_scripts_come_in(script: str) -> None:
    assert run(script) == {"data": {"x": 1}}


def test_nothing_is_left_behind_for_the_next_message() -> None:
    script = """var seen = 0;
        function decodeUplink(i) {
          seen++; leaked = (typeof leaked === "undefined" ? 0 : leaked) + 1;
          Array.prototype.mark = (Array.prototype.mark || 0) + 1;
          JSON.parse = null;
          return {data: {seen: seen, leaked: leaked, mark: [].mark}} }"""
    assert run(script, times=3) == {"data": {"seen": 1, "leaked": 1, "mark": 1}}


def test_a_script_cannot_change_how_it_is_called() -> None:
    script = """function decodeUplink(i) { return {data: {bytes: i.bytes, at: i.recvTime}} }
        JSON.stringify = parseInt = function () { return "not JSON" };
        Date = Array = Object = undefined;
        Object.prototype === 1;"""
    with pytest.raises(ScriptError, match="cannot be loaded"):
        run(script)
    assert run(script.replace("Object.prototype === 1;", "").replace("= Object =", "=")) == {
        "data": {"bytes": [1, 255], "at": "2022-01-11T12:00:00.000Z"}
    }


def test_what_a_script_returns_may_be_nested_as_deep_as_fields_are() -> None:
    script = """function decodeUplink(i) {
        var a = 1; for (var n = 0; n < 62; n++) a = [a]; return {data: a} }"""
    value = run(script)["data"]
    for _ in range(62):
        (value,) = value
    assert value == 1


def test_clock_and_dice_are_the_messages() -> None:
    script = """function decodeUplink(i) {
        return {data: {now: Date.now(), made: new Date().getTime(), text: Date(),
                       given: new Date(2020, 0, 1).getTime(), utc: Date.UTC(2020, 0, 1),
                       dice: Math.random(), other: typeof performance}} }"""
    first, second = run(script), run(script)
    assert first == second
    assert (first["data"]["now"], first["data"]["made"]) == (NOON, NOON)
    assert first["data"]["given"] == first["data"]["utc"]
    assert first["data"]["other"] == "undefined"


def test_there_is_nothing_to_reach() -> None:
    names = "process fetch setTimeout XMLHttpRequest std os Deno importScripts print"
    script = f"""function decodeUplink(i) {{
        return {{data: {{found: "{names}".split(" ").filter(
            function (n) {{ return typeof globalThis[n] !== "undefined" }})}}}} }}"""
    assert run(script) == {"data": {"found": []}}


ENDLESS = "function decodeUplink(i) { for (;;) {} }"
STUBBORN = "function decodeUplink(i) { for (;;) { try { for (;;) {} } catch (e) {} } }"
REGEX = "function decodeUplink(i) { return {data: {m: /(a+)+$/.test('a'.repeat(60) + '!')}} }"
HUNGRY = "function decodeUplink(i) { var a = []; for (;;) a.push(new Uint8Array(1e6)) }"
SECONDS = {Failure.TIMEOUT: 0.03, Failure.ERROR: 0.2, Failure.MEMORY: 3.0}
NATIVE_LOOPS = [  # in which QuickJS never looks at its deadline
    "[].indexOf.call({length: 2 ** 53 - 1}, 1)",
    "(function (a) { a.length = 2 ** 32 - 1; return a.sort() })([])",
    "'a'.repeat(1e6).includes('a'.repeat(5e5) + 'b')",
    "[].concat({length: 2 ** 53 - 1, [Symbol.isConcatSpreadable]: true})",
    "Buffer.from({length: 1e9})",
    "String.raw({raw: {length: 2 ** 53 - 1}}, 1)",
]
CALLED_BACK = [  # what a script hands over may itself run
    "{get x() { for (;;); }}",
    "{toJSON() { for (;;); }}",
    "new Proxy({}, {ownKeys() { for (;;); }})",
    "new Proxy([], {get: (_, name) => name === 'length' ? 2 ** 40 : name === 'toJSON' ? null : 1})",
]
FAILURES = [
    *(
        (f"function decodeUplink(i) {{ return {{data: {{x: {code}}}}} }}", Failure.TIMEOUT, "time")
        for code in [*NATIVE_LOOPS, *CALLED_BACK]
    ),
    ("function decodeUplink(i) { return Buffer.alloc(1e9) }", Failure.MEMORY, "more memory"),
    (
        "function decodeUplink(i) { var m = new Map(); for (;;) m.set({}, 1) }",
        Failure.MEMORY,
        "more memory",
    ),
    ("function decodeUplink(i) { return '[' .repeat(70000) }", Failure.ERROR, "more than 65536"),
    *(
        (
            (
                f"function decodeUplink(i) {{ for (var a = 1, n = 0; n < {levels}; n++) a = [a];"
                " return {data: a} }"
            ),
            Failure.ERROR,
            "nested too deeply",
        )
        for levels in (63, 900)
    ),
    ("function decodeUplink(i) { throw null }", Failure.ERROR, "null"),
    (
        "function decodeUplink(i) { throw new Proxy({}, {get() { throw 1 }}) }",
        Failure.ERROR,
        "Error",
    ),
    ("function decodeUplink(i) { throw {get message() { for (;;); }} }", Failure.ERROR, "Error"),
    (
        "function decodeUplink(i) { Object.prototype.toJSON = () => undefined; return {} }",
        Failure.ERROR,
        "nothing that is JSON",
    ),
    (ENDLESS, Failure.TIMEOUT, "did not come to an end"),
    (STUBBORN, Failure.TIMEOUT, "did not come to an end"),
    (REGEX, Failure.TIMEOUT, "did not come to an end"),
    (HUNGRY, Failure.MEMORY, "more memory"),
    ("function decodeUplink(i) { return new Uint8Array(1e9) }", Failure.MEMORY, "more memory"),
    ("function decodeUplink(i) { var s = 'x'; for (;;) s += s }", Failure.MEMORY, "too long"),
    (
        "function decodeUplink(i) { return decodeUplink(i) + 1 }",
        Failure.MEMORY,
        "itself without end",
    ),
    ("function decodeUplink(i) { throw new Error('no such frame') }", Failure.ERROR, "no such"),
    ("function decodeUplink(i) { throw 'text' }", Failure.ERROR, "text"),
    ("function decodeUplink(i) { return missing.field }", Failure.ERROR, "missing"),
    ("function decodeUplink(i) { return {a: 10n} }", Failure.ERROR, "BigInt"),
    ("function decodeUplink(i) { return {a: 'x'.repeat(1e6)} }", Failure.ERROR, "more than"),
    ("function decodeUplink(", Failure.ERROR, "SyntaxError"),
    ("var nothing = 1;", Failure.ERROR, "no function decodeUplink"),
]


@pytest.mark.parametrize(("script", "failure", "words"), FAILURES)
def test_how_a_script_fails(script: str, failure: Failure, words: str) -> None:
    with pytest.raises(ScriptError, match=words) as raised:
        run(script, bounds=Bounds(seconds=SECONDS[failure]))
    assert raised.value.failure is failure


def test_a_script_that_failed_decodes_the_next_message_as_ever() -> None:
    script = """function decodeUplink(i) {
        if (i.fPort === 1) for (;;) {}
        if (i.fPort === 2) { var a = []; for (;;) a.push(new Uint8Array(1e6)) }
        if (i.fPort === 3) throw new Error("three");
        if (i.fPort === 4) return {data: {big: new Uint8Array(4e6).length}};
        return {data: {port: i.fPort}} }"""
    sandbox = Sandbox(script, bounds=BOUNDS)
    for port in (1, 2, 3):
        with pytest.raises(ScriptError):
            sandbox.decode(b"", port=port, millis=NOON, variables={})
        assert sandbox.decode(b"", port=9, millis=NOON, variables={}) == {"data": {"port": 9}}
    for _ in range(6):  # more in all than its memory would hold, had it not been given back
        assert sandbox.decode(b"", port=4, millis=NOON, variables={})["data"] == {"big": 4e6}


def test_a_failure_is_told_as_of_the_first_try() -> None:
    """The engine runs the code again to learn what is wrong, from the same state."""
    script = """var seen = 0; function decodeUplink(i) {
        seen++; i.bytes.push(0); throw new Error("n" + seen + i.bytes) }"""
    for _ in range(2):
        with pytest.raises(ScriptError, match="Error: n11,255,0"):
            run(script)


@pytest.mark.parametrize("size", [4000, 4080, 4090, 5000, 100_000])
def test_a_payload_of_any_size_is_handed_over_whole(size: int) -> None:
    payload = bytes(n % 251 for n in range(size))
    script = """var seen = 0; function decodeUplink(i) {
        return {data: {seen: ++seen, size: i.bytes.length, last: i.bytes[i.bytes.length - 1],
                       sum: i.bytes.reduce(function (a, b) { return a + b }, 0)}} }"""
    assert run(script, times=2, payload=payload, bounds=Bounds(seconds=3))["data"] == {
        "seen": 1,
        "size": size,
        "last": payload[-1],
        "sum": sum(payload),
    }


def test_how_much_a_script_may_return() -> None:
    script = "function decodeUplink(i) {{ return 'x'.repeat({}) }}"
    around = len('{"returned":""}')
    assert len(run(script.format(65_536 - around))) == 65_536 - around
    with pytest.raises(ScriptError, match="more than 65536 characters"):
        run(script.format(65_537 - around))


def test_how_much_memory_a_script_may_take() -> None:
    script = """function decodeUplink(i) { return {data: new Uint8Array(i.fPort * 1e5).length} }"""
    assert Bounds().seconds == 0.1
    patient = Bounds(seconds=3)
    assert run(script, port=70, bounds=patient) == {"data": 7e6}
    with pytest.raises(ScriptError, match="more memory"):
        run(script, port=90, bounds=patient)


def test_what_a_script_throws_is_cut_short() -> None:
    with pytest.raises(ScriptError) as raised:
        run("function decodeUplink(i) { throw new Error('x'.repeat(1000)) }")
    assert str(raised.value) == "Error: " + "x" * 293


def test_a_script_that_cannot_be_loaded_is_not_tried_again_but_for_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken, slow = Sandbox("function ("), Sandbox("function decodeUplink(i) { return {data: 1} }")
    for _ in range(2):
        with pytest.raises(ScriptError, match="cannot be loaded: SyntaxError"):
            broken.load()
    with monkeypatch.context() as patch:
        patch.setattr("ingest.sandbox._LOADING_SECONDS", 0.0)
        with pytest.raises(ScriptError, match="cannot be loaded: it did not come") as raised:
            slow.load()
        assert raised.value.failure is Failure.TIMEOUT
    assert slow.decode(b"", port=1, millis=NOON, variables={}) == {"data": 1}
    slow.close()
    assert slow.decode(b"", port=1, millis=NOON, variables={}) == {"data": 1}


@pytest.mark.parametrize(
    ("port", "is_kept"), [(1, True), (2, True), (3, False), (4, False), (5, False)]
)
def test_an_engine_is_kept_while_it_is_sound(port: int, is_kept: bool) -> None:  # noqa: FBT001
    script = """function decodeUplink(i) {
        if (i.fPort === 2) throw new Error("two");
        if (i.fPort === 3) for (;;) {}
        if (i.fPort === 4) return new Uint8Array(1e8);
        if (i.fPort === 5) return new Uint8Array(3e6).length;
        return 1 }"""
    sandbox = Sandbox(script, bounds=Bounds(seconds=0.05 if port == 3 else 3))
    sandbox.load()
    before = sandbox._engine  # noqa: SLF001  what is at stake is the time that a new one takes
    with suppress(ScriptError):
        sandbox.decode(b"", port=port, millis=NOON, variables={})
    sandbox.load()
    assert (sandbox._engine is before) is is_kept  # noqa: SLF001


def test_threads_take_turns() -> None:
    sandbox = Sandbox(
        "var n; function decodeUplink(i) { n = i.fPort; for (var k = 0; k < 2000; k++); return n }",
        bounds=Bounds(seconds=5),
    )
    sandbox.load()

    def decode(port: int) -> Any:
        return sandbox.decode(b"\x01", port=port, millis=NOON, variables={})

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(decode, range(100))) == list(range(100))


def test_the_bound_on_memory_is_the_machines_own() -> None:
    """What the engine's package does not promise, and we stand on."""
    sandbox = Sandbox(HUNGRY, bounds=PATIENT)
    grown: list[int] = []
    original = sandbox._discard  # noqa: SLF001  to look at it before it is thrown away

    def look() -> None:
        if sandbox._engine is not None:  # noqa: SLF001
            grown.append(sandbox._engine.memory)  # noqa: SLF001
        original()

    sandbox._discard = look  # type: ignore[method-assign]  # noqa: SLF001
    with pytest.raises(ScriptError):
        sandbox.decode(b"", port=1, millis=NOON, variables={})
    assert 4 * BOUNDS.memory // 5 < grown[0] - idle_size() <= BOUNDS.memory


def idle_size() -> int:
    """Bytes of an engine in which a small script is loaded."""
    sandbox = Sandbox("function decodeUplink(i) { return {data: {}} }")
    sandbox.load()
    assert sandbox._engine is not None  # noqa: SLF001
    return sandbox._engine.memory  # noqa: SLF001


def test_what_a_script_has_loaded_is_not_taken_from_its_messages() -> None:
    script = """var held = []; for (var n = 0; n < 12; n++) held.push(new Uint8Array(1e6));
        function decodeUplink(i) { return {data: {x: new Uint8Array(i.fPort * 1e6).length}} }"""
    sandbox = Sandbox(script, bounds=Bounds(seconds=1, memory=3 * 1024 * 1024))
    assert sandbox.decode(b"", port=2, millis=NOON, variables={}) == {"data": {"x": 2e6}}
    with pytest.raises(ScriptError, match="memory") as raised:
        sandbox.decode(b"", port=4, millis=NOON, variables={})
    assert raised.value.failure is Failure.MEMORY


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        ("var a = []; for (;;) a.push(new Uint8Array(1e6));", Failure.MEMORY),
        ("for (;;) {}", Failure.TIMEOUT),
    ],
)
def test_loading_is_bounded_too(
    script: str, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.05 if failure is Failure.TIMEOUT else 5.0
    monkeypatch.setattr("ingest.sandbox._LOADING_SECONDS", seconds)
    with pytest.raises(ScriptError, match="cannot be loaded") as raised:
        run(script, bounds=BOUNDS if failure is Failure.TIMEOUT else PATIENT)
    assert raised.value.failure is failure


def make_uplink() -> Uplink:
    sent = parse_uplink_time("2022-01-11T12:00:00Z", where="t")
    return Uplink(addresses=(), time=sent, port=1, payload=b"x")


def test_a_busy_machine_is_no_fault_of_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes three times what it may, and a third of what its device may waste, in waiting."""
    waits: list[float] = []
    is_over = Engine._is_over  # noqa: SLF001

    def wait(engine: Engine) -> bool:
        waits.append(0.01)
        time.sleep(0.01)
        return is_over(engine)

    monkeypatch.setattr(Engine, "_is_over", wait)
    sandbox = Sandbox(
        "function decodeUplink(i) { for (var n = 0; n < 200000; n++); return {data: {n}} }"
    )
    script = Script(sandbox=sandbox, breaker=Breaker(time.monotonic))
    uplink = make_uplink()
    for tries in range(1, 4):
        assert script.decode(uplink, device="one", variables={}).data == {"n": 200_000}
        assert sum(waits) > 0.2 * tries


# -- how much is put up with --------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_device_that_its_codec_cannot_get_through_is_set_aside_alone() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(3):
        assert breaker.objection("bad") is None
        breaker.spent("bad", 0.05, in_vain=True)
    assert "'bad'" in (breaker.objection("bad") or "")
    assert breaker.objection("good") is None
    clock.now = 61.0
    assert breaker.objection("bad") is None
    breaker.spent("bad", 0.05, in_vain=True)
    clock.now = 120.0
    assert breaker.objection("bad") is not None  # twice as long
    clock.now = 182.0
    assert breaker.objection("bad") is None
    breaker.spent("bad", 0.001, in_vain=False)
    breaker.spent("bad", 0.05, in_vain=True)
    assert breaker.objection("bad") is None


def test_a_codec_that_wastes_too_much_is_set_aside_until_that_is_given_back() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    tries = 0
    for number in range(1000):  # a thousand devices, a millisecond apart
        clock.now += 0.001
        if breaker.objection(f"device-{number}") is None:
            breaker.spent(f"device-{number}", 0.1, in_vain=True)
            tries += 1
    assert tries == 11
    assert "too much time" in (breaker.objection("another") or "")
    clock.now += 56.0
    assert breaker.objection("another") is None


def test_making_an_engine_is_no_waste() -> None:
    clock = Clock()

    class Slow(Sandbox):
        def load(self) -> None:
            clock.now += 5.0

        def decode(self, *_: Any, **__: Any) -> Any:
            return {"data": {"x": 1}}

    script = Script(sandbox=Slow(""), breaker=Breaker(clock), cpu=clock)
    uplink = make_uplink()
    for _ in range(3):
        assert script.decode(uplink, device="one", variables={}).data == {"x": 1}


def test_work_is_no_waste() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(10_000):
        breaker.spent("busy", 0.04, in_vain=False)
    assert breaker.objection("busy") is None


def test_a_looping_codec_costs_a_few_tries_and_then_nothing() -> None:
    tries: list[int] = []

    class Looping(Sandbox):
        def load(self) -> None: ...

        def decode(self, *_: Any, **__: Any) -> Any:
            tries.append(1)
            raise ScriptError(Failure.TIMEOUT, "it did not come to an end in time")

    clock = Clock()
    script = Script(sandbox=Looping(""), breaker=Breaker(clock), cpu=clock)
    codec = Codec(
        name="loop",
        mapping=load_mapping("payload: javascript\nfields: {x: rain}", file="x"),
        script=script,
    )
    uplink = make_uplink()
    reasons = []
    for _ in range(50):
        with pytest.raises(UnusableError) as raised:
            codec.read(uplink, device="one", has=("rain",))
        reasons.append(raised.value.refusal.reason)
    assert reasons[:3] == ["codec-timeout"] * 3
    assert set(reasons[3:]) == {"codec-suspended"}
    assert len(tries) == 3


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "no object"),
        ({"errors": ["bad", "worse"]}, "bad; worse"),
        ({"errors": "bad", "data": {"x": 1}}, "bad"),
        ({"warnings": []}, "no `data`"),
        ({"data": [1]}, r"a list as `data`; expected an object .* \[{field, value}\]"),
        ({"data": [{"field": "x", "value": 1}, {"value": 2}]}, "a list as `data`"),
    ],
)
def test_what_a_script_must_return(returned: Any, words: str) -> None:
    with pytest.raises(UnusableError, match=words):
        parse_result(returned)


def test_fields_as_datacake_lists_them() -> None:
    listed = parse_result(
        {
            "data": [
                {"field": "LEVEL", "value": 3, "timestamp": 30},
                {"field": "LEVEL", "value": 2, "timestamp": 20},
                {"field": "BATTERY", "value": 3.6},
                {"field": "GONE"},
            ],
            "warnings": "low",
        }
    )
    assert dict(listed.data) == {"BATTERY": 3.6, "GONE": None, "LEVEL": 3}
    assert listed.warnings == ("low", "'LEVEL' is there 2 times: the newest is taken")
    script = "function Decoder(bytes) { return [{field: 'X', value: bytes[0]}] }"
    assert dict(parse_result(run(script)).data) == {"X": 1}
    assert dict(parse_result({"data": []}).data) == {}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "var a;\nfunction decodeUplink(i) {\n  return i.b();\n}",
            r"function \(in decodeUplink, line 3\)$",
        ),
        (
            "var a;\n\nfunction decodeUplink(i) { return ; ) }",
            r"loaded: SyntaxError: .* \(line 3\)$",
        ),
        (
            "\nexport {\n decode\n as decodeUplink };\nvar decode = (i) =>\n i.x();",
            r"\(in decode, line 6\)$",
        ),
        ("import {\n a\n} from './b';\nexport const decodeUplink = a;", r'"./b".*no such module'),
        (
            "var a = payload.length;",
            "is not defined: it exists only in TagoIO or ThingsBoard; take",
        ),
        (
            "var a;\nfunction Decode(p, b) { return LoRaObject.x }",
            r"\(in Decode, line 2\): it exists only in Milesight's gateways;",
        ),
        (
            "return {data: {}};",
            r"in a function: it is a function's body, as Node-RED and ThingsBoard",
        ),
        (
            "var t = TextDecoder; function decodeElsys(b) {} function consume(event) {}",
            "it has decodeElsys, consume$",
        ),
        ("function decodeUplink(i) { throw new Error('port 9') }", "^Error: port 9$"),
    ],
)
def test_an_error_says_where_and_what_to_do(script: str, words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        run(script)


def test_warnings_are_kept() -> None:
    said = parse_result({"data": {"x": 1}, "warnings": ["one", "", None, "two"], "errors": []})
    assert (dict(said.data), said.warnings) == ({"x": 1}, ("one", "two"))


@pytest.fixture(autouse=True, scope="module")
def _engine() -> None:
    """Compiled once, before anything is timed by it."""
    run("function decodeUplink(i) { return {data: {}} }")
