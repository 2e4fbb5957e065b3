"""When this browser last looked at the page, for what changed since: kept in a cookie."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import Response

from hypervisor.web.request import current_request

_COOKIE = "visit"
_AWAY = timedelta(minutes=20)  # of the wall's clock: a shorter absence is no absence
_KEPT = 90 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Visit:
    """The end of the visit before: on the instance's clock and on the wall's."""

    since: datetime
    wall: datetime


def last(now: datetime, wall: datetime) -> Visit | None:
    """The visit before this one; None: there was none, or the scenario began again since."""
    seen = _read_cookie()
    if seen is None:
        return None
    visit = (
        _build_visit(seen[0], seen[1]) if _is_over(seen, wall) else _build_visit(seen[2], seen[3])
    )
    return visit if visit and visit.since <= now else None


def remember(answer: Response, now: datetime, wall: datetime) -> None:
    """Note that they look now."""
    seen = _read_cookie()
    before = (0, 0)
    if seen is not None:
        before = (seen[0], seen[1]) if _is_over(seen, wall) else (seen[2], seen[3])
    text = ".".join(str(number) for number in (_number(now), _number(wall), *before))
    answer.set_cookie(_COOKIE, text, max_age=_KEPT, httponly=True, samesite="lax")


def _is_over(seen: tuple[int, int, int, int], wall: datetime) -> bool:
    return _number(wall) - seen[1] > _AWAY.total_seconds()


def _build_visit(since: int, wall: int) -> Visit | None:
    if not since:
        return None
    return Visit(since=_moment(since), wall=_moment(wall))


def _read_cookie() -> tuple[int, int, int, int] | None:
    parts = current_request().cookies.get(_COOKIE, "").split(".")
    if len(parts) != 4 or not all(part.isdecimal() and len(part) <= 11 for part in parts):
        return None
    now, wall, before, before_wall = (int(part) for part in parts)
    return now, wall, before, before_wall


def _number(at: datetime) -> int:
    return max(0, int(at.timestamp()))


def _moment(number: int) -> datetime:
    return datetime.fromtimestamp(number, UTC)
