"""The way of a parcel: messages → decoded → checked → stored, in one transaction."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest.batch import Batch, Beat, Parcel
from ingest.check import TimeTolerance, check, count_clock_faults
from ingest.decode import LARGEST, Decoded, decode
from ingest.heartbeat import HeartbeatState
from ingest.layout import Layouts
from ingest.letters import make_dead_letters
from ingest.library import Library
from ingest.message import Acknowledgement, Arrival, Reason, Refused
from ingest.ports import Inventory, InventorySource, NotStorableError, Store, UnavailableError
from ingest.route import Routes
from sensors._errors import Message
from sensors._row import Rows, no_rows

# What a change of the registry that we have not read yet may have mended.
_MAY_BE_NEW = {
    Reason.UNKNOWN_DEVICE,
    Reason.UNKNOWN_QUANTITY,
    Reason.UNKNOWN_GATEWAY,
    Reason.NOT_ITS_GATEWAY,
    Reason.NO_CODEC,
    Reason.BAD_CODEC,
    Reason.NOTHING_MAPPED,
}

_MOST_WARNINGS = 1_000  # different ones between two lines of the log
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A parcel, decoded and checked by what was known then.

    `sound` False: that failed, for a defect of ours.
    """

    parcel: Parcel
    inventory: Inventory
    rows: Rows
    refused: Sequence[Refused]
    acknowledgements: Sequence[Acknowledgement] = ()
    sound: bool = True


class Pipeline:
    """Knows the devices; has messages checked in one thread, and stored in another."""

    def __init__(
        self,
        *,
        directory: InventorySource,
        store: Store,
        belief: TimeTolerance,
        listening: dict[str, HeartbeatState],
        library: Library,
    ) -> None:
        self.rows = 0
        self.rows_a_message = 1.0  # of the last batch, to bound the next one by
        self.refusals: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()  # what codecs said
        self._directory, self._store = directory, store
        self.listening = listening  # by part, as of a Beat
        self._belief, self._library = belief, library
        self._inventory = Inventory(devices={})
        self._layouts = Layouts({})  # of the checking thread alone
        self._routes = Routes(self._inventory, library)
        self._tried: Checked | None = None  # what was last given to be stored
        self._again = False  # whether that was given before, and may be stored in part
        self._dropped: int | None = None  # what the broker said of it, and is not stored yet

    def check(self, parcel: Parcel) -> Checked:
        """Decode and check, without waiting for anything."""
        inventory = self._inventory
        try:
            decoded = decode(parcel.arrivals, self._routes)
            rows, refused = self._rows(decoded, self._layouts)
        except Exception:
            log.exception("a defect of ours: each message is tried alone")
            return Checked(
                parcel=parcel, inventory=inventory, rows=no_rows(), refused=(), sound=False
            )
        if len(self.warnings) < _MOST_WARNINGS:
            self.warnings.update(decoded.warnings)
        self.rows_a_message = max(1.0, len(rows) / max(1, len(parcel.arrivals)))
        return Checked(
            parcel=parcel,
            inventory=inventory,
            rows=rows,
            refused=refused,
            acknowledgements=decoded.acknowledgements,
        )

    def _rows(self, decoded: Decoded, layouts: Layouts) -> tuple[Rows, list[Refused]]:
        """What is to be stored, a count of each message with a wrong clock included."""
        rows, refused = check(decoded, layouts, self._belief)
        faults = count_clock_faults(refused, layouts)
        return (np.concatenate([rows, faults]) if len(faults) else rows), refused

    def store(self, checked: Checked) -> None:
        """Store all of a parcel; returns when it is committed.

        Raises:
            UnavailableError: nothing was stored, or it is not known: give it again.
        """
        parcel = checked.parcel
        self._again, self._tried = checked is self._tried, checked
        if parcel.dropped is not None:
            self._dropped = parcel.dropped
        new = any(refused.reason in _MAY_BE_NEW for refused in checked.refused)
        self.look_up(at_once=new)
        try:
            # The batch before may have seen the change while this one was checked by the old.
            if not checked.sound or (new and checked.inventory is not self._inventory):
                self._store_again(parcel.arrivals, parcel.beats)
            else:
                self._commit(
                    checked.rows,
                    checked.refused,
                    parcel.beats,
                    len(parcel.arrivals),
                    checked.acknowledgements,
                )
        except UnavailableError:
            raise
        except Exception:
            log.exception("a batch of %s cannot be stored as one", len(parcel.arrivals))
            self._isolate(parcel.arrivals)
            self._commit(no_rows(), (), parcel.beats, 0)

    def look_up(self, *, at_once: bool) -> None:
        """Load the devices, if they have changed."""
        inventory = self._directory.changed(at_once=at_once)
        if inventory is None:
            return
        self._layouts = Layouts(inventory.devices)
        self._routes = Routes(inventory, self._library)
        self._inventory = inventory  # last: a message checked by half of it is checked again
        log.info("%s devices in the inventory", len(inventory.devices))

    def _store_again(self, arrivals: Sequence[Arrival], beats: Sequence[Beat]) -> None:
        decoded = decode(arrivals, Routes(self._inventory, self._library))
        rows, refused = self._rows(decoded, Layouts(self._inventory.devices))
        self._commit(rows, refused, beats, len(arrivals), decoded.acknowledgements)

    def _commit(
        self,
        rows: Rows,
        refused: Sequence[Refused],
        beats: Sequence[Beat],
        messages: int,
        acknowledgements: Sequence[Acknowledgement] = (),
    ) -> None:
        updates = {
            part: state.after([beat for beat in beats if beat.part == part])
            for part, state in self.listening.items()
        }
        listened = {part: update.to_store() for part, update in updates.items()}
        self._store.commit(
            Batch(
                rows=rows,
                letters=make_dead_letters(refused, largest=LARGEST) if refused else (),
                acknowledgements=acknowledgements,
                listened={part: each for part, each in listened.items() if each},
                dropped=self._dropped,
                messages=messages,
                again=self._again,
            )
        )
        self.listening |= {part: update.listening for part, update in updates.items()}
        self._dropped = None
        self.rows += len(rows)
        self.refusals.update(refusal.reason for refusal in refused)

    def _isolate(self, arrivals: Sequence[Arrival]) -> None:
        """One message must not keep the others from being stored: halve until it stands alone."""
        if not arrivals:
            return
        try:
            self._store_again(arrivals, ())
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
            detail=Message(
                "{error}; this is a defect of the hypervisor: replay it once it is repaired", error
            ),
        )
        self._commit(no_rows(), [refused], (), 1)
