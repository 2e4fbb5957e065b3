"""How a device is: told from what was heard of it within a day, and how often it should speak."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.registry import queries_devices, queries_works
from hypervisor.registry.queries_devices import DeviceReport, DeviceRow, SeriesRow
from sensors._domain import Catalogue
from sensors._quantity import CLOCK_FAULT, STALE_INTERVALS, Reporting

Issue = Literal["silent", "suspect", "skewed", "battery"]
ISSUES: tuple[Issue, ...] = ("silent", "suspect", "skewed", "battery")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From where on something is told. Practice without a source, hence to be set."""

    suspect: float = 0.10  # of a day's readings
    battery: float = 20.0  # %
    ahead: timedelta = timedelta(seconds=60)  # of a clock


LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Health:
    """One device. `silent_for` None: never heard. `stale_after` None: it speaks on change only.

    `excused`: why nobody needs to look: retired, out of service, works.
    """

    device: DeviceRow
    heard: DeviceReport
    silent_for: timedelta | None
    stale_after: timedelta | None
    issues: tuple[Issue, ...]
    excused: str | None

    @property
    def suspect_share(self) -> float | None:
        return self.heard.suspect / self.heard.readings if self.heard.readings else None


def assess_devices(
    connection: Connection,
    catalogue: Catalogue,
    devices: Sequence[DeviceRow],
    *,
    now: datetime,
    everything: bool = False,
) -> list[Health]:
    """How each of these devices is; `everything`: they are all that there are, asked in one go."""
    names = None if everything else [device_row.name for device_row in devices]
    heard = queries_devices.load_device_reports(connection, now, names)
    limits = stale_by_device(queries_devices.list_series(connection, now, devices=names), catalogue)
    working = list_under_works(connection, now)
    accused = queries_devices.devices_in_silence_alarm(connection)
    return [
        assess_device(
            device_row,
            heard.get(device_row.name, DeviceReport()),
            stale_after=limits.get(device_row.name),
            now=now,
            works=not working.isdisjoint(_list_subjects(device_row)),
            accused=device_row.name in accused,
        )
        for device_row in devices
    ]


def _list_subjects(device_row: DeviceRow) -> tuple[str, ...]:
    return (
        device_row.name,
        f"site/{device_row.site}",
        *(f"group/{name}" for name in device_row.groups),
    )


def assess_device(  # noqa: PLR0913  what it takes to judge
    device: DeviceRow,
    heard: DeviceReport,
    *,
    stale_after: timedelta | None,
    now: datetime,
    works: bool = False,
    accused: bool = False,
    limits: Limits = LIMITS,
) -> Health:
    """One device. `accused`: an alarm says that it is silent, which knows of its supply."""
    silent_for = None if heard.heard_at is None else max(now - heard.heard_at, timedelta())
    issues: list[Issue] = []
    overdue = stale_after is not None and (silent_for is None or silent_for > stale_after)
    if accused or (overdue and not device.switched):
        issues.append("silent")
    if heard.readings and heard.suspect > limits.suspect * heard.readings:
        issues.append("suspect")
    if heard.clock_faults or (heard.ahead_s or 0) > limits.ahead.total_seconds():
        issues.append("skewed")
    if heard.battery is not None and heard.battery < limits.battery:
        issues.append("battery")
    return Health(
        device=device,
        heard=heard,
        silent_for=silent_for,
        stale_after=stale_after,
        issues=tuple(issues),
        excused=_find_excuse(device, now, works=works),
    )


def _find_excuse(device: DeviceRow, now: datetime, *, works: bool) -> str | None:
    if device.retired is not None and device.retired <= now:
        return "retired"
    if not device.in_service:
        return "out of service"
    return "works" if works else None


def stale_by_device(rows: Iterable[SeriesRow], catalogue: Catalogue) -> Mapping[str, timedelta]:
    """By device: how long it may be silent, by the quickest of its series that speak regularly."""
    limits: dict[str, timedelta] = {}
    for row in rows:
        limit = stale_after(row, catalogue)
        if limit is not None and row.in_use:
            limits[row.device] = min(limit, limits.get(row.device, limit))
    return limits


def stale_after(row: SeriesRow, catalogue: Catalogue) -> timedelta | None:
    """How long a series may be silent; None: it speaks on change, or its clock was never wrong."""
    quantity = catalogue.quantities.get(row.quantity)
    usual = quantity.reporting.value if quantity else Reporting.PERIODIC.value
    if row.quantity == CLOCK_FAULT or (row.reporting or usual) != Reporting.PERIODIC.value:
        return None
    if row.stale_s is not None:
        return timedelta(seconds=row.stale_s)
    interval = expected_interval(row, catalogue)
    return None if interval is None else STALE_INTERVALS * interval


def expected_interval(row: SeriesRow, catalogue: Catalogue) -> timedelta | None:
    """How often it is expected to speak."""
    if row.interval_s is not None:
        return timedelta(seconds=row.interval_s)
    quantity = catalogue.quantities.get(row.quantity)
    return quantity.interval if quantity else None


def list_under_works(connection: Connection, now: datetime) -> frozenset[str]:
    """What lies within works under way: devices, `site/<name>`, `group/<name>`."""
    subjects: set[str] = set()
    for window in queries_works.load_works(connection):
        if window.begins <= micros(now) < window.ends:
            subjects |= window.devices
            subjects |= {f"site/{name}" for name in window.sites}
            subjects |= {f"group/{name}" for name in window.groups}
    return frozenset(subjects)
