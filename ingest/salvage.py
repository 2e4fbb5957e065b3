"""The second, patient reading of a message that the strict decoder refused.

It keeps what is good of it and says of the rest, in words for those who can mend the device, what
is wrong. Slow, and only for the few.
"""

import json
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from ingest.message import MOST_OBJECTS, Arrival, Envelope, Reason, Refused
from ingest.parsing import explain_error, refuse_duplicates
from ingest.reply import UnusableError, unusable
from ingest.times import parse_time
from sensors._errors import Message, listed

_FIELDS = ("time", "values", "units", "status")
_WORDS = {
    dict: Message("an object"),
    list: Message("an array"),
    str: Message("a text"),
    bool: Message("true or false"),
}
_MOST_NAMED = 3  # quantities whose fault is named; the others are counted
_EXAMPLE = '{"time": "2022-01-11T06:15:00Z", "values": {"level": 4.306}}'


def salvage(arrival: Arrival) -> tuple[list[Envelope], list[Refused]]:
    """What can be used of a message, and what is refused of it."""
    try:
        document = _parse_document(arrival.payload)
    except UnusableError as error:
        return [], [error.refusal.of(arrival)]
    envelopes: list[Envelope] = []
    refused: list[Refused] = []
    lone = not isinstance(document, list)
    for element in [document] if lone else document:
        envelope, wrong = _salvage_element(arrival, element, lone=lone)
        refused.extend(wrong)
        if envelope is not None:
            envelopes.append(envelope)
    return envelopes, refused


def _parse_document(payload: bytes) -> Any:
    """The JSON of a message.

    Raises:
        UnusableError: it is none, or none of ours as a whole.
    """
    try:
        document = json.loads(
            payload.decode(), parse_int=float, object_pairs_hook=refuse_duplicates
        )
    except (ValueError, RecursionError) as error:
        raise explain_error(error, expected=_EXAMPLE) from None
    if document == []:
        raise unusable(Reason.NO_VALUES, "the array is empty")
    if isinstance(document, list) and len(document) > MOST_OBJECTS:
        raise unusable(
            Reason.TOO_LARGE,
            "{count} objects; at most {number} of a message are read",
            len(document),
            MOST_OBJECTS,
        )
    return document


def describe_type(value: object) -> Message:
    """A JSON value in a few words."""
    if value is None:
        return Message("null")
    return _WORDS.get(type(value), Message("a number"))


def _salvage_element(
    arrival: Arrival, element: object, *, lone: bool
) -> tuple[Envelope | None, list[Refused]]:
    if not isinstance(element, dict):
        detail = Message(
            "expected an object such as {code}, got {kind}", _EXAMPLE, describe_type(element)
        )
        return None, [_make_refused(arrival, Reason.WRONG_SHAPE, detail, element, lone=lone)]
    problem = _check_shape(element)
    if problem is not None:
        return None, [_make_refused(arrival, *problem, element, lone=lone)]
    bad = dict(_find_bad_values(element["values"]))
    refused = refuse_by_reason(arrival, element, bad, lone=lone)
    if bad and len(bad) == len(element["values"]):
        return None, refused
    rest = {name: _drop_names(part, bad) for name, part in element.items()}
    return msgspec.convert(rest | {"time": parse_time(element["time"])}, Envelope), refused


def _drop_names(part: object, bad: Collection[str]) -> object:
    """A field without what is refused; an unknown name stays, to be refused later on."""
    if not isinstance(part, dict):
        return part
    return {name: value for name, value in part.items() if name not in bad}


def _make_refused(
    arrival: Arrival, reason: Reason, detail: Message, part: object, *, lone: bool
) -> Refused:
    return Refused(arrival=arrival, reason=reason, detail=detail, whole=lone, part=part)


def refuse_by_reason(
    arrival: Arrival,
    element: Mapping[str, Any],
    bad: Mapping[str, tuple[Reason, Message]],
    *,
    lone: bool,
) -> list[Refused]:
    """One refusal for each reason, with the quantities it concerns; `lone`: no array holds it."""
    refused = []
    for reason in {reason: None for reason, _ in bad.values()}:
        names = [name for name, (other, _) in bad.items() if other is reason]
        detail = listed((bad[name][1] for name in names[:_MOST_NAMED]), "; ")
        if len(names) > _MOST_NAMED:
            detail += Message("; and {count} more", len(names) - _MOST_NAMED)
        whole = lone and len(names) >= len(element["values"])
        refused.append(
            Refused(
                arrival=arrival,
                reason=reason,
                detail=detail,
                whole=whole,
                part=keep_quantities(element, names),
            )
        )
    return refused


def keep_quantities(element: Mapping[str, Any], names: Collection[str]) -> dict[str, object]:
    """The same object with only the named quantities in it."""
    kept = set(names)
    part: dict[str, object] = {"time": element["time"]}
    for field in _FIELDS[1:]:
        table = {n: v for n, v in (element.get(field) or {}).items() if n in kept}
        if table:
            part[field] = table
    return part


def _check_shape(element: Mapping[str, Any]) -> tuple[Reason, Message] | None:
    """What is wrong with the object as a whole, if anything."""
    unknown = [name for name in element if name not in _FIELDS]
    if unknown:
        return Reason.WRONG_SHAPE, Message(
            "unknown field {name!r}; expected {code_fields}", unknown[0][:60], ", ".join(_FIELDS)
        )
    if "time" not in element:
        return Reason.NO_TIME, Message("no field 'time'; expected {code}", _EXAMPLE)
    try:
        parse_time(element["time"])
    except ValueError as error:
        return Reason.BAD_TIME, Message(
            "time {value}: {error}; expected a date, a time and an offset such as"
            " 2022-01-11T06:15:00Z or 2022-01-11T07:15:00+01:00",
            _clip(element["time"]),
            error,
        )
    if not isinstance(element.get("values"), dict):
        there = describe_type(element["values"]) if "values" in element else Message("none")
        return Reason.WRONG_SHAPE, Message(
            "'values' must be an object of numbers by quantity, got {kind}", there
        )
    return _check_texts(element)


def _check_texts(element: Mapping[str, Any]) -> tuple[Reason, Message] | None:
    for field in ("units", "status"):
        table = element.get(field)
        if table is None:
            continue
        if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
            return Reason.WRONG_SHAPE, Message(
                "{field!r} must be an object of texts by quantity", field
            )
    return None


def _find_bad_values(values: Mapping[str, object]) -> Iterator[tuple[str, tuple[Reason, Message]]]:
    for name, value in values.items():
        if value is None or isinstance(value, bool):
            continue
        if not isinstance(value, float):
            detail = Message(
                "{name!r} must be a number, null, true or false, got {code}", name, _clip(value)
            )
            yield name, (Reason.BAD_VALUE, detail)
        elif not math.isfinite(value):
            detail = Message(
                "{name!r} is {code}: not a finite number; send null where there is no value",
                name,
                value,
            )
            yield name, (Reason.NOT_FINITE, detail)


def _clip(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
