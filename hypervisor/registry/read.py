"""An inventory file, YAML or CSV, as entries and facts; all its problems at once."""

from pathlib import Path

from hypervisor.registry import equipment, limits, places, sheets
from hypervisor.registry.entries import Entry, Fact, Inventory
from hypervisor.registry.form import Form
from hypervisor.registry.problems import InventoryError, Problem, Where
from hypervisor.registry.tree import parse_yaml
from sensors._domain import Catalogue

_TOP = ("title", "about", "illustrative", "areas", "sites", "links")
_ILLUSTRATIVE = ("coordinates", "thresholds", "travel")


def read_text(text: str, *, file: str, catalogue: Catalogue) -> Inventory:
    """Read one file's text; its name ends in .csv, .yaml or .yml.

    Raises:
        InventoryError: with every problem of this file.
    """
    problems: list[Problem] = []
    if file.lower().endswith(".csv"):
        tree = sheets.parse_csv(text, file=file, catalogue=catalogue, problems=problems)
    else:
        tree = parse_yaml(text, file=file)
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
        for own in one.forms("devices", known=equipment.DEVICE_FIELDS):
            entries, device_facts = equipment.device(own, site=site.key, catalogue=catalogue)
            equipped.extend(entries)
            facts.extend(device_facts)
        for name, node in one.nodes("thresholds").items():
            fact = limits.threshold(
                one,
                name,
                node,
                catalogue=catalogue,
                illustrative="thresholds" in marked,
            )
            facts.extend([fact] if fact else [])
    for one in form.forms("links", known=limits.LINK_FIELDS):
        fact = limits.link(one, illustrative="travel" in marked)
        facts.extend([fact] if fact else [])
    return Inventory(
        title=form.text("title") or "",
        areas=tuple(entry for entry in areas if entry),
        sites=tuple(sites),
        devices=tuple(entry for entry in equipped if "/" not in entry.key),
        series=tuple(entry for entry in equipped if "/" in entry.key),
        facts=tuple(facts),
    )


def _marked(form: Form) -> set[str]:
    """What the file says was chosen for illustration, not surveyed."""
    names = form.nodes("illustrative")
    for name, node in names.items():
        if name not in _ILLUSTRATIVE:
            form.problem(f"{name!r}: expected some of {', '.join(_ILLUSTRATIVE)}", node.where)
    return set(names)
