"""From decoded objects to rows: known channels, units, range, status, times that are believed.

A loop over the objects only looks names up; everything about values and times is done on whole
columns.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.decode import Decoded
from ingest.layout import Key, Layout, Layouts, Table, Values
from ingest.message import UNSTAMPED, Arrival, Envelope, Reason, Refused
from ingest.salvage import keep_quantities, refuse_by_reason
from sensors._errors import Message
from sensors._quality import Quality
from sensors._row import EARLIEST, LATEST, ROW, Rows

_STATUS = {"ok": Quality.GOOD, "saturated": Quality.SATURATED, "doubtful": Quality.DOUBTFUL}
_CLOCK = (Reason.TIME_AHEAD, Reason.TIME_TOO_OLD)
_NO_UNITS: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class TimeTolerance:
    """How far a reading's time may be from its arrival to be believed, both in µs."""

    ahead: int
    behind: int


@dataclass(kw_only=True)
class _Columns:
    """What the loop gathers: an entry an object, but `channels`, `values`, `flags` a reading.

    `partly`: ids of messages of which a part is refused already; `raw`: of those that are kept as
    they came, whatever is refused of them.
    """

    channels: "array[int]" = field(default_factory=lambda: array("i"))
    values: list[float | bool | None] = field(default_factory=list)
    flags: list[tuple[int, Quality]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    partly: set[int] = field(default_factory=set)
    raw: set[int] = field(default_factory=set)


def check(
    decoded: Decoded, layouts: Layouts, tolerance: TimeTolerance
) -> tuple[Rows, list[Refused]]:
    """The rows to store and everything that is refused, what decoding refused included."""
    layouts.make_room()
    columns = _Columns(
        refused=decoded.refused,
        partly=decoded.partly,
        raw=decoded.raw,
    )
    objects = zip(decoded.arrivals, decoded.devices, decoded.envelopes, strict=True)
    _gather(columns, objects, layouts)
    return _make_rows(columns, layouts.table(), tolerance), columns.refused


def _gather(
    columns: _Columns, objects: Iterable[tuple[Arrival, str, Envelope]], layouts: Layouts
) -> None:
    get_layout, add_layout = layouts.get, layouts.add
    channels, values = columns.channels.extend, columns.values.extend
    sizes, times = columns.sizes.append, columns.times.append
    envelopes, arrivals = columns.envelopes.append, columns.arrivals.append
    devices = columns.devices.append
    for arrival, device, given in objects:
        envelope = given
        if envelope.status is not None:
            stray = layouts.stray(device, {"status": envelope.status}, envelope.values)
            if stray:
                problem = Reason.UNKNOWN_QUANTITY, stray
                _refuse_object(columns, arrival, device, envelope, problem)
                continue
            envelope = _add_missing_values(envelope)
        units = envelope.units
        key: Key = (
            device,
            tuple(envelope.values),
            tuple(units.items()) if units else _NO_UNITS,
        )
        layout = get_layout(key) or add_layout(key)
        if layout.useless is not None:
            _refuse_object(columns, arrival, device, envelope, layout.useless)
            continue
        if layout.bad:
            rest = _refuse_bad_values(columns, arrival, device, envelope, layout)
            if rest is None:
                continue
            envelope = rest
            key = (key[0], tuple(envelope.values), tuple((envelope.units or {}).items()))
            layout = get_layout(key) or add_layout(key)
        if envelope.status is not None:
            _flag(columns, envelope)
        channels(layout.channels)
        values(envelope.values.values())
        sizes(len(layout.channels))
        times(envelope.time.timestamp())
        envelopes(envelope)
        arrivals(arrival)
        devices(device)


def _add_missing_values(envelope: Envelope) -> Envelope:
    """A sensor that names its fault and no value says that it has none."""
    status = envelope.status or {}
    silent = [n for n, text in status.items() if text != "ok" and n not in envelope.values]
    if not silent:
        return envelope
    return msgspec.structs.replace(envelope, values={**envelope.values, **dict.fromkeys(silent)})


def _refuse_object(
    columns: _Columns,
    arrival: Arrival,
    device: str,
    envelope: Envelope,
    problem: tuple[Reason, Message],
) -> None:
    columns.refused.append(
        Refused(
            arrival=arrival,
            reason=problem[0],
            detail=problem[1],
            whole=_is_lone(columns, arrival),
            part=_to_builtins(envelope),
            device=device,
        )
    )


def _refuse_bad_values(
    columns: _Columns, arrival: Arrival, device: str, envelope: Envelope, layout: Layout
) -> Envelope | None:
    """Refuse what is bad of an object; what remains, or None."""
    element = msgspec.to_builtins(envelope)
    _refuse_parts(columns, arrival, device, element, layout.bad)
    good = [name for name in envelope.values if name not in layout.bad]
    if not good:
        return None
    columns.partly.add(id(arrival))
    return msgspec.convert(keep_quantities(element, good), Envelope)


def _refuse_parts(
    columns: _Columns,
    arrival: Arrival,
    device: str,
    element: Mapping[str, object],
    bad: Mapping[str, tuple[Reason, Message]],
) -> None:
    """Refuse some values of an object, by quantity."""
    if id(arrival) in columns.raw:
        columns.refused.extend(
            Refused(arrival=arrival, reason=reason, detail=detail, device=device)
            for reason, detail in bad.values()
        )
    else:
        lone = _is_lone(columns, arrival)
        columns.refused.extend(refuse_by_reason(arrival, element, bad, lone=lone))


def _is_lone(columns: _Columns, arrival: Arrival) -> bool:
    """Whether what is left of a message is still all of it, or it is kept whole anyway."""
    if id(arrival) in columns.raw:
        return True
    return id(arrival) not in columns.partly and arrival.payload.lstrip()[:1] == b"{"


def _flag(columns: _Columns, envelope: Envelope) -> None:
    start = len(columns.values)
    for place, name in enumerate(envelope.values):
        text = (envelope.status or {}).get(name, "ok")
        if text != "ok":
            columns.flags.append((start + place, _STATUS.get(text, Quality.SENSOR_FAULT)))


def _make_rows(columns: _Columns, table: Table, tolerance: TimeTolerance) -> Rows:
    sizes = np.array(columns.sizes, dtype=np.intp)
    time = np.rint(np.array(columns.times, dtype=np.float64) * 1e6).astype(np.int64)
    received = np.array([arrival.received_at for arrival in columns.arrivals], dtype=np.int64)
    channel = np.frombuffer(columns.channels, dtype=np.intc)
    rows = np.empty(len(channel), dtype=ROW)
    rows["series"] = table.series[channel]
    rows["time"] = np.repeat(time, sizes)
    rows["received"] = np.repeat(received, sizes)
    rows["value"], rows["quality"], bad_values = _evaluate_values(columns, channel, table)
    first = np.cumsum(sizes) - sizes
    unbelieved = (
        (received == UNSTAMPED)
        | (time > received + tolerance.ahead)
        | (time < received - tolerance.behind)
        | (time < EARLIEST)
        | (time >= LATEST)
        | (time >= table.retired[channel[first]] if len(channel) else False)
    )
    if not unbelieved.any() and not bad_values:
        return rows
    _refuse_times(columns, np.flatnonzero(unbelieved), time, tolerance)
    kept = ~np.repeat(unbelieved, sizes)
    _refuse_values(
        columns, {place: bad_values[place] for place in bad_values if kept[place]}, first
    )
    kept[list(bad_values)] = False
    believed: Rows = rows[kept]
    return believed


_BadValues = dict[int, Reason]  # place of a reading -> why its value is refused


def _evaluate_values(
    columns: _Columns, channel: NDArray[np.intc], table: Table
) -> tuple[Values, NDArray[np.int16], _BadValues]:
    """Values in the catalogue's unit, each one's quality, and which are no values at all."""
    value = np.array(columns.values, dtype=np.float64)
    bad_values: _BadValues = {}
    if bool in set(map(type, columns.values)):
        bad_values.update(dict.fromkeys(_find_booleans(columns, channel, table), Reason.BAD_VALUE))
    if len(table.conversions) > 1:
        conversion = table.conversion[channel]
        for number in set(conversion[conversion > 0].tolist()):
            of_it = conversion == number
            with np.errstate(over="ignore"):  # refused below
                value[of_it] = table.conversions[number](value[of_it])
    for place in np.flatnonzero(np.isinf(value)).tolist():
        bad_values[place] = Reason.NOT_FINITE
    quality = np.zeros(len(value), dtype=np.int16)
    for place, flag in columns.flags:
        quality[place] |= flag
    outside = (value < table.low[channel]) | (value > table.high[channel])
    quality[outside] |= Quality.OUT_OF_RANGE
    quality[value >= table.saturates[channel]] |= Quality.SATURATED
    without = np.isnan(value) & (quality & Quality.SUSPECT == 0)
    quality[without] |= Quality.SENSOR_FAULT
    return value, quality, bad_values


def _find_booleans(columns: _Columns, channel: NDArray[np.intc], table: Table) -> Iterator[int]:
    """True and false where a number was to be: no gauge stands at `true` metres."""
    takes = table.yes_or_no[channel].tolist()
    for place, value in enumerate(columns.values):
        if (value is True or value is False) and not takes[place]:
            yield place


def _refuse_values(columns: _Columns, bad_values: _BadValues, first: NDArray[np.intp]) -> None:
    """Refuse single values of objects, with what else is wrong of the same object."""
    objects: dict[int, dict[str, tuple[Reason, Message]]] = {}
    for place, reason in sorted(bad_values.items()):
        number = int(np.searchsorted(first, place, side="right")) - 1
        name = list(columns.envelopes[number].values)[place - int(first[number])]
        detail = Message("{name!r} is larger than any number in the catalogue's unit", name)
        if reason is Reason.BAD_VALUE:
            value = str(columns.values[place]).lower()
            detail = Message("{name!r} is {code}: expected a number", name, value)
        objects.setdefault(number, {})[name] = reason, detail
    for number, bad in objects.items():
        arrival, element = columns.arrivals[number], _to_builtins(columns.envelopes[number])
        _refuse_parts(columns, arrival, columns.devices[number], element, bad)
        columns.partly.add(id(arrival))


def _refuse_times(
    columns: _Columns, places: NDArray[np.intp], time: NDArray[np.int64], tolerance: TimeTolerance
) -> None:
    for place in places.tolist():
        arrival = columns.arrivals[place]
        reason, detail = _explain_time(int(time[place]), arrival.received_at, tolerance)
        envelope = columns.envelopes[place]
        columns.refused.append(
            Refused(
                arrival=arrival,
                reason=reason,
                detail=detail,
                whole=_is_lone(columns, arrival),
                part=_to_builtins(envelope),
                device=columns.devices[place],
            )
        )


def count_clock_faults(refused: Iterable[Refused], layouts: Layouts) -> Rows:
    """A count of one, at its arrival, for each message whose time was refused."""
    faults = {
        (series, refusal.arrival.received_at): None
        for refusal in refused
        if refusal.reason in _CLOCK and (series := layouts.clock(refusal.device)) is not None
    }
    rows = [(series, at, at, 1.0, int(Quality.GOOD)) for series, at in faults]
    return np.array(rows, dtype=ROW)


def _to_builtins(envelope: Envelope) -> Mapping[str, object]:
    element: dict[str, object] = msgspec.to_builtins(envelope)
    return {name: value for name, value in element.items() if value is not None}


def _explain_time(time: int, received_at: int, tolerance: TimeTolerance) -> tuple[Reason, Message]:
    if received_at == UNSTAMPED:
        return Reason.NO_STAMP, Message(
            "no readable scenario-time: an exercise accepts only the player's messages, which"
            " carry the scenario's time"
        )
    if time >= LATEST or time > received_at + tolerance.ahead:
        return Reason.TIME_AHEAD, Message(
            "measured at {at}, {count:.0f} s after it arrived ({arrival}); at most {number:.0f} s"
            " are accepted. If the clock sends local time as UTC, replay with a shift:"
            " `hypervisor dead-letters replay --shift -1h`",
            _format_time(time),
            (time - received_at) / 1e6,
            _format_time(received_at),
            tolerance.ahead / 1e6,
        )
    if time < EARLIEST or time < received_at - tolerance.behind:
        return Reason.TIME_TOO_OLD, Message(
            "measured at {at}, more than {count:.0f} days before it arrived ({arrival}); load real"
            " history with `hypervisor import`",
            _format_time(time),
            tolerance.behind / 8.64e10,
            _format_time(received_at),
        )
    return Reason.DEVICE_RETIRED, Message(
        "measured at {at}, after its device was retired", _format_time(time)
    )


def _format_time(instant: int) -> str:
    try:
        return datetime.fromtimestamp(instant / 1e6, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return Message("{count:.0f} s from 1970", instant / 1e6)
