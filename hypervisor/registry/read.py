"""An inventory file, YAML, CSV or GeoJSON, as entries and facts; all its problems at once."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from hypervisor.registry import belonging, equipment, ground, limits, places, plans, sheets, works
from hypervisor.registry.entries import Entry, Fact, Inventory
from hypervisor.registry.form import Form
from hypervisor.registry.geojson import parse_geojson
from hypervisor.registry.problems import InventoryError, Problem, Where
from hypervisor.registry.tree import parse_yaml, unwritable
from sensors._domain import Catalogue

_TOP = (
    *("title", "about", "illustrative", "areas", "sites", "links", "gateways", "plans", "groups"),
    *("zones", "assets", "works"),
)
_ILLUSTRATIVE = ("coordinates", "thresholds", "travel", "plans", "reach", "datum")


def read_text(text: str, *, file: str, catalogue: Catalogue) -> Inventory:
    """Read one file's text; its name ends in .csv, .geojson, .json, .yaml or .yml.

    Raises:
        InventoryError: with every problem of this file.
    """
    problems: list[Problem] = []
    if file.lower().endswith(".csv"):
        tree = sheets.parse_csv(text, file=file, catalogue=catalogue, problems=problems)
    elif file.lower().endswith((".geojson", ".json")):
        tree = parse_geojson(text, file=file, problems=problems)
    else:
        tree = parse_yaml(text, file=file)
    problems.extend(
        Problem(where=leaf.where, text="holds a character that is none")
        for leaf in unwritable(tree)
    )
    inventory = _inventory(Form(tree, problems, known=_TOP), catalogue)
    if problems:
        raise InventoryError(problems)
    return inventory


def read_file(path: Path, *, catalogue: Catalogue) -> Inventory:
    """Read one file.

    Raises:
        InventoryError: it is absent, no UTF-8, or holds mistakes.
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


def _inventory(form: Form, catalogue: Catalogue) -> Inventory:
    marked = _marked(form)
    areas = [places.area(one) for one in form.forms("areas", known=places.AREA_FIELDS)]
    sites, equipped, facts = _sites(form, catalogue, marked)
    gateways = [
        belonging.gateway(one) for one in form.forms("gateways", known=belonging.GATEWAY_FIELDS)
    ]
    groups = [belonging.group(one) for one in form.forms("groups", known=belonging.GROUP_FIELDS)]
    zones = [
        ground.zone(one, illustrative="coordinates" in marked)
        for one in form.forms("zones", known=ground.ZONE_FIELDS)
    ]
    assets = [
        ground.asset(one, places="coordinates" in marked, levels="reach" in marked)
        for one in form.forms("assets", known=ground.ASSET_FIELDS)
    ]
    for _, found in (*groups, *assets):
        facts.extend(found)
    facts.extend(_facts(form, marked))
    return Inventory(
        title=form.text("title") or "",
        areas=_there(areas),
        sites=_there(sites),
        gateways=_there(gateways),
        devices=tuple(entry for entry in equipped if "/" not in entry.key),
        series=tuple(entry for entry in equipped if "/" in entry.key),
        groups=_there(entry for entry, _ in groups),
        zones=_there(zones),
        assets=_there(entry for entry, _ in assets),
        facts=tuple(facts),
    )


def _there(entries: Iterable[Entry | None]) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry is not None)


def _sites(
    form: Form, catalogue: Catalogue, marked: set[str]
) -> tuple[list[Entry], list[Entry], list[Fact]]:
    """Sites; their devices and series; the facts of all."""
    sites: list[Entry] = []
    equipped: list[Entry] = []
    facts: list[Fact] = []
    for one in form.forms("sites", known=places.SITE_FIELDS):
        site = places.site(
            one, illustrative="coordinates" in marked, domains=tuple(catalogue.domains)
        )
        if site is None:
            continue
        sites.append(site)
        levels = "thresholds" in marked
        for own in one.forms("devices", known=equipment.DEVICE_FIELDS):
            entries, said = equipment.device(
                own, site=site.key, catalogue=catalogue, illustrative=levels
            )
            equipped.extend(entries)
            facts.extend(said)
        facts.extend(limits.thresholds(one, site.key, catalogue=catalogue, illustrative=levels))
        zero = limits.datum(one, site.key, illustrative="datum" in marked)
        facts.extend([zero] if zero else [])
    return sites, equipped, facts


def _facts(form: Form, marked: set[str]) -> Iterator[Fact]:
    """What stands in the file by itself: links, plans, works."""
    found = [
        *(
            limits.link(one, illustrative="travel" in marked)
            for one in form.forms("links", known=limits.LINK_FIELDS)
        ),
        *(
            plans.plan(one, illustrative="plans" in marked)
            for one in form.forms("plans", known=plans.PLAN_FIELDS)
        ),
        *(works.works(one) for one in form.forms("works", known=works.WORKS_FIELDS)),
    ]
    return (fact for fact in found if fact is not None)


def _marked(form: Form) -> set[str]:
    """What the file says was chosen for illustration, not surveyed."""
    names = form.nodes("illustrative")
    for name, node in names.items():
        if name not in _ILLUSTRATIVE:
            form.problem(f"{name!r}: expected some of {', '.join(_ILLUSTRATIVE)}", node.where)
    return set(names)
