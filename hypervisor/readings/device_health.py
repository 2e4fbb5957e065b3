"""Device health, from what a device reported within a day and how often it should report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from hypervisor.base.instants import micros
from hypervisor.database import gaps
from hypervisor.database.connect import Connection
from hypervisor.database.gaps import Gap, Returns
from hypervisor.registry import queries_devices, queries_works
from hypervisor.registry.queries_devices import DeviceReport, DeviceRow, SeriesRow
from sensors._domain import Catalogue
from sensors._quantity import CLOCK_FAULT, STALE_INTERVALS, Reporting

Issue = Literal["silent", "suspect", "skewed", "battery"]
ISSUES: tuple[Issue, ...] = get_args(Issue)
# Our own practice.
_SUSPECT_SHARE = 0.10  # of a day's readings
_LOW_BATTERY = 20.0  # %
_AHEAD_SECONDS = 60.0  # of a clock


@dataclass(frozen=True, kw_only=True)
class Health:
    """The health of a device. `silent_for` None: never heard; `stale_after` None: no limit.

    `excused`: why no action is needed: retired, out of service, works.
    """

    device: DeviceRow
    report: DeviceReport
    silent_for: timedelta | None
    stale_after: timedelta | None
    issues: tuple[Issue, ...]
    excused: str | None

    @property
    def suspect_share(self) -> float | None:
        return self.report.suspect / self.report.readings if self.report.readings else None


def assess_devices(
    connection: Connection,
    catalogue: Catalogue,
    devices: Sequence[DeviceRow],
    *,
    now: datetime,
    every: Sequence[SeriesRow] | None = None,
) -> list[Health]:
    """The health of these devices; `every`: all series, where they are all devices."""
    names = None if every is not None else [device.name for device in devices]
    reports = queries_devices.load_device_reports(connection, now, names)
    if every is None:
        every = queries_devices.list_series(connection, now, devices=names)
    limits = stale_by_device(every, catalogue)
    under_works = _list_under_works(connection, now)
    accused = queries_devices.devices_in_silence_alarm(connection)
    return [
        assess_device(
            device,
            reports.get(device.name, DeviceReport()),
            stale_after=limits.get(device.name),
            now=now,
            works=not under_works.isdisjoint(
                {device.name, f"site/{device.site}", *(f"group/{name}" for name in device.groups)}
            ),
            accused=device.name in accused,
        )
        for device in devices
    ]


def assess_device(  # noqa: PLR0913  what the assessment needs
    device: DeviceRow,
    report: DeviceReport,
    *,
    stale_after: timedelta | None,
    now: datetime,
    works: bool = False,
    accused: bool = False,
) -> Health:
    """The health of a device. `accused`: a silence alarm is active, which considers its supply."""
    silent_for = None if report.heard_at is None else max(now - report.heard_at, timedelta())
    overdue = stale_after is not None and (silent_for is None or silent_for > stale_after)
    present: dict[Issue, bool] = {
        "silent": accused or (overdue and not device.switched),
        "suspect": report.suspect > _SUSPECT_SHARE * report.readings > 0,
        "skewed": report.clock_faults > 0 or (report.ahead_s or 0) > _AHEAD_SECONDS,
        "battery": report.battery is not None and report.battery < _LOW_BATTERY,
    }
    return Health(
        device=device,
        report=report,
        silent_for=silent_for,
        stale_after=stale_after,
        issues=tuple(issue for issue in ISSUES if present[issue]),
        excused=_find_excuse(device, now, works=works),
    )


def _find_excuse(device: DeviceRow, now: datetime, *, works: bool) -> str | None:
    if device.retired is not None and device.retired <= now:
        return "retired"
    if not device.in_service:
        return "out of service"
    return "works" if works else None


def stale_by_device(rows: Iterable[SeriesRow], catalogue: Catalogue) -> Mapping[str, timedelta]:
    """By device: how long it may be silent, the shortest of its periodic series in use."""
    limits: dict[str, timedelta] = {}
    for row in rows:
        limit = stale_after(row, catalogue)
        if limit is not None and row.in_use:
            limits[row.device] = min(limit, limits.get(row.device, limit))
    return limits


def stale_after(row: SeriesRow, catalogue: Catalogue) -> timedelta | None:
    """How long a series may be silent; None: it reports on change."""
    if not _is_periodic(row, catalogue):
        return None
    if row.stale_s is not None:
        return timedelta(seconds=row.stale_s)
    interval = expected_interval(row, catalogue)
    return None if interval is None else STALE_INTERVALS * interval


def expected_interval(row: SeriesRow, catalogue: Catalogue) -> timedelta | None:
    """How often a series is expected to report."""
    if row.interval_s is not None:
        return timedelta(seconds=row.interval_s)
    quantity = catalogue.quantities.get(row.quantity)
    return quantity.interval if quantity else None


def _is_periodic(row: SeriesRow, catalogue: Catalogue) -> bool:
    quantity = catalogue.quantities.get(row.quantity)
    usual = quantity.reporting if quantity else Reporting.PERIODIC
    return row.quantity != CLOCK_FAULT and (row.reporting or usual) == Reporting.PERIODIC


def _list_under_works(connection: Connection, now: datetime) -> frozenset[str]:
    """What is under works now: devices, `site/<name>`, `group/<name>`."""
    subjects: set[str] = set()
    for window in queries_works.load_works(connection):
        if window.begins <= micros(now) < window.ends:
            subjects |= window.devices
            subjects |= {f"site/{name}" for name in window.sites}
            subjects |= {f"group/{name}" for name in window.groups}
    return frozenset(subjects)


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """The devices that were due in a gap, with the readings of each."""

    devices: Sequence[Returns]

    @property
    def due(self) -> int:
        return len(self.devices)

    @property
    def refilled(self) -> Sequence[Returns]:
        """Complete, but some readings came later."""
        return [device for device in self.devices if device.late and not device.missing]

    @property
    def lacking(self) -> Sequence[Returns]:
        return [device for device in self.devices if device.missing]


def assess_recovery(
    connection: Connection, catalogue: Catalogue, spans: Sequence[Gap]
) -> list[Recovery]:
    """Compare what was due in each gap with what is stored, by the intervals of the latest gap.

    Devices that report on change are never due.
    """
    if not spans:
        return []
    intervals: dict[int, float] = {}
    for row in queries_devices.list_series(connection, max(gap.ends for gap in spans)):
        interval = expected_interval(row, catalogue)
        if row.in_use and interval and _is_periodic(row, catalogue):
            intervals[row.id] = interval.total_seconds()
    return [
        Recovery(devices=gaps.count_returns(connection, gap.begins, gap.ends, intervals))
        for gap in spans
    ]
