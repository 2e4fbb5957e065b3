"""How far we have listened: the lowest heartbeat of the workers that are expected to be heard."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sensors._row import NEVER


@dataclass(frozen=True, kw_only=True)
class Worker:
    """An ingest worker that joined and was not drained. µs."""

    name: str
    joined: int


@dataclass(kw_only=True)
class Watermark:
    """Heartbeats as the feed told them, in commit order. `floor` never goes back."""

    floor: int = NEVER
    beats: dict[str, int] = field(default_factory=dict)

    def beat(self, worker: str, at: int) -> None:
        self.beats[worker] = max(at, self.beats.get(worker, NEVER))

    def raise_floor(self, workers: Iterable[Worker]) -> int:
        """The instant up to which silence may be judged, given who is expected.

        A worker not heard since this watch began stands where the floor was left, or where it
        joined: its heartbeats before are in that floor already.
        """
        lowest = [self.beats.get(w.name, max(w.joined, self.floor)) for w in workers]
        if lowest and self.beats:
            self.floor = max(self.floor, min(lowest))
        return self.floor


def union(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Spans joined where they touch or overlap, ascending: any deaf worker may have missed any."""
    joined: list[tuple[int, int]] = []
    for since, until in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(until, joined[-1][1]))
        elif until > since:
            joined.append((since, until))
    return tuple(joined)
