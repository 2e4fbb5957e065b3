"""Readings become messages, each in the form of its device's codec, model and gateway."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensors._domain import Catalogue, catalogue
from sensors._quantity import Kind
from simulators._device_table import DeviceMessages, DeviceTable, Times, device_tables
from simulators._field import Field, Place
from simulators._lorawan import PROTOCOLS, layout_of, lorawan_messages
from simulators._plain_json import native_messages, senml_messages
from simulators._publications import MessageSet, Publication, native_topic

Skew = Callable[[Place, Times], Times]  # error of a device's clock (µs) at some times


@dataclass(frozen=True, kw_only=True)
class _EncodingOptions:
    seed: int
    skew: Skew
    catalogue: Catalogue
    counted: frozenset[str]  # quantities that are amounts since the last message


def encode_messages(rows: pd.DataFrame, field: Field, seed: int, skew: Skew) -> MessageSet:
    """All messages by arrival; devices that the field does not have send the native format."""
    quantities = catalogue()
    options = _EncodingOptions(
        seed=seed,
        skew=skew,
        catalogue=quantities,
        counted=frozenset(
            q.name for q in quantities.quantities.values() if q.kind is Kind.INCREMENT
        ),
    )
    places = {place.device: place for place in field.places}
    encoded = {
        table.device: _encode_device(
            table,
            places.get(table.device)
            or Place(device=table.device, site=table.device, quantities={}),
            options,
        )
        for table in device_tables(rows)
    }
    return _merge_messages(list(encoded.values()), list(encoded))


def _encode_device(table: DeviceTable, place: Place, options: _EncodingOptions) -> DeviceMessages:
    model = options.catalogue.models.get(place.model)
    if place.protocol in PROTOCOLS:
        layout = layout_of(table, place.codec, model)
        if layout is not None:
            return lorawan_messages(table, place, layout, options.seed, options.counted)
    wrong = table.times + options.skew(place, table.times)
    if place.protocol == "senml":
        return senml_messages(table, wrong, f"gateways/{place.gateway}/senml", place.address)
    if place.gateway:  # what a script decodes and we cannot encode goes out in the native format
        topic = f"gateways/{place.gateway}/devices/{place.address or place.device}/readings"
        return native_messages(table, wrong, topic)
    if place.codec is not None and place.codec.form == "senml":
        return senml_messages(table, wrong, f"devices/{place.device}/senml", f"{place.device}/")
    return native_messages(
        table, wrong, native_topic(place.device), None if model is None else model.units
    )


def _merge_messages(encoded: Sequence[DeviceMessages], devices: Sequence[str]) -> MessageSet:
    """By arrival, ties in the order of devices."""
    sizes = [len(messages.payloads) for messages in encoded]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    arrivals = np.array([at for messages in encoded for at in messages.arrivals], dtype=np.int64)
    order = np.argsort(arrivals, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    of = rank[np.concatenate([m.of + start for m, start in zip(encoded, starts, strict=True)])]
    readings = np.bincount(of, minlength=len(order)).tolist()
    senders = [
        (device, messages.topic)
        for device, messages in zip(devices, encoded, strict=True)
        for _ in messages.payloads
    ]
    payloads = [payload for messages in encoded for payload in messages.payloads]
    publications = [
        Publication(
            arrival=at,
            topic=senders[place][1],
            payload=payloads[place],
            readings=count,
            device=senders[place][0],
        )
        for place, at, count in zip(order.tolist(), arrivals[order].tolist(), readings, strict=True)
    ]
    times = np.concatenate([messages.times for messages in encoded])
    rows = pd.DataFrame(
        {
            "time": pd.to_datetime(times, unit="us", utc=True).as_unit("us"),
            "device": np.repeat(
                np.array(devices, dtype=object), [len(messages.of) for messages in encoded]
            ),
            "quantity": np.concatenate([messages.quantities for messages in encoded]),
            "unit": np.concatenate([messages.units for messages in encoded]),
            "value": np.concatenate([messages.value for messages in encoded]),
            "status": np.concatenate([messages.status for messages in encoded]),
        }
    )
    return MessageSet(publications=publications, rows=rows, of=of)
