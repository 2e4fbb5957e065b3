"""A tipping bucket: rain is counted in tips, and what has not tipped yet waits in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators._chance import Column, chance_of
from simulators._field import Place
from simulators._story import SECOND

Times = NDArray[np.int64]

TIP = 0.2  # mm
FINE = 0.1  # mm: of gauges that tell every interval
GATHER = 60.0  # s in which tips are told together


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """`tip`: mm. `catch`: the share of the rain that its funnel catches. `held`: of a tip."""

    tip: float
    catch: float
    held: float

    @classmethod
    def of(cls, place: Place, seed: int) -> "Bucket":
        """A device's own; its property `tip_mm` says how much it holds."""
        chance = chance_of(seed, place.device, "bucket")
        usual = TIP if "rain" in place.on_change else FINE
        return cls(
            tip=float(place.properties.get("tip_mm", usual)),
            catch=float(np.clip(chance.normal(0.98, 0.02), 0.9, 1.03)),
            held=float(chance.uniform()),
        )

    def counted(self, fallen: Column) -> Column:
        """Mm told, of mm fallen."""
        return np.floor(fallen * self.catch / self.tip + self.held) * self.tip


def tips(
    fallen: Callable[[Times], Column],
    span: tuple[int, int],
    bucket: Bucket,
    heartbeat: float,
) -> tuple[Times, Column]:
    """When (µs) a bucket tells, and how much: its tips, and nothing after `heartbeat` s of none."""
    grid = np.arange(span[0], span[1] + 1, int(GATHER * SECOND), dtype=np.int64)
    amounts = np.diff(bucket.counted(fallen(grid)), prepend=np.nan)
    amounts[0] = 0.0  # it says that it is there
    report_indexes = [0]
    wait = max(1, round(heartbeat / GATHER))
    for place in np.flatnonzero(amounts > 0).tolist():
        report_indexes.extend(range(report_indexes[-1] + wait, place, wait))
        report_indexes.append(place)
    report_indexes.extend(range(report_indexes[-1] + wait, len(grid), wait))
    return grid[report_indexes], np.round(amounts[report_indexes], 3)
