"""Official colours beside ours: of river reaches, and of the weather by département."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from hypervisor.access.context import RequestContext
from hypervisor.base.freshness import (
    Assessment,
    Gap,
    Input,
    Lack,
    assess,
    combine,
    find_gap,
)
from hypervisor.base.instance import Mode
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.feeds import queries as feed_queries
from hypervisor.feeds.meteofrance import FEED as METEOFRANCE
from hypervisor.feeds.model import Feed, FeedState
from hypervisor.feeds.queries import ColourNow
from hypervisor.feeds.queries_official import Vigilance as ReachColour
from hypervisor.feeds.queries_official import list_vigilance
from hypervisor.feeds.vigicrues import FEED as VIGICRUES
from hypervisor.registry.departements import NAMES

UNREAD = timedelta(hours=1)  # without an answer of the service
BULLETIN = VIGICRUES.lasts or timedelta(0)
_WATCHED = timedelta(hours=48)  # a phenomenon that was watched within is expected
_PHENOMENA = {
    "wind": mark("Wind"),
    "rain-flood": mark("Rain and flood"),
    "thunderstorm": mark("Thunderstorms"),
    "flood": mark("River flood"),
    "snow-ice": mark("Snow and ice"),
    "heat": mark("Heatwave"),
    "cold": mark("Cold"),
    "avalanche": mark("Avalanches"),
    "waves": mark("Waves and coastal flood"),
}


@dataclass(frozen=True, kw_only=True)
class Official:
    """An official colour: 1 green … 4 red; None: none is stated. `time`: of the bulletin.

    `ahead`: a worse colour announced for the next 24 h. `gap`: why the colour is not believed.
    """

    name: str
    colour: int | None
    time: datetime | None
    ahead: int | None = None
    gap: Gap | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A service. `issued`: its newest bulletin; `colours`: all of reaches, of weather the notable.

    `assessment`: calm where all that it should say is there, fresh and green.
    """

    title: str
    issued: datetime | None
    colours: tuple[Official, ...]
    assessment: Assessment

    @property
    def notable(self) -> list[Official]:
        return [each for each in self.colours if is_notable(each)]


@dataclass(frozen=True, kw_only=True)
class Vigilance:
    """What the official services say of the territory."""

    sources: tuple[Source, ...] = ()

    @property
    def assessment(self) -> Assessment:
        return combine(*(source.assessment for source in self.sources))

    @property
    def colours(self) -> list[Official]:
        return [each for source in self.sources for each in source.colours]

    @property
    def notable(self) -> list[Official]:
        return [each for each in self.colours if is_notable(each)]

    @property
    def state(self) -> Literal["calm", "worsening", "unknown"]:
        return self.assessment.state


def read_vigilance(owner: Connection, now: datetime) -> Vigilance:
    """All official colours in force: they are public."""
    polls = feed_queries.list_states(owner)
    sources = []
    reaches = list_vigilance(owner, now)
    if reaches:
        state = polls.get(VIGICRUES.name)
        answered = state.answered_at if state else None
        read = any(row.feed for row in reaches)
        service = [make_service_input(VIGICRUES, answered)] if read else []
        sources.append(_judge_reaches(reaches, service, now))
    departements = feed_queries.list_departements(owner)
    weather = [row for row in feed_queries.list_colours(owner, now) if row.feed == METEOFRANCE.name]
    live = instance_store.require(owner).mode is Mode.LIVE  # an exercise reads no service
    if weather or (live and departements):
        state = polls.get(METEOFRANCE.name)
        service = [make_service_input(METEOFRANCE, state.answered_at if state else None)]
        watched = feed_queries.list_watched(owner, METEOFRANCE.name, now - _WATCHED, now)
        newest = state.issued if state else None
        expected = [*_list_expected(weather, departements, watched, newest)]
        sources.append(_judge_weather(weather, [*service, *expected], now))
    return Vigilance(sources=tuple(sources))


def load_vigilance(context: RequestContext) -> Vigilance:
    """The same for a page."""
    with context.owning() as owner:
        return read_vigilance(owner, context.now())


def is_notable(official: Official) -> bool:
    """Whether it is more than green, now or soon."""
    return max(official.colour or 0, official.ahead or 0) > 1


def make_service_input(feed: Feed, answered_at: datetime | None) -> Input:
    """That a service is read: it says nothing worse by itself, but its silence ends calm."""
    until = None if answered_at is None else answered_at + UNREAD
    return Input(name=feed.title, worse=False, time=answered_at, until=until)


def make_issue_input(feed: Feed, state: FeedState) -> Input:
    """The publication that a service last gave, for as long as one holds."""
    until = state.issued + feed.lasts if state.issued and feed.lasts else None
    return Input(name=feed.title, worse=False, time=state.issued, until=until)


def _judge_reaches(rows: Sequence[ReachColour], service: Sequence[Input], now: datetime) -> Source:
    inputs = [(row, make_reach_input(row)) for row in rows]
    unread = [gap for each in service if (gap := find_gap(each, now))]
    colours = [
        Official(
            name=given.name,
            colour=row.value,
            time=row.time,
            gap=find_gap(given, now) or (unread[0] if unread and row.feed else None),
        )
        for row, given in inputs
    ]
    return Source(
        title=VIGICRUES.title,
        issued=max((row.time for row in rows if row.time), default=None),
        colours=tuple(colours),
        assessment=assess([*service, *(given for _row, given in inputs)], now),
    )


def make_reach_input(row: ReachColour) -> Input:
    """What a reach's newest colour says, for as long as its bulletin or its series lasts."""
    lasts = BULLETIN if row.feed else timedelta(seconds=row.stale_s) or BULLETIN
    return Input(
        name=row.river or row.title,
        worse=None if row.value is None else row.value > 1,
        time=row.time,
        until=None if row.time is None else row.time + lasts,
        lack=Lack.SUSPECT if row.suspect else None,
    )


def _list_expected(
    rows: Sequence[ColourNow],
    departements: Sequence[str],
    watched: Iterable[tuple[str, str, str, datetime]],
    newest: datetime | None,
) -> Iterator[Input]:
    """Each phenomenon in force, those watched lately that are not, départements without any.

    `newest`: the last bulletin's time; what it says nothing of is not calm by an older one.
    """
    held = {(row.area, row.phenomenon) for row in rows}
    for row in rows:
        given = make_colour_input(row)
        is_superseded = newest is not None and row.issued < newest
        yield replace(given, until=newest) if is_superseded and not given.worse else given
    for area, title, phenomenon, ended in watched:
        if (area, phenomenon) not in held:
            name = _name_phenomenon(phenomenon, title)
            yield Input(name=name, worse=False, time=ended, until=ended)
    for code in sorted(set(departements) - {row.area for row in rows}):
        yield Input(name=NAMES.get(code, code), worse=None, time=None, until=None)


def make_colour_input(row: ColourNow) -> Input:
    """What a colour in force says, for as long as it and its bulletin hold."""
    ends = row.issued + BULLETIN
    stated = row.colour is not None
    return Input(
        name=_name_phenomenon(row.phenomenon, row.title),
        worse=max(row.colour or 0, row.ahead or 0) > 1 if stated or row.ahead else None,
        time=row.issued,
        until=ends if row.ends is None else min(ends, row.ends),
        lack=None if stated else Lack.EMPTY,
    )


def _name_phenomenon(phenomenon: str, place: str) -> str:
    return f"{_(_PHENOMENA.get(phenomenon, phenomenon))}, {place}"


def _judge_weather(rows: Sequence[ColourNow], inputs: Sequence[Input], now: datetime) -> Source:
    """A row a phenomenon that is more than green; else one of the weather as a whole."""
    seen = assess(inputs, now)
    several = len({row.title for row in rows}) > 1
    colours = []
    unread = find_gap(inputs[0], now)
    for row in rows:
        what = _(_PHENOMENA.get(row.phenomenon, row.phenomenon))
        official = Official(
            name=_name_phenomenon(row.phenomenon, row.title) if several else what,
            colour=row.colour,
            time=row.issued,
            ahead=row.ahead if (row.ahead or 0) > (row.colour or 0) else None,
            gap=unread or find_gap(make_colour_input(row), now),
        )
        if is_notable(official):
            colours.append(official)
    issued = max((row.issued for row in rows), default=None)
    if not colours:
        gap = None if seen.is_calm else next(iter(seen.gaps), None)
        colour = 1 if seen.is_calm else None
        colours.append(Official(name=_("Weather"), colour=colour, time=issued, gap=gap))
    return Source(title=METEOFRANCE.title, issued=issued, colours=tuple(colours), assessment=seen)
