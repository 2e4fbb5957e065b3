"""When a feed is polled next: its interval, or a growing delay after failures, each with jitter."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.feeds.model import Feed, FeedState

_FIRST_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(minutes=15)
_JITTER = 0.2  # of a delay, to both sides: many instances must not ask at once
LATE_INTERVALS = 5  # without a usable answer, after which a service counts as not answering


def next_poll(
    feed: Feed, now: datetime, failures: int, *, chance: float, wait_s: float | None = None
) -> datetime:
    """`failures` in a row, the one just seen included; `chance` in [0, 1); `wait_s`: asked for."""
    if not failures:
        delay = feed.every
    else:
        delay = min(_FIRST_RETRY * 2.0 ** min(failures - 1, 10), _LONGEST_RETRY)
    delay *= 1 - _JITTER + 2 * _JITTER * chance
    return now + max(delay, timedelta(seconds=wait_s or 0))


@dataclass(frozen=True, kw_only=True)
class Outage:
    """A service did not answer from `begins` on; `ends` None: it still does not."""

    begins: datetime
    ends: datetime | None


def find_outage(feed: Feed, state: FeedState, now: datetime, *, usable: bool) -> Outage | None:
    """The outage that this poll shows. `state`: before it.

    No answer, or no request (we were not running): of the devices it says the same. Of a
    service that never answered it begins with the first poll.
    """
    if state.answered_at is None:
        if usable and not state.failures:
            return None
        return Outage(begins=state.polled_at or now, ends=now if usable else None)
    if now - state.answered_at <= LATE_INTERVALS * feed.every:
        return None
    return Outage(begins=state.answered_at, ends=now if usable else None)
