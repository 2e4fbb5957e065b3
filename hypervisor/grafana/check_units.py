"""Checks units: valid in Grafana and of the quantity's dimension."""

import re
from collections.abc import Iterator
from functools import cache

from dashboards._units import EXTRA, GRAFANA, grafana
from hypervisor.grafana import vocabulary
from hypervisor.grafana.boards import BuiltPanel, Json
from sensors._domain import Catalogue, catalogue
from sensors._units import dimension

_LITERAL = re.compile(r"'(\w+)'")


@cache
def _catalogue() -> Catalogue:
    return catalogue()


def find_unit_problems(piece: BuiltPanel) -> Iterator[str]:
    """Unknown or wrong units of a panel."""
    for name, unit in _units(piece.panel):
        of = f" of {name!r}" if name else ""
        if not vocabulary.is_unit(unit):
            yield f"Grafana has no unit {unit!r}{of}"
            continue
        expected = _expected_unit(piece, name)
        if expected is not None and unit != expected:
            yield f"the unit{of} is {unit!r}; its quantity asks for {expected!r}"
        elif expected is None and not _fits(name, unit):
            catalogue_unit = grafana(_catalogue().quantities[name].unit)
            yield f"the unit{of} is {unit!r}; the catalogue's {name} is in {catalogue_unit!r}"
    yield from _find_mismatch(piece)


def _units(panel: Json) -> Iterator[tuple[str, str]]:
    config = panel.get("fieldConfig", {})
    if unit := config.get("defaults", {}).get("unit"):
        yield "", unit
    for override in config.get("overrides", []):
        for each in override["properties"]:
            if each["id"] == "unit":
                yield str(override["matcher"].get("options", "")), each["value"]


def _expected_unit(piece: BuiltPanel, name: str) -> str | None:
    """The unit of the described quantity; None without one."""
    if piece.described is None:
        return None
    parts = [piece.described] if not name else piece.described.columns
    for part in parts:
        if name and getattr(part, "name", "") != name:
            continue
        if part.unit:
            return grafana(part.unit)
        if part.quantity:
            return grafana(_catalogue().quantities[part.quantity].unit)
    return None


def _fits(name: str, unit: str) -> bool:
    """Whether the unit fits the quantity after which the column is named."""
    quantity = _catalogue().quantities.get(name)
    if quantity is None:
        return True
    ours = {code for code, theirs in GRAFANA.items() if theirs == unit}
    if not ours:
        return unit not in EXTRA.values() or unit == "none"
    return dimension(quantity.unit) in {dimension(code) for code in ours}


def _find_mismatch(piece: BuiltPanel) -> Iterator[str]:
    """The panel's quantity, if its SQL reads only quantities of other dimensions."""
    if piece.described is None or not piece.described.quantity:
        return
    quantities = _catalogue().quantities
    sql = " ".join(query["rawSql"] for query in piece.queries)
    queried = {name for name in _LITERAL.findall(sql) if name in quantities}
    own = quantities.get(piece.described.quantity)
    if own is None or not queried or piece.described.unit:
        return
    measures = {dimension(quantities[name].unit) for name in queried}
    if dimension(own.unit) not in measures:
        yield (
            f"its quantity is {own.name} ({own.unit}); its SQL asks for"
            f" {', '.join(sorted(queried))}, which measure something else"
        )
