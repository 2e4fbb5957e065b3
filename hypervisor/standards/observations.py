"""New readings as SensorThings tells them over MQTT: each stored one, to who listens just then.

One process tells, others stand by. It follows the feed behind ingest, which does not wait for it.
QoS 0: nothing is kept for a listener who is away, and the broker's queues stay ingest's. What was
not delivered is read by HTTP.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.base.failures import describe_failure
from hypervisor.base.instants import moment
from hypervisor.base.settings import Settings
from hypervisor.broker.passwords import OBSERVED
from hypervisor.database import feed, locks
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import (
    Connection,
    listen,
    wait_for_notification,
)
from hypervisor.database.locks import Lock
from hypervisor.database.steps import ends_session
from hypervisor.database.worker import keep_working
from hypervisor.standards import queries_listeners, sensorthings
from hypervisor.standards.options import Options
from hypervisor.standards.queries_entities import ENTITY_SETS, describe_catalogue
from hypervisor.standards.queries_sensorthings import Row
from hypervisor.standards.resources import Source
from sensors._domain import Catalogue
from sensors._row import NEVER, Rows

_TICK = 1.0  # s
_ENTRIES = 200  # of the feed, read at once
_MOST = 1_000  # readings told a second; of a flood of them the newest
NICE = 10  # of the process: behind ingest for the processor, too
_OBSERVATIONS = ENTITY_SETS["Observations"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A message: the observation, for its Datastream and for all that want every one."""

    datastream: str
    payload: bytes

    @property
    def topics(self) -> tuple[str, ...]:
        return (f"{OBSERVED}/Observations", topic_of(self.datastream))


def topic_of(datastream: str) -> str:
    """Where a Datastream's new observations are told."""
    key = datastream.replace("'", "''")
    return f"{OBSERVED}/Datastreams('{key}')/Observations"


def build_notices(source: Source, rows: Rows) -> Iterator[Notice]:
    """The observations of stored readings; those of a series that is gone are left out."""
    sites = queries_listeners.find_sites(source.connection, np.unique(rows["series"]).tolist())
    kept = [_read_row(row, sites) for row in rows if int(row["series"]) in sites]
    for body in sensorthings.build_entities(source, _OBSERVATIONS, kept, Options()):
        if source.mode != "LIVE":
            body["parameters"]["mode"] = source.mode
        datastream = body["@iot.id"].partition("@")[0]
        yield Notice(datastream=datastream, payload=msgspec.json.encode(body))


def build_notices_apart(source: Source, rows: Rows) -> Iterator[Notice]:
    """The same; a reading that fails is named in the log, and the others are told."""
    try:
        yield from list(build_notices(source, rows))
    except Exception as error:
        if ends_session(error):
            raise
        for place in range(len(rows)):
            yield from _build_notice(source, rows[place : place + 1])


def _build_notice(source: Source, row: Rows) -> list[Notice]:
    try:
        return list(build_notices(source, row))
    except Exception as error:
        if ends_session(error):
            raise
        log.warning(
            "a reading of series %s is not told: %s", *row["series"], describe_failure(error)
        )
        return []


def _read_row(row: np.void, sites: Mapping[int, int]) -> Row:
    series, time, received = int(row["series"]), moment(int(row["time"])), int(row["received"])
    value = float(row["value"])
    return {
        "series": series,
        "site": sites[series],
        "phenomenonTime": time,
        "resultTime": time,
        "result": None if np.isnan(value) else value,
        "quality": int(row["quality"]),
        "received_at": None if received == NEVER else moment(received),
    }


def select_newest(pieces: Sequence[Rows], most: int = _MOST) -> Rows:
    """Readings in the order of their times; of more than `most` the newest."""
    rows: Rows = np.concatenate(pieces)
    rows = rows[np.argsort(rows["time"], kind="stable")]
    if len(rows) > most:
        log.warning("%s readings at once: the newest %s are told", len(rows), most)
    return rows[-most:]


def run(settings: Settings, catalogue: Catalogue, *, stopping: Callable[[], bool]) -> None:
    """Tell what is stored from now on, until stopped; a lost database is waited for."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
    client.username_pw_set(settings.broker_account("observations"), settings.broker_password)
    client.max_queued_messages_set(2 * _MOST)
    client.connect_async(settings.broker_host, settings.parts_port)
    client.loop_start()

    def publish(notice: Notice) -> None:
        for topic in notice.topics:
            client.publish(topic, notice.payload)

    def work(connection: Connection) -> None:
        if locks.stand_by(connection, Lock.OBSERVATIONS, stopping, log.info):
            follow(connection, settings, catalogue, publish, stopping=stopping)

    try:
        keep_working(
            "the publication of readings",
            settings.database_url,
            work,
            stopping=stopping,
            say=log.info,
        )
    finally:
        client.disconnect()
        client.loop_stop()


def follow(
    connection: Connection,
    settings: Settings,
    catalogue: Catalogue,
    publish: Callable[[Notice], None],
    *,
    stopping: Callable[[], bool],
) -> None:
    """Publish what others commit from now on."""
    listen(connection, feed.CHANNEL)
    base = settings.public_url or f"http://{settings.web_host}:{settings.web_port}"
    address = f"{base.rstrip('/')}/sensorthings/{OBSERVED}"
    source = Source(
        connection=connection,
        catalogue=describe_catalogue(catalogue, address),
        base=address,
        mode="LIVE" if instance_store.require(connection).mode.banner == "LIVE" else "EXERCICE",
        licence=settings.licence,
    )
    cursor = str(feed.ahead(connection))
    log.info("telling new readings")
    while not stopping():
        entries, cursor = feed.read(connection, cursor, most=_ENTRIES)
        pieces = [entry.rows for entry in entries if len(entry.rows)]
        if pieces:
            rows = select_newest(pieces)
            for notice in build_notices_apart(source, rows):
                publish(notice)
            time.sleep(len(rows) / _MOST)
        elif not entries:
            wait_for_notification(connection, _TICK)
