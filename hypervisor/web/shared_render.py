"""One look for all who look at once: after an event every open page asks the same question."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

Result = TypeVar("Result")
_MOST = 64


@dataclass(kw_only=True)
class _Slot(Generic[Result]):
    lock: Lock = field(default_factory=Lock)
    marker: Hashable = None
    at: float = -1e9
    result: Result | None = None


class Shared(Generic[Result]):
    """What was found lately for a key. Those who ask meanwhile wait for the one who looks."""

    def __init__(self, *, seconds: float) -> None:
        """Keep what was found for so long, and no longer than its marker stays the same."""
        self._seconds = seconds
        self._slots: dict[Hashable, _Slot[Result]] = {}
        self._lock = Lock()

    def get(self, key: Hashable, marker: Hashable, look: Callable[[], Result]) -> Result:
        """What was found under this marker, else what `look` finds."""
        with self._lock:
            if len(self._slots) > _MOST:
                self._slots.clear()
            slot = self._slots.setdefault(key, _Slot())
        with slot.lock:
            fresh = slot.marker == marker and monotonic() - slot.at < self._seconds
            if slot.result is None or not fresh:
                slot.result = look()
                slot.marker, slot.at = marker, monotonic()
            return slot.result
