"""Fills a database with simulated data, without a broker.

Messages are decoded, checked, stored and evaluated as in an instance, then rolled up.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act, perform
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import BEGINNING
from hypervisor.base.settings import Settings
from hypervisor.broker import binaries, passwords
from hypervisor.broker.folder import open_folder
from hypervisor.broker.ports import free_port
from hypervisor.broker.server_account import server_account
from hypervisor.database import databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect, migrate
from hypervisor.evaluation import batch, lighting_plans
from hypervisor.evaluation import pack_revisions as shipped_rules
from hypervisor.evaluation.memory import Memory
from hypervisor.exercises import queries as exercise_queries
from hypervisor.exercises.plan import load_field
from hypervisor.readings import queries_workers, rollup
from hypervisor.readings.ingest_inventory import list_units
from hypervisor.readings.ingest_worker import make_belief
from hypervisor.readings.queries_ingest import Intake
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory import Inventory
from hypervisor.registry.works import announce_works
from hypervisor.stack.postgres import DATABASE, FORGETFUL, Database
from hypervisor.stack.servers import start_database
from ingest.batch import Beat, Parcel
from ingest.heartbeat import HeartbeatState
from ingest.library import Library
from ingest.message import Arrival
from ingest.pipeline import Pipeline
from rules._pack import packs as shipped
from sensors._domain import Catalogue, catalogue
from simulators._field import Field
from simulators._publications import Publication, instant_of
from simulators._scenarios import load_scenario
from simulators._simulation import simulate_messages
from simulators._story import Story

WORKER = "fill"
WORKS = "made-up-works"
_WORKS = timedelta(days=9)
_MICROSECOND = timedelta(microseconds=1)
_SEEN = 3
_SEED = 1
_BROKEN = 600  # one message in 600 is repeated truncated, as by a failing device
Say = Callable[[str], None]


def fill_database(  # noqa: PLR0913  what to simulate
    url: str,
    scenario: str = "territory-week",
    *,
    inventory: Inventory,
    after: float = 0.0,
    piece: timedelta = timedelta(minutes=15),
    say: Say = lambda _text: None,
) -> datetime:
    """Fill a migrated, empty database; returns the end of the scenario.

    `after`: hours skipped at the start; `piece`: readings
    evaluated at a time.
    """
    story, words = load_scenario(scenario), catalogue()
    with connect(url) as connection:
        instance_store.create(connection, Instance(mode=Mode.EXERCISE, name=story.title_fr))
        field = _register_territory(connection, inventory, story)
        shipped_rules.record_and_log(connection, shipped(), now=None)
        queries_workers.join(connection, WORKER)
        begins = instant_of(story.begins + timedelta(hours=after))
        exercise_queries.insert_gap(connection, BEGINNING, begins)
        connection.commit()
    say(f"{story.title}: {len(field.places)} devices")
    spoken = simulate_messages(story, field, _SEED)
    publications = [each for each in spoken.publications if each.arrival >= begins]
    say(f"{len(publications)} messages")
    _play(url, words, _split_parcels(publications, piece // _MICROSECOND))
    with connect(url, autocommit=True) as connection:
        hours = rollup.catch_up(connection, words, idle_work=lighting_plans.keep)
    say(f"{hours} hours of series rolled up")
    return story.begins + timedelta(hours=story.hours)


def _register_territory(connection: Connection, inventory: Inventory, story: Story) -> Field:
    """Register the inventory, and works on one of its road sections."""
    apply_inventory(connection, inventory, author=WORKER, now=None, reason="a simulated week")
    field = load_field(connection, story)
    sections = {group.name for group in field.groups if group.kind == "section"}
    roads = sorted(place.site for place in field.places if sections.intersection(place.groups))
    if roads:
        works = announce_works(WORKS, story.begins, story.begins + _WORKS, {"sites": roads[-1:]})
        apply_inventory(connection, works, author=WORKER, now=None, reason="resurfacing")
    return field


def _play(url: str, words: Catalogue, parcels: Iterable[Parcel]) -> None:
    intake = Intake(url=url, worker=WORKER, catalogue=words)
    pipeline = Pipeline(
        directory=intake,
        store=intake,
        belief=make_belief(Settings()),
        listening={"": HeartbeatState(interval=None)},
        library=Library(units=list_units(words)),
    )
    setup = batch.Setup(
        catalogue=words,
        mode=Mode.EXERCISE,
        retention=Settings().raw_retention_days * timedelta(days=1) // _MICROSECOND,
        clock=lambda: datetime.now().astimezone(),
    )
    try:
        pipeline.look_up(at_once=True)
        with connect(url, autocommit=True) as connection:
            memory = batch.load_memory(connection, setup)
            waiting: list[int] = []
            for parcel in parcels:
                pipeline.store(pipeline.check(parcel))
                _acknowledge(connection, waiting)
                waiting = [*_evaluate(connection, memory, setup)]
    finally:
        intake.close()


def _evaluate(connection: Connection, memory: Memory, setup: batch.Setup) -> Iterator[int]:
    """Evaluate new readings; the alarms raised."""
    while True:
        report = batch.step(connection, memory, setup)
        yield from (each.alarm for each in report.transitions if each.kind == "raised")
        if not report.more:
            return


def _acknowledge(connection: Connection, alarms: Sequence[int]) -> None:
    """Acknowledge two of three alarms."""
    for number in alarms:
        if number % _SEEN:
            what = Act(alarm=number, kind=ActKind.ACKNOWLEDGE, author=WORKER)
            perform(connection, what, now=datetime.now().astimezone())


def _split_parcels(publications: Sequence[Publication], piece: int) -> Iterator[Parcel]:
    """Group the messages by intervals of `piece` µs."""
    gathered, ends = list[Arrival](), 0
    for number, publication in enumerate(publications):
        if publication.arrival >= ends and gathered:
            yield _make_parcel(gathered, ends)
            gathered = []
        ends = (publication.arrival // piece + 1) * piece
        gathered.append(Arrival(publication.topic, publication.payload, publication.arrival))
        if number % _BROKEN == _BROKEN // 2:
            gathered.append(
                Arrival(publication.topic, publication.payload[:-9], publication.arrival)
            )
    if gathered:
        yield _make_parcel(gathered, publications[-1].arrival)


def _make_parcel(gathered: Sequence[Arrival], clock: int) -> Parcel:
    beat = Beat(clock=clock, received_at=clock)
    return Parcel(arrivals=gathered, beats=[beat], mids=(), connection=0)


@contextmanager
def simulated_database(
    scenario: str, inventory: Inventory, *, say: Callable[[str], None]
) -> Iterator[str]:
    """URL of a private database filled with a scenario, removed afterwards.

    Raises:
        StackError: the server does not start.
    """
    root = Path(tempfile.mkdtemp(prefix="hypervisor-dashboards-"))
    root.chmod(0o755)
    try:
        database = Database(
            folder=open_folder(root / "instance", server_account()),
            programs=binaries.find_database(),
            port=free_port(),
            password=passwords.new_password(),
            extra=tuple(FORGETFUL.items()),
        )
        server = start_database(database)
        try:
            databases.create(database.url("postgres"), DATABASE)
            with connect(database.url()) as connection:
                migrate(connection)
            fill_database(database.url(), scenario, inventory=inventory, say=say)
            yield database.url()
        finally:
            server.halt()
    finally:
        shutil.rmtree(root, ignore_errors=True)
