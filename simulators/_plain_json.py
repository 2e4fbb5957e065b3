"""Devices that send JSON: the native format, in their own units, and SenML (RFC 8428)."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from sensors._units import conversion
from simulators._device_table import DeviceMessages, DeviceTable, Times, format_times
from simulators._publications import JSON
from simulators._random import Column
from simulators._story import SECOND

SENML_UNITS = {"humidity": "%RH", "battery": "%EL"}
DECIMALS = 6  # of a value in the device's own unit


def native_messages(
    table: DeviceTable, times: Times, topic: str, own_units: Mapping[str, str] | None = None
) -> DeviceMessages:
    """Native JSON, an object per time. `own_units`: in which the device sends a quantity."""
    units = [
        (own_units or {}).get(name, u) for name, u in zip(table.names, table.units, strict=True)
    ]
    factors = [
        1.0 if unit == own else conversion(unit, own)[0]
        for unit, own in zip(table.units, units, strict=True)
    ]
    values = table.value.copy()
    for column, factor in enumerate(factors):
        if factor != 1.0:
            values[:, column] = np.round(values[:, column] * factor, DECIMALS)
    stated = {name: u for name, u in zip(table.names, units, strict=True) if u != "bool"}
    payloads = list(_native_payloads(table, values, times, stated))
    return _table_messages(table, times, topic, payloads, values / factors)


def _native_payloads(
    table: DeviceTable, values: Column, times: Times, units: Mapping[str, str]
) -> Iterator[bytes]:
    complete = bool(table.there.all())
    flags = [unit == "bool" for unit in table.units]
    rows = zip(format_times(times), values.tolist(), table.there.tolist(), strict=True)
    for number, (time, row, there) in enumerate(rows):
        measured = {
            name: None if math.isnan(value) else (value != 0 if flag else value)
            for name, value, here, flag in zip(table.names, row, there, flags, strict=True)
            if here
        }
        body: dict[str, object] = {"time": f"{time}Z", "values": measured}
        body["units"] = units if complete else {n: u for n, u in units.items() if n in measured}
        if table.status is not None:
            words = zip(table.names, table.status[number].tolist(), strict=True)
            status = {name: word for name, word in words if word != "ok" and name in measured}
            if status:
                body["status"] = status
        yield JSON.encode(body)


def _table_messages(
    table: DeviceTable, times: Times, topic: str, payloads: list[bytes], value: Column
) -> DeviceMessages:
    """A row for each value, by time and name."""
    of, column = np.nonzero(table.there)
    names = np.array(table.names, dtype=object)
    units = np.array(table.units, dtype=object)
    status = table.status
    return DeviceMessages(
        arrivals=table.times.tolist(),
        topic=topic,
        payloads=payloads,
        of=of,
        times=times[of],
        quantities=names[column],
        units=units[column],
        value=value[of, column],
        status=np.full(len(of), "ok", dtype=object) if status is None else status[of, column],
    )


def senml_messages(table: DeviceTable, times: Times, topic: str, base: str) -> DeviceMessages:
    """SenML packs; they hold neither missing values nor a status."""
    there = table.there & ~np.isnan(table.value)
    kept = there.any(axis=1)
    sent = replace(
        table, times=table.times[kept], value=table.value[kept], there=there[kept], status=None
    )
    units = [
        SENML_UNITS.get(name, unit) for name, unit in zip(table.names, table.units, strict=True)
    ]
    payloads = []
    rows = zip(times[kept].tolist(), sent.value.tolist(), sent.there.tolist(), strict=True)
    for time, row, here in rows:
        records: list[dict[str, object]] = [
            {"n": name, "u": unit, "v": value}
            for name, unit, value, present in zip(table.names, units, row, here, strict=True)
            if present
        ]
        seconds = time // SECOND if time % SECOND == 0 else time / SECOND
        payloads.append(JSON.encode([{"bn": base, "bt": seconds, **records[0]}, *records[1:]]))
    return _table_messages(sent, times[kept], topic, payloads, sent.value)
