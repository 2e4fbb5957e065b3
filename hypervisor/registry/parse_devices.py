"""Devices and their series, as a file writes them."""

from collections.abc import Iterator
from typing import Any

from hypervisor.base.scalars import duration, instant, truth
from hypervisor.broker.passwords import RESERVED
from hypervisor.registry.field_reader import FieldReader, in_unit, when
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
    form: FieldReader, *, site: str, catalogue: Catalogue, illustrative: bool
) -> tuple[list[Entry], list[Fact]]:
    """One device: its entry, then its series' entries; the facts of both.

    Every device has a series that counts its unbelievable times, said or not.
    """
    name = form.name()
    if name is None:
        return [], []
    if name in RESERVED:
        form.problem(f"{name!r} is an account of the hypervisor itself", form.at("name"))
    given = form.given(
        {
            "model": str,
            "commissioned": when,
            "retired": when,
            "gateway": str,
            "address": str,
            "codec": str,
            **COORDINATES,
        }
    )
    given["site"] = site
    check_point(form, given)
    if form.has("properties"):
        given["properties"] = form.properties()
    model = given.get("model")
    if model is not None and model not in catalogue.models:
        form.problem(
            f"unknown model {model!r}{did_you_mean(model, catalogue.models)}", form.at("model")
        )
    commissioned, retired = given.get("commissioned"), given.get("retired")
    if commissioned and retired and retired < commissioned:
        form.problem("is retired before it was commissioned", form.at("retired"))
    facts = [*_parse_service(form, name, given), *_parse_membership(form, name)]
    facts.extend(
        parse_thresholds(form, f"device/{name}", catalogue=catalogue, illustrative=illustrative)
    )
    entries = [Entry(key=name, given=given, where=form.where)]
    for quantity, node in _series_nodes(form, model, catalogue).items():
        series = _parse_series(form, f"{name}/{quantity}", quantity, node, catalogue)
        if series is not None:
            entries.append(series[0])
            facts.extend(series[1])
    clock = Entry(key=f"{name}/{CLOCK_FAULT}", given={}, where=form.where)
    if all(entry.key != clock.key for entry in entries):
        entries.append(clock)
    return entries, facts


def _parse_service(form: FieldReader, name: str, given: dict[str, Any]) -> list[Fact]:
    """In service or not: said so, or by the time of retirement."""
    if form.has("retired"):
        retired = given.get("retired")
        value = {"in_service": retired is None}
        return [
            Fact(kind="device", key=name, value=value, effective=retired, where=form.at("retired"))
        ]
    in_service = form.take("in_service", truth)
    if in_service is None:
        return []
    return [
        Fact(kind="device", key=name, value={"in_service": in_service}, where=form.at("in_service"))
    ]


def _parse_membership(form: FieldReader, name: str) -> Iterator[Fact]:
    """The group that a device says it belongs to; a group may list its members as well."""
    if form.withdrawn("group"):
        text = f"write what it leaves, under groups: members: {{{name}: null}}"
        form.problem(text, form.at("group"))
    group = form.name("group") if form.has("group") and not form.withdrawn("group") else None
    if group is not None:
        yield Fact(kind="member", key=f"{group}/{name}", value={}, where=form.at("group"))


def _series_nodes(form: FieldReader, model: str | None, catalogue: Catalogue) -> dict[str, Node]:
    nodes = dict(form.nodes("series"))
    if not nodes and model is not None and model in catalogue.models:
        return {
            quantity: Leaf(text="", where=form.at("model"))
            for quantity in catalogue.models[model].quantities
        }
    return nodes


def _parse_series(
    form: FieldReader, key: str, quantity: str, node: Node, catalogue: Catalogue
) -> tuple[Entry, list[Fact]] | None:
    quantity_model = catalogue.quantities.get(quantity)
    if quantity_model is None:
        hint = did_you_mean(quantity, catalogue.quantities)
        form.problem(f"unknown quantity {quantity!r}{hint}", node.where)
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
        form.problem("expected an interval or fields", node.where)
        return None
    own = FieldReader(node, form.problems, allowed=SERIES_FIELDS)
    measure = in_unit(quantity_model.unit)
    given = own.given({"low": measure, "high": measure, "saturates": measure})
    _check_range(own, quantity_model, given)
    value = _parse_reporting(own)
    entry = Entry(key=key, given=given, where=node.where)
    if not value:
        return entry, []
    effective = own.take("effective", instant)
    return entry, [Fact(kind="series", key=key, value=value, effective=effective, where=node.where)]


def _check_range(form: FieldReader, quantity: Quantity, given: dict[str, Any]) -> None:
    low, high = given.get("low"), given.get("high")
    low = quantity.low if low is None else low
    high = quantity.high if high is None else high
    if low >= high:
        form.problem(f"low {low:g} is not below high {high:g} {quantity.unit}", form.at("low"))
    for name, value in given.items():
        if value is not None and not quantity.low <= value <= quantity.high:
            form.problem(
                f"{value:g} {quantity.unit} lies outside what {quantity.name} can be,"
                f" {quantity.low:g}…{quantity.high:g} {quantity.unit}: a site may only narrow it",
                form.at(name),
            )


def _parse_reporting(form: FieldReader) -> dict[str, Any]:
    value: dict[str, Any] = {}
    interval, stale = form.take("interval", duration), form.take("stale", duration)
    if interval is not None:
        value["interval_s"] = interval
        if interval == 0:
            form.problem("an interval of 0 is no interval", form.at("interval"))
    if stale is not None:
        value["stale_s"] = stale
        if interval is not None and stale < interval:
            form.problem("is shorter than the interval: always stale", form.at("stale"))
    reporting = form.text("reporting")
    if reporting is not None:
        value["reporting"] = reporting
        if reporting not in list(Reporting):
            form.problem(
                f"unknown reporting {reporting!r}{did_you_mean(reporting, list(Reporting))}",
                form.at("reporting"),
            )
    return value
