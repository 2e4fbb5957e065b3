"""Acts on readings: invalidate, observe, undo; each in one transaction with its audit and the feed.

An act covers what was stored when it was done. A reading that comes later into an invalidated span
is one that nobody has judged: it stands until somebody does.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from hypervisor.base.instants import EPOCH, micros, text
from hypervisor.database import audit, feed
from hypervisor.database.audit import Act, ActError
from hypervisor.database.connect import Connection
from hypervisor.readings import queries_corrections
from hypervisor.readings.names import find_series, format_quality
from hypervisor.readings.queries_corrections import Span, StoredReading
from hypervisor.registry.model import Registry, Series
from sensors._domain import Catalogue
from sensors._quality import Quality
from sensors._row import EARLIEST, LATEST, Rows
from sensors._units import UnitError, convert

UNDOABLE_KINDS = ("invalidate", "observe")


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """Who acts, and why."""

    reason: str
    author: str = ""


@dataclass(frozen=True, kw_only=True)
class CorrectionResult:
    """An act and what it changed: `rows` stand otherwise. `skipped`: it found done already."""

    number: int
    rows: int
    skipped: int = 0


@dataclass(frozen=True, kw_only=True)
class ObservationRequest:
    """An observation as a person tells it. `force`: store it although it is out of range."""

    series: str
    value: float
    unit: str
    time: datetime
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Observation:
    """An observation that was checked: the value is in the catalogue's unit."""

    series: Series
    time: datetime
    value: float
    quality: Quality


def make_span(series: Series, first: datetime, last: datetime) -> Span:
    """The span of a stored series.

    Raises:
        ActError: it ends before it begins.
    """
    if last < first:
        raise ActError(f"--to {last.isoformat()} lies before --from {first.isoformat()}")
    return Span(series=series.id or 0, first=first, last=last)


def invalidate(
    connection: Connection,
    series: Series,
    first: datetime,
    last: datetime,
    attribution: Attribution,
) -> CorrectionResult:
    """Let no condition believe the readings of a span, both ends included.

    Raises:
        ActError: no reading stands there that is believed until now, or no reason is given.
    """
    span = make_span(series, first, last)
    with connection.transaction():
        queries_corrections.lock_corrections(connection)
        stored_rows = queries_corrections.list_readings(connection, span)
        fresh = [stored for stored in stored_rows if not stored.quality & Quality.INVALIDATED]
        if not fresh:
            raise ActError(_explain_empty_span(series, stored_rows))
        number = _record(
            connection, "invalidate", series, attribution, _describe_readings(span, fresh)
        )
        rows = queries_corrections.invalidate(
            connection, span, act=number, at=_read_clock(connection)
        )
        _append_to_feed(connection, rows)
    return CorrectionResult(number=number, rows=len(rows), skipped=len(stored_rows) - len(fresh))


def check_observation(
    registry: Registry, catalogue: Catalogue, request: ObservationRequest
) -> Observation:
    """The observation as it is stored: value in the catalogue's unit, and its quality.

    Raises:
        ActError: its series, unit or time cannot be, or the value is out of range and not forced.
    """
    series = find_series(registry, request.series)
    quantity = catalogue.quantities.get(series.quantity)
    if quantity is None:
        raise ActError(
            f"{request.series}: no domain has {series.quantity!r}; is its module missing?"
        )
    try:
        value = round(convert(request.value, request.unit, quantity.unit), 9)
    except UnitError as error:
        raise ActError(f"{request.series} is in {quantity.unit}: {error}") from error
    if not math.isfinite(value):
        raise ActError(
            f"{request.series}: {request.value:g} {request.unit} is no number of {quantity.unit}"
        )
    if not EARLIEST <= micros(request.time) < LATEST:
        raise ActError(f"{request.time.isoformat()} lies outside the years 1800 to 2199")
    retired = registry.devices[series.device].retired
    if retired is not None and request.time >= retired:
        raise ActError(f"{series.device!r} was retired at {retired.isoformat()}, before that time")
    quality = Quality.MANUAL
    low = quantity.low if series.low is None else series.low
    high = quantity.high if series.high is None else series.high
    if not low <= value <= high:
        quality |= Quality.OUT_OF_RANGE
        if not request.force:
            raise ActError(
                f"{request.series}: {value:g} {quantity.unit} is outside {low:g} … {high:g}"
                f" {quantity.unit}; --force stores it all the same, marked: no alarm believes it"
            )
    return Observation(series=series, time=request.time, value=value, quality=quality)


def observe(
    connection: Connection, seen: Observation, attribution: Attribution, *, ahead: timedelta
) -> CorrectionResult:
    """Store what a person saw with their own eyes, marked so. It is no sign of life of the device.

    `ahead`: how far a time may lie before us, as for devices.

    Raises:
        ActError: it lies ahead of now, or this very observation stands there already.
    """
    span = make_span(seen.series, seen.time, seen.time)
    with connection.transaction():
        queries_corrections.lock_corrections(connection)
        now = queries_corrections.read_clock(connection)
        if now is not None and seen.time > now + ahead:
            raise ActError(f"{seen.time.isoformat()} lies ahead of now, {now.isoformat()}")
        before = queries_corrections.list_readings(connection, span)
        if before and (before[0].value, before[0].quality) == (seen.value, seen.quality):
            raise ActError(f"this observation stands there already (act {before[0].act})")
        details = {
            **_describe_readings(span, before),
            "value": seen.value,
            "quality": int(seen.quality),
        }
        number = _record(connection, "observe", seen.series, attribution, details)
        rows = queries_corrections.observe(
            connection, _make_reading(seen), act=number, at=now or EPOCH
        )
        _append_to_feed(connection, rows)
    return CorrectionResult(number=number, rows=len(rows))


def undo(
    connection: Connection, registry: Registry, number: int, attribution: Attribution
) -> CorrectionResult:
    """Take an act back: what it replaced stands again, where nothing has replaced the act since.

    Raises:
        ActError: there is no such act, it is not one on readings, or it was undone already.
    """
    with connection.transaction():
        queries_corrections.lock_corrections(connection)
        act = _get_undoable_act(connection, number)
        series = find_series(registry, act.subject)
        first, last = (datetime.fromisoformat(act.details[name]) for name in ("from", "to"))
        span = make_span(series, first, last)
        details = {"undoes": number, "undoes_kind": act.kind, **_format_bounds(span)}
        own = _record(connection, "undo", series, attribution, details)
        undone = queries_corrections.undo(
            connection, span, undone=number, act=own, at=_read_clock(connection)
        )
        _append_to_feed(connection, undone.rows)
    return CorrectionResult(number=own, rows=len(undone.rows), skipped=undone.replaced_since)


def _read_clock(connection: Connection) -> datetime:
    """Now on the axis of arrivals; before a scenario begins, before all of them."""
    return queries_corrections.read_clock(connection) or EPOCH


def _get_undoable_act(connection: Connection, number: int) -> Act:
    act = audit.get_act(connection, number)
    if act is None:
        raise ActError(f"no act {number}; `hypervisor audit` shows them with their numbers")
    if act.kind not in UNDOABLE_KINDS:
        raise ActError(
            f"act {number} is {act.kind!r} of {act.subject}: undone can be what `readings"
            " invalidate` and `readings add` did; an undo itself is answered by doing it again"
        )
    by = audit.find_undoing(connection, number)
    if by is not None:
        raise ActError(f"act {number} was undone already, by act {by}")
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


def _make_reading(seen: Observation) -> StoredReading:
    return StoredReading(
        series=seen.series.id or 0,
        time=seen.time,
        value=seen.value,
        quality=int(seen.quality),
        received_at=None,
        act=None,
    )


def _format_bounds(span: Span) -> dict[str, Any]:
    return {"from": text(micros(span.first)), "to": text(micros(span.last))}


def _describe_readings(span: Span, stored_rows: list[StoredReading]) -> dict[str, Any]:
    """What stood there before: the readings themselves are kept as versions."""
    values = [stored.value for stored in stored_rows if stored.value is not None]
    return {
        **_format_bounds(span),
        "readings": len(stored_rows),
        "lowest": min(values, default=None),
        "highest": max(values, default=None),
    }


def _explain_empty_span(series: Series, stored_rows: list[StoredReading]) -> str:
    name = f"{series.device}/{series.quantity}"
    if stored_rows:
        return f"all {len(stored_rows)} readings of {name} there are invalidated already"
    return f"no reading of {name} is stored there; `hypervisor readings list {name}` shows what is"


def _append_to_feed(connection: Connection, rows: Rows) -> None:
    if len(rows):
        feed.append(connection, "readings", rows=np.ascontiguousarray(rows).tobytes())


def summarize_quality(stored_rows: list[StoredReading]) -> str:
    """A few words on what stands in a span: how many of which mark."""
    counts: dict[str, int] = {}
    for stored in stored_rows:
        counts[format_quality(stored.quality)] = counts.get(format_quality(stored.quality), 0) + 1
    return ", ".join(f"{count} {'good' if mark == '-' else mark}" for mark, count in counts.items())
