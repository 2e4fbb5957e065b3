"""Devices that speak JSON: ours, in their own units, and SenML (RFC 8428)."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from simulators._chance import Column
from simulators._publications import JSON
from simulators._said import DeviceMessages, Times, format_times
from simulators._story import SECOND
from simulators._telling import DeviceTable

# Models that tell a quantity in a unit of their own: its name, how many are one of ours, decimals.
OWN_UNITS: Mapping[tuple[str, str], tuple[str, float, int]] = {
    ("radar-gauge", "level"): ("mm", 1000.0, 0),
}
SENML_UNITS = {"humidity": "%RH", "battery": "%EL"}


def native_messages(
    table: DeviceTable, times: Times, topic: str, model: str = ""
) -> DeviceMessages:
    """Native JSON: an object a time, with the units that the device speaks in."""
    scales = [OWN_UNITS.get((model, name)) for name in table.names]
    values = table.value.copy()
    units = list(table.units)
    for column, own in enumerate(scales):
        if own is not None:
            units[column] = own[0]
            values[:, column] = np.round(values[:, column] * own[1], own[2])
    stated_units = {
        name: unit for name, unit in zip(table.names, units, strict=True) if unit != "bool"
    }
    payloads = list(_native_payloads(table, values, times, stated_units))
    shown = values.copy()
    for column, own in enumerate(scales):
        if own is not None:
            shown[:, column] = values[:, column] / own[1]
    return _table_messages(table, times, topic, payloads, shown)


def _native_payloads(
    table: DeviceTable, values: Column, times: Times, units: Mapping[str, str]
) -> Iterator[bytes]:
    whole = bool(table.there.all())
    flags = [unit == "bool" for unit in table.units]
    rows = zip(format_times(times), values.tolist(), table.there.tolist(), strict=True)
    for number, (time, row, there) in enumerate(rows):
        measured = {
            name: None if math.isnan(value) else (value != 0 if flag else value)
            for name, value, here, flag in zip(table.names, row, there, flags, strict=True)
            if here
        }
        body: dict[str, object] = {"time": f"{time}Z", "values": measured}
        body["units"] = units if whole else {n: u for n, u in units.items() if n in measured}
        if table.status is not None:
            words = zip(table.names, table.status[number].tolist(), strict=True)
            status = {name: word for name, word in words if word != "ok" and name in measured}
            if status:
                body["status"] = status
        yield JSON.encode(body)


def _table_messages(
    table: DeviceTable, times: Times, topic: str, payloads: list[bytes], value: Column
) -> DeviceMessages:
    """Everything that is there has been told, in the order of time and name."""
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
    """SenML packs; a value that is not there has no place in them, nor has a doubt."""
    there = table.there & ~np.isnan(table.value)
    kept = there.any(axis=1)
    shown = DeviceTable(
        device=table.device,
        times=table.times[kept],
        names=table.names,
        units=table.units,
        value=table.value[kept],
        there=there[kept],
        status=None,
    )
    units = [
        SENML_UNITS.get(name, unit) for name, unit in zip(table.names, table.units, strict=True)
    ]
    payloads = []
    rows = zip(times[kept].tolist(), shown.value.tolist(), shown.there.tolist(), strict=True)
    for time, row, here in rows:
        records: list[dict[str, object]] = [
            {"n": name, "u": unit, "v": value}
            for name, unit, value, present in zip(table.names, units, row, here, strict=True)
            if present
        ]
        seconds = time // SECOND if time % SECOND == 0 else time / SECOND
        payloads.append(JSON.encode([{"bn": base, "bt": seconds, **records[0]}, *records[1:]]))
    return _table_messages(shown, times[kept], topic, payloads, shown.value)
