"""A payload in JSON, whatever is to be in it."""

from typing import Any

import msgspec

from ingest.message import Reason
from ingest.reply import unusable


def parse_json(payload: bytes, *, expected: str) -> Any:
    """What the JSON says; `expected` tells in words what it should.

    Raises:
        UnusableError: it is no JSON.
    """
    if not payload:
        raise unusable(Reason.EMPTY, "the payload is empty")
    try:
        return msgspec.json.decode(payload)
    except UnicodeDecodeError as error:
        raise unusable(Reason.NOT_UTF8, f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise unusable(Reason.TOO_DEEP, f"nested too deeply; expected {expected}") from None
    except ValueError as error:
        raise unusable(Reason.NOT_JSON, f"{error}; expected {expected}") from None
