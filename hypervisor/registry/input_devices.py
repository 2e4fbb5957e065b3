"""Devices and their series in an inventory."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator, ValidationInfo

from hypervisor.broker.passwords import RESERVED
from hypervisor.registry.input_fields import (
    Context,
    Duration,
    Input,
    Instant,
    Measure,
    Name,
    PlacedInput,
    Properties,
    Rows,
    Text,
    Truth,
    context_of,
    known_in,
    one_of,
    read_fields,
)
from hypervisor.registry.input_thresholds import Thresholds, add_owner
from hypervisor.registry.inventory import Entry, Fact
from hypervisor.registry.tree import Fields, Items
from sensors._errors import Message
from sensors._nearest import did_you_mean
from sensors._quantity import CLOCK_FAULT, Kind, Quantity, Reporting


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
        """A site may only narrow the quantity's range; amounts of a longer interval are larger."""
        highest = quantity.high
        if quantity.kind is Kind.INCREMENT and self.interval:
            highest *= max(1.0, self.interval / quantity.interval.total_seconds())
        low = quantity.low if self.low is None else self.low
        high = quantity.high if self.high is None else self.high
        if low >= high:
            text = Message(
                "low {low:g} is not below high {high:g} {unit}", low, high, quantity.unit
            )
            context.problem(self.at("low"), text)
        for name in ("low", "high", "saturates"):
            value = getattr(self, name)
            if value is not None and not quantity.low <= value <= highest:
                span = f"{quantity.low:g}…{highest:g} {quantity.unit}"
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


SeriesList = Annotated[
    tuple[SeriesContent, ...],
    PlainValidator(_series),
    Rows(
        model=SeriesInput,
        key="quantity",
        columns=("interval", "stale", "low", "high", "saturates"),
        names=lambda catalogue: catalogue.quantities,
    ),
]


class DeviceInput(PlacedInput):
    """A device of a site."""

    facts: ClassVar[tuple[str, ...]] = ("in_service", "series", "group", "thresholds")

    name: Name
    model: Annotated[str, known_in(lambda catalogue: catalogue.models)] | None = None
    commissioned: Instant | None = None
    retired: Instant | None = None
    in_service: Truth | None = None
    series: SeriesList = ()
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
        facts += add_owner(self.thresholds, f"device/{self.name}")
        for entry, series_facts in self.series or self._series_of_model(context):
            entries.append(replace(entry, key=f"{self.name}/{entry.key}"))
            facts += add_owner(series_facts, self.name)
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
