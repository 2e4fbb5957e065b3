"""A thread that has one parcel at a time stored, while the next is received."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from ingest.batch import Parcel
from ingest.ports import UnavailableError

_FIRST_WAIT, _LONGEST_WAIT = 0.05, 5.0  # seconds between two tries while the store is away

log = logging.getLogger(__name__)


class Storer:
    """Give it a parcel when it is not `busy`; it rings when that is stored.

    While the store cannot be reached the parcel is tried again and again: it is not acknowledged,
    so the broker has it still, whatever becomes of us.
    """

    def __init__(self, *, store: Callable[[Parcel], None], ring: Callable[[], None]) -> None:
        self.busy = False
        self._store, self._ring = store, ring
        self._given: SimpleQueue[Parcel | None] = SimpleQueue()
        self._stored: SimpleQueue[Parcel | Exception] = SimpleQueue()
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._work, name="storer", daemon=True)
        self._thread.start()

    def give(self, parcel: Parcel) -> None:
        self.busy = True
        self._given.put(parcel)

    def stored(self) -> Parcel | None:
        """The parcel that has been committed since last asked.

        Raises:
            Exception: whatever ended the thread; it is nothing that a message holds.
        """
        if self._stored.empty():
            return None
        done = self._stored.get()
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
        while (parcel := self._given.get()) is not None:
            try:
                kept = self._persist(parcel)
            except Exception as error:  # noqa: BLE001  the other thread raises it again
                self._stored.put(error)
                self._ring()
                return
            if not kept:
                return
            self._stored.put(parcel)
            self._ring()

    def _persist(self, parcel: Parcel) -> bool:
        """Store it, however long the store is away; False when told to stop meanwhile."""
        wait = _FIRST_WAIT
        while True:
            try:
                self._store(parcel)
            except UnavailableError as error:
                if wait == _FIRST_WAIT * 4:  # a conflict of two workers is over by then
                    log.warning("%s messages wait, unacknowledged: %s", len(parcel.arrivals), error)
                if self._hurry.wait(wait) and wait >= _FIRST_WAIT * 8:
                    return False
                wait = min(wait * 2, _LONGEST_WAIT)
            else:
                if wait >= _FIRST_WAIT * 4:
                    log.warning("the store is back; %s messages stored", len(parcel.arrivals))
                return True
