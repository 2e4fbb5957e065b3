"""The ingest worker, built from the settings, and its run; a second process stands by."""

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros_if
from hypervisor.base.settings import Settings
from hypervisor.broker.probe import SILENT, connack
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.readings import queries, queries_codecs, queries_workers
from hypervisor.readings.ingest_inventory import build_inventory, list_units
from hypervisor.readings.queries_ingest import Intake
from hypervisor.registry import queries as registry_queries
from ingest.check import TimeTolerance
from ingest.heartbeat import HeartbeatState
from ingest.layout import Layouts
from ingest.library import Library
from ingest.link import Link
from ingest.loop import Address
from ingest.pipeline import Pipeline
from ingest.ports import OccupiedError, UnavailableError
from ingest.route import Routes
from ingest.worker import Limits, Worker
from sensors._domain import catalogue

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # one level of a topic
_DAY = 86_400_000_000  # µs
_CLAIM_SECONDS = 10.0  # without a database, before the start fails
_STANDBY_SECONDS = 0.5  # between two tries to take over
LEASE_SECONDS = (
    60.0  # without activity, after which a process loses its claim to one that stands by
)
LOOK_SECONDS = 1.0  # between two checks whether an exercise was reset
SWITCH_SECONDS = 0.0005  # between thread switches, so that storing does not wait for the reader

log = logging.getLogger(__name__)


def read_wall_clock() -> int:
    """µs since the epoch."""
    return time.time_ns() // 1000


@dataclass(frozen=True, kw_only=True)
class WorkerParts:
    """The parts of a worker."""

    settings: Settings
    exercise: bool
    intake: Intake
    link: Link
    limits: Limits

    def close(self) -> None:
        self.intake.close()
        self.link.end()


def wire(settings: Settings, *, intake: type[Intake] = Intake) -> WorkerParts:
    """The parts of the worker that the settings name.

    Raises StoreError: no database answers, or it is no instance yet.
    """
    if not _NAME.fullmatch(settings.worker):
        raise StoreError(
            "{worker!r} cannot be a worker's name: expected letters, digits, '-' and '_'",
            settings.worker,
        )
    with connect(settings.database_url) as connection:
        instance = instance_store.read(connection)
    if instance is None:
        raise StoreError("the database is no instance yet: run `hypervisor up` once to make it one")
    exercise = instance.mode is Mode.EXERCISE
    return WorkerParts(
        settings=settings,
        exercise=exercise,
        intake=intake(url=settings.database_url, worker=settings.worker, catalogue=catalogue()),
        link=Link(
            address=Address(
                host=settings.broker_host,
                port=settings.parts_port,
                user=settings.broker_account("session"),
                password=settings.broker_password,
            ),
            worker=settings.worker,
            exercise=exercise,
            clock=read_wall_clock,
            ticks=time.monotonic,
        ),
        limits=make_limits(settings, exercise=exercise),
    )


def make_limits(settings: Settings, *, exercise: bool) -> Limits:
    return Limits(
        rows=settings.batch_rows,
        seconds=settings.batch_seconds,
        heartbeat=None if exercise else settings.heartbeat_seconds,
    )


def run(settings: Settings, stopping: Callable[[], bool]) -> None:
    """Work until `stopping`; stand by while another process works; restart with an exercise.

    Raises StoreError: no database answers.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    while not stopping():
        try:
            _run_worker(wire(settings), stopping)
        except OccupiedError as error:
            log.warning("%s: %s; it receives what we have not stored", settings.worker, error)


def _run_worker(parts: WorkerParts, stopping: Callable[[], bool]) -> None:
    settings = parts.settings
    try:
        _claim(parts, stopping)
        log.info(
            "%s: %s, broker %s:%s",
            settings.worker,
            "EXERCICE" if parts.exercise else "live",
            settings.broker_host,
            settings.parts_port,
        )
        worker = join(parts, stopping)
        if worker is not None:
            if parts.exercise:
                stopping = stop_on_reset(settings, settings.worker, stopping)
            worker.run(stopping)
    finally:
        parts.link.close()
        parts.close()


def stop_on_reset(
    settings: Settings, worker: str, stopping: Callable[[], bool]
) -> Callable[[], bool]:
    """Stop also when the exercise was reset: what we have in hand belongs to the one before."""
    next_look = time.monotonic() + LOOK_SECONDS

    def ending() -> bool:
        nonlocal next_look
        if stopping():
            return True
        if time.monotonic() < next_look:
            return False
        next_look = time.monotonic() + LOOK_SECONDS
        return instance_store.is_drained(settings.database_url, worker)

    return ending


def join(parts: WorkerParts, stopping: Callable[[], bool]) -> Worker | None:
    """Join, and build the worker; None: stopped before that.

    A new worker joins once the broker has its subscriptions, and so keeps a queue for it. One that
    has joined before has a queue already; so has one that only the database has forgotten, as the
    first message of its queue shows.
    """
    settings, link = parts.settings, parts.link
    with connect(settings.database_url) as connection:
        expected = any(
            worker.name == settings.worker and worker.drained_at is None
            for worker in queries_workers.list_workers(connection)
        )
    while not (expected or link.subscribed or link.inbox.arrivals):
        if stopping():
            return None
        link.turn(0.2, room=settings.batch_rows)
    with connect(settings.database_url) as connection:
        return make_worker(parts, queries_workers.take_over(connection, settings.worker))


def make_worker(parts: WorkerParts, joined: queries_workers.Worker) -> Worker:
    settings = parts.settings
    listening = HeartbeatState(
        interval=None if parts.exercise else round(settings.heartbeat_seconds * 1e6),
        clock=micros_if(joined.heartbeat_at),
    )
    pipeline = make_pipeline(settings, parts.intake, {"": listening})
    with suppress(UnavailableError):  # then as soon as the database is there
        pipeline.look_up(at_once=True)
    return Worker(link=parts.link, pipeline=pipeline, limits=parts.limits, ticks=time.monotonic)


def make_pipeline(
    settings: Settings, intake: Intake, listening: dict[str, HeartbeatState]
) -> Pipeline:
    return Pipeline(
        directory=intake,
        store=intake,
        belief=make_belief(settings),
        listening=listening,
        library=Library(units=list_units(catalogue())),
    )


def _claim(parts: WorkerParts, stopping: Callable[[], bool]) -> None:
    """Become the only process that works: two would disconnect each other at the broker."""
    end, stands_by = time.monotonic() + _CLAIM_SECONDS, False
    while not stopping():
        try:
            parts.intake.open()
        except OccupiedError as error:
            if not stands_by:
                log.info("%s: %s; standing by to take over", parts.settings.worker, error)
            stands_by = True
            _end_lease(parts.settings)
            time.sleep(_STANDBY_SECONDS)
        except UnavailableError as error:
            if not stands_by and time.monotonic() > end:
                raise StoreError(str(error)) from error
            time.sleep(0.1)
        else:
            return


def _end_lease(settings: Settings) -> None:
    """Free the claim of a process that hangs: not while the broker is unreachable for us, too."""
    with suppress(StoreError), connect(settings.database_url, autocommit=True) as connection:
        holder = queries_workers.find_silent_claim(connection, lease=LEASE_SECONDS)
        if holder is None or connack(settings.broker_host, settings.parts_port) == SILENT:
            return
        queries_workers.end_claim(connection, holder)
        log.warning("the working process was silent for %.0f s: taking over", LEASE_SECONDS)


def make_belief(settings: Settings) -> TimeTolerance:
    """How far a reading's time may be from its arrival."""
    return TimeTolerance(
        ahead=round(settings.ahead_seconds * 1e6), behind=settings.raw_retention_days * _DAY
    )


@dataclass(frozen=True, kw_only=True)
class IngestContext:
    """What decoding, checking and storing need, without a broker."""

    connection: Connection
    routes: Routes
    layouts: Layouts
    belief: TimeTolerance


@contextmanager
def open_ingest_context(settings: Settings) -> Iterator[IngestContext]:
    """What replaying dead letters needs."""
    with connect(settings.database_url) as connection:
        queries.create_staging_tables(connection)
        connection.commit()
        context = read_ingest_context(connection, settings)
        connection.rollback()
        yield context


def read_ingest_context(connection: Connection, settings: Settings) -> IngestContext:
    """The same on a connection that has the staging tables."""
    definitions = catalogue()
    inventory = build_inventory(
        registry_queries.load(connection), definitions, queries_codecs.load_sources(connection)
    )
    return IngestContext(
        connection=connection,
        routes=Routes(inventory, Library(units=list_units(definitions))),
        layouts=Layouts(inventory.devices),
        belief=make_belief(settings),
    )
