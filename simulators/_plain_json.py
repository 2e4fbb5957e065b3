"""Devices that speak JSON: ours, in their own units, and SenML (RFC 8428)."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from simulators._chance import Column
from simulators._publications import JSON
from simulators._said import Said, Times, texts
from simulators._story import SECOND
from simulators._telling import Telling

# Models that tell a quantity in a unit of their own: its name, how many are one of ours, decimals.
OWN_UNITS: Mapping[tuple[str, str], tuple[str, float, int]] = {
    ("radar-gauge", "level"): ("mm", 1000.0, 0),
}
SENML_UNITS = {"humidity": "%RH", "battery": "%EL"}


def native(telling: Telling, times: Times, topic: str, model: str = "") -> Said:
    """Native JSON: an object a time, with the units that the device speaks in."""
    scales = [OWN_UNITS.get((model, name)) for name in telling.names]
    values = telling.value.copy()
    units = list(telling.units)
    for column, own in enumerate(scales):
        if own is not None:
            units[column] = own[0]
            values[:, column] = np.round(values[:, column] * own[1], own[2])
    told = {name: unit for name, unit in zip(telling.names, units, strict=True) if unit != "bool"}
    payloads = list(_objects(telling, values, times, told))
    shown = values.copy()
    for column, own in enumerate(scales):
        if own is not None:
            shown[:, column] = values[:, column] / own[1]
    return _all(telling, times, topic, payloads, shown)


def _objects(
    telling: Telling, values: Column, times: Times, units: Mapping[str, str]
) -> Iterator[bytes]:
    whole = bool(telling.there.all())
    flags = [unit == "bool" for unit in telling.units]
    rows = zip(texts(times), values.tolist(), telling.there.tolist(), strict=True)
    for number, (time, row, there) in enumerate(rows):
        measured = {
            name: None if math.isnan(value) else (value != 0 if flag else value)
            for name, value, here, flag in zip(telling.names, row, there, flags, strict=True)
            if here
        }
        body: dict[str, object] = {"time": f"{time}Z", "values": measured}
        body["units"] = units if whole else {n: u for n, u in units.items() if n in measured}
        if telling.status is not None:
            words = zip(telling.names, telling.status[number].tolist(), strict=True)
            status = {name: word for name, word in words if word != "ok" and name in measured}
            if status:
                body["status"] = status
        yield JSON.encode(body)


def _all(telling: Telling, times: Times, topic: str, payloads: list[bytes], value: Column) -> Said:
    """Everything that is there has been told, in the order of time and name."""
    of, column = np.nonzero(telling.there)
    names = np.array(telling.names, dtype=object)
    units = np.array(telling.units, dtype=object)
    status = telling.status
    return Said(
        arrivals=telling.times.tolist(),
        topic=topic,
        payloads=payloads,
        of=of,
        times=times[of],
        quantities=names[column],
        units=units[column],
        told=value[of, column],
        status=np.full(len(of), "ok", dtype=object) if status is None else status[of, column],
    )


def senml(telling: Telling, times: Times, topic: str, base: str) -> Said:
    """SenML packs; a value that is not there has no place in them, nor has a doubt."""
    there = telling.there & ~np.isnan(telling.value)
    kept = there.any(axis=1)
    shown = Telling(
        device=telling.device,
        times=telling.times[kept],
        names=telling.names,
        units=telling.units,
        value=telling.value[kept],
        there=there[kept],
        status=None,
    )
    units = [
        SENML_UNITS.get(name, unit) for name, unit in zip(telling.names, telling.units, strict=True)
    ]
    payloads = []
    rows = zip(times[kept].tolist(), shown.value.tolist(), shown.there.tolist(), strict=True)
    for time, row, here in rows:
        records: list[dict[str, object]] = [
            {"n": name, "u": unit, "v": value}
            for name, unit, value, told in zip(telling.names, units, row, here, strict=True)
            if told
        ]
        seconds = time // SECOND if time % SECOND == 0 else time / SECOND
        payloads.append(JSON.encode([{"bn": base, "bt": seconds, **records[0]}, *records[1:]]))
    return _all(shown, times[kept], topic, payloads, shown.value)
