"""The rivers of an inventory under some weather, by the model of `_catchment`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulators._catchment import Basin, Column, bankfull, discharges, downstream_order, level_of
from simulators._field import Place, SimulatorError
from simulators._rain import KM_A_DEGREE
from simulators._story import Weather
from simulators._weather import STEP, Atmosphere, ground_season

BRIM = 1.5  # m, where the level at which the river leaves its bed is not given
GAUGED = frozenset(  # what is measured where a river is of its own
    {"level", "discharge", "surface_elevation", "daily_max_level", "daily_mean_discharge"}
)
LAG = 5.5  # h of a catchment of one km²
BROOK = 1.5  # h of its brooks
SWIFT = 0.3  # of the discharge at which the river leaves its bed
LOCAL_AREA = 80.0  # km² between two gauges, where the catchment is not given


@dataclass(frozen=True, kw_only=True)
class Character:
    """How a river responds. `quickness` shortens its lags; `exposure`: its share of a storm."""

    curve_number: float = 52.0
    quickness: float = 1.0
    yields: float = 0.15
    base: float = 3.0
    near: float = 0.3
    paved: float = 0.015
    exposure: float = 1.0


# Chalk and sand under the Beauce hold the Essonne and the Juine back; the clay of the Brie makes
# the Yerres and the Réveillon rise; the town quickens the Bièvre; of the Seine's basin
# a storm here wets little.
RIVERS: Mapping[str, Character] = {
    "Bièvre": Character(curve_number=54, quickness=1.2, yields=0.24, paved=0.05),
    "Essonne": Character(curve_number=44, quickness=0.7, yields=0.085, base=4.0, near=0.12),
    "Juine": Character(curve_number=43, quickness=0.8, yields=0.085, base=4.5, near=0.12),
    "Orge": Character(curve_number=52, quickness=0.9, yields=0.145, base=5.0),
    "Prédecelle": Character(curve_number=54, quickness=1.1, yields=0.3),
    "Réveillon": Character(curve_number=60, quickness=1.1, yields=0.38),
    "Rémarde": Character(curve_number=52, quickness=1.0, yields=0.2, base=5.0),
    "Seine": Character(
        curve_number=76, quickness=0.5, yields=0.25, base=5.0, near=0.0, exposure=0.4
    ),
    "Yerres": Character(curve_number=60, quickness=0.9, yields=0.2, base=4.0),
    "Yvette": Character(curve_number=54, quickness=1.0, yields=0.165, base=5.0),
    "École": Character(curve_number=53, quickness=0.9, yields=0.11),
}


@dataclass(frozen=True, kw_only=True)
class Course:
    """The true state of the river at a site, on the model's steps: hidden from trainees."""

    rain: Column  # mm a step
    discharge: Column  # m3/s
    level: Column  # m
    bed: float
    brim: float
    brimful: float


def courses(places: Sequence[Place], weather: Weather, air: Atmosphere) -> dict[str, Course]:
    """The true state at each site of a river, on the weather's grid; empty without rivers.

    Raises:
        SimulatorError: the upstream links run in a circle.
    """
    sites = {
        place.site: place
        for place in sorted(places, key=lambda place: place.device)
        if place.river and not GAUGED.isdisjoint(place.quantities)
    }
    if not sites:
        return {}
    characters = {name: RIVERS.get(place.river, Character()) for name, place in sites.items()}
    areas = _areas(sites)
    rain = {
        name: catchment_rain(place, areas[name], air) * characters[name].exposure
        for name, place in sites.items()
    }
    basins = _basins(sites, characters, areas, weather)
    ground = 1 + weather.season * ground_season(air.grid)
    flows = discharges(basins, rain, air.dried, step=STEP, ground=ground)
    return {
        basin.name: _course(
            sites[basin.name],
            rain=rain[basin.name],
            flow=flows[basin.name],
            brimful=bankfull(basin.area, yields=characters[basin.name].yields),
        )
        for basin in basins
    }


def catchment_rain(place: Place, area: float, air: Atmosphere) -> Column:
    """Rain in mm a step over the catchment of a place: the mean of five points around it."""
    if place.lon is None or place.lat is None:
        return np.diff(air.fallen(None, None, air.grid), prepend=0.0)
    reach = math.sqrt(area) / 2 / KM_A_DEGREE
    points = ((0.0, 0.0), (reach, 0.0), (-reach, 0.0), (0.0, reach), (0.0, -reach))
    fallen = [air.fallen(place.lon + east, place.lat + north, air.grid) for east, north in points]
    return np.diff(np.mean(fallen, axis=0), prepend=0.0)


def _basins(
    sites: Mapping[str, Place],
    characters: Mapping[str, Character],
    areas: Mapping[str, float],
    weather: Weather,
) -> list[Basin]:
    return [
        Basin(
            name=name,
            area=areas[name],
            lag=LAG * areas[name] ** 0.22 / character.quickness,
            brook=BROOK * areas[name] ** 0.22 / character.quickness,
            near=character.near,
            paved=character.paved,
            curve_number=min(character.curve_number + weather.wetness, 98.0),
            base=character.base * weather.river,
            upstream=sites[name].upstream,
            swift=SWIFT * bankfull(areas[name], yields=character.yields),
        )
        for name, character in characters.items()
    ]


def _areas(sites: Mapping[str, Place]) -> dict[str, float]:
    """km² of each catchment; where it is not given, that of the sites above plus LOCAL_AREA."""
    try:
        ordered = downstream_order({name: place.upstream for name, place in sites.items()})
    except ValueError as error:
        raise SimulatorError(str(error)) from error
    areas: dict[str, float] = {}
    for name in ordered:
        above = sum(areas.get(other, 0.0) for other, _ in sites[name].upstream)
        given = sites[name].properties.get("catchment_km2")
        areas[name] = float(given) if given else above + LOCAL_AREA
    return areas


def _course(place: Place, *, rain: Column, flow: Column, brimful: float) -> Course:
    """The river leaves its bed at its first threshold."""
    brim = float(place.thresholds.get("attention", BRIM))
    bed = 0.0 if brim > 0.5 else brim - BRIM
    level = level_of(flow, bed=bed, brim=brim, brimful=brimful)
    return Course(rain=rain, discharge=flow, level=level, bed=bed, brim=brim, brimful=brimful)
