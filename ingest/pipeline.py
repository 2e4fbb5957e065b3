"""The way of a parcel: messages → decoded → checked → stored, in one transaction."""

import logging
from collections import Counter
from collections.abc import Sequence

from ingest.batch import Batch, Beat, Parcel, Rows, no_rows
from ingest.check import Belief, check
from ingest.decode import LARGEST, decode
from ingest.heartbeat import Listening
from ingest.layout import Layouts
from ingest.letters import letters
from ingest.message import Arrival, Reason, Refused
from ingest.ports import Directory, NotStorableError, Store, UnavailableError

_MAY_BE_NEW = {Reason.UNKNOWN_DEVICE, Reason.UNKNOWN_QUANTITY}

log = logging.getLogger(__name__)


class Pipeline:
    """Knows the devices, and has parcels stored."""

    def __init__(
        self, *, directory: Directory, store: Store, belief: Belief, listening: Listening
    ) -> None:
        self.rows = 0
        self.rows_a_message = 1.0  # of the last batch, to bound the next one by
        self.refusals: Counter[str] = Counter()
        self._directory, self._store = directory, store
        self._belief, self._listening = belief, listening
        self._layouts = Layouts({})

    def process(self, parcel: Parcel) -> None:
        """Store all of a parcel; returns when it is committed.

        Raises:
            UnavailableError: nothing was stored, or it is not known: give the parcel again.
        """
        self._look_up(at_once=False)
        try:
            self._store_checked(parcel.arrivals, parcel.beats)
        except UnavailableError:
            raise
        except Exception:
            log.exception("a batch of %s cannot be stored whole", len(parcel.arrivals))
            self._isolate(parcel.arrivals)
            self._store_checked([], parcel.beats)

    def _store_checked(self, arrivals: Sequence[Arrival], beats: Sequence[Beat]) -> None:
        rows, refused = self._checked(arrivals)
        heard = self._listening.after(beats)
        self._store.commit(
            Batch(
                rows=rows,
                letters=letters(refused, largest=LARGEST) if refused else (),
                heard=heard.clock,
                deaf=heard.deaf,
            )
        )
        self._listening = heard.listening
        self.rows += len(rows)
        self.rows_a_message = max(1.0, len(rows) / max(1, len(arrivals)))
        self.refusals.update(one.reason for one in refused)

    def _checked(self, arrivals: Sequence[Arrival]) -> tuple[Rows, list[Refused]]:
        if not arrivals:
            return no_rows(), []
        rows, refused = check(decode(arrivals), self._layouts, self._belief)
        new = any(one.reason in _MAY_BE_NEW for one in refused)
        if new and self._look_up(at_once=True):
            return check(decode(arrivals), self._layouts, self._belief)
        return rows, refused

    def _look_up(self, *, at_once: bool) -> bool:
        devices = self._directory.changed(at_once=at_once)
        if devices is None:
            return False
        self._layouts = Layouts(devices)
        log.info("%s devices in the inventory", len(devices))
        return True

    def _isolate(self, arrivals: Sequence[Arrival]) -> None:
        """One message must not keep the others from being stored: halve until it stands alone."""
        if not arrivals:
            return
        try:
            self._store_checked(arrivals, [])
        except UnavailableError:
            raise
        except Exception as error:
            if len(arrivals) > 1:
                middle = len(arrivals) // 2
                self._isolate(arrivals[:middle])
                self._isolate(arrivals[middle:])
                return
            if not isinstance(error, NotStorableError):
                log.exception("a defect of ours: %s", arrivals[0].topic)
            self._bury(arrivals[0], error)

    def _bury(self, arrival: Arrival, error: Exception) -> None:
        refused = Refused(
            arrival=arrival,
            reason=Reason.NOT_STORABLE,
            detail=f"{error}; this is a defect of the hypervisor: redrive once it is mended",
        )
        self._store.commit(Batch(rows=no_rows(), letters=letters([refused], largest=LARGEST)))
        self.refusals[refused.reason] += 1
