"""Where an inventory comes from: files that someone names, or an example of the package."""

from collections.abc import Iterable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from hypervisor.registry.entries import Inventory, join
from hypervisor.registry.problems import InventoryError, Problem, Where, nearest
from hypervisor.registry.read import read_file, read_text
from sensors._domain import Catalogue, catalogue

SUFFIXES = (".yaml", ".yml", ".csv", ".geojson")


def examples() -> dict[str, Traversable]:
    """The example inventories by name."""
    root = resources.files("hypervisor.examples")
    return {
        folder.name: folder
        for folder in sorted(root.iterdir(), key=lambda entry: entry.name)
        if folder.is_dir() and not folder.name.startswith(("_", "."))
    }


def read_sources(names: Iterable[str], *, known: Catalogue | None = None) -> Inventory:
    """Read files, folders of files and examples, joined in the order given.

    Raises:
        InventoryError: with the problems of all of them.
    """
    known = known or catalogue()
    parts: list[Inventory] = []
    problems: list[Problem] = []
    for name in names:
        for part in _read(name, known):
            if isinstance(part, Inventory):
                parts.append(part)
            else:
                problems.extend(part.problems)
    if problems:
        raise InventoryError(problems)
    return join(parts)


def _read(name: str, known: Catalogue) -> Iterator[Inventory | InventoryError]:
    for file in _files(name):
        try:
            if isinstance(file, Path):
                yield read_file(file, catalogue=known)
            else:
                yield read_text(
                    file.read_text(encoding="utf-8"), file=f"{name}/{file.name}", catalogue=known
                )
        except InventoryError as error:
            yield error
    if not _files(name):
        text = "there is no such inventory file, nor an example of that name"
        where = Where(file=name, line=0)
        yield InventoryError([Problem(where=where, text=text + nearest(name, examples()))])


def _files(name: str) -> list[Path] | list[Traversable]:
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    folder = examples().get(name)
    files = [] if folder is None else [*folder.iterdir()]
    return sorted(
        (file for file in files if file.name.endswith(SUFFIXES)), key=lambda file: file.name
    )
