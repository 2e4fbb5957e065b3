"""Sheets of gateways, of groups and of assets, as the same tree that YAML gives."""

from collections.abc import Callable, Mapping

from hypervisor.registry.problems import Problem, Where
from hypervisor.registry.rows import Row, fields, missing, place
from hypervisor.registry.tree import Fields, Items, Leaf, Node

_PLAIN: Mapping[str, tuple[str, ...]] = {
    "gateway": ("title", "protocol", "lon", "lat"),
    "group": ("title", "kind", "site"),
    "asset": ("title", "kind", "commune", "lon", "lat", "geometry", "site", "illustrative"),
}
_INSIDE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "gateway": {},
    "group": {"supply": ("plan", "switched")},
    "asset": {"reach": ("gauge", "level")},
}
Build = Callable[[list[Row], Where, list[Problem]], Fields]


def _sheet(kind: str) -> Build:
    def build(rows: list[Row], top: Where, problems: list[Problem]) -> Fields:
        items = [_thing(kind, row) for row in rows if not missing(row, (kind,), problems)]
        return fields(top, **{f"{kind}s": Items(items=tuple(items), where=top)})

    return build


def _thing(kind: str, row: Row) -> Fields:
    """One row; what YAML writes inside another field stands in columns of its own."""
    found = fields(place(row, row[kind].text or ""), name=row[kind])
    found.fields.update({name: row[name] for name in _PLAIN[kind] if name in row})
    for name, columns in _INSIDE[kind].items():
        cells: dict[str, Node] = {column: row[column] for column in columns if column in row}
        if any(isinstance(cell, Leaf) and cell.text is not None for cell in cells.values()):
            found.fields[name] = fields(next(iter(cells.values())).where, **cells)
        elif cells:
            found.fields[name] = next(iter(cells.values()))  # null: withdrawn
    if "members" in row:
        names = (row["members"].text or "").replace(",", " ").split()
        where = row["members"].where
        members = tuple(Leaf(text=name, where=where) for name in names)
        found.fields["members"] = Items(items=members, where=where)
    return found


OTHERS: Mapping[str, tuple[tuple[str, ...], Build]] = {
    kind: (
        (kind, *columns, *(name for inside in _INSIDE[kind].values() for name in inside))
        + (("members",) if kind == "group" else ()),
        _sheet(kind),
    )
    for kind, columns in _PLAIN.items()
}
