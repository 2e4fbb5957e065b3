"""Read inventory files (YAML, CSV, GeoJSON) and examples; all problems are reported at once."""

from collections.abc import Iterable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from hypervisor.registry import (
    parse_assets,
    parse_csv,
    parse_devices,
    parse_groups,
    parse_plans,
    parse_sites,
    parse_thresholds,
    parse_works,
)
from hypervisor.registry.field_reader import FieldReader
from hypervisor.registry.inventory import Entry, Fact, Inventory, join
from hypervisor.registry.parse_geojson import parse_geojson
from hypervisor.registry.problems import InventoryError, Problem, Where
from hypervisor.registry.tree import find_unwritable, parse_yaml
from sensors._domain import Catalogue, catalogue
from sensors._nearest import did_you_mean

_TOP = (
    *("title", "about", "illustrative", "areas", "sites", "links", "gateways", "plans", "groups"),
    *("zones", "assets", "works"),
)
_ILLUSTRATIVE = ("coordinates", "thresholds", "travel", "plans", "reach", "datum")

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

    Raises:
        InventoryError: with the problems of all of them.
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
    for file in _files(name):
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
    if not _files(name):
        text = "no such inventory file, and no example of that name"
        where = Where(file=name, line=0)
        yield InventoryError(
            [Problem(where=where, text=text + did_you_mean(name, list_examples()))]
        )


def _files(name: str) -> list[Path] | list[Traversable]:
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    folder = list_examples().get(name)
    files = [] if folder is None else [*folder.iterdir()]
    return sorted(
        (file for file in files if file.name.endswith(SUFFIXES)), key=lambda file: file.name
    )


def read_text(text: str, *, file: str, catalogue: Catalogue) -> Inventory:
    """Read one file's text; its name ends in .csv, .geojson, .json, .yaml or .yml.

    Raises:
        InventoryError: with every problem of this file.
    """
    problems: list[Problem] = []
    if file.lower().endswith(".csv"):
        tree = parse_csv.parse_csv(text, file=file, catalogue=catalogue, problems=problems)
    elif file.lower().endswith((".geojson", ".json")):
        tree = parse_geojson(text, file=file, problems=problems)
    else:
        tree = parse_yaml(text, file=file)
    problems.extend(
        Problem(where=leaf.where, text="contains an invalid character")
        for leaf in find_unwritable(tree)
    )
    inventory = _parse_inventory(FieldReader(tree, problems, allowed=_TOP), catalogue)
    if problems:
        raise InventoryError(problems)
    return inventory


def read_file(path: Path, *, catalogue: Catalogue) -> Inventory:
    """Read one file.

    Raises:
        InventoryError: it is missing, not UTF-8, or has problems.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InventoryError(
            [
                Problem(
                    where=Where(file=str(path), line=line),
                    text="is not UTF-8: save it again with that encoding",
                )
            ]
        ) from error
    except OSError as error:
        raise InventoryError(
            [Problem(where=Where(file=str(path), line=0), text=f"cannot be read: {error.strerror}")]
        ) from error
    return read_text(text, file=str(path), catalogue=catalogue)


def _parse_inventory(reader: FieldReader, catalogue: Catalogue) -> Inventory:
    marked = _parse_illustrative(reader)
    areas = [
        parse_sites.parse_area(entry_reader)
        for entry_reader in reader.read_mappings("areas", allowed=parse_sites.AREA_FIELDS)
    ]
    sites, equipped, facts = _parse_sites(reader, catalogue, marked)
    gateways = [
        parse_groups.parse_gateway(entry_reader)
        for entry_reader in reader.read_mappings("gateways", allowed=parse_groups.GATEWAY_FIELDS)
    ]
    groups = [
        parse_groups.parse_group(entry_reader)
        for entry_reader in reader.read_mappings("groups", allowed=parse_groups.GROUP_FIELDS)
    ]
    zones = [
        parse_assets.parse_zone(entry_reader, illustrative="coordinates" in marked)
        for entry_reader in reader.read_mappings("zones", allowed=parse_assets.ZONE_FIELDS)
    ]
    assets = [
        parse_assets.parse_asset(
            entry_reader, places="coordinates" in marked, levels="reach" in marked
        )
        for entry_reader in reader.read_mappings("assets", allowed=parse_assets.ASSET_FIELDS)
    ]
    for _, group_facts in (*groups, *assets):
        facts.extend(group_facts)
    facts.extend(_parse_facts(reader, marked))
    return Inventory(
        title=reader.text("title") or "",
        areas=_drop_missing(areas),
        sites=_drop_missing(sites),
        gateways=_drop_missing(gateways),
        devices=tuple(entry for entry in equipped if "/" not in entry.key),
        series=tuple(entry for entry in equipped if "/" in entry.key),
        groups=_drop_missing(entry for entry, _ in groups),
        zones=_drop_missing(zones),
        assets=_drop_missing(entry for entry, _ in assets),
        facts=tuple(facts),
    )


def _drop_missing(entries: Iterable[Entry | None]) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry is not None)


def _parse_sites(
    reader: FieldReader, catalogue: Catalogue, marked: set[str]
) -> tuple[list[Entry], list[Entry], list[Fact]]:
    """Sites; their devices and series; the facts of all."""
    sites: list[Entry] = []
    equipped: list[Entry] = []
    facts: list[Fact] = []
    for site_reader in reader.read_mappings("sites", allowed=parse_sites.SITE_FIELDS):
        site = parse_sites.parse_site(
            site_reader, illustrative="coordinates" in marked, domains=tuple(catalogue.domains)
        )
        if site is None:
            continue
        sites.append(site)
        levels = "thresholds" in marked
        for device_reader in site_reader.read_mappings(
            "devices", allowed=parse_devices.DEVICE_FIELDS
        ):
            entries, device_facts = parse_devices.parse_device(
                device_reader, site=site.key, catalogue=catalogue, illustrative=levels
            )
            equipped.extend(entries)
            facts.extend(device_facts)
        facts.extend(
            parse_thresholds.parse_thresholds(
                site_reader, site.key, catalogue=catalogue, illustrative=levels
            )
        )
        zero = parse_thresholds.parse_datum(site_reader, site.key, illustrative="datum" in marked)
        facts.extend([zero] if zero else [])
    return sites, equipped, facts


def _parse_facts(reader: FieldReader, marked: set[str]) -> Iterator[Fact]:
    """The facts at the top of a file: links, plans, works."""
    facts = [
        *(
            parse_thresholds.parse_link(entry_reader, illustrative="travel" in marked)
            for entry_reader in reader.read_mappings("links", allowed=parse_thresholds.LINK_FIELDS)
        ),
        *(
            parse_plans.parse_plan(entry_reader, illustrative="plans" in marked)
            for entry_reader in reader.read_mappings("plans", allowed=parse_plans.PLAN_FIELDS)
        ),
        *(
            parse_works.parse_works(entry_reader)
            for entry_reader in reader.read_mappings("works", allowed=parse_works.WORKS_FIELDS)
        ),
    ]
    return (fact for fact in facts if fact is not None)


def _parse_illustrative(reader: FieldReader) -> set[str]:
    """The kinds of content that the file marks as illustrative."""
    names = reader.nodes("illustrative")
    for name, node in names.items():
        if name not in _ILLUSTRATIVE:
            reader.problem(f"{name!r}: expected some of {', '.join(_ILLUSTRATIVE)}", node.where)
    return set(names)
