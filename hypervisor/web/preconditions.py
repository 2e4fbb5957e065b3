"""ETag and If-Match: an author changes what they saw, or nothing."""

from typing import Annotated

from fastapi import Header, Response

from hypervisor.base.errors import RulebookError

IfMatch = Annotated[
    str | None,
    Header(description="The ETag of what you change. Without it only something new is written."),
]


class PreconditionError(RulebookError):
    """A change that does not say what it is based on."""


def expected(if_match: str | None, *, exists: bool, what: str) -> str | None:
    """The mark in the header; None for what is new.

    Raises PreconditionError: something stands, and the header does not say which is changed.
    """
    if if_match is not None:
        return if_match.strip().removeprefix("W/").strip('"')
    if exists:
        raise PreconditionError(
            "{what} exists already: send If-Match with the ETag of the revision that you change",
            what,
        )
    return None


def tag(response: Response, mark: str) -> None:
    """Say which revision is answered."""
    response.headers["ETag"] = f'"{mark}"'
