"""Official colours beside ours: of river reaches, and of the weather by département."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.database.connect import Connection
from hypervisor.feeds import queries as feed_queries
from hypervisor.feeds.meteofrance import FEED as METEOFRANCE
from hypervisor.feeds.queries import ColourNow
from hypervisor.feeds.queries_official import list_vigilance

_UNREAD = timedelta(hours=1)  # without an answer of the service, after which the colour says so
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
    """An official colour: 1 green … 4 red; None: no bulletin yet. `time`: of the bulletin.

    `ahead`: a worse colour announced for the next 24 h. `unread`: since when its service does not
    answer, if that is long.
    """

    name: str
    colour: int | None
    time: datetime | None
    ahead: int | None = None
    unread: datetime | None = None


def list_official(owner: Connection, now: datetime) -> list[Official]:
    """All official colours in force: they are public."""
    reaches = [
        Official(
            name=row.river or row.title,
            colour=row.value,
            time=row.time,
            unread=_find_unread(row.answered_at, now),
        )
        for row in list_vigilance(owner, now)
    ]
    weather = [row for row in feed_queries.list_colours(owner, now) if row.feed == METEOFRANCE.name]
    return [*reaches, *_summarize_weather(weather, now)]


def load_official(context: RequestContext) -> list[Official]:
    """The same for a page."""
    with context.owning() as owner:
        return list_official(owner, context.now())


def is_notable(official: Official) -> bool:
    """Whether it is more than green, now or soon."""
    return max(official.colour or 0, official.ahead or 0) > 1


def _summarize_weather(rows: Sequence[ColourNow], now: datetime) -> list[Official]:
    """A row a phenomenon that is more than green; one green row if none is."""
    several = len({row.title for row in rows}) > 1
    colours = []
    for row in rows:
        worse = row.ahead if (row.ahead or 0) > (row.colour or 0) else None
        what = _(_PHENOMENA.get(row.phenomenon, row.phenomenon))
        colours.append(
            Official(
                name=f"{what}, {row.title}" if several else what,
                colour=row.colour,
                time=row.issued,
                ahead=worse,
                unread=_find_unread(row.answered_at, now),
            )
        )
    notable = [colour for colour in colours if is_notable(colour)]
    if notable or not colours:
        return notable
    latest = colours[0]
    return [Official(name=_("Weather"), colour=1, time=latest.time, unread=latest.unread)]


def _find_unread(answered_at: datetime | None, now: datetime) -> datetime | None:
    late = answered_at is not None and now - answered_at > _UNREAD
    return answered_at if late else None
