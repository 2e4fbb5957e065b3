"""Now, gathered: what worsens, what waits, rivers, blind sensors, vigilance, who is called."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.api.access import Access
from hypervisor.console import marks
from hypervisor.console.sharing import Shared
from hypervisor.console.views.blind import Blind, blind
from hypervisor.console.views.duty import Duty, duty
from hypervisor.console.views.rivers import River, Water, expected_peaks, rivers
from hypervisor.console.views.worsening import BEFORE, Worsening, worsening
from hypervisor.outlook import reaching
from hypervisor.outlook.course import Course
from hypervisor.outlook.reaching import Reach
from hypervisor.store.pages import now as store
from hypervisor.store.pages import waters
from hypervisor.store.pages.now import Colour, Standing
from hypervisor.store.readings import hearing

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
        return sorted((one for one in self.standing if one.unseen), key=_rank)

    @property
    def next_asset(self) -> Worsening | None:
        return next((one for one in self.worsening if one.threshold is None), None)


_SHARED: Shared[Now] = Shared(seconds=1.0)


def look(asked: Access) -> Now:
    """As it is now, for whoever sees the same territory."""
    key = (id(asked.pool), asked.person.territory())
    return _SHARED.get(key, store.marker(asked.connection), lambda: _look(asked))


def _look(asked: Access) -> Now:
    """A dozen questions to the database, none of them a row at a time."""
    connection, now = asked.connection, asked.now()
    levels = reaching.courses(connection, asked.catalogue, now=now)
    fills = reaching.courses(connection, asked.catalogue, now=now, quantity="basin_fill")
    reaches = reaching.reaches(connection, asked.catalogue, now=now)
    standing = store.standing(connection, now)
    places = waters.places(connection)
    limits = waters.limits(connection, _LIMITS, now)
    links = waters.links(connection, now)
    heard = hearing.heard(connection, _hazards(asked), now)
    lost = [one.device for one in heard if one.silent(now) or one.suspect]
    resting = frozenset(hearing.resting(connection, lost, now)) if lost else frozenset()
    worst = _worst(standing)
    named = {place.name: place for place in places}
    worse = worsening(reaches, levels, limits, named, now)
    readings = waters.courses(
        connection,
        "level",
        _drawn(worse, links, levels),
        since=now - _PEAKS,
        now=now,
    )
    return Now(
        standing=tuple(standing),
        worsening=tuple(worse),
        reached=tuple(one for one in reaches if one.state == "reached"),
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
        duty=duty(connection, now, whole=asked.person.territory().whole),
        worst=worst,
        readings=readings,
    )


def since(one: Now, site: str, now: datetime) -> list[tuple[datetime, float]]:
    """What a sparkline of a gauge shows."""
    return [(at, value) for at, value in one.readings.get(site, ()) if at >= now - BEFORE]


def _hazards(asked: Access) -> list[str]:
    """What our domains measure; not what devices tell of themselves."""
    return [name for name in asked.catalogue.domain_of if name != "vigilance"]


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
