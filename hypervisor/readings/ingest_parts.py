"""Ingest from a cluster's broker: several processes, each with its share of the parts."""

import logging
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import StoreError, connect
from hypervisor.readings import queries_parts
from hypervisor.readings.ingest_worker import (
    SWITCH_SECONDS,
    make_limits,
    make_pipeline,
    read_wall_clock,
    stop_on_reset,
)
from hypervisor.readings.part_keeper import PartKeeper
from hypervisor.readings.queries_parts import PartIntake
from ingest.loop import Address
from ingest.part_link import PartLink
from ingest.pipeline import Pipeline
from ingest.ports import OccupiedError, UnavailableError
from ingest.queues import part_name
from ingest.worker import Worker
from sensors._domain import catalogue

_RETRY_SECONDS = 0.5  # between two tries to reach the database
_TURN_SECONDS = 0.1  # while there is no database to receive for
_Result = TypeVar("_Result")

log = logging.getLogger(__name__)


def run(settings: Settings, stopping: Callable[[], bool]) -> None:
    """Work until `stopping`. While the database or the broker is away, wait for it."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with ThreadPoolExecutor(1) as opener:

        def read_mode() -> Mode:
            with connect(settings.database_url) as connection:
                return instance_store.require(connection).mode

        mode = _await(opener, stopping, read_mode, lambda: time.sleep(_TURN_SECONDS))
        if mode is None:
            return
        link = _make_link(settings, exercise=mode is Mode.EXERCISE)
        try:
            while not stopping():
                if not link.up:  # others have our parts meanwhile
                    link.rest(_TURN_SECONDS)
                    continue
                intake = PartIntake(
                    url=settings.database_url, worker=settings.worker, catalogue=catalogue()
                )
                pipeline = make_pipeline(settings, intake, {})

                def open_session(
                    intake: PartIntake = intake, pipeline: Pipeline = pipeline
                ) -> bool:
                    with intake.session() as connection:
                        queries_parts.join_parts(connection, _list_names(settings))
                    pipeline.look_up(at_once=True)
                    return True

                if _await(opener, stopping, open_session, lambda: link.rest(_TURN_SECONDS)):
                    _work(settings, intake, pipeline, link, stopping)
        finally:
            link.close()
            link.end()


def _list_names(settings: Settings) -> list[str]:
    return [part_name(part) for part in range(1, settings.broker_parts + 1)]


def _make_link(settings: Settings, *, exercise: bool) -> PartLink:
    return PartLink(
        address=Address(
            host=settings.broker_host,
            port=settings.broker_amqp_port or 0,
            user=settings.broker_account("session"),
            password=settings.broker_password,
        ),
        worker=settings.worker,
        parts=settings.broker_parts,
        interval=None if exercise else settings.heartbeat_seconds,
        clock=read_wall_clock,
        ticks=time.monotonic,
    )


def _await(
    opener: ThreadPoolExecutor,
    stopping: Callable[[], bool],
    question: Callable[[], _Result],
    wait: Callable[[], None],
) -> _Result | None:
    """The database's answer, however long it is away; None: stopped before.

    Asked in a thread of its own: a connection may take seconds, and the heartbeats go on.
    """
    last_error = ""
    while not stopping():
        answer = opener.submit(question)
        while not answer.done():
            wait()
        try:
            return answer.result()
        except (StoreError, UnavailableError) as error:
            if str(error) != last_error:
                log.warning("%s; trying again", error)
            last_error = str(error)
        until = time.monotonic() + _RETRY_SECONDS
        while time.monotonic() < until:
            wait()
    return None


def _work(
    settings: Settings,
    intake: PartIntake,
    pipeline: Pipeline,
    link: PartLink,
    stopping: Callable[[], bool],
) -> None:
    """Receive with one session of the database, until it ends."""
    interval = None if link.exercise else round(settings.heartbeat_seconds * 1e6)
    keeper = PartKeeper(
        intake=intake,
        shares=intake.share(range(1, settings.broker_parts + 1)),
        link=link,
        pipeline=pipeline,
        interval=interval,
        clock=read_wall_clock,
        ticks=time.monotonic,
        worker=settings.worker,
    )
    worker = Worker(
        link=link,
        pipeline=pipeline,
        limits=make_limits(settings, exercise=link.exercise),
        ticks=time.monotonic,
        between=keeper.share_out,
    )
    if link.exercise:
        stopping = stop_on_reset(settings, part_name(1), stopping)
    try:
        worker.run(stopping)
    except OccupiedError as error:
        log.warning("%s: %s", settings.worker, error)
    finally:
        intake.close()
        link.forget()
