"""`hypervisor collect`: asks each official service when it is due, and stores what it says.

It also follows external alarms: what operators closed, what its source no longer repeats.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.base.process import pause
from hypervisor.base.settings import Settings
from hypervisor.database import feed as change_feed
from hypervisor.database import instance as instance_store
from hypervisor.database import locks
from hypervisor.database.connect import Connection, StoreError
from hypervisor.database.locks import Lock
from hypervisor.database.steps import Steps
from hypervisor.database.worker import keep_working
from hypervisor.external.service import settle
from hypervisor.feeds import (
    bulletins,
    forecast_files,
    hubeau,
    meteofrance,
    observations,
    official_forecasts,
    queries,
    queries_bulletins,
    queries_events,
    receive,
    roads,
    vigicrues,
)
from hypervisor.feeds.model import Feed, FeedError, FeedState, Page, Unusable
from hypervisor.feeds.poll import Clock, PollContext, draw_chance, list_devices, read_clock
from hypervisor.feeds.schedule import find_outage, next_poll
from hypervisor.forecast import service_experts
from hypervisor.readings import queries as reading_queries
from hypervisor.readings.ingest_worker import read_ingest_context
from hypervisor.registry import queries as registry_queries
from ingest.message import Reason
from sensors._errors import Message

TICK = 1.0  # s between two checks of what is due
_AUTHOR = "collect"
_EXCERPT = 1_000  # bytes of an answer shown to people

Say = Callable[[str], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A feed and how it is polled. `needs`: why it cannot be polled yet; "": it can."""

    feed: Feed
    poll: Callable[[PollContext], Iterator[Page]]
    needs: Callable[[PollContext], str]
    headers: Callable[[Settings], dict[str, str]] = lambda _settings: {}


def _needs_devices(context: PollContext) -> str:
    return "" if context.devices else Message("no device of the inventory is read from it")


SERVICES = {
    service.feed.name: service
    for service in (
        Service(feed=hubeau.FEED, poll=hubeau.poll, needs=_needs_devices),
        Service(feed=vigicrues.FEED, poll=vigicrues.poll, needs=_needs_devices),
        Service(feed=bulletins.FEED, poll=bulletins.poll, needs=_needs_devices),
        Service(feed=official_forecasts.FEED, poll=official_forecasts.poll, needs=_needs_devices),
        Service(
            feed=forecast_files.FEED, poll=forecast_files.poll, needs=forecast_files.needs_folder
        ),
        Service(feed=roads.FEED, poll=roads.poll, needs=roads.needs_place),
        Service(
            feed=meteofrance.FEED,
            poll=meteofrance.poll,
            needs=meteofrance.needs_key,
            headers=meteofrance.make_headers,
        ),
        *(
            Service(
                feed=feed,
                poll=observations.make_poll(rhythm),
                needs=observations.needs_key,
                headers=meteofrance.make_headers,
            )
            for feed, rhythm in (
                (observations.FEED, observations.SIX_MINUTES),
                (observations.HOURLY, observations.AN_HOUR),
            )
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class PollResult:
    """What one poll gave. `problem` "": it succeeded; `idle`: why it was not asked."""

    name: str
    readings: int = 0
    refused: int = 0
    problem: str = ""
    idle: str = ""


def run(settings: Settings, *, stopping: Callable[[], bool], say: Say) -> None:
    """Work until stopped: one process at a time, whatever the number of machines."""

    def work(connection: Connection) -> None:
        if instance_store.require(connection).mode is not Mode.LIVE:
            say("an exercise reads nothing from outside")
            while not stopping():
                pause(TICK, stopping)
            return
        if not locks.stand_by(connection, Lock.FEEDS, stopping, say):
            return
        reading_queries.create_staging_tables(connection)
        say("reading official services" if settings.feeds else "official services are not read")
        steps = Steps(say=say)
        idle: dict[str, int] = {}  # by feed: the registry's version in which nothing was to be read
        while not stopping():
            now = micros(read_clock())
            steps.run("settle external alarms", partial(settle, connection, now=now))
            version = change_feed.registry_version(connection)
            resting = {name for name, seen in idle.items() if seen == version}
            if not settings.feeds:
                resting = set(SERVICES)
            for result in poll_due(connection, settings, resting=resting, stopping=stopping):
                _tell(result, say)
                if result.idle:
                    idle[result.name] = version
            pause(TICK, stopping)

    keep_working("the collector", settings.database_url, work, stopping=stopping, say=say)


def may_ask(connection: Connection, settings: Settings) -> bool:
    """Whether this instance may ask real services: a live one only."""
    return settings.feeds and instance_store.require(connection).mode is Mode.LIVE


def list_switched_off(settings: Settings) -> list[str]:
    """The names in HYPERVISOR_FEEDS_OFF, as they are written there."""
    return [name.strip() for name in settings.feeds_off.split(",") if name.strip()]


def explain_idle(context: PollContext) -> str:
    """Why a feed is not read; "": it is."""
    if not context.settings.feeds:
        return Message("HYPERVISOR_FEEDS is false")
    if context.feed.name in list_switched_off(context.settings):
        return Message("switched off by HYPERVISOR_FEEDS_OFF")
    return SERVICES[context.feed.name].needs(context)


def _tell(result: PollResult, say: Say) -> None:
    if result.problem:
        say(f"{result.name}: {result.problem}")
    elif result.readings or result.refused:
        refused = f", {result.refused} refused" if result.refused else ""
        say(f"{result.name}: {result.readings} readings{refused}")


def poll_due(
    connection: Connection,
    settings: Settings,
    *,
    resting: Collection[str] = (),
    stopping: Callable[[], bool],
) -> Iterator[PollResult]:
    """Poll what is due now; each poll by itself."""
    states = queries.list_states(connection)
    for name in SERVICES.keys() - set(resting):
        due = states.get(name, FeedState(name=name)).due_at
        if (due is None or due <= read_clock()) and not stopping():
            result = poll(connection, settings, name, stopping=stopping)
            if not (result.problem and stopping()):
                yield result


def poll(
    connection: Connection,
    settings: Settings,
    name: str,
    *,
    stopping: Callable[[], bool] = lambda: False,
    clock: Clock = read_clock,
) -> PollResult:
    """Poll one service and store what it says. `connection`: in autocommit, with staging tables.

    A failure is recorded with its sentence, and raises nothing.
    """
    service = SERVICES[name]
    (context,) = make_contexts(connection, settings, [name], clock=clock, stopping=stopping)
    idle = explain_idle(context)
    if idle:
        return PollResult(name=name, idle=idle)
    try:
        return _store(connection, service, context)
    except FeedError as error:
        return _record_failure(connection, service.feed, context, error)
    except Exception as error:
        if connection.closed:
            raise
        log.exception("a defect of ours in feed %s", name)
        defect = FeedError("{error}; this is a defect of the hypervisor", repr(error)[:300])
        return _record_failure(connection, service.feed, context, defect)


def make_contexts(
    connection: Connection,
    settings: Settings,
    names: Iterable[str],
    *,
    clock: Clock = read_clock,
    stopping: Callable[[], bool] = lambda: False,
) -> list[PollContext]:
    """What polls of these services need."""
    registry = registry_queries.load(connection)
    departements = tuple(queries.list_departements(connection))
    bounds = queries_events.list_bounds(connection)
    states = queries.list_states(connection)
    return [
        PollContext(
            feed=SERVICES[name].feed,
            settings=settings,
            state=states.get(name, FeedState(name=name)),
            clock=clock,
            now=clock(),
            devices=tuple(list_devices(registry, SERVICES[name].feed.of or name)),
            departements=departements,
            bounds=bounds,
            headers=SERVICES[name].headers(settings),
            stopping=stopping,
        )
        for name in names
    ]


def _store(connection: Connection, service: Service, context: PollContext) -> PollResult:
    """Each page in a transaction of its own, with the cursor that belongs to it."""
    feed, readings, refused = service.feed, 0, 0
    last = Page()
    for page in service.poll(context):
        with connection.transaction():
            at = micros(context.clock())
            stored = receive.Stored(changed=0, refused=0)
            if page.observations:
                ingest = read_ingest_context(connection, context.settings)
                stored = receive.store_observations(
                    connection, ingest, page.observations, received_at=at
                )
            unusable = [*page.unusable, *_store_forecasts(connection, page)]
            if unusable:
                topic = receive.topic_of(feed.name, "part")
                receive.store_unusable(connection, topic, unusable, received_at=at)
            queries.store_colours(connection, feed.name, page.colours)
            queries_bulletins.store(connection, feed, page.bulletins)
            queries_events.store(
                connection, feed, page.events, listed=page.listed, at=context.clock()
            )
            queries.save_page(connection, feed.name, page, readings=stored.changed)
        readings += stored.changed
        refused += stored.refused + len(unusable)
        last = page
    done = context.clock()
    with connection.transaction():
        _record_outage(connection, context, usable=True)
        queries.record_answer(
            connection,
            feed.name,
            last,
            at=done,
            due=next_poll(feed, context.now, 0, chance=draw_chance()),
        )
    return PollResult(name=feed.name, readings=readings, refused=refused)


def _store_forecasts(connection: Connection, page: Page) -> Iterator[Unusable]:
    """Files that name no gauge of ours."""
    for file in page.forecasts:
        done = service_experts.store_file(connection, file, author=_AUTHOR)
        if not (done.stored or done.same):
            for note in done.notes[:1]:
                yield Unusable(reason=Reason.UNKNOWN_DEVICE, detail=note, part=file.name)


def _record_outage(connection: Connection, context: PollContext, *, usable: bool) -> None:
    """That devices of this feed were not read for long, where it has any."""
    outage = find_outage(context.feed, context.state, context.now, usable=usable)
    if outage is not None and not context.feed.of:
        queries.record_outage(connection, context.feed.name, outage)


def _record_failure(
    connection: Connection, feed: Feed, context: PollContext, error: FeedError
) -> PollResult:
    """Keep the sentence and the answer's beginning; an unreadable answer is a dead letter, once."""
    problem, state = str(error), context.state
    if context.stopping():
        return PollResult(name=feed.name, problem=problem)
    failures = state.failures + 1
    with connection.transaction():
        if error.reason is not None and problem != state.problem:
            topic = receive.topic_of(feed.name, "answer")
            at = micros(context.clock())
            receive.store_bad_answer(connection, topic, error, received_at=at)
        _record_outage(connection, context, usable=False)
        queries.record_failure(
            connection,
            feed.name,
            at=context.now,
            due=next_poll(feed, context.now, failures, chance=draw_chance(), wait_s=error.wait_s),
            problem=problem,
            excerpt=make_excerpt(error.body),
        )
    return PollResult(name=feed.name, problem=problem)


def make_excerpt(body: bytes) -> str:
    """The beginning of an answer as text that a database and a page take."""
    text = body[:_EXCERPT].decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() or sign == "\n" else "·" for sign in text)


def poll_now(
    connection: Connection, settings: Settings, names: Sequence[str]
) -> Iterator[PollResult]:
    """Poll services at once; while `collect` runs it does so, and its results are awaited.

    Raises StoreError: an exercise, services are switched off, or `collect` does not come to it.
    """
    if not may_ask(connection, settings):
        raise StoreError(
            "official services are read by a live instance only, while HYPERVISOR_FEEDS is true"
        )
    began = read_clock()
    contexts = make_contexts(connection, settings, names)
    if locks.take(connection, Lock.FEEDS):
        reading_queries.create_staging_tables(connection)
        for context in contexts:
            yield poll(connection, settings, context.feed.name)
        return
    queries.ask_again(connection, names)
    for context in contexts:
        idle = explain_idle(context)
        if idle:
            yield PollResult(name=context.feed.name, idle=idle)
        else:
            yield _await_poll(connection, context, began)


def _await_poll(connection: Connection, context: PollContext, began: datetime) -> PollResult:
    name, before = context.feed.name, context.state
    until = time.monotonic() + 2 * context.settings.feeds_timeout_seconds
    while time.monotonic() < until:
        state = queries.get_state(connection, name)
        if state.polled_at is not None and state.polled_at >= began:
            readings = state.readings - before.readings
            return PollResult(name=name, readings=readings, problem=state.problem or "")
        time.sleep(TICK / 4)
    raise StoreError("{feed} was not asked within the time: see log/collect.log", name)
