"""Who fills our queue while we are behind: everybody else's readings wait behind that account's."""

from collections import Counter
from collections.abc import Callable, Sequence

from ingest.message import Arrival

BEHIND = 2.0  # seconds that our heartbeat may be under way before we look for the cause
_LEAST = 200  # messages, or KiB, a second: what no device needs that keeps up
_EVERY = 1.0  # seconds between two looks


class Flood:
    """Counts whose messages come while we are behind, and has the account paused that sends most.

    `pause` asks the broker's keeper; `ticks` is a steady clock in seconds.
    """

    def __init__(self, *, pause: Callable[[str], None], ticks: Callable[[], float]) -> None:
        self._pause, self._ticks = pause, ticks
        self._weights: Counter[str] = Counter()
        self._since = ticks()

    def look(self, arrivals: Sequence[Arrival], behind: float) -> None:
        """Take a batch into account; `behind`: how long our heartbeat is under way, seconds."""
        now = self._ticks()
        if behind < BEHIND:
            self._weights.clear()
            self._since = now
            return
        for arrival in arrivals:
            self._weights[arrival.topic.split("/", 2)[1]] += 1 + len(arrival.payload) // 1024
        if now - self._since < _EVERY or not self._weights:
            return
        (account, weight), *_ = self._weights.most_common(1)
        if weight * 2 > self._weights.total() and weight > _LEAST * (now - self._since):
            self._pause(account)
        self._weights.clear()
        self._since = now
