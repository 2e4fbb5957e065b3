"""A département's gauges from Hub'Eau: place, river, what they say, and levels to propose."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np

from hypervisor.feeds import hubeau
from hypervisor.feeds.model import FeedError
from hypervisor.feeds.poll import Latitude, Longitude, PartFailures, PollContext, read_parts
from hypervisor.rulebook.gauge_statistics import return_level, round_nicely
from ingest.message import Reason

_LATELY = timedelta(days=2)  # a gauge that said nothing in it is not taken over
_YEARS = 20  # of history that is asked for
_FEWEST_DAYS = 14  # of history for a proposal
_YEAR = 365
_FEW = 10  # years of maxima for a return level
_STEP = 0.05  # m
_HIGHEST_LEVEL = 15_000.0  # mm; a scale that never shows less is a height above the sea
_LEVELS = ("attention", "alert", "danger")
_DAYS_A_YEAR = (8, 3, 1)  # on which each level is exceeded, in a record of a year or more
_SHARES = (0.80, 0.92, 0.98)  # of the days that stay below, in a shorter record
_ROWS = "5000"  # of a page

_Shape = TypeVar("_Shape", bound=msgspec.Struct)


class Station(msgspec.Struct, frozen=True):
    """A gauge as the service lists it."""

    code_station: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    code_site: str | None = None
    libelle_station: str | None = None
    libelle_cours_eau: str | None = None
    code_commune_station: str | None = None
    longitude_station: Longitude | None = None
    latitude_station: Latitude | None = None
    altitude_ref_alti_station: float | None = None
    en_service: bool | None = None


class SiteRow(msgspec.Struct, frozen=True):
    """`surface_bv`: the catchment, km²."""

    code_site: str
    surface_bv: Annotated[float, msgspec.Meta(ge=0, le=10_000_000)] | None = None


class DailyMaximum(msgspec.Struct, frozen=True):
    """The highest level of a day, mm."""

    date_obs_elab: date
    resultat_obs_elab: Annotated[float, msgspec.Meta(ge=-20_000, le=100_000)]


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A gauge that speaks. `intervals`: seconds between its readings, by quantity.

    `levels`: proposed thresholds in m; `history`: what they are proposed from.
    """

    station: Station
    catchment_km2: float | None = None
    order: int | None = None
    intervals: dict[str, int] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)
    history: str = ""

    @property
    def code(self) -> str:
        return self.station.code_station


def fetch_gauges(context: PollContext, departement: str, failures: PartFailures) -> list[Gauge]:
    """The gauges that said something lately, in flow order on each river.

    `failures`: takes that some stations cannot be read.

    Raises FeedError: the service does not answer.
    """
    rows = _list_rows(
        context,
        "referentiel/stations",
        {"code_departement": departement, "en_service": "true", "format": "json"},
    )
    usable = _require_parts(rows, Station, failures)
    stations = {station.code_station: station for station in usable}
    intervals = _find_intervals(context, sorted(stations))
    speaking = [station for code, station in stations.items() if code in intervals]
    areas = _find_catchments(context, speaking)
    gauges = [
        Gauge(
            station=station,
            catchment_km2=areas.get(station.code_site or ""),
            intervals=intervals[station.code_station],
        )
        for station in speaking
    ]
    return order_by_flow(gauges)


def _list_rows(context: PollContext, what: str, parameters: dict[str, str]) -> list[Any]:
    pages = hubeau.list_pages(context, what, {**parameters, "size": _ROWS})
    return [row for rows in pages for row in rows]


def _require_parts(
    rows: Sequence[object], shape: type[_Shape], failures: PartFailures | None = None
) -> list[_Shape]:
    """The rows that have a shape; `failures`: takes that some have not.

    Raises FeedError: there are rows, and none of them has it.
    """
    usable, unusable = read_parts(rows, shape)
    if failures is not None:
        failures.leave_out(unusable)
    if unusable and not usable:
        raise FeedError(
            "all {count} rows have another shape than expected: {problem}",
            len(unusable),
            unusable[0].detail,
            reason=Reason.WRONG_SHAPE,
            body=msgspec.json.encode(rows[:3]),
        )
    return usable


def _find_intervals(context: PollContext, codes: Sequence[str]) -> dict[str, dict[str, int]]:
    """What each gauge said lately, by quantity: seconds between its readings."""
    rows_by_series: dict[tuple[str, str], list[hubeau.Row]] = {}
    for chunk in _chunks(codes):
        for rows in hubeau.list_observation_pages(context, chunk, context.now - _LATELY):
            for row in _require_parts(rows, hubeau.Row):
                if row.code_station and row.grandeur_hydro in hubeau.QUANTITIES:
                    rows_by_series.setdefault((row.code_station, row.grandeur_hydro), []).append(
                        row
                    )
    intervals: dict[str, dict[str, int]] = {}
    for (code, kind), own in rows_by_series.items():
        names = hubeau.QUANTITIES[kind]
        lowest = min((row.resultat_obs for row in own if row.resultat_obs is not None), default=0.0)
        quantity = names[-1] if kind == "H" and lowest > _HIGHEST_LEVEL else names[0]
        times = sorted({row.date_obs for row in own})
        steps = [(after - before).total_seconds() for before, after in pairwise(times)]
        usual = int(median(steps)) if steps else 3600
        intervals.setdefault(code, {})[quantity] = min(max(usual, 60), 6 * 3600)
    return intervals


def _find_catchments(context: PollContext, stations: Sequence[Station]) -> dict[str, float]:
    """Catchment by site; without them gauges are ordered by their height."""
    codes = sorted({station.code_site for station in stations if station.code_site})
    areas: dict[str, float] = {}
    for chunk in _chunks(codes):
        try:
            rows = _list_rows(
                context,
                "referentiel/sites",
                {"code_site": ",".join(chunk), "fields": "code_site,surface_bv"},
            )
        except FeedError:
            return areas
        for site in read_parts(rows, SiteRow)[0]:
            if site.surface_bv:
                areas[site.code_site] = site.surface_bv
    return areas


def _chunks(codes: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(codes), 50):
        yield codes[first : first + 50]


def order_by_flow(gauges: Sequence[Gauge]) -> list[Gauge]:
    """From the source down on each river: by catchment, else by the height of the gauge's zero."""
    rivers: dict[str, list[Gauge]] = {}
    for gauge in gauges:
        rivers.setdefault(gauge.station.libelle_cours_eau or "", []).append(gauge)
    ordered: list[Gauge] = []
    for river, own in sorted(rivers.items()):
        own.sort(key=_position)
        ordered += [
            replace(gauge, order=place) if river else gauge
            for place, gauge in enumerate(own, start=1)
        ]
    return ordered


def _position(gauge: Gauge) -> tuple[float, float, str]:
    height = gauge.station.altitude_ref_alti_station
    return gauge.catchment_km2 or 0.0, -(height or 0.0), gauge.code


def with_proposals(
    context: PollContext, gauges: Sequence[Gauge], failures: PartFailures
) -> Iterator[Gauge]:
    """The gauges with levels proposed from the service's history, where it has enough.

    `failures`: takes those of gauges whose history is not answered.
    """
    for gauge in gauges:
        if "level" not in gauge.intervals or failures.are_many:
            yield gauge
            continue
        since = context.now.date() - timedelta(days=_YEARS * _YEAR)
        parameters = {
            "code_entite": gauge.code,
            "grandeur_hydro_elab": "HIXnJ",
            "date_debut_obs_elab": since.isoformat(),
            "fields": "code_station,date_obs_elab,resultat_obs_elab",
        }
        rows: list[Any] = []
        with suppress(FeedError), failures.keep():
            rows = _list_rows(context, "obs_elab", parameters)
        maxima = read_parts(rows, DailyMaximum)[0]
        levels = propose_levels(maxima)
        yield replace(gauge, levels=levels, history=describe_history(maxima) if levels else "")


def propose_levels(maxima: Sequence[DailyMaximum]) -> dict[str, float]:
    """Attention, alert and danger (m) from daily maxima; none from too few days.

    Of a year or more: exceeded on 8, 3 and 1 days a year; with ten years danger is what comes once
    in ten. Each stands at least 10 cm above the one before.
    """
    if len(maxima) < _FEWEST_DAYS:
        return {}
    metres = np.array([each.resultat_obs_elab for each in maxima]) / 1000
    shares = _SHARES if len(maxima) < _YEAR else tuple(1 - d / _YEAR for d in _DAYS_A_YEAR)
    values = [float(np.quantile(metres, share)) for share in shares]
    yearly = _yearly_maxima(maxima)
    if len(yearly) >= _FEW:
        values[2] = max(values[2], return_level(np.array(yearly), 10))
    levels: dict[str, float] = {}
    least = -np.inf
    for name, value in zip(_LEVELS, values, strict=True):
        levels[name] = round_nicely(max(value, least), step=_STEP)
        least = levels[name] + 2 * _STEP
    return levels


def _yearly_maxima(maxima: Sequence[DailyMaximum]) -> list[float]:
    """Of the years that are nearly complete, m."""
    years: dict[int, list[float]] = {}
    for each in maxima:
        years.setdefault(each.date_obs_elab.year, []).append(each.resultat_obs_elab / 1000)
    return [max(own) for own in years.values() if len(own) >= 0.9 * _YEAR]


def describe_history(maxima: Sequence[DailyMaximum]) -> str:
    """From what levels are proposed."""
    days = sorted(each.date_obs_elab for each in maxima)
    return f"{len(days)} daily maxima, {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}"
