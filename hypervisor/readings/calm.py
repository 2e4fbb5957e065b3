"""Whether an alarm that is due would be there: evaluation keeps up, and every sensor reports."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.base.freshness import Assessment, Input, Lack, assess, find_gap
from hypervisor.base.instance import Mode
from hypervisor.base.translation import translate as _
from hypervisor.base.translation import translate_plural
from hypervisor.database.progress import Progress, get_progress
from hypervisor.readings import queries_silence
from hypervisor.readings.queries_silence import ExpectedSeries
from hypervisor.web import filters
from hypervisor.web.calm import list_missing

UNLIMITED = timedelta(minutes=30)  # how long a reading counts whose series names no limit


@dataclass(frozen=True, kw_only=True)
class AlarmCalm:
    """`evaluation`: alarms are raised in time; `alarms`: and each sensor reports."""

    evaluation: Assessment
    alarms: Assessment


@dataclass(frozen=True, kw_only=True)
class WatchedSensors:
    """The series that are expected to report; `resting`: devices that are out of service."""

    expected: tuple[ExpectedSeries, ...]
    resting: frozenset[str]


def read_evaluation(context: RequestContext) -> list[Input]:
    """Evaluation as a whole, and each rule or site that it set aside."""
    now, live = context.now(), context.instance.mode is Mode.LIVE
    asides = [
        Input(name=name, worse=None, time=since, until=None, lack=Lack.ASIDE)
        for name, since in queries_silence.list_set_aside(context.connection)
    ]
    return [make_evaluation_input(get_progress(context.connection), now, live=live), *asides]


def read_sensors(
    context: RequestContext, quantities: Iterable[str], gauges: Iterable[str] = ()
) -> WatchedSensors:
    """The sensors of these quantities; `gauges`: devices that may be out of service, too."""
    now = context.now()
    expected = queries_silence.list_expected_series(context.connection, [*quantities], now)
    devices = sorted({*gauges, *(each.device for each in expected)})
    resting = queries_silence.list_out_of_service(context.connection, devices, now)
    return WatchedSensors(expected=tuple(expected), resting=frozenset(resting))


def list_hazards(context: RequestContext) -> list[str]:
    """The quantities that sensors report; the vigilance is a service's."""
    return [name for name in context.catalogue.domain_of if name != "vigilance"]


def read_alarm_calm(context: RequestContext) -> AlarmCalm:
    """For a page that reads nothing else of the sensors."""
    now, evaluation = context.now(), read_evaluation(context)
    sensors = read_sensors(context, context.catalogue.domain_of)
    return AlarmCalm(
        evaluation=assess(evaluation, now), alarms=assess_sensors(evaluation, sensors, now)
    )


def assess_period(context: RequestContext, ends: datetime) -> Assessment:
    """Whether what a period lacks in alarms did not happen: they are evaluated up to its end."""
    now, live = context.now(), context.instance.mode is Mode.LIVE
    progress = get_progress(context.connection)
    given = make_evaluation_input(progress, now, live=live)
    if progress.evaluated_to is not None and progress.evaluated_to >= ends:
        given = replace(given, until=now + timedelta(seconds=1))
    return assess([given], now)


def make_evaluation_input(progress: Progress, now: datetime, *, live: bool) -> Input:
    """That alarms are raised in time: it says nothing worse by itself, but its lag ends calm."""
    late = progress.is_late(now, live=live)
    return Input(
        name=_("Evaluation of alarms"),
        worse=False,
        time=progress.evaluated_to,
        until=None if late else now + timedelta(seconds=1),
    )


def assess_sensors(
    evaluation: Sequence[Input], sensors: WatchedSensors, now: datetime
) -> Assessment:
    """Whether an alarm that is due would be there: evaluation keeps up, every sensor reports.

    Where there is none, nothing is watched.
    """
    inputs = {
        each.device: _make_sensor_input(each, sensors.resting, now) for each in sensors.expected
    }
    inputs |= {each.device: given for each, given in _list_gaps(sensors, now)}
    return assess([*evaluation, *inputs.values()] if inputs else [], now)


def list_unwatched_sites(sensors: WatchedSensors, now: datetime) -> set[str]:
    """The sites with a sensor that does not report."""
    return {each.site for each, _ in _list_gaps(sensors, now)}


def _list_gaps(sensors: WatchedSensors, now: datetime) -> list[tuple[ExpectedSeries, Input]]:
    pairs = [(each, _make_sensor_input(each, sensors.resting, now)) for each in sensors.expected]
    return [(each, given) for each, given in pairs if find_gap(given, now) is not None]


def _make_sensor_input(series: ExpectedSeries, resting: AbstractSet[str], now: datetime) -> Input:
    lasts = timedelta(seconds=series.stale_s) if series.stale_s else None
    lack = Lack.SUSPECT if series.suspect else None
    return Input(
        name=series.title,
        worse=False,
        time=series.time,
        # Without a limit a series is never silent.
        until=None if series.time is None else series.time + lasts if lasts else now + UNLIMITED,
        lack=Lack.RESTING if series.device in resting else lack,
    )


def explain_no_alarm(calm: AlarmCalm, standing: int) -> tuple[str, str]:
    """(what, why) where no alarm waits: all is acknowledged, or nothing can be known."""
    if not calm.evaluation.is_calm:
        return _("Not assessable:"), list_missing(calm.evaluation)
    if standing:
        return _("All alarms are acknowledged."), _("%(n)s alarms are open.") % {"n": standing}
    if calm.alarms.is_calm:
        return _("All alarms are acknowledged."), _("No alarm is open.")
    return _("Nothing to acknowledge."), f"{_('Not assessable:')} {list_missing(calm.alarms)}"


def explain_no_blind(calm: AlarmCalm, sensors: int, resting: int) -> tuple[str, str]:
    """(what, why) where no sensor is blind; those out of service are not said to report."""
    if not calm.evaluation.is_calm:
        return _("Not assessable:"), list_missing(calm.evaluation)
    count = sensors - resting
    if not count:
        return _("Not assessable:"), list_missing(calm.alarms)
    words = translate_plural(
        "Its %(n)s sensor reports on time.", "All %(n)s sensors report on time.", count
    ) % {"n": filters.number(count)}
    if resting:
        aside = translate_plural(
            "%(num)s is out of service.", "%(num)s are out of service.", resting
        ) % {"num": resting}
        words = f"{words} {aside}"
    return _("No sensor is blind."), words
