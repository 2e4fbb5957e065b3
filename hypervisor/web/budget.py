"""What a request may cost where its caller chooses: declared beside its route."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from starlette.datastructures import QueryParams

from sensors._errors import TerritoryError

_ATTRIBUTE = "request_budget"
_SHORT = timedelta(days=32)
_LONG = {"1y"}  # of the names of spans
_FEW = 1_000  # rows; what a listing shows unless its caller says otherwise
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
Small = Callable[[QueryParams], bool]


class OverspentError(TerritoryError):
    """A request took more than its budget: says of what, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The most that one request may take: `seconds` of work, MiB of `memory` and of its `answer`.

    `is_small`: whether a query costs no more than any page, and needs no turn. `public`: without an
    account, too.
    """

    seconds: float = 30.0
    memory: int = 768
    answer: int = 256
    is_small: Small = lambda _query: False
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


def has_few_rows(query: QueryParams) -> bool:
    """Whether a page of a listing is no longer than usual. What is no number, the route refuses."""
    limit = query.get("limit", "")
    return not limit.isdecimal() or int(limit[:9]) <= _FEW


def is_short(query: QueryParams) -> bool:
    """Whether `from` … `to` span a month at most. What cannot be read, the route refuses."""
    if query.get("span") in _LONG:
        return False
    since, until = _read_time(query.get("from")), _read_time(query.get("to"))
    if since is None:
        return True
    return (until or datetime.now(UTC)) - since <= _SHORT


def has_few_rows_of_a_month(query: QueryParams) -> bool:
    """Both."""
    return has_few_rows(query) and is_short(query)


def _read_time(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC)  # to the day


WORK = Budget()
"""Rules tried and checked, reports, drawings: seconds of computing."""

TRIAL = Budget(seconds=45.0)
"""Stored readings of years evaluated."""

LINKED_TRIAL = Budget(seconds=45.0, is_small=lambda query: not {"site", "draft"} & set(query))
"""The same, of a page that shows a trial where its address names one."""

SINCE = Budget(is_small=lambda query: "since" not in query)
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
