"""A window that ends at each row's key: the readings in it, and whether all of it is known."""

from dataclasses import dataclass

import numpy as np

from rules._axis import Index
from rules._inputs import Instants
from rules._interval import Mask
from rules._track import Track


@dataclass(frozen=True, kw_only=True)
class Window:
    """A window of each row over one track.

    Readings `first` to `end` (exclusive) lie in it. `covered`: at every moment of it the series
    was known, and a gauge spoke. `held`: the row of a state's value held at its beginning, or 0.
    `since`: the break before which nothing counts, None for a series without any. `owners`: the
    subjects.
    """

    track: Track
    first: Index
    end: Index
    covered: Mask
    held: Index
    owners: Index
    since: Instants | None = None

    @property
    def size(self) -> Index:
        return self.end - self.first

    @property
    def lower_bounds(self) -> Mask:
        """Where a sum of what was seen bounds the whole from below."""
        nonnegative = self.track.nonnegative
        if nonnegative.all():
            return np.ones(len(self.first), dtype=np.bool_)
        return nonnegative[self.owners]


def look(track: Track, keys: Instants, span: int, owners: Index, *, closed: bool = False) -> Window:
    """The windows (t - span, t] of each key, or with `closed` [t - span, t]."""
    opens = keys - span
    run = track.span(keys)
    first = track.good.searchsorted(opens, side="left" if closed else "right")
    since = None
    if len(track.breaks):
        since = track.broke(keys)
        first = np.maximum(first, track.good.searchsorted(since, side="left"))
    end = track.position(keys) + 1
    covered = (keys <= track.known_to[run]) & (track.known_from[run] <= opens)
    held = np.zeros(len(keys), dtype=np.intp)
    if track.gauge.all():
        covered &= end > first
    else:
        gauge = track.gauge[owners]
        covered &= ~gauge | (end > first)
        before = track.position(opens)
        run_before = track.span(opens)
        covered_before = (opens <= track.known_to[run_before]) & ~gauge & ~track.amounts[owners]
        if since is not None:
            covered_before &= since <= opens
        held = np.where(covered_before & (before < first), before, 0)
    return Window(
        track=track,
        first=first,
        end=end,
        covered=covered,
        held=held,
        owners=owners,
        since=since,
    )
