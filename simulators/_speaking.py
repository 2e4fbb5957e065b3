"""Devices speak as their model and their gateway do: rows become messages, each in its form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensors._domain import catalogue
from sensors._quantity import Kind
from simulators._air import lorawan_messages
from simulators._field import Field, Place
from simulators._plain_json import native_messages, senml_messages
from simulators._publications import MessageSet, Publication, native_topic
from simulators._said import DeviceMessages, Times
from simulators._telling import DeviceTable, device_tables

Skew = Callable[[Place, Times], Times]  # how wrong a device's clock is (µs) at some times

SPEAKS_SENML = frozenset({"pressure-probe"})


@dataclass(frozen=True, kw_only=True)
class _EncodingOptions:
    seed: int
    skew: Skew
    counted: frozenset[str]  # quantities that are amounts since the last message


def encode_messages(rows: pd.DataFrame, field: Field, seed: int, skew: Skew) -> MessageSet:
    """All messages, ascending by arrival; devices that the field does not know speak natively."""
    values_view = catalogue().quantities.values()
    counted = frozenset(
        quantity.name for quantity in values_view if quantity.kind is Kind.INCREMENT
    )
    options = _EncodingOptions(seed=seed, skew=skew, counted=counted)
    places = {place.device: place for place in field.places}
    encoded = []
    devices = []
    for table in device_tables(rows):
        place = places.get(
            table.device, Place(device=table.device, site=table.device, quantities={})
        )
        encoded.append(_encode_device(table, place, options))
        devices.append(table.device)
    return _merge_messages(encoded, devices)


def _encode_device(table: DeviceTable, place: Place, options: _EncodingOptions) -> DeviceMessages:
    if place.protocol in ("chirpstack", "the-things-stack"):
        return lorawan_messages(table, place, options.seed, options.counted)
    wrong = table.times + options.skew(place, table.times)
    if place.protocol == "senml":
        return senml_messages(table, wrong, f"gateways/{place.gateway}/senml", place.address)
    if place.protocol == "native":
        return native_messages(
            table, wrong, f"gateways/{place.gateway}/{native_topic(place.device)}"
        )
    if place.model in SPEAKS_SENML:
        return senml_messages(table, wrong, f"devices/{place.device}/senml", f"{place.device}/")
    return native_messages(table, wrong, native_topic(place.device), place.model)


def _merge_messages(encoded: Sequence[DeviceMessages], devices: Sequence[str]) -> MessageSet:
    """In the order of arrival, ties in the order of devices."""
    sizes = [len(device_messages.payloads) for device_messages in encoded]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    arrivals = np.array(
        [at for device_messages in encoded for at in device_messages.arrivals], dtype=np.int64
    )
    order = np.argsort(arrivals, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    of = rank[
        np.concatenate(
            [
                device_messages.of + start
                for device_messages, start in zip(encoded, starts, strict=False)
            ]
        )
    ]
    readings = np.bincount(of, minlength=len(order)).tolist()
    topics = [
        device_messages.topic for device_messages in encoded for _ in device_messages.payloads
    ]
    payloads = [payload for device_messages in encoded for payload in device_messages.payloads]
    publications = [
        Publication(
            arrival=at, topic=topics[place], payload=payloads[place], readings=readings[number]
        )
        for number, (place, at) in enumerate(
            zip(order.tolist(), arrivals[order].tolist(), strict=True)
        )
    ]
    rows = pd.DataFrame(
        {
            "time": pd.to_datetime(
                np.concatenate([device_messages.times for device_messages in encoded]),
                unit="us",
                utc=True,
            ).as_unit("us"),
            "device": np.repeat(
                np.array(devices, dtype=object),
                [len(device_messages.of) for device_messages in encoded],
            ),
            "quantity": np.concatenate([device_messages.quantities for device_messages in encoded]),
            "unit": np.concatenate([device_messages.units for device_messages in encoded]),
            "value": np.concatenate([device_messages.value for device_messages in encoded]),
            "status": np.concatenate([device_messages.status for device_messages in encoded]),
        }
    )
    return MessageSet(publications=publications, rows=rows, of=of)
