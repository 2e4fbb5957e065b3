"""What a worker's heartbeat tells: how far it has listened, and when it did not. µs throughout.

A heartbeat says two things. Between two of them that carry clocks far apart the worker was not
there. And one that was long under way shows that what was published at its clock reached us only
when it did: in between, nothing that was sent could be heard.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest.batch import Beat, Listened

MISSED = 3  # intervals without a heartbeat that make a gap


@dataclass(frozen=True, kw_only=True)
class HeartbeatState:
    """How far a worker has heard.

    `interval` None: an exercise, in which only a scenario declares gaps. `late_from`: the
    start of the gap that late heartbeats are still prolonging.
    """

    interval: int | None
    clock: int | None = None
    late_from: int | None = None

    def after(self, beats: Sequence[Beat]) -> "HeartbeatUpdate":
        """What `beats`, in the order they came round, add."""
        listening, gaps, lost = self, dict[int, int](), list[tuple[int, int]]()
        for beat in beats:
            listening, span = (
                listening._apply_session(beat) if beat.session_made else listening._apply_beat(beat)
            )
            if span is not None:
                gaps[span[0]] = max(span[1], gaps.get(span[0], span[1]))
                lost += [span] if beat.session_made else []
        clock = listening.clock if listening.clock != self.clock else None
        return HeartbeatUpdate(
            listening=listening, clock=clock, gaps=tuple(gaps.items()), lost=tuple(lost)
        )

    def _apply_session(self, beat: Beat) -> tuple["HeartbeatState", tuple[int, int] | None]:
        """What came since the last heartbeat and was not stored is gone with the session's queue.

        A session made before the last heartbeat, or before the first, lost nothing.
        """
        before = self.clock
        if self.interval is None or before is None or beat.clock <= before:
            return self, None
        return replace(self, clock=beat.clock, late_from=None), (before, beat.clock)

    def _apply_beat(self, beat: Beat) -> tuple["HeartbeatState", tuple[int, int] | None]:
        before = self.clock
        clock = beat.clock if before is None else max(before, beat.clock)
        if self.interval is None:
            return replace(self, clock=clock), None
        limit = MISSED * self.interval
        gap = before if before is not None and beat.clock - before > limit else None
        if beat.received_at - beat.clock <= limit:
            span = None if gap is None else (gap, beat.clock)
            return replace(self, clock=clock, late_from=None), span
        start = next(at for at in (self.late_from, gap, beat.clock) if at is not None)
        return replace(self, clock=clock, late_from=start), (start, beat.received_at)


@dataclass(frozen=True, kw_only=True)
class HeartbeatUpdate:
    """The worker's listening after some heartbeats; `clock` None: no further than before.

    `gaps`, `lost`: as of Listened.
    """

    listening: HeartbeatState
    clock: int | None
    gaps: tuple[tuple[int, int], ...]
    lost: tuple[tuple[int, int], ...] = ()

    def to_store(self) -> Listened | None:
        """None: there is nothing to store."""
        if self.clock is None and not self.gaps:
            return None
        return Listened(heard=self.clock, gaps=self.gaps, lost=self.lost)
