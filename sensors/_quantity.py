"""A measured quantity, described once: what it is called, what it may be, how it is reported."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial


class Kind(StrEnum):
    """How a value stands for time: see the page on alarm-log semantics."""

    GAUGE = "gauge"  # the last value holds until its stale limit
    INCREMENT = "increment"  # the amount of the interval that ends at its time
    COUNTER = "counter"  # a running total; a fall is a restart
    STATE = "state"  # holds as long as its device is heard


class Reporting(StrEnum):
    """When a device sends."""

    PERIODIC = "periodic"
    ON_CHANGE = "on_change"


# Every device has this series: ingest adds 1 to it, at the time of arrival, for each message whose
# time it refuses, so that a wrong clock is an alarm like any other.
# A periodic series is stale after this many intervals, unless the registry sets a limit.
STALE_INTERVALS = 3
CLOCK_FAULT = "clock_fault"


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One entry of the catalogue.

    `low` and `high` are the physical range in `unit` (inclusive): a reading outside is suspect.
    `name` is the field's own name, used in messages and rules; `standard` the name in the
    standard that the domain's data is exchanged in; `unit` a UCUM code.
    `codes` maps a code's number to its name where the quantity is a code list. `road_users`: whom
    it counts, as the national schema of counts (étalab) names them; a gauge counts an hour's.
    `true_zero`: it may be negative, but zero means none of it, so that shares of it mean something.
    """

    name: str
    standard: str
    unit: str
    kind: Kind
    low: float
    high: float
    resolution: float
    interval: timedelta
    label_en: str
    label_fr: str
    reporting: Reporting = Reporting.PERIODIC
    nonnegative: bool = False
    true_zero: bool = False
    codes: dict[int, str] = field(default_factory=dict)
    road_users: str = ""

    @property
    def has_shares(self) -> bool:
        """Whether half of a value means something."""
        return self.nonnegative or self.true_zero


# A state that is true (1) or not (0), sent when it changes.
on_off = partial(
    Quantity,
    unit="bool",
    kind=Kind.STATE,
    low=0.0,
    high=1.0,
    resolution=1.0,
    reporting=Reporting.ON_CHANGE,
    nonnegative=True,
)
percentage = partial(
    Quantity, unit="%", kind=Kind.GAUGE, low=0.0, high=100.0, resolution=0.1, nonnegative=True
)
