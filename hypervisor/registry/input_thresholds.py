"""Thresholds of an inventory, owned by a site or a device."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import inf
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo

from hypervisor.base.translation import mark
from hypervisor.registry.input_fields import (
    Context,
    FactInput,
    Measure,
    Rows,
    Text,
    check_word,
    context_of,
    read_fields,
)
from hypervisor.registry.inventory import Fact
from hypervisor.registry.tree import Fields, Node
from sensors import _units as units
from sensors._domain import Threshold
from sensors._errors import Message
from sensors._nearest import did_you_mean
from sensors._quantity import Kind


class ThresholdInput(FactInput):
    """A threshold in its vocabulary's unit."""

    value: Measure = Field(description=mark("such as 3.10 m"))
    quantity: Text | None = None


def read_thresholds(nodes: Node, context: Context) -> Iterator[Fact]:
    """Thresholds by name, the keys without their owner; null withdraws.

    Raises ValueError: it is no mapping.
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


Thresholds = Annotated[
    tuple[Fact, ...],
    PlainValidator(_thresholds),
    Rows(
        model=ThresholdInput,
        key="name",
        columns=("value", "quantity"),
        names=lambda catalogue: catalogue.thresholds,
    ),
]


def add_owner(facts: Iterable[Fact], owner: str) -> list[Fact]:
    """Facts under the key of the site or device that has them."""
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
