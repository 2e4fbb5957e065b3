"""A database filled by the simulators without a broker: what they publish, ingested and judged.

Everything on the way is the instance's own but the wire: messages are decoded, checked and stored
as a worker does, the watch takes them piece by piece, then all is rolled up.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act, perform
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import BEGINNING
from hypervisor.base.settings import Settings
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.evaluation import batch, rollup
from hypervisor.evaluation import shipped as shipped_rules
from hypervisor.evaluation.memory import Memory
from hypervisor.exercises import queries as exercise_queries
from hypervisor.exercises.simulation import field_in
from hypervisor.exercises.territory import field_of
from hypervisor.grafana.thinning import Share, thinned, without
from hypervisor.readings import queries_workers
from hypervisor.readings.directory import units
from hypervisor.readings.ingesting import believed
from hypervisor.readings.queries_ingest import Intake
from hypervisor.registry.announcing import announced
from hypervisor.registry.apply import apply_inventory, compare
from hypervisor.registry.changes import applied
from hypervisor.registry.model import Registry
from hypervisor.registry.revising import Stamp
from hypervisor.registry.sources import read_sources
from ingest.batch import Beat, Parcel
from ingest.heartbeat import Listening
from ingest.library import Library
from ingest.message import Arrival
from ingest.pipeline import Pipeline
from rules._pack import packs as shipped
from sensors._domain import Catalogue, catalogue
from simulators._field import Field
from simulators._performing import messages
from simulators._publications import Publication, instant_of
from simulators._scenarios import load
from simulators._story import Story

WORKER = "fill"
_NOTHING = Registry(areas={}, sites={}, devices={}, series={}, revisions=())
WORKS = "made-up-works"
_WORKS = timedelta(days=9)
_MICROSECOND = timedelta(microseconds=1)
_SEEN = 3
_BROKEN = 2000  # every so manieth message comes once more, cut off, as from a device that dies
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class FillOptions:
    """What is played.

    `share`: how much of the territory, all of it where None; `after`: hours of the story that are
    left out at its beginning; `piece`: how much the watch takes at a time.
    """

    scenario: str = "territory-week"
    inventory: str = "essonne"
    seed: int = 1
    share: Share | None = None
    after: float = 0.0
    piece: timedelta = timedelta(minutes=15)


def fill(url: str, wish: FillOptions, *, say: Say = lambda _text: None) -> datetime:
    """Fill a migrated, empty database; when the story ends."""
    story, known = load(wish.scenario), catalogue()
    with connect(url) as connection:
        instance_store.create(connection, Instance(mode=Mode.EXERCISE, name=story.title_fr))
        field = _described(connection, wish, story)
        shipped_rules.record_and_log(connection, shipped(), now=None)
        queries_workers.join(connection, WORKER)
        begins = story.begins + timedelta(hours=wish.after)
        exercise_queries.deafen(connection, BEGINNING, instant_of(begins))
        connection.commit()
    say(f"{story.title}: {len(field.places)} devices")
    spoken = messages(story, field, wish.seed)
    publications = [
        publication
        for publication in spoken.publications
        if publication.arrival >= instant_of(begins)
    ]
    say(f"{len(publications)} messages")
    _play(url, known, _parcels(publications, wish.piece // _MICROSECOND))
    with connect(url, autocommit=True) as connection:
        hours = rollup.catch_up(connection, known)
    say(f"{hours} hours of series rolled up")
    return story.begins + timedelta(hours=story.hours)


def _described(connection: Connection, wish: FillOptions, story: Story) -> Field:
    """The territory in the registry, or the share of it that is asked for."""
    inventory = read_sources([wish.inventory])
    if wish.share is not None:
        changes = compare(_NOTHING, inventory, stamp=Stamp(author=WORKER, reason="", now=None))
        whole = field_of(applied(_NOTHING, changes), catalogue(), story.begins)
        kept = thinned(whole, story, wish.seed, wish.share)
        gone = {place.device for place in whole.places} - {place.device for place in kept.places}
        inventory = without(inventory, gone)
    apply_inventory(connection, inventory, author=WORKER, now=None, reason="a made-up week")
    field = field_in(connection, story)
    roads = sorted(place.site for place in field.of("mobility"))
    if roads:
        works = announced(WORKS, story.begins, story.begins + _WORKS, {"sites": roads[-1:]})
        apply_inventory(connection, works, author=WORKER, now=None, reason="resurfacing")
    return field


def _play(url: str, known: Catalogue, parcels: Iterable[Parcel]) -> None:
    intake = Intake(url=url, worker=WORKER, catalogue=known)
    pipeline = Pipeline(
        directory=intake,
        store=intake,
        belief=believed(Settings()),
        listening=Listening(interval=None),
        library=Library(units=units(known)),
    )
    setup = batch.Setup(
        catalogue=known,
        mode=Mode.EXERCISE,
        retention=Settings().raw_retention_days * timedelta(days=1) // _MICROSECOND,
        clock=lambda: datetime.now().astimezone(),
    )
    try:
        pipeline.look_up(at_once=True)
        with connect(url, autocommit=True) as connection:
            memory = batch.remember(connection, setup)
            waiting: list[int] = []
            for parcel in parcels:
                pipeline.store(pipeline.check(parcel))
                _acknowledge(connection, waiting)
                waiting = [*_raised(connection, memory, setup)]
    finally:
        intake.close()


def _raised(connection: Connection, memory: Memory, setup: batch.Setup) -> Iterator[int]:
    """Have the watch take what is new; the alarms that it raised."""
    more = True
    while more:
        report = batch.step(connection, memory, setup)
        yield from (
            transition.alarm for transition in report.transitions if transition.kind == "raised"
        )
        more = report.more


def _acknowledge(connection: Connection, alarms: Sequence[int]) -> None:
    """Somebody sees two of three alarms by the next piece of time."""
    for number in alarms:
        if number % _SEEN:
            what = Act(alarm=number, kind=ActKind.ACKNOWLEDGE, author=WORKER)
            perform(connection, what, now=datetime.now().astimezone())


def _parcels(said: Sequence[Publication], piece: int) -> Iterator[Parcel]:
    """What arrives in each piece of time (µs), with the clock at its end."""
    gathered, ends = list[Arrival](), 0
    for number, one in enumerate(said):
        if one.arrival >= ends and gathered:
            yield _parcel(gathered, ends)
            gathered = []
        ends = (one.arrival // piece + 1) * piece
        gathered.append(Arrival(one.topic, one.payload, one.arrival))
        if number % _BROKEN == _BROKEN // 2:
            gathered.append(Arrival(one.topic, one.payload[:-9], one.arrival))
    if gathered:
        yield _parcel(gathered, said[-1].arrival)


def _parcel(gathered: Sequence[Arrival], clock: int) -> Parcel:
    beat = Beat(clock=clock, received_at=clock)
    return Parcel(arrivals=gathered, beats=[beat], mids=(), connection=0)
