"""A payload in JSON, whatever is to be in it."""

import json
import re
from typing import Any

import msgspec

from ingest.message import Reason
from ingest.reply import UnusableError, unusable
from sensors._errors import Message, MessageError

_MALFORMED = re.compile(r"JSON is malformed: (.*) \(byte (\d+)\)")  # msgspec


class DuplicateNameError(MessageError, ValueError):
    """A name is twice in one object: which of the two is meant, no one can tell."""


def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, for `json.loads`.

    Raises:
        DuplicateNameError: a name is twice in it.
    """
    document = dict(pairs)
    if len(document) < len(pairs):
        names = set[str]()
        for name, _ in pairs:
            if name in names:
                raise DuplicateNameError("{name!r} is twice in one object", name[:60])
            names.add(name)
    return document


def explain_error(error: ValueError | RecursionError, *, expected: str) -> UnusableError:
    """Why bytes are no JSON of ours, from what reading them raised."""
    if isinstance(error, UnicodeDecodeError):
        return unusable(Reason.NOT_UTF8, "byte {number} is not UTF-8", error.start)
    if isinstance(error, RecursionError):
        return unusable(Reason.TOO_DEEP, "nested too deeply; expected {example}", expected)
    if isinstance(error, DuplicateNameError):
        return unusable(Reason.WRONG_SHAPE, str(error))
    return unusable(
        Reason.NOT_JSON,
        "this is not JSON: {problem}; expected {example}",
        _describe_error(error),
        expected,
    )


def _describe_error(error: ValueError) -> Message:
    """What a reader of JSON says, and where."""
    if isinstance(error, json.JSONDecodeError):
        return Message(
            "{problem} (line {number}, column {n})", error.msg, error.lineno, error.colno
        )
    match = _MALFORMED.fullmatch(str(error))
    return Message("{problem} (byte {number})", *match.groups()) if match else Message(str(error))


def parse_json(payload: bytes, *, expected: str) -> Any:
    """What the JSON says; `expected` tells in words what it should.

    Raises:
        UnusableError: it is no JSON, or a name stands twice in one of its objects.
    """
    if not payload:
        raise unusable(Reason.EMPTY, "the payload is empty")
    try:
        document = msgspec.json.decode(payload)
        if _may_have_duplicates(payload, document):
            json.loads(payload, parse_int=float, object_pairs_hook=refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise explain_error(_locate_in_payload(error, payload), expected=expected) from None
    return document


def _locate_in_payload(
    error: ValueError | RecursionError, payload: bytes
) -> ValueError | RecursionError:
    """A byte that is no UTF-8 counted in the payload; the decoder counts it in its own text."""
    if isinstance(error, UnicodeDecodeError):
        try:
            payload.decode()
        except UnicodeDecodeError as placed:
            return placed
    return error


def _may_have_duplicates(payload: bytes, document: Any) -> bool:
    """Whether a name may stand twice: what was decoded has fewer texts than the payload.

    Where nothing is escaped a text has two quotation marks, in the payload as when written again.
    """
    if b"\\" in payload:
        return True
    try:
        encoded = msgspec.json.encode(document)
    except (ValueError, OverflowError):
        return True
    return payload.count(b'"') != encoded.count(b'"')
