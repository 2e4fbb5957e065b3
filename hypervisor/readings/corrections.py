"""Corrections of readings: invalidate, observe, undo; each one transaction with audit and feed.

An act covers what was stored at its time. A reading that arrives later in an invalidated span is
valid until somebody invalidates it, too.
"""

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from hypervisor.base.instants import EPOCH, micros, text
from hypervisor.database import audit, feed
from hypervisor.database.audit import Act, ActError
from hypervisor.database.connect import Connection
from hypervisor.readings import queries_corrections
from hypervisor.readings.queries_corrections import Span, StoredReading
from hypervisor.registry.model import Registry, Series
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from sensors._quality import Quality
from sensors._row import EARLIEST, LATEST, Rows
from sensors._units import UnitError, convert

UNDOABLE_KINDS = ("invalidate", "observe")
_QUALITY_WORDS = {
    Quality.OUT_OF_RANGE: "out of range",
    Quality.SENSOR_FAULT: "sensor fault",
    Quality.INVALIDATED: "invalidated",
    Quality.SATURATED: "saturated (at least)",
    Quality.DOUBTFUL: "doubtful (its producer)",
    Quality.MANUAL: "manual",
}


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """Who acts, and why."""

    reason: str
    author: str = ""


@dataclass(frozen=True, kw_only=True)
class CorrectionResult:
    """The number of an act, and how many rows it changed; `skipped`: it had nothing to change."""

    number: int
    rows: int
    skipped: int = 0


@dataclass(frozen=True, kw_only=True)
class ObservationRequest:
    """A manual observation as entered. `force`: store it although it is out of range."""

    series: str
    value: float
    unit: str
    time: datetime
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A checked observation, its value in the catalogue's unit."""

    series: Series
    time: datetime
    value: float
    quality: Quality


def find_series(registry: Registry, text: str) -> Series:
    """The series that DEVICE/QUANTITY names.

    Raises ActError: there is none; with the nearest name.
    """
    device, slash, quantity = text.partition("/")
    if not slash or not quantity:
        raise ActError("{text!r}: expected DEVICE/QUANTITY, such as orge-mill/level", text)
    if device not in registry.devices:
        raise ActError(
            "no device {device!r} in the inventory{hint}",
            device,
            did_you_mean(device, registry.devices),
        )
    series = registry.series.get((device, quantity))
    if series is None:
        owned = [name for owner, name in registry.series if owner == device]
        raise ActError(
            "{device!r} has no {quantity!r} in the inventory{hint}",
            device,
            quantity,
            did_you_mean(quantity, owned),
        )
    return series


def format_quality(quality: int) -> str:
    """The flags of a reading in words; a dash if there are none."""
    return ", ".join(words for flag, words in _QUALITY_WORDS.items() if quality & flag) or "-"


def make_span(series: Series, first: datetime, last: datetime) -> Span:
    """The span of a stored series. Raises ActError: it ends before it begins."""
    if last < first:
        raise ActError(
            "--to {time_to} is before --from {time_from}", last.isoformat(), first.isoformat()
        )
    return Span(series=series.id or 0, first=first, last=last)


def invalidate(
    connection: Connection,
    series: Series,
    first: datetime,
    last: datetime,
    attribution: Attribution,
) -> CorrectionResult:
    """Exclude the readings of a span, both ends included, from all conditions.

    Raises ActError: there is no valid reading in the span, or no reason is given.
    """
    span = make_span(series, first, last)
    with connection.transaction():
        queries_corrections.lock_corrections(connection)
        readings = queries_corrections.list_readings(connection, span)
        valid = [reading for reading in readings if not reading.quality & Quality.INVALIDATED]
        if not valid:
            raise _empty_span(series, len(readings))
        details = _describe_readings(span, valid)
        number = _record(connection, "invalidate", series, attribution, details)
        rows = queries_corrections.invalidate(
            connection, span, act=number, at=queries_corrections.read_clock(connection) or EPOCH
        )
        _append_to_feed(connection, rows)
    return CorrectionResult(number=number, rows=len(rows), skipped=len(readings) - len(valid))


def check_observation(
    registry: Registry, catalogue: Catalogue, request: ObservationRequest
) -> Observation:
    """The observation as it is stored: value in the catalogue's unit, and its quality.

    Raises ActError: its series, unit or time is wrong, or the value is out of range and not forced.
    """
    series = find_series(registry, request.series)
    quantity = catalogue.quantities.get(series.quantity)
    if quantity is None:
        raise ActError(
            "{series}: no domain has {quantity!r}; is its module missing?",
            request.series,
            series.quantity,
        )
    try:
        value = round(convert(request.value, request.unit, quantity.unit), 9)
    except UnitError as error:
        raise ActError(
            "{series} is in {unit}: {problem}", request.series, quantity.unit, error
        ) from error
    if not math.isfinite(value):
        raise ActError(
            "{series}: {value:g} {given} is not a number of {unit}",
            request.series,
            request.value,
            request.unit,
            quantity.unit,
        )
    if not EARLIEST <= micros(request.time) < LATEST:
        raise ActError("{time} lies outside the years 1800 to 2199", request.time.isoformat())
    retired = registry.devices[series.device].retired
    if retired is not None and request.time >= retired:
        raise ActError(
            "{device!r} was retired at {time}, before that time", series.device, retired.isoformat()
        )
    quality = Quality.MANUAL
    low = quantity.low if series.low is None else series.low
    high = quantity.high if series.high is None else series.high
    if not low <= value <= high:
        quality |= Quality.OUT_OF_RANGE
        if not request.force:
            raise ActError(
                "{series}: {value:g} {unit} is outside {low:g} … {high:g} {unit};"
                " --force stores it marked as out of range, and no alarm uses it",
                request.series,
                value,
                quantity.unit,
                low,
                high,
            )
    return Observation(series=series, time=request.time, value=value, quality=quality)


def observe(
    connection: Connection, seen: Observation, attribution: Attribution, *, ahead: timedelta
) -> CorrectionResult:
    """Store a manual observation, which is no sign of life of the device.

    `ahead`: how far its time may be ahead of now, as for devices. Raises ActError: it is too far
    ahead, or this very observation is already stored.
    """
    span = make_span(seen.series, seen.time, seen.time)
    with connection.transaction():
        queries_corrections.lock_corrections(connection)
        now = queries_corrections.read_clock(connection)
        if now is not None and seen.time > now + ahead:
            raise ActError(
                "{time} is after now, {time_now}", seen.time.isoformat(), now.isoformat()
            )
        before = queries_corrections.list_readings(connection, span)
        if before and (before[0].value, before[0].quality) == (seen.value, seen.quality):
            raise ActError("this observation is already stored (act {n})", before[0].act)
        details = {
            **_describe_readings(span, before),
            "value": seen.value,
            "quality": int(seen.quality),
        }
        number = _record(connection, "observe", seen.series, attribution, details)
        reading = StoredReading(
            series=span.series, time=seen.time, value=seen.value, quality=int(seen.quality)
        )
        rows = queries_corrections.observe(connection, reading, act=number, at=now or EPOCH)
        _append_to_feed(connection, rows)
    return CorrectionResult(number=number, rows=len(rows))


def undo(
    connection: Connection, registry: Registry, number: int, attribution: Attribution
) -> CorrectionResult:
    """Restore what an act replaced, except where something has replaced the act since.

    Raises ActError: there is no such act, it cannot be undone, or it was already undone.
    """
    with connection.transaction():
        queries_corrections.lock_corrections(connection)
        act = _get_undoable_act(connection, number)
        series = find_series(registry, act.subject)
        first, last = (datetime.fromisoformat(act.details[name]) for name in ("from", "to"))
        span = make_span(series, first, last)
        details = {"undoes": number, "undoes_kind": act.kind, **_format_bounds(span)}
        own = _record(connection, "undo", series, attribution, details)
        now = queries_corrections.read_clock(connection) or EPOCH
        undone = queries_corrections.undo(connection, span, undone=number, act=own, at=now)
        _append_to_feed(connection, undone.rows)
    return CorrectionResult(number=own, rows=len(undone.rows), skipped=undone.replaced_since)


def _get_undoable_act(connection: Connection, number: int) -> Act:
    act = audit.get_act(connection, number)
    if act is None:
        raise ActError("no act has the number {n}; `hypervisor audit` lists them", number)
    if act.kind not in UNDOABLE_KINDS:
        raise ActError(
            "act {n} is {kind!r} of {subject}: only `readings invalidate` and `readings add` can be"
            " undone; repeat an act to reverse its undo",
            number,
            act.kind,
            act.subject,
        )
    by = audit.find_undoing(connection, number)
    if by is not None:
        raise ActError("act {n} was already undone by act {number}", number, by)
    return act


def _record(
    connection: Connection,
    kind: str,
    series: Series,
    attribution: Attribution,
    details: dict[str, Any],
) -> int:
    return audit.record(
        connection,
        kind=kind,
        subject=f"{series.device}/{series.quantity}",
        reason=attribution.reason,
        author=attribution.author,
        details=details,
    )


def _format_bounds(span: Span) -> dict[str, Any]:
    return {"from": text(micros(span.first)), "to": text(micros(span.last))}


def _describe_readings(span: Span, readings: list[StoredReading]) -> dict[str, Any]:
    """What was stored before: the readings themselves are kept as versions."""
    values = [reading.value for reading in readings if reading.value is not None]
    return {
        **_format_bounds(span),
        "readings": len(readings),
        "lowest": min(values, default=None),
        "highest": max(values, default=None),
    }


def _empty_span(series: Series, count: int) -> ActError:
    name = f"{series.device}/{series.quantity}"
    if count:
        return ActError(
            "all {n} readings of {code} in this span are already invalidated", count, name
        )
    return ActError(
        "{code} has no reading in this span; `hypervisor readings list {code}` lists them", name
    )


def _append_to_feed(connection: Connection, rows: Rows) -> None:
    if len(rows):
        feed.append(connection, "readings", rows=np.ascontiguousarray(rows).tobytes())


def summarize_quality(readings: list[StoredReading]) -> str:
    """How many readings have which flags: `3 good, 1 manual`."""
    counts = Counter(format_quality(reading.quality) for reading in readings)
    return ", ".join(f"{count} {'good' if mark == '-' else mark}" for mark, count in counts.items())
