"""Vectors as vendors publish them: bytes, and what they must decode to; and the other way.

Three forms are read: that of the LoRaWAN device repository, Actility's `examples.json` and the
tests of ChirpStack's device profiles.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from ingest.sandbox import Sandbox, ScriptError
from sensors._errors import Place, TerritoryError
from sensors._yaml import Source

_EXAMPLE = (
    "uplinkDecoder: {examples: [{input: {bytes: […], fPort: 1}, output: {data: {…}}}]}, or a list"
    " of such examples"
)
_TEXT_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//')
_UPLINKS = ("uplink", "uplink-decode")
_DOWNLINKS = ("downlink-encode",)
_THROWN = "errorMessage"
_TS013 = frozenset({"data", "errors", "warnings"})
_RESULTS = ("output", "expected", _THROWN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class VectorError(TerritoryError):
    """A file of vectors is in none of the forms; says where."""


class _Source(Source):
    largest = 4_000_000
    deepest = 16

    def error(self, place: Place, problem: str) -> VectorError:
        return VectorError(f"{place}: {problem}")


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One example: what goes in and what must come out. `data`: what is to be encoded, if it is."""

    description: str
    payload: bytes
    port: int
    millis: int
    output: Mapping[str, Any]
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Where the output differs; `None` as a text: it is not there."""

    path: str
    expected: str
    got: str


def load_vectors(text: str, *, file: str, now: int = 0) -> list[Vector]:
    """Read a file. `now`: milliseconds, the time of receipt where an example names none.

    Raises:
        VectorError: it has no examples, or one of them cannot be read.
    """
    source = _Source(file)
    document = source.compose(_as_yaml(text) if text.lstrip()[:1] == "[" else text)
    decoder: yaml.Node | None = document
    encoded: list[yaml.Node] = []
    if isinstance(document, yaml.SequenceNode):
        examples = [node for node in document.value if _is_uplink(source, node)]
        encoded = [node for node in document.value if _is_downlink(source, node)]
    else:
        parts = source.mapping(document, "a file of vectors")
        decoder = parts.get("uplinkDecoder")
        examples = _list_examples(source, "uplinkDecoder", decoder)
        encoded = _list_examples(source, "downlinkEncoder", parts.get("downlinkEncoder"))
    if not examples and not encoded:
        source.fail(decoder, f"no example of an uplink; expected {_EXAMPLE}")
    return [
        *(_vector(source, node, now) for node in examples),
        *(_downlink(source, node, now) for node in encoded),
    ]


def _list_examples(source: _Source, name: str, node: yaml.Node | None) -> list[yaml.Node]:
    parts = source.mapping(node, name) if node else {}
    return source.sequence(parts["examples"], "examples") if "examples" in parts else []


def _as_yaml(text: str) -> str:
    """JSON, perhaps with comments, where tabs and `//` are what YAML has for them."""
    return _TEXT_OR_COMMENT.sub(
        lambda match: " #" if match[0] == "//" else match[0], text.replace("\t", " ")
    )


def _is_uplink(source: _Source, node: yaml.Node) -> bool:
    """Whether an element of a list of examples is to be decoded: Actility's name their type."""
    kind = source.mapping(node, "an example").get("type")
    return kind is None or source.value(kind) in _UPLINKS


def _is_downlink(source: _Source, node: yaml.Node) -> bool:
    """Whether it is to be encoded."""
    parts = source.mapping(node, "an example")
    given = parts.get("input")
    return (
        "type" in parts
        and source.value(parts["type"]) in _DOWNLINKS
        and isinstance(given, yaml.MappingNode)
        and "data" in source.mapping(given, "an example's input")
    )


def _vector(source: _Source, node: yaml.Node, now: int) -> Vector:
    named = source.mapping(node, "an example")
    result = next((name for name in _RESULTS if name in named), _RESULTS[0])
    parts = source.mapping(node, "an example", needed=("input", result))
    given = source.mapping(parts["input"], "an example's input")
    millis = now
    received = given.get("recvTime") or given.get("time")
    if received is not None and not source.is_null(received):
        moment = _moment(source.value(received))
        if moment is None:
            source.fail(received, "input.recvTime: expected a time such as 2022-01-11T06:15Z")
        millis = _millis_since_epoch(moment)
    description = parts.get("description") or parts.get("name")
    return Vector(
        description=source.text(description, "a description")
        if description
        else str(source.place(node)),
        payload=_bytes(source, given.get("bytes", parts["input"])),
        port=_port(source, given),
        millis=millis,
        output=_wrap_bare(_output(source, result, parts[result])),
    )


def _downlink(source: _Source, node: yaml.Node, now: int) -> Vector:
    """An example of the encoder: an object, and the bytes and frame port that it becomes."""
    named = source.mapping(node, "an example")
    result = next((name for name in _RESULTS if name in named), _RESULTS[0])
    parts = source.mapping(node, "an example", needed=("input", result))
    given = source.mapping(parts["input"], "an example's input", needed=("data",))
    data = source.value(given["data"])
    if not isinstance(data, Mapping):
        source.fail(given["data"], "input.data must be an object")
    output = dict(_output(source, result, parts[result]))
    if isinstance(output.get("bytes"), str):
        output["bytes"] = [*_bytes(source, source.mapping(parts[result], "an output")["bytes"])]
    description = parts.get("description")
    place = str(source.place(node))
    return Vector(
        description=source.text(description, "a description") if description else place,
        payload=b"",
        port=_port(source, given),
        millis=now,
        output=output,
        data=data,
    )


def _output(source: _Source, result: str, node: yaml.Node) -> Mapping[str, Any]:
    if result == _THROWN:
        return {"errors": [source.text(node, result)]}
    parts = source.mapping(node, "an example's output")
    return {name: source.value(part) for name, part in parts.items()}


def _wrap_bare(output: Mapping[str, Any]) -> Mapping[str, Any]:
    """An uplink's output in TS013's form: Actility also allows the fields without `data`."""
    if not output or not _TS013.isdisjoint(output):
        return output
    return {"data": output}


def _port(source: _Source, given: Mapping[str, yaml.Node]) -> int:
    port = source.value(given["fPort"]) if "fPort" in given else 1
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 255:
        source.fail(
            given["fPort"], f"input.fPort must be a whole number from 0 to 255, got {port!r:.80}"
        )
    return port


def _bytes(source: _Source, node: yaml.Node) -> bytes:
    given = source.value(node)
    try:
        return bytes.fromhex(given) if isinstance(given, str) else bytes([*given])
    except (TypeError, ValueError):
        source.fail(
            node,
            "input.bytes must be an array of numbers from 0 to 255 or pairs of hexadecimal digits,"
            f" got {given!r:.80}",
        )


def _millis_since_epoch(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _moment(given: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(given)
    except (TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def run_vector(vector: Vector, sandbox: Sandbox) -> list[Difference]:
    """What a script makes of it, against what it must; nothing: it passes.

    Where errors are expected data does not matter: nothing may be done with it; and an error that
    the script throws is as good as its message among `errors`.
    """
    try:
        returned = _run(vector, sandbox)
    except ScriptError as error:
        words = error.thrown if error.thrown in _errors_of(vector) else str(error)
        returned = {"errors": [words]}
    got = returned if isinstance(returned, Mapping) else {}
    expected = vector.output
    differences = list(
        _differences("errors", _list(expected.get("errors")), _list(got.get("errors")))
    )
    differences += _differences(
        "warnings", _list(expected.get("warnings")), _list(got.get("warnings"))
    )
    if not _list(expected.get("errors")):
        names = ["data"] if vector.data is None else ["bytes", *({"fPort"} & expected.keys())]
        for name in names:
            differences += _differences(name, expected.get(name), got.get(name))
    return differences


def _run(vector: Vector, sandbox: Sandbox) -> Any:
    if vector.data is None:
        return sandbox.decode(vector.payload, port=vector.port, millis=vector.millis, variables={})
    return sandbox.encode(vector.data, port=vector.port, millis=vector.millis, variables={})


def _errors_of(vector: Vector) -> list[Any]:
    errors = vector.output.get("errors")
    return errors if isinstance(errors, list) else []


def _list(given: Any) -> Any:
    return [] if given is None else given


def _differences(path: str, expected: Any, got: Any) -> Iterator[Difference]:
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for name in [*expected, *(name for name in got if name not in expected)]:
            if expected.get(name) is None and got.get(name) is None:
                continue  # a vector's null stands for nothing
            if name not in got or name not in expected:
                yield Difference(
                    path=f"{path}.{name}",
                    expected=_text(expected[name]) if name in expected else "nothing",
                    got=_text(got[name]) if name in got else "nothing",
                )
            else:
                yield from _differences(f"{path}.{name}", expected[name], got[name])
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for place, (left, right) in enumerate(zip(expected, got, strict=True)):
            yield from _differences(f"{path}[{place}]", left, right)
    elif not _is_equal(expected, got):
        yield Difference(path=path, expected=_text(expected), got=_text(got))


def _is_equal(left: Any, right: Any) -> bool:
    """Alike as JSON has it: NaN is null there, and a Date a text, to the millisecond."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, float) and not math.isfinite(left):
        return right is None
    if isinstance(left, int | float) and isinstance(right, int | float):
        try:
            return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
        except OverflowError:  # a whole number of more than 308 digits, which no double is near
            return left == right
    if isinstance(left, str) and isinstance(right, str) and left != right:
        left_time, right_time = _moment(left), _moment(right)
        return (
            left_time is not None
            and right_time is not None
            and _millis_since_epoch(left_time) == _millis_since_epoch(right_time)
        )
    return bool(left == right)


def _text(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
