"""Data of the page Now, with its texts in the reader's language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from hypervisor.access.context import RequestContext
from hypervisor.base.freshness import assess
from hypervisor.base.reader import current
from hypervisor.database.connect import Connection
from hypervisor.feeds import queries_bulletins
from hypervisor.feeds.queries_bulletins import StoredBulletin
from hypervisor.feeds.views_official import Vigilance, read_vigilance
from hypervisor.forecast import arrival
from hypervisor.forecast.arrival import Reach
from hypervisor.forecast.calm import LIMITS, Gauges, assess_water
from hypervisor.forecast.queries import list_assets_beyond
from hypervisor.forecast.queries_current import list_current
from hypervisor.forecast.queries_experts import group_standing
from hypervisor.forecast.trend import Course
from hypervisor.notifications.on_call import OnCallNow, find_on_call
from hypervisor.overview import queries
from hypervisor.overview.queries import OpenAlarm
from hypervisor.overview.views_blind import BlindSensor, find_blind_sensors
from hypervisor.overview.views_calm import Calm
from hypervisor.overview.views_rivers import (
    River,
    RiverData,
    Water,
    Worsening,
    build_rivers,
    find_worsening,
    predict_peaks,
)
from hypervisor.overview.views_roads import Roads, load_roads
from hypervisor.readings.calm import (
    WatchedSensors,
    assess_sensors,
    list_hazards,
    read_evaluation,
    read_sensors,
)
from hypervisor.registry import queries_site
from hypervisor.web import marks
from hypervisor.web.shared_render import Shared

_PEAKS = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Now:
    """All that the page shows. `sensors`: number of monitored devices.

    `resting`: of them those that are out of service. `gauged`: the reader's territory
    has a river gauge. `beyond`: titles of assets in it whose gauge lies outside, so that nothing
    is known here of the water at them.
    """

    standing: tuple[OpenAlarm, ...]
    worsening: tuple[Worsening, ...]
    reached: tuple[Reach, ...]
    beyond: tuple[str, ...]
    gauged: bool
    rivers: tuple[River, ...]
    blind: tuple[BlindSensor, ...]
    sensors: int
    resting: int
    calm: Calm
    vigilance: Vigilance
    bulletins: tuple[StoredBulletin, ...]
    roads: Roads
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
    """The current situation, cached one second for accounts of one territory and language."""
    key = (id(context.pool), context.person.territory(), current().language)
    return _SHARED.get(key, queries.change_marker(context.connection), lambda: _look(context))


def _look(context: RequestContext) -> Now:
    """Read it with a dozen queries."""
    connection, now = context.connection, context.now()
    levels, flows, fills = (
        arrival.list_courses(connection, context.catalogue, now=now, quantity=quantity)
        for quantity in ("level", "discharge", "basin_fill")
    )
    courses = flows | levels
    forecasts = list_current(connection, now)
    reaches = arrival.list_reaches(
        connection, context.catalogue, now=now, courses_by_gauge=levels, forecasts=forecasts
    )
    standing = queries.list_open_alarms(connection, now)
    places = queries.list_river_sites(connection)
    limits = queries.list_thresholds(connection, [*chain(*LIMITS.values())], now)
    links = _read_links(connection, now)
    sensors = read_sensors(
        context, list_hazards(context), (course.device for course in courses.values())
    )
    devices = {series.device for series in sensors.expected}
    worst = _worst(standing)
    named = {place.name: place for place in places}
    water = Water(
        courses=courses,
        limits=limits,
        places=named,
        forecasts=forecasts,
        now=now,
        experts=group_standing(connection, now, [*courses]),
    )
    worse = find_worsening(reaches, water)
    readings = _read_readings(connection, _drawn(worse, links, courses), now)
    around = _read_surroundings(context)
    beyond = list_assets_beyond(connection, now)
    gauges = Gauges(
        courses=courses,
        limits=limits,
        titles={place.name: place.title for place in places},
        forecasts=forecasts,
        reaches=reaches,
        worsening={row.gauge for row in worse},
        beyond=beyond,
        expected=sensors.expected,
        resting=sensors.resting,
    )
    return Now(
        standing=tuple(standing),
        worsening=tuple(worse),
        reached=tuple(reach for reach in reaches if reach.state == "reached"),
        beyond=tuple(beyond),
        gauged=bool(places),
        rivers=tuple(
            build_rivers(
                (place for place in places if place.name in courses or place.name in fills),
                RiverData(
                    courses=courses,
                    fills=fills,
                    limits=limits,
                    worst=worst,
                    silent=frozenset(each.site for each in sensors.expected if each.silent(now)),
                    peaks=predict_peaks(links, courses, readings, now),
                ),
            )
        ),
        blind=tuple(
            find_blind_sensors(sensors.expected, links, levels, resting=sensors.resting, now=now)
        ),
        sensors=len(devices),
        resting=len(sensors.resting & devices),
        calm=_assess(context, sensors, gauges),
        vigilance=around.vigilance,
        bulletins=around.bulletins,
        roads=around.roads,
        duty=around.duty,
        worst=worst,
        readings=readings,
    )


def _read_links(connection: Connection, now: datetime) -> dict[tuple[str, str], float]:
    """The travel time of water from site to site."""
    rows = queries_site.list_links(connection, now)
    return {(above, below): travel for above, below, travel in rows}


def _read_readings(
    connection: Connection, drawn: Mapping[str, Sequence[str]], now: datetime
) -> dict[str, list[tuple[datetime, float]]]:
    """The recent readings of devices, by device; `drawn`: devices by quantity."""
    readings: dict[str, list[tuple[datetime, float]]] = {}
    for quantity, devices in drawn.items():
        readings |= queries.list_readings(
            connection, quantity, devices, since=now - _PEAKS, now=now
        )
    return readings


def _assess(context: RequestContext, sensors: WatchedSensors, gauges: Gauges) -> Calm:
    now = context.now()
    evaluation = read_evaluation(context)
    return Calm(
        evaluation=assess(evaluation, now),
        alarms=assess_sensors(evaluation, sensors, now),
        water=assess_water(evaluation, gauges, now),
    )


@dataclass(frozen=True, kw_only=True)
class _Surroundings:
    """What others publish, and who is on call."""

    vigilance: Vigilance
    bulletins: tuple[StoredBulletin, ...]
    roads: Roads
    duty: OnCallNow


def _read_surroundings(context: RequestContext) -> _Surroundings:
    """As the owner: colours and bulletins are public, of routes only the reader's is taken."""
    now = context.now()
    with context.owning() as owner:
        return _Surroundings(
            vigilance=read_vigilance(owner, now),
            bulletins=tuple(queries_bulletins.list_in_force(owner, now)),
            roads=load_roads(owner, now),
            duty=find_on_call(owner, now, context.person.territory()),
        )


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
    courses: Mapping[str, Course],
) -> dict[str, list[str]]:
    """The devices of each quantity whose last 24 h sparklines and passed flood peaks need."""
    falling = {
        above
        for above, _ in links
        if above in courses and (rate := courses[above].rate) is not None and rate.falls
    }
    drawn = [*(row.course for row in worse), *(courses[site] for site in falling)]
    return {
        quantity: sorted({course.device for course in drawn if course.quantity == quantity})
        for quantity in {course.quantity for course in drawn}
    }
