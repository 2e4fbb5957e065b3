"""Parse thresholds, datums and links between sites."""

from collections.abc import Iterator
from math import inf

from hypervisor.base.scalars import duration
from hypervisor.registry.field_reader import FieldReader, in_unit
from hypervisor.registry.inventory import Fact
from hypervisor.registry.tree import Fields, Leaf, Node
from sensors import _units as units
from sensors._domain import Catalogue, Threshold
from sensors._nearest import did_you_mean
from sensors._quantity import Kind

THRESHOLD_FIELDS = ("value", "quantity", "illustrative", "effective", "reason")
DATUM_FIELDS = ("zero", "illustrative", "effective", "reason")
LINK_FIELDS = ("from", "to", "travel", "illustrative", "effective", "reason")


def parse_thresholds(
    reader: FieldReader, owner: str, *, catalogue: Catalogue, illustrative: bool
) -> Iterator[Fact]:
    """The thresholds of a site (`owner` is its name) or a device (`device/<name>`)."""
    for name, node in reader.nodes("thresholds").items():
        fact = _parse_threshold(
            reader, f"{owner}/{name}", node, catalogue=catalogue, illustrative=illustrative
        )
        if fact is not None:
            yield fact


def _parse_threshold(
    reader: FieldReader, key: str, node: Node, *, catalogue: Catalogue, illustrative: bool
) -> Fact | None:
    """One threshold in its vocabulary's unit; null withdraws it."""
    name = key.rpartition("/")[2]
    if isinstance(node, Leaf) and node.text is None:
        return Fact(kind="threshold", key=key, value=None, where=node.where)
    if isinstance(node, Leaf):
        node = Fields(fields={"value": node}, where=node.where)
    if not isinstance(node, Fields):
        reader.problem("expected a value such as 3.10 m", node.where)
        return None
    own = FieldReader(node, reader.problems, allowed=THRESHOLD_FIELDS)
    threshold = _find_vocabulary(own, name, catalogue)
    if threshold is None:
        return None
    value = own.take("value", in_unit(threshold.unit))
    content = {"value": value, "unit": threshold.unit, "quantity": threshold.quantity}
    fact = own.fact("threshold", key, content, illustrative=illustrative, where=own.at("value"))
    if value is None:
        if not own.has("value"):
            own.problem("needs a 'value' such as 3.10 m", own.at("value"))
        return None
    _check_threshold(own, threshold, value, catalogue)
    return fact


def _find_vocabulary(reader: FieldReader, name: str, catalogue: Catalogue) -> Threshold | None:
    """The threshold's quantity and unit: from the catalogue, or given with a new name."""
    threshold = catalogue.thresholds.get(name)
    quantity = reader.text("quantity")
    if threshold is not None:
        if quantity not in (None, threshold.quantity):
            reader.problem(
                f"threshold {name!r} is one of {threshold.quantity}, not {quantity}",
                reader.at("quantity"),
            )
        return threshold
    if quantity is None:
        reader.problem(
            f"unknown threshold {name!r}{did_you_mean(name, catalogue.thresholds)} (one of your own"
            " says its quantity: {value: 3.10 m, quantity: level})"
        )
        return None
    if quantity not in catalogue.quantities:
        hint = did_you_mean(quantity, catalogue.quantities)
        reader.problem(f"unknown quantity {quantity!r}{hint}", reader.at("quantity"))
        return None
    unit = catalogue.quantities[quantity].unit
    return Threshold(name=name, quantity=quantity, unit=unit, label_en=name, label_fr=name)


def _check_threshold(
    reader: FieldReader, threshold: Threshold, value: float, catalogue: Catalogue
) -> None:
    """A threshold lies within its quantity's range; increments may add up to more."""
    quantity = catalogue.quantities[threshold.quantity]
    if units.dimension(threshold.unit) != units.dimension(quantity.unit):
        if value <= 0:
            reader.problem(f"{value:g} {threshold.unit}: a rise is above zero", reader.at("value"))
        return
    high = inf if quantity.kind is Kind.INCREMENT else quantity.high
    if not quantity.low <= units.convert(value, threshold.unit, quantity.unit) <= high:
        reader.problem(
            f"{value:g} {threshold.unit} lies outside what {quantity.name} can be,"
            f" {quantity.low:g}…{high:g} {quantity.unit}",
            reader.at("value"),
        )


def parse_datum(reader: FieldReader, site: str, *, illustrative: bool) -> Fact | None:
    """The zero of a site's gauge above the sea (NGF-IGN69); null: no longer known."""
    if reader.withdrawn("datum"):
        return Fact(kind="datum", key=site, value=None, where=reader.at("datum"))
    node = reader.fields.get("datum")
    if isinstance(node, Leaf) and node.text:
        node = Fields(fields={"zero": node}, where=node.where)
        reader = FieldReader(Fields(fields={"datum": node}, where=reader.where), reader.problems)
    own = reader.read_mapping("datum", allowed=DATUM_FIELDS)
    if own is None:
        return None
    zero = own.take("zero", in_unit("m"))
    fact = own.fact("datum", site, {"zero": zero, "unit": "m"}, illustrative=illustrative)
    if not own.has("zero"):
        own.problem("needs a 'zero' such as 48.61 m", own.at("zero"))
    return None if zero is None else fact


def parse_link(reader: FieldReader, *, illustrative: bool) -> Fact | None:
    """Water flows from one site to another; a null travel time withdraws the link."""
    upstream, downstream = reader.name("from"), reader.name("to")
    travel = reader.take("travel", duration)
    value = None if travel is None else {"travel_s": travel}
    fact = reader.fact("link", f"{upstream}>{downstream}", value, illustrative=illustrative)
    if not reader.has("travel"):
        reader.problem("needs a 'travel' time such as 3 h", reader.at("travel"))
    if upstream is None or downstream is None:
        return None
    if upstream == downstream:
        reader.problem("a site cannot lie upstream of itself", reader.at("to"))
    return fact
