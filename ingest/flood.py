"""Who fills our queue while we fall behind: others' readings wait behind that account's."""

from collections import Counter
from collections.abc import Callable, Sequence

from ingest.message import Arrival

BEHIND = 2.0  # seconds that our heartbeat may be under way before we look for the cause
_LEAST = 200  # messages, or KiB, a second: what no device needs that keeps up
_EVERY = 1.0  # seconds between two looks
_LOOKS = 2  # in a row that show the same: after a stall of the store we catch up by the second


class FloodDetector:
    """Counts whose messages come while we fall behind, and has who sends most of them paused.

    Not while we catch up: then they came as they should, and we were away.
    `pause` asks the broker's keeper; `ticks` is a steady clock in seconds.
    """

    def __init__(self, *, pause: Callable[[str], None], ticks: Callable[[], float]) -> None:
        self._pause, self._ticks = pause, ticks
        self._weights: Counter[str] = Counter()
        self._since, self._behind = ticks(), 0.0
        self._suspect, self._looks = "", 0

    def look(self, arrivals: Sequence[Arrival], behind: float) -> None:
        """Take a batch into account; `behind`: how long our heartbeat is under way, seconds."""
        now = self._ticks()
        if behind < BEHIND:
            self._suspect = ""
            self._begin(now, behind)
            return
        for arrival in arrivals:
            self._weights[arrival.topic.split("/", 2)[1]] += 1 + len(arrival.payload) // 1024
        if now - self._since < _EVERY or not self._weights:
            return
        (account, weight), *_ = self._weights.most_common(1)
        grows = behind > self._behind
        fills = weight * 2 > self._weights.total() and weight > _LEAST * (now - self._since)
        self._looks = self._looks + 1 if account == self._suspect else 1
        self._suspect = account if grows and fills else ""
        if self._suspect and self._looks >= _LOOKS:
            self._pause(account)
        self._begin(now, behind)

    def _begin(self, now: float, behind: float) -> None:
        self._weights.clear()
        self._since, self._behind = now, behind
