"""When a series is in service: its device is, or the one before it was, and it is wanted."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rules._inputs import Device, Instants, SeriesColumns, Steps, Subject

Columns = Sequence[SeriesColumns | None]


def services(columns: Columns, subjects: Sequence[Subject]) -> list[Steps | None]:
    """When the series of each subject is in service (0: not); None for one that always was."""
    devices = [
        None if column is None else subject.devices[column.device]
        for column, subject in zip(columns, subjects, strict=True)
    ]
    step_series = interrupted(devices)
    for i, column in enumerate(columns):
        if column is not None and (column.earlier or column.withdrawn is not None):
            step_series[i] = _service(column, subjects[i].devices)
    return step_series


def interrupted(devices: Sequence[Device | None]) -> list[Steps | None]:
    """When each device is in service; None for one that always was."""
    values = [device.in_service.value for device in devices if device is not None]
    if not values or np.concatenate(values).all():  # the usual case, told from one array
        return [None] * len(devices)
    return [
        None if device is None or device.in_service.value.all() else device.in_service
        for device in devices
    ]


def changes(columns: Iterable[SeriesColumns]) -> list[Instants]:
    """The times at which series are spliced, broken or withdrawn."""
    instants: list[Instants] = []
    for column in columns:
        if len(column.breaks):
            instants.append(column.breaks)
        if column.withdrawn is not None:
            instants.append(column.withdrawn.at)
        if column.earlier:
            instants.append(np.array([until for _, until in column.earlier], dtype=np.int64))
    return instants


def rows_of(column: SeriesColumns, device: str) -> slice | NDArray[np.intp]:
    """Which rows of a series a device sent."""
    if not column.earlier:
        return slice(None) if column.device == device else slice(0)
    ends = np.searchsorted(column.time, [until for _, until in column.earlier]).tolist()
    names = [*(name for name, _ in column.earlier), column.device]
    edges = zip(names, [0, *ends], [*ends, len(column.time)], strict=True)
    return np.concatenate(
        [np.arange(first, end if name == device else first) for name, first, end in edges]
    )


def _service(column: SeriesColumns, devices: Mapping[str, Device]) -> Steps | None:
    service = _spliced(column, devices) if column.earlier else devices[column.device].in_service
    if column.withdrawn is not None:
        at = np.union1d(service.at, column.withdrawn.at)
        unwanted = _at(column.withdrawn, at) == 1
        service = Steps(at=at, value=np.where(unwanted, 0.0, _at(service, at)))
    out = service.value == 0
    turns = np.flatnonzero(np.diff(out, prepend=False))
    return Steps(at=service.at[turns], value=service.value[turns]) if len(turns) else None


def _spliced(column: SeriesColumns, devices: Mapping[str, Device]) -> Steps:
    """The service of each device in its time; a successor serves from when it is said to."""
    at, value = [np.empty(0, dtype=np.int64)], [np.empty(0)]
    since: int | None = None
    for name, until in [*column.earlier, (column.device, None)]:
        own = devices[name].in_service
        times = own.at
        if since is not None:
            times = np.concatenate([[since], times[times > since]])
        if until is not None:
            times = times[times < until]
        at.append(times)
        value.append(_at(own, times) if since is None else np.nan_to_num(_at(own, times)))
        since = until
    return Steps(at=np.concatenate(at), value=np.concatenate(value))


def _at(steps: Steps, times: Instants) -> NDArray[np.float64]:
    place = np.searchsorted(steps.at, times, side="right") - 1
    if len(steps.at) == 0:
        return np.full(len(times), np.nan)
    return np.where(place >= 0, steps.value[place], np.nan)
