"""Areas, sites, devices, series, thresholds, datums and links of an inventory."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, ValidationInfo

from hypervisor.broker.passwords import RESERVED
from hypervisor.registry.input_fields import (
    Context,
    Count,
    Duration,
    FactInput,
    Input,
    Insee,
    Instant,
    Measure,
    Metres,
    Name,
    Number,
    PlacedInput,
    Properties,
    Text,
    Truth,
    check_word,
    context_of,
    fields_of,
    known_in,
    list_of,
    mark_place,
    one_of,
    read_fields,
)
from hypervisor.registry.inventory import Entry, Fact
from hypervisor.registry.tree import Fields, Items, Node
from sensors import _units as units
from sensors._domain import Threshold
from sensors._errors import Message
from sensors._nearest import did_you_mean
from sensors._quantity import CLOCK_FAULT, Kind, Quantity, Reporting

AREA_KINDS = ("departement", "epci", "commune")
_SUBJECTS = ("device", "group")  # what rules call devices and groups: no site is called so
_CODES = {
    "departement": (re.compile(r"\d{2,3}|2[AB]"), "two or three digits, or 2A, 2B"),
    "epci": (re.compile(r"\d{9}"), "a SIREN of nine digits"),
    "commune": (
        re.compile(r"(?:\d{2}|2[AB])\d{3}"),
        "an INSEE code of five characters such as 91228",
    ),
}


class AreaInput(PlacedInput):
    """A piece of the territory."""

    key: ClassVar[str] = "code"

    code: Text
    kind: Annotated[str, one_of(AREA_KINDS)] | None = None
    name: Text | None = None
    parent: Text | None = None
    population: Count | None = None

    def check(self, context: Context) -> None:
        super().check(context)
        if self.kind is not None and not _CODES[self.kind][0].fullmatch(self.code):
            text = Message(
                "{code!r}: the code of a {kind} is {form}",
                self.code,
                self.kind,
                _CODES[self.kind][1],
            )
            context.problem(self.at("code"), text)


# -- thresholds ------------------------------------------------------------------------------------


class ThresholdInput(FactInput):
    """A threshold in its vocabulary's unit."""

    value: Measure = Field(description="such as 3.10 m")
    quantity: Text | None = None


def read_thresholds(nodes: Node, context: Context) -> Iterator[Fact]:
    """Thresholds by name, the keys without their owner; null withdraws.

    Raises:
        ValueError: it is no mapping.
    """
    if not nodes:
        return
    if not isinstance(nodes, Fields):
        raise ValueError("expected names, each with its value")  # noqa: TRY004  pydantic's
    for name, node in nodes.items():
        at = nodes.at(name)
        if node is None:
            yield Fact(kind="threshold", key=name, value=None, where=at)
            continue
        fields = Fields.short("value", node, at)
        if fields is None:
            context.problem(at, "expected a value such as 3.10 m")
            continue
        threshold = _find_vocabulary(name, fields, context)
        if threshold is None:
            continue
        own = read_fields(ThresholdInput, fields, at, replace(context, unit=threshold.unit))
        if own is not None:
            _check_threshold(own, threshold, context)
            value = {"value": own.value, "unit": threshold.unit, "quantity": threshold.quantity}
            marked = "thresholds" in context.marked
            yield own.fact("threshold", name, value, marked=marked, where=own.at("value"))


def _thresholds(node: Any, info: ValidationInfo) -> tuple[Fact, ...]:
    return tuple(read_thresholds(node, context_of(info)))


Thresholds = Annotated[tuple[Fact, ...], PlainValidator(_thresholds)]


def _owned(facts: Iterable[Fact], owner: str) -> list[Fact]:
    return [replace(fact, key=f"{owner}/{fact.key}") for fact in facts]


def _find_vocabulary(name: str, fields: Fields, context: Context) -> Threshold | None:
    """The threshold's quantity and unit: from the catalogue, or given with a new name."""
    catalogue = context.catalogue
    threshold, quantity = catalogue.thresholds.get(name), fields.get("quantity")
    if threshold is not None:
        if quantity not in (None, threshold.quantity):
            text = Message(
                "threshold {name!r} is one of {quantity}, not {other}",
                name,
                threshold.quantity,
                quantity,
            )
            context.problem(fields.at("quantity"), text)
        return threshold
    if quantity is None:
        hint = did_you_mean(name, catalogue.thresholds)
        context.problem(
            fields.where,
            Message(
                "unknown threshold {name!r}{hint} (one of your own states its quantity: "
                "{{value: 3.10 m, quantity: level}})",
                name,
                hint,
            ),
        )
        return None
    try:
        named = check_word(quantity, "quantity", catalogue.quantities)
    except ValueError as error:
        context.problem(fields.at("quantity"), str(error))
        return None
    unit = catalogue.quantities[named].unit
    return Threshold(name=name, quantity=named, unit=unit, label_en=name, label_fr=name)


def _check_threshold(own: ThresholdInput, threshold: Threshold, context: Context) -> None:
    """A threshold lies within its quantity's range; increments may add up to more."""
    quantity, value = context.catalogue.quantities[threshold.quantity], own.value
    if units.dimension(threshold.unit) != units.dimension(quantity.unit):
        if value <= 0:
            text = Message("{value:g} {unit}: a rise is above zero", value, threshold.unit)
            context.problem(own.at("value"), text)
        return
    high = inf if quantity.kind is Kind.INCREMENT else quantity.high
    if not quantity.low <= units.convert(value, threshold.unit, quantity.unit) <= high:
        text = Message(
            "{value:g} {unit} lies outside what {quantity} can be, {low:g}…{high:g} {unit2}",
            value,
            threshold.unit,
            quantity.name,
            quantity.low,
            high,
            quantity.unit,
        )
        context.problem(own.at("value"), text)


# -- series ----------------------------------------------------------------------------------------


class SeriesInput(Input):
    """A series: its range, and how it reports."""

    interval: Duration | None = None
    stale: Duration | None = None
    reporting: Annotated[str, one_of(Reporting)] | None = None
    low: Measure | None = None
    high: Measure | None = None
    saturates: Measure | None = None
    effective: Instant | None = None

    def check(self, context: Context) -> None:
        if self.interval == 0:
            context.problem(self.at("interval"), "an interval of 0 is no interval")
        if None not in (self.interval, self.stale) and (self.stale or 0) < (self.interval or 0):
            context.problem(self.at("stale"), "is shorter than the interval: always stale")

    def check_range(self, quantity: Quantity, context: Context) -> None:
        """A site may only narrow the quantity's range."""
        low = quantity.low if self.low is None else self.low
        high = quantity.high if self.high is None else self.high
        if low >= high:
            text = Message(
                "low {low:g} is not below high {high:g} {unit}", low, high, quantity.unit
            )
            context.problem(self.at("low"), text)
        for name in ("low", "high", "saturates"):
            value = getattr(self, name)
            if value is not None and not quantity.low <= value <= quantity.high:
                span = f"{quantity.low:g}…{quantity.high:g} {quantity.unit}"
                text = Message(
                    "{value:g} {unit} lies outside what {quantity} can be, {span}: a site may only "
                    "narrow it",
                    value,
                    quantity.unit,
                    quantity.name,
                    span,
                )
                context.problem(self.at(name), text)

    def content(self, key: str) -> tuple[Entry, list[Fact]]:
        """The entry, and how it reports if that is given."""
        ranged = ("low", "high", "saturates")
        given = {name: getattr(self, name) for name in ranged if self.has(name)}
        reporting = {
            "interval_s": self.interval,
            "stale_s": self.stale,
            "reporting": self.reporting,
        }
        value = {name: part for name, part in reporting.items() if part is not None}
        entry = Entry(key=key, given=given, where=self.where)
        fact = Fact(kind="series", key=key, value=value, effective=self.effective, where=self.where)
        return entry, [fact] if value else []


SeriesContent = tuple[Entry, list[Fact]]


def _read_series(nodes: Fields, context: Context) -> Iterator[SeriesContent]:
    """Each quantity with null, an interval, or fields; the keys without their device."""
    for name, node in nodes.items():
        at = nodes.at(name)
        quantity = context.catalogue.quantities.get(name)
        if quantity is None:
            hint = did_you_mean(name, context.catalogue.quantities)
            context.problem(at, Message("unknown quantity {name!r}{hint}", name, hint))
            continue
        if node is None:
            withdrawn = Fact(kind="series", key=name, value=None, where=at)
            yield Entry(key=name, given={}, where=at), [withdrawn]
            continue
        fields = Fields(at) if node == "" else Fields.short("interval", node, at)
        own = read_fields(SeriesInput, fields, at, replace(context, unit=quantity.unit))
        if own is not None:
            own.check_range(quantity, context)
            yield own.content(name)


def _series(node: Any, info: ValidationInfo) -> tuple[SeriesContent, ...]:
    """Names with values, or a list of names alone."""
    if isinstance(node, Items) and all(isinstance(item, str) for item in node):
        fields = Fields(node.where)
        for item, at in zip(node, node.places, strict=True):
            fields.put(str(item), "", at)
        node = fields
    if node and not isinstance(node, Fields):
        raise ValueError("expected names, each with its value")
    return tuple(_read_series(node, context_of(info))) if node else ()


# -- devices ---------------------------------------------------------------------------------------


class DeviceInput(PlacedInput):
    """A device of a site."""

    facts: ClassVar[tuple[str, ...]] = ("in_service", "series", "group", "thresholds")

    name: Name
    model: Annotated[str, known_in(lambda catalogue: catalogue.models)] | None = None
    commissioned: Instant | None = None
    retired: Instant | None = None
    in_service: Truth | None = None
    series: Annotated[tuple[SeriesContent, ...], PlainValidator(_series)] = ()
    group: Name | None = None
    gateway: Text | None = None
    address: Text | None = None
    codec: Text | None = None
    properties: Properties
    thresholds: Thresholds = ()

    def check(self, context: Context) -> None:
        super().check(context)
        refuse_reserved(self, self.name, context)
        if self.commissioned and self.retired and self.retired < self.commissioned:
            context.problem(self.at("retired"), "is retired before it was commissioned")
        if self.withdraws("group"):
            text = Message(
                "write what it leaves, under groups: members: {{{name}: null}}", self.name
            )
            context.problem(self.at("group"), text)

    def content(self, site: str, context: Context) -> tuple[list[Entry], list[Fact]]:
        """Its entry and those of its series; the facts of both.

        Every device has a series that counts its implausible times, listed or not.
        """
        entries = [self.entry(site=site)]
        facts = [*self._service(), *self._membership()]
        facts += _owned(self.thresholds, f"device/{self.name}")
        for entry, series_facts in self.series or self._series_of_model(context):
            entries.append(replace(entry, key=f"{self.name}/{entry.key}"))
            facts += _owned(series_facts, self.name)
        clock = Entry(key=f"{self.name}/{CLOCK_FAULT}", given={}, where=self.where)
        if all(entry.key != clock.key for entry in entries):
            entries.append(clock)
        return entries, facts

    def _series_of_model(self, context: Context) -> Iterator[SeriesContent]:
        fields = Fields(self.where)
        for quantity in context.catalogue.models[self.model].quantities if self.model else ():
            fields.put(quantity, "", self.at("model"))
        return _read_series(fields, context)

    def _service(self) -> Iterator[Fact]:
        """In service or not: as given, or from the time of retirement."""
        if self.has("retired"):
            value, at, since = self.retired is None, self.at("retired"), self.retired
        elif self.in_service is not None:
            value, at, since = self.in_service, self.at("in_service"), None
        else:
            return
        yield Fact(
            kind="device", key=self.name, value={"in_service": value}, where=at, effective=since
        )

    def _membership(self) -> Iterator[Fact]:
        """The group that a device names; groups may list their members instead."""
        if self.group is not None:
            key = f"{self.group}/{self.name}"
            yield Fact(kind="member", key=key, value={}, where=self.at("group"))


def refuse_reserved(own: Input, name: str, context: Context) -> None:
    """Devices and gateways share the broker's accounts with the hypervisor."""
    if name in RESERVED:
        context.problem(
            own.at("name"), Message("{name!r} is an account of the hypervisor itself", name)
        )


# -- sites -----------------------------------------------------------------------------------------


class DatumInput(FactInput):
    """The zero of a site's gauge above the sea (NGF-IGN69)."""

    zero: Metres = Field(description="such as 48.61 m")


class SiteInput(PlacedInput):
    """A site with its devices and thresholds."""

    facts: ClassVar[tuple[str, ...]] = ("devices", "thresholds", "datum")
    shorts: ClassVar[Mapping[str, str]] = {"datum": "zero"}

    name: Name
    title: Text | None = None
    domain: Annotated[str, known_in(lambda catalogue: catalogue.domains)] | None = None
    commune: Insee | None = None
    river: Text | None = None
    river_order: Number | None = None
    illustrative: Truth | None = None
    properties: Properties
    devices: Annotated[tuple[DeviceInput, ...], list_of(DeviceInput)] = ()
    thresholds: Thresholds = ()
    datum: Annotated[DatumInput | None, fields_of(DatumInput)] = None

    def check(self, context: Context) -> None:
        super().check(context)
        if self.name in _SUBJECTS:
            text = Message("{name!r} is a word of the rules, no name of a site", self.name)
            context.problem(self.at("name"), text)

    def content(self, context: Context) -> tuple[Entry, list[Entry], list[Fact]]:
        """Its entry; those of its devices and series; the facts of all."""
        equipped: list[Entry] = []
        facts: list[Fact] = []
        for device in self.devices:
            entries, device_facts = device.content(self.name, context)
            equipped += entries
            facts += device_facts
        facts += _owned(self.thresholds, self.name)
        zero = {"zero": self.datum.zero, "unit": "m"} if self.datum else None
        facts += self.inner_facts("datum", zero, marked="datum" in context.marked)
        return self.entry(**mark_place(self, context, placed=self.has("lon"))), equipped, facts


class LinkInput(FactInput):
    """Water flows from one site to another; a null travel time withdraws the link."""

    upstream: Name = Field(alias="from")
    downstream: Name = Field(alias="to")
    travel: Duration | None = Field(description="a time such as 3 h")

    def check(self, context: Context) -> None:
        if self.upstream == self.downstream:
            context.problem(self.at("to"), "a site cannot lie upstream of itself")

    def content(self, context: Context) -> Fact:
        """The link."""
        value = None if self.travel is None else {"travel_s": self.travel}
        key = f"{self.upstream}>{self.downstream}"
        return self.fact("link", key, value, marked="travel" in context.marked)
