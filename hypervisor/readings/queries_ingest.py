"""What ingest needs of the database: batches stored in one transaction, and the registry."""

import time
from collections.abc import Callable
from dataclasses import replace

import psycopg

from hypervisor.database import feed, gaps, transactions
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.gaps import Gap
from hypervisor.readings import (
    queries,
    queries_acknowledgements,
    queries_codecs,
    queries_dead_letters,
    queries_workers,
)
from hypervisor.readings.ingest_inventory import build_inventory
from hypervisor.readings.queries_workers import Tally
from hypervisor.registry import queries as registry_queries
from ingest.batch import Batch, Listened
from ingest.decode import LARGEST
from ingest.letters import make_dead_letters
from ingest.ports import Inventory, NotStorableError, OccupiedError, UnavailableError
from sensors._domain import Catalogue
from sensors._row import Rows

_LOOK_SECONDS = 1.0  # between two checks whether the registry changed
_ABANDONED = "1min"  # an open transaction of a worker that hangs holds up the feed


class Intake:
    """A worker's connection: ingest's Store and Directory. Opened when needed, again when lost."""

    def __init__(
        self,
        *,
        url: str,
        worker: str,
        catalogue: Catalogue,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._worker, self._catalogue, self._ticks = url, worker, catalogue, ticks
        self._connection: Connection | None = None
        self._version: int | None = None  # of the registry that was last loaded
        self._next_look = 0.0
        self._done = Tally()

    def open(self) -> Connection:
        """The connection, claimed for this process.

        Raises:
            OccupiedError: another process stores what devices send.
            UnavailableError: the database does not answer.
        """
        if self._connection is not None and not self._connection.closed:
            return self._connection
        try:
            connection = connect(self._url, abandoned=_ABANDONED)
            self._claim(connection)
            queries.create_staging_tables(connection)
            transactions.wake_later(connection)
            connection.commit()
        except (StoreError, psycopg.OperationalError) as error:
            raise UnavailableError(str(error).strip()) from error
        self._connection = connection
        return connection

    def _claim(self, connection: Connection) -> None:
        if not queries_workers.claim(connection):
            connection.close()
            raise OccupiedError("another process stores what devices send")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def commit(self, batch: Batch) -> None:
        """Store the batch in one transaction; see ingest.ports.Store."""
        connection = self.open()
        try:
            done = self._write(connection, batch)
        except psycopg.Error as error:
            lost = connection.closed  # then it is unknown whether the batch was stored
            self._give_up(connection)
            if not lost and _is_of_the_batch(error):
                raise NotStorableError(str(error).strip()) from error
            self._done.retries += 1  # away, full, or in another worker's way
            raise UnavailableError(str(error).strip()) from error
        except Exception:  # nothing of this batch may be committed with the next one
            self._give_up(connection)
            raise
        heard = any(each.heard is not None for each in batch.listened.values())
        self._done = Tally() if heard else done

    def _write(self, connection: Connection, batch: Batch) -> Tally:
        """Write a batch and commit it; returns the counts since the last heartbeat."""
        done = replace(self._done, batches=self._done.batches + 1)
        done.messages += batch.messages
        changed = queries.store(connection, batch.rows) if len(batch.rows) else batch.rows
        done.rows += len(changed)
        done.repeated += len(batch.rows) - len(changed)
        with connection.pipeline():  # what follows waits for one answer, and not for one each
            self._note(connection, batch, changed, done)
            transactions.commit(connection)
        return done

    def _note(self, connection: Connection, batch: Batch, changed: Rows, done: Tally) -> None:
        """Write all of a batch but its readings, of which `changed` are new."""
        if len(changed):
            feed.append(connection, "readings", worker=self._worker, rows=changed.tobytes())
        letters = list(batch.letters)
        if batch.acknowledgements:
            refused = queries_acknowledgements.store(connection, batch.acknowledgements)
            letters += make_dead_letters(refused, largest=LARGEST)
        done.refused += len(letters)
        if letters:
            queries_dead_letters.store_letters(connection, letters, self._worker, again=batch.again)
        if batch.dropped is not None:
            gaps.note_dropped(connection, self._worker, batch.dropped)
        counts: Tally | None = done
        for part, listened in batch.listened.items():
            self._record_listening(connection, part or self._worker, listened, counts)
            counts = counts if listened.heard is None else None  # with one part, not with each

    @staticmethod
    def _record_listening(
        connection: Connection, worker: str, listened: Listened, done: Tally | None
    ) -> None:
        if listened.gaps:
            queries_workers.record_gaps(connection, worker, listened.gaps)
        for begins, ends in listened.lost:
            gaps.add(connection, Gap.of("session-lost", worker, begins, ends))
        if listened.heard is not None:
            queries_workers.record_heartbeat(connection, worker, listened.heard, done)

    def _give_up(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()

    def changed(self, *, at_once: bool) -> Inventory | None:
        """The inventory, if the registry has changed; see ingest.ports.Directory."""
        now = self._ticks()
        if not at_once and now < self._next_look:
            return None
        self._next_look = now + _LOOK_SECONDS
        connection = self.open()
        try:
            with connection.pipeline():
                receive = feed.request_registry_version(connection)
                transactions.roll_back(connection)
            version, inventory = receive(), None
            if version != self._version:
                inventory = build_inventory(
                    registry_queries.load(connection),
                    self._catalogue,
                    queries_codecs.load_sources(connection),
                )
                connection.rollback()
        except psycopg.Error as error:
            lost = connection.closed
            self._give_up(connection)
            if not lost and not isinstance(error, psycopg.OperationalError):
                raise
            raise UnavailableError(str(error).strip()) from error
        self._version = version
        return inventory


def _is_of_the_batch(error: psycopg.Error) -> bool:
    """Whether the batch's content is at fault, so that a second try would fail too.

    Limits of a row or an index are operational errors (class 54), but belong here: one message must
    not hold up all others.
    """
    limit = (error.sqlstate or "").startswith("54")
    return limit or not isinstance(error, psycopg.OperationalError)
