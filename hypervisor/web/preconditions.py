"""ETag and If-Match: an author changes what they saw, or nothing."""

from typing import Annotated

from fastapi import Header, Response

from hypervisor.base.errors import ConflictError, UnseenError
from hypervisor.base.versions import ANY, LATEST
from sensors._scalars import parse_whole

IfMatch = Annotated[
    str | None,
    Header(description="The ETag of what you change. Without it only something new is written."),
]


SeenList = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag of the list that you read: then what came since is not overruled.",
    ),
]


def expected(if_match: str | None, *, exists: bool, what: str) -> str | None:
    """The mark in the header; None for what is new.

    Raises UnseenError: something stands, and the header does not say which is changed.
    """
    if if_match is not None:
        return read_mark(if_match)
    if exists:
        raise UnseenError(
            "{what} exists already: send If-Match with the ETag of the revision that you change",
            what,
        )
    return None


def read_mark(if_match: str | None) -> str | None:
    """The mark in the header, for `base.versions.require_current`; None: there is no header."""
    return None if if_match is None else if_match.strip().removeprefix("W/").strip('"')


def read_number(if_match: str | None) -> int | None:
    """The number of the last decision that its author saw, in the header; None: there is none.

    Raises ConflictError: it is no number.
    """
    mark = read_mark(if_match)
    if mark is None or mark == ANY:
        return None if mark is None else LATEST
    number = parse_whole(mark)
    if number is None:
        raise ConflictError("If-Match: {mark!r} is no ETag of this list", mark[:40])
    return number


def tag(response: Response, mark: str) -> None:
    """Say which revision is answered."""
    response.headers["ETag"] = f'"{mark}"'
