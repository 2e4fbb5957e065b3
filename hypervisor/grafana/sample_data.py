"""Fills a database with simulated data, without a broker.

Messages are decoded, checked, stored and evaluated as in an instance, then rolled up.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from hypervisor.exercises.simulation import load_field_from
from hypervisor.exercises.territory import describe_field
from hypervisor.readings import queries_workers, rollup
from hypervisor.readings.directory import list_units
from hypervisor.readings.ingesting import make_belief
from hypervisor.readings.queries_ingest import Intake
from hypervisor.registry.apply import apply_inventory, compare
from hypervisor.registry.changes import apply_changes
from hypervisor.registry.inventory import Entry, Fact, Inventory
from hypervisor.registry.inventory_files import read_sources
from hypervisor.registry.model import Registry
from hypervisor.registry.revisions import Stamp
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
from simulators._field import Field, Place
from simulators._publications import Publication, instant_of
from simulators._scenarios import load_scenario
from simulators._selection import select_names
from simulators._simulation import simulate_messages
from simulators._story import Story

WORKER = "fill"
_NOTHING = Registry(areas={}, sites={}, devices={}, series={}, revisions=())
WORKS = "made-up-works"
_WORKS = timedelta(days=9)
_MICROSECOND = timedelta(microseconds=1)
_SEEN = 3
_BROKEN = 2000  # one in so many messages is repeated, cut off, as from a failing device
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """How many devices of each model stay, besides those in the scenario."""

    each: int = 4  # of a model
    lamps: int = 6  # of a cabinet that stays
    whole: frozenset[str] = frozenset({"flood"})  # domains kept whole


@dataclass(frozen=True, kw_only=True)
class FillOptions:
    """What to simulate.

    `share`: part of the territory, None: all; `after`: hours skipped at the start; `piece`:
    readings evaluated at a time.
    """

    scenario: str = "territory-week"
    inventory: str = "essonne"
    seed: int = 1
    share: Sample | None = None
    after: float = 0.0
    piece: timedelta = timedelta(minutes=15)


def fill_database(url: str, options: FillOptions, *, say: Say = lambda _text: None) -> datetime:
    """Fill a migrated, empty database; returns the end of the scenario."""
    story, words = load_scenario(options.scenario), catalogue()
    with connect(url) as connection:
        instance_store.create(connection, Instance(mode=Mode.EXERCISE, name=story.title_fr))
        field = _register_territory(connection, options, story)
        shipped_rules.record_and_log(connection, shipped(), now=None)
        queries_workers.join(connection, WORKER)
        begins = story.begins + timedelta(hours=options.after)
        exercise_queries.insert_gap(connection, BEGINNING, instant_of(begins))
        connection.commit()
    say(f"{story.title}: {len(field.places)} devices")
    spoken = simulate_messages(story, field, options.seed)
    publications = [
        publication
        for publication in spoken.publications
        if publication.arrival >= instant_of(begins)
    ]
    say(f"{len(publications)} messages")
    _play(url, words, _split_parcels(publications, options.piece // _MICROSECOND))
    with connect(url, autocommit=True) as connection:
        hours = rollup.catch_up(connection, words, idle_work=lighting_plans.keep)
    say(f"{hours} hours of series rolled up")
    return story.begins + timedelta(hours=story.hours)


def _register_territory(connection: Connection, options: FillOptions, story: Story) -> Field:
    """Register the territory, or the requested share of it."""
    inventory = read_sources([options.inventory])
    if options.share is not None:
        changes = compare(_NOTHING, inventory, stamp=Stamp(author=WORKER, reason="", now=None))
        whole = describe_field(apply_changes(_NOTHING, changes), catalogue(), story.begins)
        kept = thin_field(whole, story, options.seed, options.share)
        gone = {place.device for place in whole.places} - {place.device for place in kept.places}
        inventory = drop_devices(inventory, gone)
    apply_inventory(connection, inventory, author=WORKER, now=None, reason="a made-up week")
    field = load_field_from(connection, story)
    roads = sorted(place.site for place in field.of("mobility"))
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
        listening=HeartbeatState(interval=None),
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
    more = True
    while more:
        report = batch.step(connection, memory, setup)
        yield from (
            transition.alarm for transition in report.transitions if transition.kind == "raised"
        )
        more = report.more


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


_LAMPS = frozenset({"lamp-node", "lamp-controller"})


def thin_field(field: Field, story: Story, seed: int, share: Sample) -> Field:
    """Keep the sampled devices."""
    named = _list_named(field, story, seed)
    kept: dict[str, Place] = {}
    models = Counter[str]()
    cabinets = Counter[str]()
    groups = set(named)
    for place in sorted(field.places, key=lambda place: (place.device not in named, place.device)):
        if place.model in _LAMPS:
            continue
        stays = (
            place.domain in share.whole
            or bool({place.device, place.site, *place.groups} & named)
            or models[place.model] < share.each
        )
        if stays:
            models[place.model] += 1
            kept[place.device] = place
            groups |= {place.site, *place.groups}
    for place in field.places:
        if place.model not in _LAMPS or not {place.site, *place.groups} & groups:
            continue
        cabinet = place.groups[0] if place.groups else place.site
        if place.device in named or cabinets[cabinet] < share.lamps:
            cabinets[cabinet] += 1
            kept[place.device] = place
    return replace(field, places=tuple(kept.values()))


def _list_named(field: Field, story: Story, seed: int) -> set[str]:
    """Devices, sites and groups that the scenario names."""
    places = [each.where for each in (*story.events, *story.faults)]
    places += [truth.where for truth in story.truth]
    return {name for where in places for name in _few(select_names(where, field, seed))}


def _few(names: tuple[str, ...]) -> tuple[str, ...]:
    """The first four, since a share of all lamps would be many."""
    return names[:4]


def drop_devices(inventory: Inventory, dropped: set[str]) -> Inventory:
    """The inventory without these devices."""

    def stays(entry: Entry | Fact) -> bool:
        return not dropped & set(entry.key.split("/"))

    def lasting(entries: tuple[Entry, ...]) -> Iterator[Entry]:
        return (entry for entry in entries if stays(entry))

    return replace(
        inventory,
        devices=tuple(lasting(inventory.devices)),
        series=tuple(lasting(inventory.series)),
        facts=tuple(fact for fact in inventory.facts if stays(fact)),
    )


@contextmanager
def simulated_database(scenario: str, *, say: Callable[[str], None]) -> Iterator[str]:
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
            fill_database(database.url(), FillOptions(scenario=scenario), say=say)
            yield database.url()
        finally:
            server.halt()
    finally:
        shutil.rmtree(root, ignore_errors=True)
