"""What there is to be seen of a series at each of a view's keys: held, newest, changed."""

import numpy as np

from rules._axis import Index
from rules._block import Block
from rules._inputs import Instants, Values
from rules._interval import Interval, Mask, compute, exactly, where_known
from rules._track import Track
from rules._usual import usual_values


class Sight:
    """Rows at which one looks at tracks of a block.

    On the axis of silence the keys are of `received_at`, and only what had arrived by each key
    is there to be seen.
    """

    def __init__(self, block: Block, keys: Instants, *, silence: bool) -> None:
        self.block = block
        self.keys = keys
        self.silence = silence
        self.owners = block.axis.subjects(keys)
        self.zones = self.owners * block.axis.stride
        self._held: dict[int, Interval] = {}
        self._rows: dict[int, Index] = {}
        self._floors: dict[int, Instants] = {}

    def idle(self, track: Track) -> Mask | None:
        """Where a series is out of service; None: nowhere."""
        service = self.block.service(track)
        return None if service is None else service.at(self.keys) == 0

    def unknown(self, track: Track) -> Mask:
        """Where a series is not known, though in service."""
        run = track.span(self.keys)
        gone = (self.keys > track.known_to[run]) & track.present[self.owners]
        idle = self.idle(track)
        return gone if idle is None else gone & ~idle

    def held(self, track: Track) -> Interval:
        """The last good reading, while it holds."""
        if id(track) not in self._held:
            rows, holds = self._held_rows(track), self._known_rows(track)
            self._held[id(track)] = where_known(holds, track.interval(rows))
        return self._held[id(track)]

    def forecast(self, name: str, horizon: int) -> Interval:
        """The median issued with the last good reading, while that holds."""
        track = self.block.track(name)
        rows = np.where(self._known_rows(track), self._held_rows(track), 0)
        return exactly(self.block.issues(name).medians(rows, horizon))

    def chance(self, name: str, limit: Interval, horizon: int, *, above: bool) -> Interval:
        """The chance, issued with the last good reading, to be beyond a limit."""
        track = self.block.track(name)
        limits: Values = np.where(limit.lo == limit.hi, limit.lo, np.nan)
        some = self._known_rows(track) & ~np.isnan(limits)
        rows = np.where(some, self._held_rows(track), 0)
        return exactly(self.block.issues(name).chances(rows, limits, horizon, above=above))

    def usual(self, track: Track, weeks: int) -> Interval:
        """What was usual at the last good reading, while that holds."""
        rows = np.where(self._known_rows(track), self._held_rows(track), 0)
        distinct, which = np.unique(rows, return_inverse=True)
        value = usual_values(track, distinct, self.block.zones, weeks)
        return Interval(value.lo[which], value.hi[which])

    def _held_rows(self, track: Track) -> Index:
        if id(track) not in self._rows:
            self._rows[id(track)] = self._find(track, self.keys)
        return self._rows[id(track)]

    def _known_rows(self, track: Track) -> Mask:
        return self._holds(track, self.keys, self._held_rows(track))

    def last(self, track: Track) -> Interval:
        """The last good reading, however old."""
        return self._ever(track, self._newest(track))

    def change(self, track: Track, span: int) -> Interval:
        """The value held, minus the one a span ago; a gauge's not older than one interval more."""
        opens = self.keys - span
        base = self._find(track, opens)
        near = track.good[base] >= opens - track.usual.at(self.keys)
        if not track.gauge.all():
            near = np.where(track.gauge[self.owners], near, self._holds(track, opens, base))
        if len(track.breaks):
            near &= track.good[base] >= self._floor(track)
        return compute("-", self.held(track), where_known(near, track.interval(base)))

    def last_change(self, track: Track, span: int) -> Interval:
        """The last good reading minus the last at or before its time less a span."""
        last = self._newest(track)
        base = self._find(track, track.good[last] - span)
        earlier = self._ever(track, base)
        if len(track.breaks):
            earlier = where_known(track.good[base] >= track.broke(track.good[last]), earlier)
        return compute("-", self._ever(track, last), earlier)

    def _find(self, track: Track, keys: Instants) -> Index:
        """The last good reading at or before the keys, of those that there were by then."""
        if self.silence:
            return self.block.arrivals(track).find(keys, self.keys)
        return track.position(keys)

    def _newest(self, track: Track) -> Index:
        if self.silence:
            return self.block.arrivals(track).newest(self.keys)
        return track.position(self.keys)

    def _ever(self, track: Track, rows: Index) -> Interval:
        return where_known(track.good[rows] >= self._floor(track), track.interval(rows))

    def _floor(self, track: Track) -> Instants:
        """Before which a reading is another subject's, or of what the series was before a break."""
        if len(track.breaks) == 0:
            return self.zones
        if id(track) not in self._floors:
            self._floors[id(track)] = np.maximum(self.zones, track.broke(self.keys))
        return self._floors[id(track)]

    def _holds(self, track: Track, keys: Instants, rows: Index) -> Mask:
        """Whether what the rows say still held at the keys."""
        own = track.good[rows] >= self.zones
        if len(track.breaks):
            own &= track.good[rows] >= track.broke(keys)
        if not self.silence:
            return own & (keys <= track.known_to[track.span(keys)])
        fresh = track.good[rows]
        if not track.gauge.all():
            # What is sent on change holds while its device is heard, as far as one had heard:
            # last with the reading itself, or later.
            heard = self.block.heard(track)
            fresh = np.where(
                track.gauge[self.owners], fresh, heard.times[heard.find(keys, self.keys)]
            )
        return np.asarray(own & (keys <= track.expiries(np.maximum(fresh, self.zones))))
