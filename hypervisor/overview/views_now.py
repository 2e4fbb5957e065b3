"""Data of the page Now, shared with the wall display."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.forecast import arrival
from hypervisor.forecast.arrival import Reach
from hypervisor.forecast.trend import Course
from hypervisor.notifications.views_duty import OnCallNow, find_on_call
from hypervisor.overview import queries_now as store
from hypervisor.overview import queries_rivers
from hypervisor.overview.queries_now import OpenAlarm, Vigilance
from hypervisor.overview.views_blind import BlindSensor, find_blind_sensors
from hypervisor.overview.views_rivers import River, RiverData, build_rivers, predict_peaks
from hypervisor.overview.views_worsening import BEFORE, Worsening, find_worsening
from hypervisor.readings import queries_silence
from hypervisor.web import marks
from hypervisor.web.shared_render import Shared

_LIMITS = ("attention", "alert", "danger")
_PEAKS = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Now:
    """All that the page shows. `sensors`: number of monitored devices."""

    standing: tuple[OpenAlarm, ...]
    worsening: tuple[Worsening, ...]
    reached: tuple[Reach, ...]
    rivers: tuple[River, ...]
    blind: tuple[BlindSensor, ...]
    sensors: int
    colours: tuple[Vigilance, ...]
    duty: OnCallNow
    worst: Mapping[str, OpenAlarm]
    readings: Mapping[str, Sequence[tuple[datetime, float]]]

    @property
    def unseen(self) -> list[OpenAlarm]:
        """To acknowledge: by priority, cleared alarms last, oldest first."""
        return sorted((standing for standing in self.standing if standing.unseen), key=_rank)

    @property
    def next_asset(self) -> Worsening | None:
        return next((row for row in self.worsening if row.threshold is None), None)


_SHARED: Shared[Now] = Shared(seconds=1.0)


def load_now(context: RequestContext) -> Now:
    """The current situation, cached one second for accounts of the same territory."""
    key = (id(context.pool), context.person.territory())
    return _SHARED.get(key, store.change_marker(context.connection), lambda: _look(context))


def _look(context: RequestContext) -> Now:
    """Read it with a dozen queries."""
    connection, now = context.connection, context.now()
    levels = arrival.list_courses(connection, context.catalogue, now=now)
    fills = arrival.list_courses(connection, context.catalogue, now=now, quantity="basin_fill")
    reaches = arrival.list_reaches(connection, context.catalogue, now=now)
    standing = store.list_open_alarms(connection, now)
    places = queries_rivers.list_places(connection)
    limits = queries_rivers.list_thresholds(connection, _LIMITS, now)
    links = queries_rivers.list_links(connection, now)
    heard = queries_silence.list_expected_series(connection, _hazards(context), now)
    lost = [series.device for series in heard if series.silent(now) or series.suspect]
    resting = (
        frozenset(queries_silence.list_out_of_service(connection, lost, now))
        if lost
        else frozenset()
    )
    worst = _worst(standing)
    named = {place.name: place for place in places}
    worse = find_worsening(reaches, levels, limits, named, now)
    readings = queries_rivers.list_readings(
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
            build_rivers(
                (place for place in places if place.name in levels or place.name in fills),
                RiverData(
                    levels=levels,
                    fills=fills,
                    limits=limits,
                    worst=worst,
                    silent=frozenset(series.site for series in heard if series.silent(now)),
                    peaks=predict_peaks(links, levels, readings, now),
                ),
            )
        ),
        blind=tuple(find_blind_sensors(heard, links, levels, resting=resting, now=now)),
        sensors=len({series.device for series in heard}),
        colours=tuple(store.list_vigilance(connection, now)),
        duty=find_on_call(connection, now, whole=context.person.territory().whole),
        worst=worst,
        readings=readings,
    )


def list_recent_readings(look: Now, site: str, now: datetime) -> list[tuple[datetime, float]]:
    """The readings of a gauge's sparkline."""
    return [(at, value) for at, value in look.readings.get(site, ()) if at >= now - BEFORE]


def _hazards(context: RequestContext) -> list[str]:
    """The quantities of all domains, without device health."""
    return [name for name in context.catalogue.domain_of if name != "vigilance"]


def _worst(standing: Iterable[OpenAlarm]) -> dict[str, OpenAlarm]:
    """The worst active hazard of each site; unacknowledged first."""
    worst: dict[str, OpenAlarm] = {}
    for alarm in sorted(standing, key=_rank, reverse=True):
        if alarm.site is not None and alarm.category == "hazard" and alarm.ended is None:
            worst[alarm.site] = alarm
    return worst


def _rank(alarm: OpenAlarm) -> tuple[int, bool, bool, datetime, int]:
    return (
        marks.priority(alarm.severity),
        alarm.state == "returned",
        not alarm.unseen,
        alarm.began,
        alarm.id,
    )


def _drawn(
    worse: Sequence[Worsening],
    links: Mapping[tuple[str, str], float],
    levels: Mapping[str, Course],
) -> list[str]:
    """The devices whose last 24 h are needed: for sparklines, and to find passed flood peaks."""
    falling = {
        above
        for above, _ in links
        if above in levels and (rate := levels[above].rate) is not None and rate.falls
    }
    return sorted({row.course.device for row in worse} | {levels[site].device for site in falling})
