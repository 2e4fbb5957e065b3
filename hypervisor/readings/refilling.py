"""Which devices were due while messages may have been lost, and which have sent them since."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.database import gaps
from hypervisor.database.connect import Connection
from hypervisor.database.gaps import Gap, Returns
from hypervisor.readings.device_health import expected_interval
from hypervisor.registry import queries_devices
from sensors._domain import Catalogue
from sensors._quantity import CLOCK_FAULT, Reporting


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """Devices that were due between two times; readings are counted in each."""

    devices: Sequence[Returns]

    @property
    def due(self) -> int:
        return len(self.devices)

    @property
    def refilled(self) -> Sequence[Returns]:
        """All is there, some of it came later."""
        return [device for device in self.devices if device.late and not device.missing]

    @property
    def lacking(self) -> Sequence[Returns]:
        return [device for device in self.devices if device.missing]


def assess_recovery(
    connection: Connection, catalogue: Catalogue, spans: Sequence[Gap]
) -> list[Recovery]:
    """Compare what was due in each gap with what is stored, by the intervals of the latest one.

    Devices that speak on change are never due.
    """
    if not spans:
        return []
    intervals: dict[int, float] = {}
    for row in queries_devices.list_series(connection, max(gap.ends for gap in spans)):
        quantity = catalogue.quantities.get(row.quantity)
        usual = quantity.reporting.value if quantity else Reporting.PERIODIC.value
        interval = expected_interval(row, catalogue)
        periodic = (row.reporting or usual) == Reporting.PERIODIC.value
        if row.in_use and periodic and interval and row.quantity != CLOCK_FAULT:
            intervals[row.id] = interval.total_seconds()
    return [
        Recovery(devices=gaps.count_returns(connection, gap.begins, gap.ends, intervals))
        for gap in spans
    ]
