"""Which parts of the devices this process receives, as processes come and go."""

import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from hypervisor.database.shares import Shares
from hypervisor.readings import queries_dead_letters, queries_parts
from hypervisor.readings.queries_parts import PartIntake
from ingest.amqp import AmqpError
from ingest.heartbeat import HeartbeatState
from ingest.part_link import PartLink
from ingest.pipeline import Pipeline
from ingest.ports import OccupiedError
from ingest.queues import part_name

SHARE_SECONDS = 1.0  # between two looks at who else is there
_LOOK_SECONDS = 5.0  # between two looks for one that hangs
_PATIENCE = 2.0  # seconds without a broker, after which others have our parts

log = logging.getLogger(__name__)


class PartKeeper:
    """Takes and releases parts between two batches, when nothing is being stored.

    A part is released once all that was received of it is stored. `clock`: the wall's, µs;
    `ticks`: a steady one, seconds.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        intake: PartIntake,
        shares: Shares,
        link: PartLink,
        pipeline: Pipeline,
        interval: int | None,
        clock: Callable[[], int],
        ticks: Callable[[], float],
        worker: str,
    ) -> None:
        self._intake, self._shares = intake, shares
        self._link, self._pipeline = link, pipeline
        self._interval, self._clock, self._ticks = interval, clock, ticks
        self._worker = worker
        self._next = self._next_look = 0.0

    def share_out(self) -> None:
        """Have one's share of the parts, and no more.

        Raises OccupiedError: the session has ended, or no broker answers here: others may have one.
        """
        if self._ticks() < self._next:
            return
        self._next = self._ticks() + SHARE_SECONDS
        if not self._link.up:
            if self._link.down > _PATIENCE:
                raise OccupiedError("no broker answers here")
            return
        with self._intake.session() as connection:
            if self._ticks() >= self._next_look:
                self._next_look = self._ticks() + _LOOK_SECONDS
                if queries_parts.end_hung(connection):
                    log.warning("ended the session of a process that hangs")
            if self._link.dead:
                letters = list(self._link.dead.values())
                queries_dead_letters.store_letters(connection, letters, self._worker, again=True)
                connection.commit()
                self._link.acknowledge_dead()
            mine = self._shares.find_share()
            try:
                self._leave(self._shares.held - mine)
                taken = self._shares.take(mine - self._shares.held)
                if taken:
                    log.info("receiving %s", self._describe())
                self._open(mine & self._shares.held)
            except AmqpError as error:
                log.warning("%s; trying again", error)

    def _describe(self) -> str:
        return ", ".join(part_name(part) for part in sorted(self._shares.held)) or "nothing"

    def _leave(self, parts: AbstractSet[int]) -> None:
        """Receive no more of these parts; release those of which all is stored."""
        for part in parts:
            self._link.cancel(part)
        settled = {part for part in parts if self._link.is_settled(part)}
        if settled:
            self._shares.release(settled)
            for part in settled:
                self._pipeline.listening.pop(part_name(part), None)
            log.info("receiving %s", self._describe())

    def _open(self, parts: AbstractSet[int]) -> None:
        """Receive from the queues of these parts, unless we do."""
        closed = {part for part in parts if not self._link.consumes(part)}
        if not closed:
            return
        connection = self._intake.open()
        heard = queries_parts.read_heard(connection, closed)
        for part in sorted(closed):
            clock, name = heard[part], part_name(part)
            gone = not self._link.has_queue(part)
            if gone and clock is not None and self._interval is not None:
                now = max(self._clock(), clock)
                queries_parts.record_lost(connection, part, clock, now)
                connection.commit()  # before there is a new queue, which looks as if nothing was
                log.warning("the broker has lost the queue of %s", name)
                clock = now
            if gone:
                self._link.make_queue(part)
            else:
                self._link.renew_bindings(part)
            self._pipeline.listening[name] = HeartbeatState(interval=self._interval, clock=clock)
            if gone:
                self._link.inbox.begin_queue(part)
            self._link.consume(part, clock or 0)
