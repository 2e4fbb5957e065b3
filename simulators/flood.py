"""Floods of small rivers: storms over the territory, waves that travel down its rivers.

The model is of `simulators._catchment`. The characters of the rivers are ours: right in order, not
fitted to any record, and no gauge here tells what its real namesake told.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors.flood import DOMAIN
from simulators._gauging import told
from simulators._rivers import Character, Course, courses
from simulators._simulator import Place, Scenario, Simulator, SimulatorError
from simulators._table import ROW_COLUMNS
from simulators._weather import Storm, Weather

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}

# Chalk and sand under the Beauce hold the Essonne and the Juine back; the clay of the Brie makes
# the Yerres and the Réveillon rise; the town quickens the Bièvre; of the Seine's basin
# a storm here wets little.
RIVERS: Mapping[str, Character] = {
    "Bièvre": Character(curve_number=54, quickness=2.0, yields=0.2),
    "Essonne": Character(curve_number=44, quickness=1.2, yields=0.035, base=4.0),
    "Juine": Character(curve_number=43, quickness=1.1, yields=0.035, base=4.5),
    "Orge": Character(curve_number=50, yields=0.09),
    "Prédecelle": Character(curve_number=56, quickness=1.5, yields=0.25),
    "Réveillon": Character(curve_number=62, quickness=1.5, yields=0.35),
    "Rémarde": Character(curve_number=52, quickness=1.2, yields=0.16),
    "Seine": Character(curve_number=76, quickness=2.5, yields=0.25, base=5.0, exposure=0.4),
    "Yerres": Character(curve_number=63, yields=0.19),
    "Yvette": Character(curve_number=54, quickness=1.0, yields=0.16),
    "École": Character(curve_number=53, quickness=1.0, yields=0.08),
}

SCENARIOS = (
    Scenario(
        name="october-flood",
        title="Two days of rain on wet ground, in the manner of October 2024 (no reconstruction)",
        begins=datetime(2024, 10, 8, tzinfo=UTC),
        hours=120,
        weather=Weather(
            storms=(
                Storm(at=20, hours=16, total=30, lon=2.2, lat=48.58, spread=60),
                Storm(at=36, hours=14, total=55, lon=2.1, lat=48.6, spread=60),
            ),
            wetness=3,
        ),
    ),
    Scenario(
        name="quiet",
        title="Three dry days with one shower",
        begins=datetime(2024, 10, 1, tzinfo=UTC),
        hours=72,
        weather=Weather(storms=(Storm(at=30, hours=3, total=4, lon=2.3, lat=48.5, spread=20),)),
    ),
)


def truth(places: Sequence[Place], scenario: Scenario, seed: int) -> dict[str, Course]:
    """What truly happens at each site of a river: hidden from trainees.

    Raises:
        SimulatorError: no place stands at a river, or the upstream links run in a circle.
    """
    return courses(places, scenario, seed, RIVERS)


def emit(places: Sequence[Place], scenario: Scenario, seed: int) -> pd.DataFrame:
    """What the devices tell, as rows of a recording, ascending by time.

    Raises:
        SimulatorError: as `truth`, or no device measures what can be told here.
    """
    happens = truth(places, scenario, seed)
    parts = [
        part
        for number, place in enumerate(sorted(places, key=lambda place: place.device))
        if place.site in happens
        for part in told(
            place,
            happens[place.site],
            scenario=scenario,
            chance=np.random.default_rng([seed, number]),
            catalogue=CATALOGUE,
        )
    ]
    if not parts:
        raise SimulatorError("none of these devices measures what this simulator can tell")
    rows = pd.concat(parts, ignore_index=True).loc[:, list(ROW_COLUMNS)]
    return rows.sort_values(["time", "device"], kind="stable", ignore_index=True)


SIMULATOR = Simulator(domain="flood", scenarios=SCENARIOS, emit=emit)
