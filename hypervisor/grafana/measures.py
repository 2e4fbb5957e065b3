"""Units: known to Grafana, and fit for what is measured."""

import re
from collections.abc import Iterator
from functools import cache

from dashboards._units import EXTRA, GRAFANA, grafana
from hypervisor.grafana import known
from hypervisor.grafana.boards import Json, Piece
from sensors._domain import Catalogue, catalogue
from sensors._units import dimension

_LITERAL = re.compile(r"'(\w+)'")


@cache
def _catalogue() -> Catalogue:
    return catalogue()


def unit_problems(piece: Piece) -> Iterator[str]:
    """What is wrong with the units of a panel: each unknown or unfit one."""
    for name, unit in _units(piece.panel):
        of = f" of {name!r}" if name else ""
        if not known.unit(unit):
            yield f"Grafana has no unit {unit!r}{of}"
            continue
        wanted = _described(piece, name)
        if wanted is not None and unit != wanted:
            yield f"the unit{of} is {unit!r}; its quantity asks for {wanted!r}"
        elif wanted is None and not _fits(name, unit):
            asked = grafana(_catalogue().quantities[name].unit)
            yield f"the unit{of} is {unit!r}; the catalogue's {name} is in {asked!r}"
    yield from _told(piece)


def _units(panel: Json) -> Iterator[tuple[str, str]]:
    config = panel.get("fieldConfig", {})
    if unit := config.get("defaults", {}).get("unit"):
        yield "", unit
    for override in config.get("overrides", []):
        for each in override["properties"]:
            if each["id"] == "unit":
                yield str(override["matcher"].get("options", "")), each["value"]


def _described(piece: Piece, name: str) -> str | None:
    """The unit that the description's quantity has; None: it names none there."""
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
    """Whether a column that is called as a quantity has a unit that measures the same."""
    quantity = _catalogue().quantities.get(name)
    if quantity is None:
        return True
    ours = {code for code, theirs in GRAFANA.items() if theirs == unit}
    if not ours:
        return unit not in EXTRA.values() or unit == "none"
    return dimension(quantity.unit) in {dimension(code) for code in ours}


def _told(piece: Piece) -> Iterator[str]:
    """A quantity whose unit the panel takes, though its SQL is of others altogether."""
    if piece.described is None or not piece.described.quantity:
        return
    quantities = _catalogue().quantities
    said = " ".join(query["rawSql"] for query in piece.queries)
    asked = {name for name in _LITERAL.findall(said) if name in quantities}
    own = quantities.get(piece.described.quantity)
    if own is None or not asked or piece.described.unit:
        return
    measures = {dimension(quantities[name].unit) for name in asked}
    if dimension(own.unit) not in measures:
        yield (
            f"its quantity is {own.name} ({own.unit}); its SQL asks for"
            f" {', '.join(sorted(asked))}, which measure something else"
        )
