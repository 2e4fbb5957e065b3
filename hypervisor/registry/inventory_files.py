"""Read inventory files (YAML, CSV, GeoJSON) and examples; all problems are reported at once."""

from collections.abc import Iterable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainValidator

from hypervisor.registry.input_equipment import (
    AssetInput,
    GatewayInput,
    GroupInput,
    PlanInput,
    WorksInput,
    ZoneInput,
)
from hypervisor.registry.input_fields import Context, Input, Text, list_of, read_fields
from hypervisor.registry.input_sites import AreaInput, LinkInput, SiteInput
from hypervisor.registry.inventory import Inventory, join
from hypervisor.registry.parse_csv import parse_csv
from hypervisor.registry.parse_geojson import parse_geojson
from hypervisor.registry.tree import (
    Fields,
    InventoryError,
    Items,
    Problem,
    Where,
    find_unwritable,
    parse_yaml,
)
from sensors._domain import Catalogue, catalogue
from sensors._errors import Message
from sensors._foreign import ForeignError
from sensors._foreign import read_file as read_content
from sensors._nearest import did_you_mean

_ILLUSTRATIVE = ("coordinates", "thresholds", "travel", "plans", "reach", "datum")

_LARGEST = 200_000_000  # bytes of a file

SUFFIXES = (".yaml", ".yml", ".csv", ".geojson")


def list_examples() -> dict[str, Traversable]:
    """The example inventories by name."""
    root = resources.files("hypervisor.examples")
    return {
        folder.name: folder
        for folder in sorted(root.iterdir(), key=lambda entry: entry.name)
        if folder.is_dir() and not folder.name.startswith(("_", "."))
    }


def read_sources(names: Iterable[str], *, domain_catalogue: Catalogue | None = None) -> Inventory:
    """Read files, folders of files and examples, joined in the order given.

    Raises InventoryError: with the problems of all of them.
    """
    domain_catalogue = domain_catalogue or catalogue()
    parts: list[Inventory] = []
    problems: list[Problem] = []
    for name in names:
        for part in _read(name, domain_catalogue):
            if isinstance(part, Inventory):
                parts.append(part)
            else:
                problems.extend(part.problems)
    if problems:
        raise InventoryError(problems)
    return join(parts)


def _read(name: str, domain_catalogue: Catalogue) -> Iterator[Inventory | InventoryError]:
    files = _files(name)
    for file in files:
        try:
            if isinstance(file, Path):
                yield read_file(file, catalogue=domain_catalogue)
            else:
                yield read_text(
                    file.read_text(encoding="utf-8"),
                    file=f"{name}/{file.name}",
                    catalogue=domain_catalogue,
                )
        except InventoryError as error:
            yield error
    if not files:
        text = (
            f"holds no inventory file ({', '.join(SUFFIXES)})"
            if Path(name).is_dir()
            else "no such inventory file, and no example of that name"
            + did_you_mean(name, list_examples())
        )
        yield InventoryError([Problem(where=Where(file=name, line=0), text=text)])


def _files(name: str) -> list[Path] | list[Traversable]:
    """A file, a folder's files, or those of an example; a folder without any hides no example."""
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        if files or name not in list_examples():
            return files
    folder = list_examples().get(name)
    entries = [] if folder is None else [*folder.iterdir()]
    return sorted(
        (entry for entry in entries if entry.name.endswith(SUFFIXES)), key=lambda entry: entry.name
    )


def read_text(text: str, *, file: str, catalogue: Catalogue) -> Inventory:
    """Read one file's text; its name ends in .csv, .geojson, .json, .yaml or .yml.

    Raises InventoryError: with every problem of this file, or its first thousand.
    """
    problems: list[Problem] = []
    try:
        if file.lower().endswith(".csv"):
            tree = parse_csv(text, file=file, catalogue=catalogue, problems=problems)
        elif file.lower().endswith((".geojson", ".json")):
            tree = parse_geojson(text, file=file, catalogue=catalogue, problems=problems)
        else:
            tree = parse_yaml(text, file=file)
        return read_tree(tree, catalogue=catalogue, problems=problems)
    except RecursionError as error:
        raise InventoryError.at(
            Where(file=file, line=1), Message("nested too deep to be read by a person")
        ) from error


def read_tree(
    tree: Fields, *, catalogue: Catalogue, problems: list[Problem] | None = None
) -> Inventory:
    """The content of a file's tree; `problems`: of its text, which are reported together.

    Raises InventoryError: with every problem of this tree.
    """
    problems = [] if problems is None else problems
    problems.extend(
        Problem(where=where, text=Message("contains an invalid character"))
        for where in find_unwritable(tree, tree.where)
    )
    marked = _read_marked(tree, problems)
    context = Context(catalogue=catalogue, problems=problems, marked=marked)
    inventory = read_fields(InventoryInput, tree, tree.where, context)
    content = None if inventory is None else inventory.content(context)
    if content is None or problems:
        raise InventoryError(problems)
    return content


def read_file(path: Path, *, catalogue: Catalogue) -> Inventory:
    """Read one file. Raises InventoryError: missing, too large, not UTF-8, or with problems."""
    content = b""
    try:
        with path.open("rb") as opened:
            content = read_content(opened, _LARGEST)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = Message("is not UTF-8: save it again with that encoding")
        raise InventoryError.at(Where(file=str(path), line=line), problem) from error
    except (OSError, ForeignError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        problem = Message("cannot be read: {error}", reason)
        raise InventoryError.at(Where(file=str(path), line=0), problem) from error
    return read_text(text, file=str(path), catalogue=catalogue)


class InventoryInput(Input):
    """A complete file."""

    title: Text | None = None
    about: Annotated[Any, PlainValidator(lambda node: node)] = None
    illustrative: Annotated[Any, PlainValidator(lambda node: node)] = None
    areas: Annotated[tuple[AreaInput, ...], list_of(AreaInput)] = ()
    sites: Annotated[tuple[SiteInput, ...], list_of(SiteInput)] = ()
    links: Annotated[tuple[LinkInput, ...], list_of(LinkInput)] = ()
    gateways: Annotated[tuple[GatewayInput, ...], list_of(GatewayInput)] = ()
    plans: Annotated[tuple[PlanInput, ...], list_of(PlanInput)] = ()
    groups: Annotated[tuple[GroupInput, ...], list_of(GroupInput)] = ()
    zones: Annotated[tuple[ZoneInput, ...], list_of(ZoneInput)] = ()
    assets: Annotated[tuple[AssetInput, ...], list_of(AssetInput)] = ()
    works: Annotated[tuple[WorksInput, ...], list_of(WorksInput)] = ()

    def content(self, context: Context) -> Inventory:
        """Its entries and facts."""
        sites = [site.content(context) for site in self.sites]
        groups = [group.content() for group in self.groups]
        assets = [asset.content(context) for asset in self.assets]
        equipped = [entry for _, entries, _ in sites for entry in entries]
        facts = [fact for _, _, site_facts in sites for fact in site_facts]
        facts += [fact for _, more in (*groups, *assets) for fact in more]
        facts += [link.content(context) for link in self.links]
        facts += [plan.content(context) for plan in self.plans]
        return Inventory(
            title=self.title or "",
            areas=tuple(area.entry() for area in self.areas),
            sites=tuple(entry for entry, _, _ in sites),
            gateways=tuple(gateway.entry() for gateway in self.gateways),
            devices=tuple(entry for entry in equipped if "/" not in entry.key),
            series=tuple(entry for entry in equipped if "/" in entry.key),
            groups=tuple(entry for entry, _ in groups),
            zones=tuple(zone.content(context) for zone in self.zones),
            assets=tuple(entry for entry, _ in assets),
            facts=(*facts, *(works.content() for works in self.works)),
        )


def _read_marked(tree: Fields, problems: list[Problem]) -> frozenset[str]:
    """The kinds of content that the file calls illustrative."""
    node = tree.get("illustrative") or ()
    names = node if isinstance(node, Items) else (node,) if node else ()
    for name in names:
        if name not in _ILLUSTRATIVE:
            text = Message("{name!r}: expected some of {words}", name, ", ".join(_ILLUSTRATIVE))
            problems.append(Problem(where=tree.at("illustrative"), text=text))
    return frozenset(str(name) for name in names)
