"""Pages of a listing: an opaque cursor that says behind which row the next page begins.

It names the row by what it is sorted by, never by how many came before it, so that rows that
appear or go meanwhile shift nothing: no row comes twice, none is left out.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request, Response
from starlette.datastructures import URL

from hypervisor.web import times
from sensors._errors import TerritoryError

Row = TypeVar("Row")
MOST = 10_000
USUAL = 1_000
_NOT_OURS = "cursor: not one of ours; take it from `next` as it is"
_LONGEST = 2_000  # characters of a cursor


class CursorError(TerritoryError):
    """A cursor that this listing did not make."""


@dataclass(frozen=True, kw_only=True)
class Paging:
    """One request's page. `cursor` as it came."""

    request: Request
    response: Response
    limit: int
    cursor: str | None

    def after(self, *kinds: type | tuple[type, ...]) -> tuple[Any, ...] | None:
        """The key of the row behind which to begin, of these types; None: at the first row.

        Raises CursorError: it is none of this listing's.
        """
        if self.cursor is None:
            return None
        decoded = _decode_cursor(self.cursor)
        where, key = decoded[0], tuple(decoded[1:])
        fits = len(key) == len(kinds) and all(map(_matches, key, kinds))
        if where != self.request.url.path or not fits:
            raise CursorError("cursor: it belongs to another listing; begin without one")
        return key

    def behind(self) -> tuple[datetime, int] | None:
        """The same, of a listing by a time and a number.

        Raises CursorError: it is none of this listing's.
        """
        key = self.after(str, int)
        if key is None:
            return None
        at = times.parse(key[0])
        if at is None:
            raise CursorError(_NOT_OURS)
        return at, key[1]

    def take(
        self,
        rows: Sequence[Row],
        key: Callable[[Row], Sequence[Any]],
        *,
        url: URL | None = None,
    ) -> tuple[list[Row], str | None]:
        """The page out of rows that were asked for one beyond `limit`, and the next one's address.

        The address is said in the header `Link`, too. `url`: what was asked, where the request
        left something open.
        """
        page = list(rows[: self.limit])
        if len(rows) <= self.limit:
            return page, None
        url = url or self.request.url
        cursor = _encode_cursor([url.path, *key(page[-1])])
        following = url.include_query_params(cursor=cursor)
        address = f"{following.path}?{following.query}"
        self.response.headers["Link"] = f'<{address}>; rel="next"'
        return page, address

    def cut(
        self, rows: Sequence[Row], key: Callable[[Row], Sequence[Any]]
    ) -> tuple[list[Row], str | None]:
        """The same of a listing that is small enough to be in hand; told in the order of `key`."""
        # A database sorts words as people do; what a cursor is compared with, Python has sorted.
        rows = sorted(rows, key=lambda row: tuple(key(row)))
        kinds = [_value_type(part) for part in key(rows[0])] if rows else []
        after = self.after(*kinds) if rows else None
        if after is not None:
            rows = [row for row in rows if tuple(key(row)) > after]
        return self.take(rows, key)


def paging(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Rows a page.", examples=[100])] = USUAL,
    cursor: Annotated[
        str | None,
        Query(
            max_length=_LONGEST,
            description="Where the page begins: only ever what `next` of the page before said.",
        ),
    ] = None,
) -> Paging:
    """A page as it was asked for."""
    return Paging(request=request, response=response, limit=limit, cursor=cursor)


Page = Annotated[Paging, Depends(paging)]


def _value_type(part: Any) -> type | tuple[type, ...]:
    return (int, float) if isinstance(part, float) else type(part)


def _matches(part: Any, kind: type | tuple[type, ...]) -> bool:
    if isinstance(part, bool) and kind is not bool:
        return False  # in Python a bool is an int
    if isinstance(part, int) and not -(2**63) <= part < 2**63:
        return False
    return isinstance(part, kind) and not (isinstance(part, str) and "\0" in part)


def _encode_cursor(key: Sequence[Any]) -> str:
    text = json.dumps(list(key), ensure_ascii=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        loads = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        json.dumps(loads, allow_nan=False, ensure_ascii=False).encode()  # no lone surrogate
    except (binascii.Error, ValueError, RecursionError):
        raise CursorError(_NOT_OURS) from None
    if not isinstance(loads, list) or not loads:
        raise CursorError(_NOT_OURS)
    return loads
