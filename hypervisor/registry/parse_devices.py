"""Parse devices and their series."""

from collections.abc import Iterator
from typing import Any

from hypervisor.base.scalars import duration, instant, truth
from hypervisor.broker.passwords import RESERVED
from hypervisor.registry.field_reader import FieldReader, in_unit
from hypervisor.registry.inventory import Entry, Fact
from hypervisor.registry.parse_sites import COORDINATES, check_point
from hypervisor.registry.parse_thresholds import parse_thresholds
from hypervisor.registry.tree import Fields, Leaf, Node
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from sensors._quantity import CLOCK_FAULT, Quantity, Reporting

DEVICE_FIELDS = (
    *("name", "model", "commissioned", "retired", "in_service", "series", "group"),
    *("gateway", "address", "codec", "lon", "lat", "properties", "thresholds"),
)
SERIES_FIELDS = ("interval", "stale", "reporting", "low", "high", "saturates", "effective")


def parse_device(
    reader: FieldReader, *, site: str, catalogue: Catalogue, illustrative: bool
) -> tuple[list[Entry], list[Fact]]:
    """One device: its entry, then its series' entries; the facts of both.

    Every device has a series that counts its unbelievable times, said or not.
    """
    name = reader.name()
    if name is None:
        return [], []
    if name in RESERVED:
        reader.problem(f"{name!r} is an account of the hypervisor itself", reader.at("name"))
    given = reader.given(
        {
            "model": str,
            "commissioned": instant,
            "retired": instant,
            "gateway": str,
            "address": str,
            "codec": str,
            **COORDINATES,
        }
    )
    given["site"] = site
    check_point(reader, given)
    if reader.has("properties"):
        given["properties"] = reader.properties()
    model = given.get("model")
    if model is not None and model not in catalogue.models:
        reader.problem(
            f"unknown model {model!r}{did_you_mean(model, catalogue.models)}", reader.at("model")
        )
    commissioned, retired = given.get("commissioned"), given.get("retired")
    if commissioned and retired and retired < commissioned:
        reader.problem("is retired before it was commissioned", reader.at("retired"))
    facts = [*_parse_service(reader, name, given), *_parse_membership(reader, name)]
    facts.extend(
        parse_thresholds(reader, f"device/{name}", catalogue=catalogue, illustrative=illustrative)
    )
    entries = [Entry(key=name, given=given, where=reader.where)]
    for quantity, node in _series_nodes(reader, model, catalogue).items():
        series = _parse_series(reader, f"{name}/{quantity}", quantity, node, catalogue)
        if series is not None:
            entries.append(series[0])
            facts.extend(series[1])
    clock = Entry(key=f"{name}/{CLOCK_FAULT}", given={}, where=reader.where)
    if all(entry.key != clock.key for entry in entries):
        entries.append(clock)
    return entries, facts


def _parse_service(reader: FieldReader, name: str, given: dict[str, Any]) -> list[Fact]:
    """In service or not: as given, or from the time of retirement."""
    if reader.has("retired"):
        retired = given.get("retired")
        value = {"in_service": retired is None}
        return [
            Fact(
                kind="device", key=name, value=value, effective=retired, where=reader.at("retired")
            )
        ]
    in_service = reader.take("in_service", truth)
    if in_service is None:
        return []
    return [
        Fact(
            kind="device", key=name, value={"in_service": in_service}, where=reader.at("in_service")
        )
    ]


def _parse_membership(reader: FieldReader, name: str) -> Iterator[Fact]:
    """The group that a device names; groups may list their members instead."""
    if reader.withdrawn("group"):
        text = f"write what it leaves, under groups: members: {{{name}: null}}"
        reader.problem(text, reader.at("group"))
    group = reader.name("group") if reader.has("group") and not reader.withdrawn("group") else None
    if group is not None:
        yield Fact(kind="member", key=f"{group}/{name}", value={}, where=reader.at("group"))


def _series_nodes(reader: FieldReader, model: str | None, catalogue: Catalogue) -> dict[str, Node]:
    nodes = dict(reader.nodes("series"))
    if not nodes and model is not None and model in catalogue.models:
        return {
            quantity: Leaf(text="", where=reader.at("model"))
            for quantity in catalogue.models[model].quantities
        }
    return nodes


def _parse_series(
    reader: FieldReader, key: str, quantity: str, node: Node, catalogue: Catalogue
) -> tuple[Entry, list[Fact]] | None:
    quantity_model = catalogue.quantities.get(quantity)
    if quantity_model is None:
        hint = did_you_mean(quantity, catalogue.quantities)
        reader.problem(f"unknown quantity {quantity!r}{hint}", node.where)
        return None
    if isinstance(node, Leaf):
        if node.text is None:
            withdrawn = Fact(kind="series", key=key, value=None, where=node.where)
            return Entry(key=key, given={}, where=node.where), [withdrawn]
        node = Fields(
            fields={"interval": node} if node.text else {},
            where=node.where,
        )
    if not isinstance(node, Fields):
        reader.problem("expected an interval or fields", node.where)
        return None
    own = FieldReader(node, reader.problems, allowed=SERIES_FIELDS)
    measure = in_unit(quantity_model.unit)
    given = own.given({"low": measure, "high": measure, "saturates": measure})
    _check_range(own, quantity_model, given)
    value = _parse_reporting(own)
    entry = Entry(key=key, given=given, where=node.where)
    if not value:
        return entry, []
    effective = own.take("effective", instant)
    return entry, [Fact(kind="series", key=key, value=value, effective=effective, where=node.where)]


def _check_range(reader: FieldReader, quantity: Quantity, given: dict[str, Any]) -> None:
    low, high = given.get("low"), given.get("high")
    low = quantity.low if low is None else low
    high = quantity.high if high is None else high
    if low >= high:
        reader.problem(f"low {low:g} is not below high {high:g} {quantity.unit}", reader.at("low"))
    for name, value in given.items():
        if value is not None and not quantity.low <= value <= quantity.high:
            reader.problem(
                f"{value:g} {quantity.unit} lies outside what {quantity.name} can be,"
                f" {quantity.low:g}…{quantity.high:g} {quantity.unit}: a site may only narrow it",
                reader.at(name),
            )


def _parse_reporting(reader: FieldReader) -> dict[str, Any]:
    value: dict[str, Any] = {}
    interval, stale = reader.take("interval", duration), reader.take("stale", duration)
    if interval is not None:
        value["interval_s"] = interval
        if interval == 0:
            reader.problem("an interval of 0 is no interval", reader.at("interval"))
    if stale is not None:
        value["stale_s"] = stale
        if interval is not None and stale < interval:
            reader.problem("is shorter than the interval: always stale", reader.at("stale"))
    reporting = reader.text("reporting")
    if reporting is not None:
        value["reporting"] = reporting
        if reporting not in list(Reporting):
            reader.problem(
                f"unknown reporting {reporting!r}{did_you_mean(reporting, list(Reporting))}",
                reader.at("reporting"),
            )
    return value
