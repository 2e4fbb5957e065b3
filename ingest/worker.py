"""A worker: receives, has it stored, acknowledges; in that order, for as long as it runs."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ingest.flood import FloodDetector
from ingest.pipeline import Checked, Pipeline
from ingest.ports import BrokerLink
from ingest.storer import Storer

_DOZE = 0.2  # seconds without anything to do
_BREATH = 0.001  # seconds between two readings of the socket: many messages a reading
_TELL = 10.0  # seconds between two words about refusals
_BYTES_A_ROW = 400  # of payload, when a batch is bounded in bytes
_LONGEST_CHECK = 0.25  # seconds of decoding a batch: vendors' scripts take a hundred times as long
_FEWEST = 20  # messages a batch may have, however long they take
_PATIENCE = 20.0  # seconds without a store after which the broker shall keep what comes

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is gathered before it is stored, and how often we send our heartbeat (seconds).

    `heartbeat` None: an exercise, whose own clock is the heartbeat.
    """

    rows: int
    seconds: float
    heartbeat: float | None


class Worker:
    """One worker. `ticks` is a steady clock in seconds.

    `between` is called while nothing is being stored: the store's session may be used.
    """

    def __init__(
        self,
        *,
        link: BrokerLink,
        pipeline: Pipeline,
        limits: Limits,
        ticks: Callable[[], float],
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self._link, self._pipeline, self._limits, self._ticks = link, pipeline, limits, ticks
        self._between = between
        self._storer = Storer(store=pipeline.store, ring=link.wake)
        self._next: Checked | None = None  # a full batch that is ready while another is stored
        self._since: float | None = None  # when the oldest of what waits came
        self._given = 0.0
        self._seconds_a_message = 0.001  # of decoding, in the last batch; at first as if by scripts
        self._next_beat = 0.0
        self._flood = FloodDetector(pause=link.pause, ticks=ticks)
        self._next_word = ticks() + _TELL

    def run(self, stopping: Callable[[], bool]) -> None:
        """Work until stopped; then store and acknowledge what was received, and leave."""
        try:
            while not stopping():
                self.step()
        except BaseException:
            self._storer.stop(seconds=0)
            raise
        self.finish()

    def step(self) -> None:
        """One turn: read if there is room, store if there is something, acknowledge what is."""
        if self._is_resting():
            return
        self._pause_before_reading()
        room = self._room()
        self._link.turn(self._wait(), room=room)
        if self._link.inbox.waiting and self._since is None:
            self._since = self._ticks()
        self._settle()
        if not self._storer.busy:
            self._between()
        if self._is_due():
            self._hand_over()
        elif self._next is None and self._link.inbox.waiting and self._room() <= 0:
            self._next = self._checked()
        self._beat()
        self._tell()

    def _is_resting(self) -> bool:
        """While the store stays away: have the broker keep what comes, rather than not read it.

        It keeps our session; when we are back it sends again what we have not acknowledged.
        """
        full = self._storer.busy and self._room() <= 0 and not self._link.keeps_unread
        if not full or self._ticks() - self._given < _PATIENCE:
            return False
        if self._link.up:
            log.warning("no store for %.0f s: leaving the broker until it is back", _PATIENCE)
            self._link.close()
        self._link.rest(_DOZE)
        self._settle()
        return True

    def finish(self) -> None:
        """Receive nothing more; store and acknowledge what was received; leave."""
        self._await_storer()
        while self._next is not None or self._link.inbox.waiting:
            if self._storer.busy:
                break
            self._hand_over()
            self._await_storer()
        self._storer.stop(seconds=15)
        self._settle()
        if self._storer.busy:
            log.warning("the store is away: what it lacks stays unacknowledged at the broker")
        self._link.close()
        log.info("stopped; %s readings stored", self._pipeline.rows)

    def _room(self) -> int:
        """How many more messages may be received.

        While one batch is stored a second may be ready and a third be received; then the socket
        is not read, and the broker keeps what comes.
        """
        if self._link.inbox.bytes > self._limits.rows * _BYTES_A_ROW:
            return 0
        messages = int(self._limits.rows / self._pipeline.rows_a_message)
        if self._seconds_a_message * messages > _LONGEST_CHECK:
            messages = max(_FEWEST, int(_LONGEST_CHECK / self._seconds_a_message))
        return messages - self._link.inbox.waiting

    def _pause_before_reading(self) -> None:
        """While something waits anyway, let more of it come before the next reading."""
        if self._since is not None:
            left = self._since + self._limits.seconds - self._ticks()
            if self._storer.busy:
                left = _BREATH if self._room() > 0 else _DOZE
            if left > 0:
                self._link.turn(left, room=0)

    def _wait(self) -> float:
        return _DOZE if self._since is None else 0.0

    def _is_due(self) -> bool:
        if self._storer.busy:
            return False
        if self._next is not None or self._since is None:
            return self._next is not None
        return self._room() <= 0 or self._ticks() - self._since >= self._limits.seconds

    def _hand_over(self) -> None:
        batch, self._next = self._next or self._checked(), None
        self._given = self._ticks()
        self._storer.give(batch)

    def _checked(self) -> Checked:
        self._since = None
        parcel = self._link.inbox.take()
        if self._limits.heartbeat is not None:
            self._flood.look(parcel.arrivals, self._link.inbox.behind / 1e6)
        began = self._ticks()
        checked = self._pipeline.check(parcel)
        self._seconds_a_message = (self._ticks() - began) / max(1, len(parcel.arrivals))
        return checked

    def _settle(self) -> None:
        stored = self._storer.stored()
        if stored is not None:
            self._link.acknowledge(stored.parcel)

    def _await_storer(self) -> None:
        end = self._ticks() + 15
        while self._storer.busy and self._ticks() < end:
            self._link.turn(0.1, room=0)
            self._settle()

    def _beat(self) -> None:
        interval = self._limits.heartbeat
        if interval is None or not self._link.up:
            return
        now = self._ticks()
        if now >= self._next_beat:
            self._link.beat()
            self._next_beat = now + interval

    def _tell(self) -> None:
        now = self._ticks()
        if now < self._next_word:
            return
        self._next_word = now + _TELL
        refusals, self._pipeline.refusals = self._pipeline.refusals, type(self._pipeline.refusals)()
        if refusals:
            summary = ", ".join(f"{reason} {count}" for reason, count in refusals.most_common(5))
            log.warning("refused in the last %.0f s: %s", _TELL, summary)
        warnings, self._pipeline.warnings = self._pipeline.warnings, type(self._pipeline.warnings)()
        if warnings:
            summary = ", ".join(f"{text} ({count})" for text, count in warnings.most_common(5))
            log.info("codecs warned in the last %.0f s: %s", _TELL, summary)
