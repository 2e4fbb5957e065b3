"""Data of the page Now, with its texts in the reader's language."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import views_words
from hypervisor.base.reader import current
from hypervisor.base.translation import mark, mark_plural, translate_plural
from hypervisor.base.translation import translate as _
from hypervisor.charts.words import limit_label, quantity_label
from hypervisor.database.connect import Connection
from hypervisor.feeds import queries_bulletins
from hypervisor.feeds.queries_bulletins import StoredBulletin
from hypervisor.feeds.views_official import Vigilance, read_vigilance
from hypervisor.forecast import arrival
from hypervisor.forecast.arrival import Reach
from hypervisor.forecast.expected import Arrival
from hypervisor.forecast.queries import list_assets_beyond
from hypervisor.forecast.queries_current import list_current
from hypervisor.forecast.queries_experts import group_standing
from hypervisor.forecast.trend import Course
from hypervisor.forecast.views_arrival import arrival_words
from hypervisor.notifications.on_call import OnCallNow, find_on_call
from hypervisor.overview import queries
from hypervisor.overview.queries import Changes, OpenAlarm
from hypervisor.overview.views_blind import BlindSensor, find_blind_sensors
from hypervisor.overview.views_bulletins import show_bulletin
from hypervisor.overview.views_rivers import (
    LIMITS,
    River,
    RiverData,
    Water,
    Worsening,
    build_rivers,
    find_worsening,
    predict_peaks,
)
from hypervisor.overview.views_roads import Roads, load_roads, road_words
from hypervisor.readings import queries_silence
from hypervisor.registry import queries_site
from hypervisor.web import filters, marks
from hypervisor.web.shared_render import Shared

_PEAKS = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Now:
    """All that the page shows. `sensors`: number of monitored devices.

    `gauged`: the reader's territory has a river gauge. `beyond`: titles of assets in it whose
    gauge lies outside, so that nothing is known here of the water at them.
    """

    standing: tuple[OpenAlarm, ...]
    worsening: tuple[Worsening, ...]
    reached: tuple[Reach, ...]
    beyond: tuple[str, ...]
    gauged: bool
    rivers: tuple[River, ...]
    blind: tuple[BlindSensor, ...]
    sensors: int
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
    sensors = _read_sensors(context, links, levels)
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
    return Now(
        standing=tuple(standing),
        worsening=tuple(worse),
        reached=tuple(reach for reach in reaches if reach.state == "reached"),
        beyond=tuple(list_assets_beyond(connection, now)),
        gauged=bool(places),
        rivers=tuple(
            build_rivers(
                (place for place in places if place.name in courses or place.name in fills),
                RiverData(
                    courses=courses,
                    fills=fills,
                    limits=limits,
                    worst=worst,
                    silent=sensors.silent,
                    peaks=predict_peaks(links, courses, readings, now),
                ),
            )
        ),
        blind=sensors.blind,
        sensors=sensors.count,
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


@dataclass(frozen=True, kw_only=True)
class _Sensors:
    """The monitored devices: how many, which are blind, and the sites that are silent."""

    count: int
    blind: tuple[BlindSensor, ...]
    silent: frozenset[str]


def _read_sensors(
    context: RequestContext,
    links: Mapping[tuple[str, str], float],
    levels: Mapping[str, Course],
) -> _Sensors:
    connection, now = context.connection, context.now()
    hazards = [name for name in context.catalogue.domain_of if name != "vigilance"]
    heard = queries_silence.list_expected_series(connection, hazards, now)
    lost = [series.device for series in heard if series.silent(now) or series.suspect]
    resting = queries_silence.list_out_of_service(connection, lost, now) if lost else ()
    return _Sensors(
        count=len({series.device for series in heard}),
        blind=tuple(find_blind_sensors(heard, links, levels, resting=frozenset(resting), now=now)),
        silent=frozenset(series.site for series in heard if series.silent(now)),
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


_FRESH = timedelta(minutes=5)
_MOVEMENTS = {
    "rising": mark("rising"),
    "falling": mark("falling"),
    "steady": mark("steady"),
    "unknown": mark("no trend yet"),
}
_FLOODED = mark_plural("%(num)s asset flooded", "%(num)s assets flooded")
_TO_SEE = {
    1: mark_plural(
        "%(num)s critical alarm to acknowledge", "%(num)s critical alarms to acknowledge"
    ),
    2: mark_plural("%(num)s major alarm to acknowledge", "%(num)s major alarms to acknowledge"),
    3: mark_plural("%(num)s minor alarm to acknowledge", "%(num)s minor alarms to acknowledge"),
    4: mark_plural("%(num)s notice to acknowledge", "%(num)s notices to acknowledge"),
}


def template_words(context: RequestContext, look: Now) -> dict[str, Any]:
    """Functions for the templates of Now and the wall display."""
    return {
        "headline": lambda: write_headline(look),
        "nothing_worse": lambda: explain_nothing_worse(look),
        "no_rivers": lambda: explain_no_rivers(look),
        "how_of": mark_state_of,
        "title_of": title_of,
        "value_of": views_words.value,
        "span_of": views_words.span,
        "threshold_label": lambda name: limit_label(context.catalogue.thresholds.get(name), name),
        "quantities_of": _quantities(context),
        "movement_words": lambda name: _(_MOVEMENTS[name]),
        "changed_words": list_changes,
        "bulletin_of": show_bulletin,
        "fresh": lambda alarm: current().now - alarm.began < _FRESH,
        "forecasts_shown": any(
            row.arrival.issued and not row.arrival.issuer for row in look.worsening
        ),
        **arrival_words(),
        **road_words(),
    }


def write_headline(look: Now) -> str:
    """The headline: alarms to acknowledge and time to the next asset."""
    return ", ".join(filter(None, (_waiting(look), _coming(look))))


def _waiting(look: Now) -> str:
    unseen = look.unseen
    if not unseen:
        return _("Nothing to acknowledge")
    gravest = marks.priority(unseen[0].severity)
    count = sum(marks.priority(standing.severity) == gravest for standing in unseen)
    singular, many = _TO_SEE[gravest]
    return translate_plural(singular, many, count) % {"num": count}


def _coming(look: Now) -> str:
    asset = look.next_asset
    if asset is None and look.reached:
        count = len(look.reached)
        return translate_plural(*_FLOODED, count) % {"num": count}
    if asset is None and look.beyond:
        return _("some assets not assessed here")
    if asset is None:
        return _("no asset reached within a day") if look.gauged else ""
    words = _write_next(asset.arrival, asset.now)
    return f"{words} ({asset.arrival.issuer})" if asset.arrival.issuer else words


def _write_next(arrival: Arrival, now: datetime) -> str:
    if arrival.at is None:
        least = filters.rough(arrival.earliest - now)
        return _("next asset possible in %(span)s") % {"span": least}
    if arrival.at <= now:
        return _("next asset perhaps reached")
    return _("next asset in %(span)s") % {"span": filters.rough(arrival.at - now)}


def explain_nothing_worse(look: Now) -> tuple[str, str]:
    """(what, why) where no row is getting worse: nothing threatens, or nothing can be known."""
    if not look.gauged:
        return _("No river gauge in your territory."), _("So no rise of water is projected here.")
    return (
        _("No asset or threshold is threatened."),
        _("By the forecasts, and for 24 h by the trend of the last three hours."),
    )


def explain_no_rivers(look: Now) -> tuple[str, str]:
    """(what, why) where no river is drawn."""
    if not look.gauged:
        return _("No river gauge in your territory."), ""
    return _("No river gauge has reported yet."), _("The inventory assigns gauges to rivers.")


def list_changes(changes: Changes) -> list[tuple[int, str]]:
    """(count, label) of the changes since the last visit."""
    counts = [
        (changes.raised, translate_plural("alarm raised", "alarms raised", changes.raised)),
        (changes.over, translate_plural("alarm over", "alarms over", changes.over)),
        (
            changes.edited,
            translate_plural(
                "threshold or rule changed", "thresholds or rules changed", changes.edited
            ),
        ),
    ]
    return [entry for entry in counts if entry[0] or entry is not counts[2]]


def mark_state_of(standing: OpenAlarm) -> str:
    """The state that its mark shows."""
    return "shv" if standing.held else marks.of_base(standing.state)


def title_of(alarm: OpenAlarm) -> str:
    """Its title in the reader's language, if the rule has one."""
    return (current().language == "fr" and alarm.title_fr) or alarm.title


def _quantities(context: RequestContext) -> Callable[[BlindSensor], str]:
    def label_quantities(blind: BlindSensor) -> str:
        quantities = context.catalogue.quantities
        names = [quantity_label(quantities[name], name) for name in blind.quantities]
        text = ", ".join(name[:1].lower() + name[1:] for name in names[:3])
        return text[:1].upper() + text[1:] + ("…" if len(names) > 3 else "")

    return label_quantities
