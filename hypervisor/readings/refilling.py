"""Which devices were due while messages may have been lost, and which have sent them since."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.database import gaps
from hypervisor.database.connect import Connection
from hypervisor.database.gaps import Gap, Returns
from hypervisor.readings.device_health import interval_of
from hypervisor.registry import queries_devices
from sensors._domain import Catalogue
from sensors._quantity import CLOCK_FAULT, Reporting


@dataclass(frozen=True, kw_only=True)
class Refill:
    """Devices that were due between two times; readings are counted in each."""

    devices: Sequence[Returns]

    @property
    def due(self) -> int:
        return len(self.devices)

    @property
    def refilled(self) -> Sequence[Returns]:
        """All is there, some of it came later."""
        return [each for each in self.devices if each.late and not each.missing]

    @property
    def lacking(self) -> Sequence[Returns]:
        return [each for each in self.devices if each.missing]


def refills(connection: Connection, catalogue: Catalogue, spans: Sequence[Gap]) -> list[Refill]:
    """Compare what was due in each gap with what is stored, by the intervals of the latest one.

    Devices that speak on change are never due.
    """
    if not spans:
        return []
    intervals: dict[int, float] = {}
    for row in queries_devices.list_series(connection, max(gap.ends for gap in spans)):
        quantity = catalogue.quantities.get(row.quantity)
        usual = quantity.reporting.value if quantity else Reporting.PERIODIC.value
        interval = interval_of(row, catalogue)
        periodic = (row.reporting or usual) == Reporting.PERIODIC.value
        if row.in_use and periodic and interval and row.quantity != CLOCK_FAULT:
            intervals[row.id] = interval.total_seconds()
    return [
        Refill(devices=gaps.returns(connection, gap.begins, gap.ends, intervals)) for gap in spans
    ]
