"""Nobody writes over what they did not see. To be asked under the lock of what is protected."""

import hashlib

from hypervisor.base.errors import ConflictError, UnseenError

ANY = "*"  # in the place of a mark: whatever stands there
LATEST = 2**63 - 1  # in the place of a decision's number: whatever was decided


def make_mark(content: object) -> str:
    """The mark of a content whose `repr` says all of it."""
    return hashlib.blake2b(repr(content).encode(), digest_size=8).hexdigest()


def require_no_later(seen: int | None, last: int, what: str) -> None:
    """Refuse a decision if another came after the last that its author saw, by their numbers.

    Raises:
        UnseenError: they do not say what they saw (None), and there is one.
        ConflictError: another came since.
    """
    if seen is None and last:
        raise UnseenError(
            "{what} exists already: send If-Match with the ETag of the revision that you change",
            what,
        )
    if seen is not None and last > seen:
        raise ConflictError("{what} was changed meanwhile: read it again and compare", what)


def require_current(seen: str | None, current: str | None, what: str) -> None:
    """Refuse a change that is not based on what stands. None: nothing, so that it is new.

    Raises:
        UnseenError: something stands where its author saw nothing.
        ConflictError: it is another than its author saw, or is gone.
    """
    if seen is None:
        if current is not None:
            raise UnseenError(
                "{what} exists already: choose another name, or change what is there (over the API"
                " with If-Match and its ETag)",
                what,
            )
    elif current is None:
        raise ConflictError("{what} is no longer there: somebody else has changed it", what)
    elif seen not in {ANY, current}:
        raise ConflictError("{what} was changed meanwhile: read it again and compare", what)
