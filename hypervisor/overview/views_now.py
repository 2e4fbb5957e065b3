"""Now, gathered: what worsens, what waits, rivers, blind sensors, vigilance, who is called."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.forecast import arrival
from hypervisor.forecast.arrival import Reach
from hypervisor.forecast.trend import Course
from hypervisor.notifications.views_duty import Duty, duty
from hypervisor.overview import queries_now as store
from hypervisor.overview import queries_rivers
from hypervisor.overview.queries_now import Colour, Standing
from hypervisor.overview.views_blind import Blind, blind
from hypervisor.overview.views_rivers import River, Water, expected_peaks, rivers
from hypervisor.overview.views_worsening import BEFORE, Worsening, worsening
from hypervisor.readings import queries_silence
from hypervisor.web import marks
from hypervisor.web.shared_render import Shared

_LIMITS = ("attention", "alert", "danger")
_PEAKS = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Now:
    """All that the page shows. `sensors`: how many ought to speak, by device."""

    standing: tuple[Standing, ...]
    worsening: tuple[Worsening, ...]
    reached: tuple[Reach, ...]
    rivers: tuple[River, ...]
    blind: tuple[Blind, ...]
    sensors: int
    colours: tuple[Colour, ...]
    duty: Duty
    worst: Mapping[str, Standing]
    readings: Mapping[str, Sequence[tuple[datetime, float]]]

    @property
    def unseen(self) -> list[Standing]:
        """To acknowledge: the gravest first, those that are over last, then the oldest."""
        return sorted((standing for standing in self.standing if standing.unseen), key=_rank)

    @property
    def next_asset(self) -> Worsening | None:
        return next((one for one in self.worsening if one.threshold is None), None)


_SHARED: Shared[Now] = Shared(seconds=1.0)


def look(context: RequestContext) -> Now:
    """As it is now, for whoever sees the same territory."""
    key = (id(context.pool), context.person.territory())
    return _SHARED.get(key, store.marker(context.connection), lambda: _look(context))


def _look(context: RequestContext) -> Now:
    """A dozen questions to the database, none of them a row at a time."""
    connection, now = context.connection, context.now()
    levels = arrival.courses(connection, context.catalogue, now=now)
    fills = arrival.courses(connection, context.catalogue, now=now, quantity="basin_fill")
    reaches = arrival.reaches(connection, context.catalogue, now=now)
    standing = store.standing(connection, now)
    places = queries_rivers.places(connection)
    limits = queries_rivers.limits(connection, _LIMITS, now)
    links = queries_rivers.links(connection, now)
    heard = queries_silence.heard(connection, _hazards(context), now)
    lost = [one.device for one in heard if one.silent(now) or one.suspect]
    resting = frozenset(queries_silence.resting(connection, lost, now)) if lost else frozenset()
    worst = _worst(standing)
    named = {place.name: place for place in places}
    worse = worsening(reaches, levels, limits, named, now)
    readings = queries_rivers.courses(
        connection,
        "level",
        _drawn(worse, links, levels),
        since=now - _PEAKS,
        now=now,
    )
    return Now(
        standing=tuple(standing),
        worsening=tuple(worse),
        reached=tuple(reach for reach in reaches if reach.state == "reached"),
        rivers=tuple(
            rivers(
                (one for one in places if one.name in levels or one.name in fills),
                Water(
                    levels=levels,
                    fills=fills,
                    limits=limits,
                    worst=worst,
                    silent=frozenset(one.site for one in heard if one.silent(now)),
                    peaks=expected_peaks(links, levels, readings, now),
                ),
            )
        ),
        blind=tuple(blind(heard, links, levels, resting=resting, now=now)),
        sensors=len({one.device for one in heard}),
        colours=tuple(store.colours(connection, now)),
        duty=duty(connection, now, whole=context.person.territory().whole),
        worst=worst,
        readings=readings,
    )


def since(one: Now, site: str, now: datetime) -> list[tuple[datetime, float]]:
    """What a sparkline of a gauge shows."""
    return [(at, value) for at, value in one.readings.get(site, ()) if at >= now - BEFORE]


def _hazards(context: RequestContext) -> list[str]:
    """What our domains measure; not what devices tell of themselves."""
    return [name for name in context.catalogue.domain_of if name != "vigilance"]


def _worst(standing: Iterable[Standing]) -> dict[str, Standing]:
    """The gravest hazard at each site; of equals one that nobody has acknowledged."""
    found: dict[str, Standing] = {}
    for one in sorted(standing, key=_rank, reverse=True):
        if one.site is not None and one.category == "hazard" and one.ended is None:
            found[one.site] = one
    return found


def _rank(one: Standing) -> tuple[int, bool, bool, datetime, int]:
    return (
        marks.priority(one.severity),
        one.state == "returned",
        not one.unseen,
        one.began,
        one.id,
    )


def _drawn(
    worse: Sequence[Worsening],
    links: Mapping[tuple[str, str], float],
    levels: Mapping[str, Course],
) -> list[str]:
    """The devices whose last day is drawn, or searched for a wave that is on its way down."""
    falling = {
        above
        for above, _ in links
        if above in levels and (rate := levels[above].rate) is not None and rate.falls
    }
    return sorted({one.course.device for one in worse} | {levels[site].device for site in falling})
