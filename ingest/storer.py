"""A thread that has one batch at a time stored, while the next is received and checked."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from ingest.pipeline import Checked
from ingest.ports import OccupiedError, UnavailableError

_FIRST_WAIT, _LONGEST_WAIT = 0.05, 1.0  # seconds between two tries while the store is away

log = logging.getLogger(__name__)


class Storer:
    """Give it a batch when it is not `busy`; it rings when that is stored.

    While the store cannot be reached the batch is tried again and again: it is not acknowledged,
    so the broker has it still, whatever becomes of us.
    """

    def __init__(self, *, store: Callable[[Checked], None], ring: Callable[[], None]) -> None:
        self.busy = False
        self._store, self._ring = store, ring
        self._given: SimpleQueue[Checked | None] = SimpleQueue()
        self._stored: SimpleQueue[Checked | Exception] = SimpleQueue()
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._work, name="storer", daemon=True)
        self._thread.start()

    def give(self, batch: Checked) -> None:
        self.busy = True
        self._given.put(batch)

    def stored(self) -> Checked | None:
        """The batch that has been committed since last asked.

        Raises:
            OccupiedError: another process stores now.
            Exception: whatever else ended the thread; it is nothing that a message holds.
        """
        if self._stored.empty():
            return None
        done = self._stored.get_nowait()
        self.busy = False
        if isinstance(done, Exception):
            raise done
        return done

    def stop(self, *, seconds: float) -> bool:
        """Let it finish what it has, but not wait for an absent store; whether it ended."""
        self._hurry.set()
        self._given.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (batch := self._given.get()) is not None:
            try:
                kept = self._persist(batch)
            except Exception as error:  # noqa: BLE001  the other thread raises it again
                self._stored.put(error)
                self._ring()
                return
            if not kept:
                return
            self._stored.put(batch)
            self._ring()

    def _persist(self, batch: Checked) -> bool:
        """Store it, however long the store is away; False when stopped meanwhile."""
        wait = _FIRST_WAIT
        while True:
            try:
                self._store(batch)
            except OccupiedError:
                raise
            except UnavailableError as error:
                if wait == _FIRST_WAIT * 4:  # a conflict of two workers is over by then
                    log.warning(
                        "%s messages wait, unacknowledged: %s", len(batch.parcel.arrivals), error
                    )
                if self._hurry.wait(wait) and wait >= _FIRST_WAIT * 8:
                    return False
                wait = min(wait * 2, _LONGEST_WAIT)
            else:
                if wait > _FIRST_WAIT * 4:  # and that it is away has been told
                    log.warning("the store is back; %s messages stored", len(batch.parcel.arrivals))
                return True
