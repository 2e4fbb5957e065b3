"""What truly happens in the rivers of an inventory under some weather, by `_catchment`'s model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulators._catchment import Basin, Column, bankfull, discharges, downstream_order, level_of
from simulators._simulator import Place, Scenario, SimulatorError
from simulators._weather import as_it_falls, rain_over

STEP = 300.0  # s, the model's own
BRIM = 1.5  # m, where nobody says at which level the river leaves its bed
LOCAL_AREA = 80.0  # km² between two gauges, where nobody says how large the catchment is


@dataclass(frozen=True, kw_only=True)
class Character:
    """How a river answers. `quickness` shortens its lag; `exposure`: its share of a storm."""

    curve_number: float = 52.0
    quickness: float = 1.0
    yields: float = 0.15
    base: float = 3.0
    exposure: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Course:
    """What truly happens at one site, on the model's steps: hidden from trainees."""

    rain: Column  # mm a step
    discharge: Column  # m3/s
    level: Column  # m
    bed: float
    brim: float
    brimful: float


def courses(
    places: Sequence[Place], scenario: Scenario, seed: int, rivers: Mapping[str, Character]
) -> dict[str, Course]:
    """What truly happens at each site of a river.

    Raises:
        SimulatorError: no place measures a river, or the upstream links run in a circle.
    """
    sites = {place.site: place for place in places if place.river}
    if not sites:
        raise SimulatorError("none of these devices stands at a river; apply an inventory first")
    steps = math.ceil(scenario.hours * 3600 / STEP) + 1
    chance = np.random.default_rng(seed)
    storms = [as_it_falls(storm, chance, steps, STEP) for storm in scenario.weather.storms]
    characters = {name: rivers.get(place.river, Character()) for name, place in sites.items()}
    rain = {
        name: rain_over(place.lon, place.lat, storms, steps) * characters[name].exposure
        for name, place in sites.items()
    }
    basins = _basins(sites, characters, scenario.weather.wetness)
    flows = discharges(basins, rain, step=STEP)
    return {
        basin.name: _course(
            sites[basin.name],
            rain=rain[basin.name],
            flow=flows[basin.name],
            brimful=bankfull(basin.area, yields=characters[basin.name].yields),
        )
        for basin in basins
    }


def _basins(
    sites: Mapping[str, Place], characters: Mapping[str, Character], wetness: float
) -> list[Basin]:
    areas = _areas(sites)
    return [
        Basin(
            name=name,
            area=areas[name],
            lag=1.8 * areas[name] ** 0.45 / character.quickness,
            curve_number=min(character.curve_number + wetness, 98.0),
            base=character.base,
            upstream=sites[name].upstream,
        )
        for name, character in characters.items()
    ]


def _areas(sites: Mapping[str, Place]) -> dict[str, float]:
    """km² of each whole catchment; where none is given, that of the sites above and some more."""
    try:
        ordered = downstream_order({name: place.upstream for name, place in sites.items()})
    except ValueError as error:
        raise SimulatorError(str(error)) from error
    areas: dict[str, float] = {}
    for name in ordered:
        above = sum(areas.get(other, 0.0) for other, _ in sites[name].upstream)
        said = sites[name].properties.get("catchment_km2")
        areas[name] = float(said) if said else above + LOCAL_AREA
    return areas


def _course(place: Place, *, rain: Column, flow: Column, brimful: float) -> Course:
    """The level at which the river leaves its bed is where its first threshold stands."""
    brim = float(place.thresholds.get("attention", BRIM))
    bed = 0.0 if brim > 0.5 else brim - BRIM
    level = level_of(flow, bed=bed, brim=brim, brimful=brimful)
    return Course(rain=rain, discharge=flow, level=level, bed=bed, brim=brim, brimful=brimful)
