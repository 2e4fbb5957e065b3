"""Whether Now, the wall and the map may say that all is calm, from every input they have."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.base.freshness import Assessment, Input, Lack, assess
from hypervisor.base.translation import translate as _
from hypervisor.base.translation import translate_plural
from hypervisor.database.connect import Connection
from hypervisor.database.progress import Progress, get_progress
from hypervisor.evaluation import queries_setbacks
from hypervisor.evaluation.queries_setbacks import SetAside
from hypervisor.forecast.arrival import Reach
from hypervisor.forecast.expected import Forecasts
from hypervisor.forecast.trend import Course
from hypervisor.overview.views_rivers import LIMITS
from hypervisor.readings.queries_silence import ExpectedSeries
from hypervisor.registry.model import Site
from hypervisor.web import filters
from hypervisor.web.calm import list_missing

_UNLIMITED = timedelta(minutes=30)  # how long a reading counts whose series names no limit


@dataclass(frozen=True, kw_only=True)
class Calm:
    """What may be said of calm.

    `evaluation`: that alarms are raised in time; `alarms`: and that each sensor reports; `water`:
    that no asset and no threshold is threatened.
    """

    evaluation: Assessment
    alarms: Assessment
    water: Assessment


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """What is known of the water, by site; `resting`: devices out of service."""

    courses: Mapping[str, Course]
    limits: Mapping[str, Mapping[str, float]]
    places: Mapping[str, Site]
    forecasts: Forecasts
    reaches: Sequence[Reach]
    worsening: Collection[str]
    beyond: Sequence[str]
    expected: Sequence[ExpectedSeries]
    resting: AbstractSet[str]


def read_evaluation(connection: Connection, now: datetime, *, live: bool) -> list[Input]:
    """Evaluation as a whole, and each rule or site that it set aside."""
    progress = get_progress(connection)
    asides = queries_setbacks.listing(connection)
    return [make_evaluation_input(progress, now, live=live), *map(_make_aside_input, asides)]


def make_evaluation_input(progress: Progress, now: datetime, *, live: bool) -> Input:
    """That alarms are raised in time: it says nothing worse by itself, but its lag ends calm."""
    late = progress.is_late(now, live=live)
    return Input(
        name=_("Evaluation of alarms"),
        worse=False,
        time=progress.evaluated_to,
        until=None if late else now + timedelta(seconds=1),
    )


def _make_aside_input(aside: SetAside) -> Input:
    name = ", ".join(filter(None, (aside.rule, aside.subject)))
    return Input(name=name, worse=None, time=aside.since, until=None, lack=Lack.ASIDE)


def assess_sensors(
    evaluation: Sequence[Input],
    expected: Iterable[ExpectedSeries],
    resting: AbstractSet[str],
    now: datetime,
) -> Assessment:
    """Whether an alarm that is due would be there: evaluation keeps up, every sensor reports."""
    inputs = {each.device: _make_sensor_input(each, resting, now) for each in expected}
    for each in expected:
        given = _make_sensor_input(each, resting, now)
        if given.lack or given.until is None or given.until <= now:
            inputs[each.device] = given
    return assess([*evaluation, *inputs.values()], now)


def _make_sensor_input(series: ExpectedSeries, resting: AbstractSet[str], now: datetime) -> Input:
    lasts = timedelta(seconds=series.stale_s) if series.stale_s else None
    lack = Lack.SUSPECT if series.suspect else None
    return Input(
        name=series.title,
        worse=False,
        time=series.time,
        # Without a limit a series is never silent.
        until=None if series.time is None else series.time + lasts if lasts else now + _UNLIMITED,
        lack=Lack.RESTING if series.device in resting else lack,
    )


def assess_water(evaluation: Sequence[Input], water: Gauges, now: datetime) -> Assessment:
    """Whether no asset and no threshold is threatened. Each gauge that has one is an input."""
    flooded = {reach.gauge for reach in water.reaches if reach.state == "reached"}
    gauges = {reach.gauge: reach.gauge_title for reach in water.reaches}
    gauges |= {name: place.title for name, place in water.places.items() if water.limits.get(name)}
    inputs = [
        _make_gauge_input(site, title, water, worse=site in flooded or site in water.worsening)
        for site, title in sorted(gauges.items())
    ]
    elsewhere = [
        Input(name=title, worse=None, time=None, until=None, lack=Lack.BEYOND)
        for title in water.beyond
    ]
    watched = [*inputs, *elsewhere]
    return assess([*evaluation, *watched] if watched else [], now)


def _make_gauge_input(site: str, title: str, water: Gauges, *, worse: bool) -> Input:
    """A gauge: worse where its water is above its lowest threshold, reaches one or an asset."""
    course = water.courses.get(site)
    if course is None:
        return Input(name=title, worse=worse or None, time=None, until=None)
    own = [
        each
        for each in water.expected
        if (each.site, each.quantity) == (site, course.quantity) and each.device == course.device
    ]
    stale_s = min((each.stale_s for each in own if each.stale_s), default=0.0)
    own_limits = water.limits.get(site, {})
    names = LIMITS.get(course.quantity, ())
    above = any(course.value >= own_limits[name] for name in names if name in own_limits)
    return Input(
        name=title,
        worse=worse or above,
        time=course.time,
        until=course.time + (timedelta(seconds=stale_s) if stale_s else _UNLIMITED),
        lack=next(_list_lacks(course, own, water), None),
    )


def _list_lacks(course: Course, own: Iterable[ExpectedSeries], water: Gauges) -> Iterator[Lack]:
    if course.device in water.resting:
        yield Lack.RESTING
    if any(each.suspect or each.saturated for each in own):
        yield Lack.SUSPECT
    forecast = water.forecasts.get((course.site, course.quantity))
    if course.rate is None and (forecast is None or forecast.issued is None):
        yield Lack.TREND


def explain_nothing_worse(calm: Calm, *, gauged: bool) -> tuple[str, str]:
    """(what, why) where no row is getting worse: nothing threatens, or nothing can be known."""
    water = calm.water
    if water.is_calm:
        return (
            _("No asset or threshold is threatened."),
            _("By the forecasts, and for 24 h by the trend of the last three hours."),
        )
    if water.state == "worsening":
        above = _("Above a threshold or flooded: %(names)s.") % {
            "names": filters.join_some(water.worse)
        }
        if water.gaps:
            return above, f"{_('Not assessable:')} {list_missing(water)}"
        return above, _("Nothing further is reached within 24 h by forecasts and trends.")
    if not gauged and not water.gaps:
        return _("No river gauge in your territory."), _("So no rise of water is projected here.")
    return _("Not assessable:"), list_missing(water)


def explain_no_alarm(calm: Calm, standing: int) -> tuple[str, str]:
    """(what, why) where no alarm waits: all is acknowledged, or nothing can be known."""
    if not calm.evaluation.is_calm:
        return _("Not assessable:"), list_missing(calm.evaluation)
    if standing:
        return _("All alarms are acknowledged."), _("%(n)s alarms are open.") % {"n": standing}
    if calm.alarms.is_calm:
        return _("All alarms are acknowledged."), _("No alarm is open.")
    return _("Nothing to acknowledge."), f"{_('Not assessable:')} {list_missing(calm.alarms)}"


def explain_no_blind(calm: Calm, sensors: int, resting: int) -> tuple[str, str]:
    """(what, why) where no sensor is blind; those out of service are not said to report."""
    if not calm.evaluation.is_calm:
        return _("Not assessable:"), list_missing(calm.evaluation)
    count = sensors - resting
    words = translate_plural(
        "Its %(n)s sensor reports on time.", "All %(n)s sensors report on time.", count
    ) % {"n": filters.number(count)}
    if resting:
        aside = translate_plural(
            "%(num)s is out of service.", "%(num)s are out of service.", resting
        ) % {"num": resting}
        words = f"{words} {aside}"
    return _("No sensor is blind."), words
