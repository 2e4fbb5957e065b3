"""Retention basins beside a river: they take what it carries too much, and give it back slowly."""

import numpy as np

from simulators._catchment import Column
from simulators._field import Place
from simulators._rivers import Course
from simulators._weather import STEP

TAKES_FROM = 0.45  # of the discharge at which the river leaves its bed
TAKES = 0.3  # of what the river carries beyond that
EMPTIES = 40.0  # h that a full basin takes to run empty
HOLDS = 7.0  # h of a tenth of the brimful discharge, where nobody says how much it holds
SUMP = 3.0  # % that never runs out


def fill(place: Place, course: Course) -> Column:
    """% of the basin's volume (its site's property `volume_m3`), step by step; full runs over."""
    held = float(place.properties.get("volume_m3", HOLDS * 3600 * 0.1 * course.brimful))
    taken = TAKES * np.maximum(course.discharge - TAKES_FROM * course.brimful, 0) * STEP
    given = np.where(taken > 0, 0.0, held * STEP / 3600 / EMPTIES)
    volume, levels = 0.0, []
    for change in (taken - given).tolist():
        volume = min(max(volume + change, 0.0), held)
        levels.append(volume)
    return np.asarray(SUMP + (100 - SUMP) * np.array(levels) / held)
