"""What a request may cost where its caller chooses: declared beside its route."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from starlette.requests import Request

from sensors._errors import TerritoryError

_ATTRIBUTE = "request_budget"
_SHORT = timedelta(days=32)
_LONG = {"1y"}  # of the names of spans
_FEW = 1_000  # rows; what a listing shows unless its caller says otherwise
_COUNT = re.compile(r"[0-9]{1,4}")
_LAST = datetime.max.replace(tzinfo=UTC)
_STREAMED = ("text/csv", "text/*")  # without a page's end
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
Small = Callable[[Request], bool]


class OverspentError(TerritoryError):
    """A request took more than its budget: says of what, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The most that one request may take: `seconds` of work, MiB of `memory` and of its `answer`.

    `is_small`: whether a request certainly costs no more than any page, and needs no turn; what it
    does not read is not small. `public`: without an account, too.
    """

    seconds: float = 30.0
    memory: int = 768
    answer: int = 256
    is_small: Small = lambda _request: False
    public: bool = False


def costs(budget: Budget) -> Callable[[_Endpoint], _Endpoint]:
    """Declare what a route may cost; stands below the route's own decorator."""

    def declare(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _ATTRIBUTE, budget)
        return endpoint

    return declare


def find_budget(endpoint: Callable[..., Any] | None) -> Budget | None:
    """What the route of this endpoint declares; None: every request costs it the same."""
    budget: Budget | None = getattr(endpoint, _ATTRIBUTE, None)
    return budget


def has_few_rows(request: Request) -> bool:
    """Whether a page of a listing is no longer than usual, and not all of it as CSV."""
    query, accept = request.query_params, request.headers.get("accept", "").lower()
    if query.get("format") == "csv" or any(kind in accept for kind in _STREAMED):
        return False
    limits = query.getlist("limit")
    return all(_COUNT.fullmatch(limit) and int(limit) <= _FEW for limit in limits)


def is_short(request: Request) -> bool:
    """Whether `from` … `to` span a month at most, or neither is there."""
    query = request.query_params
    if query.get("span") in _LONG or "incident" in query:
        return False
    if not query.get("from"):
        return True
    since, until = _read_day(query["from"]), datetime.now(UTC)
    if query.get("to"):
        until = _read_day(query["to"]) or _LAST
    return since is not None and until - since <= _SHORT


def has_few_rows_of_a_month(request: Request) -> bool:
    """Both."""
    return has_few_rows(request) and is_short(request)


def _read_day(text: str) -> datetime | None:
    """None: no day as everybody writes it; a route may read seconds since 1970 in 20260101."""
    try:
        return datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


WORK = Budget()
"""Rules tried and checked, reports, drawings: seconds of computing."""

TRIAL = Budget(seconds=45.0)
"""Stored readings of years evaluated."""

LINKED_TRIAL = Budget(
    seconds=45.0, is_small=lambda request: not {"site", "draft"} & set(request.query_params)
)
"""The same, of a page that shows a trial where its address names one."""

SINCE = Budget(is_small=lambda request: "since" not in request.query_params)
"""What was issued since a time."""

FILE = Budget(seconds=60.0, public=True)
"""A file or a listing by a standard, which anybody may ask for where it is public."""

DECODING = Budget(seconds=90.0)
"""What somebody sends is decoded: pictures, inventories, forecasts, CAP."""

ROWS = Budget(is_small=has_few_rows)
"""A listing: long pages take turns."""

SPAN = Budget(is_small=is_short)
"""A curve or a table: long spans take turns."""

ROWS_OF_SPAN = Budget(is_small=has_few_rows_of_a_month)
"""Readings of series."""
