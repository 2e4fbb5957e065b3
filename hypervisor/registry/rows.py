"""Rows of a sheet, and the nodes that are made of them."""

from collections.abc import Iterable

from hypervisor.registry.problems import Problem, Where
from hypervisor.registry.tree import Fields, Leaf, Node

Row = dict[str, Leaf]  # only the cells that hold something


def rows(
    reader: Iterable[list[str]], header: list[str], file: str, problems: list[Problem]
) -> list[Row]:
    """The rows that hold something, each with its full number of cells."""
    found: list[Row] = []
    for line, cells in enumerate(reader, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            text = f"{len(cells)} cells, the header has {len(header)}"
            problems.append(Problem(where=Where(file=file, line=line), text=text))
            continue
        found.append(
            {
                name: Leaf(
                    text=None if cell.strip() == "null" else cell.strip(),
                    where=Where(file=file, line=line, field=name),
                )
                for name, cell in zip(header, cells, strict=True)
                if cell.strip()
            }
        )
    return found


def place(row: Row, field: str = "") -> Where:
    """Where a row stands."""
    where = next(iter(row.values())).where
    return Where(file=where.file, line=where.line, field=field)


def missing(row: Row, names: tuple[str, ...], problems: list[Problem]) -> bool:
    """Whether a row lacks what it must hold, which is a problem."""
    absent = [name for name in names if name not in row]
    problems.extend(Problem(where=place(row, name), text="is empty") for name in absent)
    return bool(absent)


def fields(where: Where, **nodes: Node) -> Fields:
    """A mapping as YAML would give it."""
    return Fields(fields=dict(nodes), where=where)
