"""Devices speak as their model and their gateway do: rows become messages, each in its form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensors._domain import catalogue
from sensors._quantity import Kind
from simulators._air import over_the_air
from simulators._field import Field, Place
from simulators._plain_json import native, senml
from simulators._publications import Publication, Spoken, native_topic
from simulators._said import Said, Times
from simulators._telling import Telling, tellings

Skew = Callable[[Place, Times], Times]  # how wrong a device's clock is (µs) at some times

SPEAKS_SENML = frozenset({"pressure-probe"})


@dataclass(frozen=True, kw_only=True)
class _Manner:
    seed: int
    skew: Skew
    counted: frozenset[str]  # quantities that are amounts since the last message


def spoken(rows: pd.DataFrame, field: Field, seed: int, skew: Skew) -> Spoken:
    """All messages, ascending by arrival; devices that the field does not know speak natively."""
    values_view = catalogue().quantities.values()
    counted = frozenset(each.name for each in values_view if each.kind is Kind.INCREMENT)
    how = _Manner(seed=seed, skew=skew, counted=counted)
    places = {place.device: place for place in field.places}
    said = []
    devices = []
    for telling in tellings(rows):
        place = places.get(
            telling.device, Place(device=telling.device, site=telling.device, quantities={})
        )
        said.append(_said(telling, place, how))
        devices.append(telling.device)
    return _together(said, devices)


def _said(telling: Telling, place: Place, how: _Manner) -> Said:
    if place.protocol in ("chirpstack", "the-things-stack"):
        return over_the_air(telling, place, how.seed, how.counted)
    wrong = telling.times + how.skew(place, telling.times)
    if place.protocol == "senml":
        return senml(telling, wrong, f"gateways/{place.gateway}/senml", place.address)
    if place.protocol == "native":
        return native(telling, wrong, f"gateways/{place.gateway}/{native_topic(place.device)}")
    if place.model in SPEAKS_SENML:
        return senml(telling, wrong, f"devices/{place.device}/senml", f"{place.device}/")
    return native(telling, wrong, native_topic(place.device), place.model)


def _together(said: Sequence[Said], devices: Sequence[str]) -> Spoken:
    """In the order of arrival, ties in the order of devices."""
    sizes = [len(each.payloads) for each in said]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    arrivals = np.array([at for each in said for at in each.arrivals], dtype=np.int64)
    order = np.argsort(arrivals, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    of = rank[np.concatenate([each.of + start for each, start in zip(said, starts, strict=False)])]
    readings = np.bincount(of, minlength=len(order)).tolist()
    topics = [each.topic for each in said for _ in each.payloads]
    payloads = [payload for each in said for payload in each.payloads]
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
                np.concatenate([each.times for each in said]), unit="us", utc=True
            ).as_unit("us"),
            "device": np.repeat(np.array(devices, dtype=object), [len(each.of) for each in said]),
            "quantity": np.concatenate([each.quantities for each in said]),
            "unit": np.concatenate([each.units for each in said]),
            "value": np.concatenate([each.told for each in said]),
            "status": np.concatenate([each.status for each in said]),
        }
    )
    return Spoken(publications=publications, rows=rows, of=of)
