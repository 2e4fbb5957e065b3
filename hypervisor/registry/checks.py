"""Checks of the resulting registry: unknown names, duplicate devices, order of thresholds."""

from collections.abc import Iterable, Mapping

from hypervisor.registry.checks_equipment import check_equipment
from hypervisor.registry.difference import Comparison
from hypervisor.registry.inventory import Inventory
from hypervisor.registry.model import Facts, Registry, facts_in_force
from hypervisor.registry.tree import Problem, Where
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean


def check_registry(
    comparison: Comparison, inventory: Inventory, catalogue: Catalogue
) -> list[Problem]:
    """Every problem of the resulting registry, at the lines of the files that cause it."""
    facts = facts_in_force(comparison.after)
    return [
        *_check_areas(comparison),
        *_check_links(comparison, inventory, facts),
        *_check_duplicates(comparison, facts, catalogue),
        *_check_threshold_order(comparison.after, inventory, facts, catalogue),
        *check_equipment(comparison, inventory, facts, catalogue),
    ]


def _check_areas(comparison: Comparison) -> Iterable[Problem]:
    areas = comparison.after.areas
    for entry in comparison.entries["areas"].values():
        parent = entry.given.get("parent")
        if parent is not None and parent not in areas:
            text = f"parent {parent!r} is no area{did_you_mean(parent, areas)}"
            yield Problem(where=entry.where.inside("parent"), text=text)
    communes = {code: area.name for code, area in areas.items() if area.kind == "commune"}
    for entry in comparison.entries["sites"].values():
        code = entry.given.get("commune")
        if code is not None and code not in communes:
            hint = (
                did_you_mean(code, communes) if communes else "; apply the territory's areas first"
            )
            yield Problem(
                where=entry.where.inside("commune"),
                text=f"INSEE code {code} is no commune of the territory{hint}",
            )


def _check_links(comparison: Comparison, inventory: Inventory, facts: Facts) -> Iterable[Problem]:
    below: dict[str, list[str]] = {}
    for kind, key in facts:
        if kind == "link":
            up, down = key.split(">")
            below.setdefault(up, []).append(down)
    for fact in inventory.facts:
        if fact.kind != "link":
            continue
        ends = fact.key.split(">")
        for name, end in zip(("from", "to"), ends, strict=True):
            if end not in comparison.after.sites:
                text = f"link to unknown site {end!r}{did_you_mean(end, comparison.after.sites)}"
                yield Problem(where=fact.where.inside(name), text=text)
        if (
            fact.value is not None
            and ends[0] != ends[1]
            and _is_downstream(ends[1], ends[0], below)
        ):
            text = f"{ends[0]} would lie upstream and downstream of {ends[1]}: water flows one way"
            yield Problem(where=fact.where, text=text)


def _is_downstream(start: str, goal: str, below: Mapping[str, list[str]]) -> bool:
    seen: set[str] = set()
    reach = [start]
    while reach:
        site = reach.pop()
        if site == goal:
            return True
        if site not in seen:
            seen.add(site)
            reach.extend(below.get(site, ()))
    return False


def _check_duplicates(
    comparison: Comparison, facts: Facts, catalogue: Catalogue
) -> Iterable[Problem]:
    """Each quantity of a site comes from one device in service: rules name it by site.

    Except quantities that every device has (battery…), and members of a cabinet or road section,
    which rules address as a group.
    """
    many = {
        key.partition("/")[2]
        for kind, key in facts
        if kind == "member" and _group_kind(comparison.after, key) in ("cabinet", "section")
    }
    by_quantity: dict[tuple[str, str], list[str]] = {}
    for device, quantity in comparison.after.series:
        owner = comparison.after.devices.get(device)
        service = facts.get(("device", device), {}).get("in_service", False)
        if owner is None or owner.retired or not service or device in many:
            continue
        if quantity not in catalogue.common and ("series", f"{device}/{quantity}") in facts:
            by_quantity.setdefault((owner.site, quantity), []).append(device)
    for (site, quantity), devices in by_quantity.items():
        where = _last_place(devices, comparison)
        if len(devices) > 1 and where is not None:
            yield Problem(
                where=where,
                text=f"site {site!r} would have {len(devices)} devices in service for {quantity}"
                f" ({', '.join(sorted(devices))}): retire all but one (retired: 2024-10-29),"
                " or give the other a site of its own",
            )


def _group_kind(registry: Registry, key: str) -> str:
    group = registry.groups.get(key.partition("/")[0])
    return group.kind if group else ""


def _last_place(devices: list[str], comparison: Comparison) -> Where | None:
    """Where the files name the last of these devices."""
    places = [
        comparison.entries["devices"][name].where
        for name in devices
        if name in comparison.entries["devices"]
    ]
    return places[-1] if places else None


def _check_threshold_order(
    after: Registry, inventory: Inventory, facts: Facts, catalogue: Catalogue
) -> Iterable[Problem]:
    for fact in inventory.facts:
        if fact.kind != "threshold":
            continue
        owner, _, name = fact.key.rpartition("/")  # a site, or device/<device>
        if owner not in after.sites and "/" not in owner:
            continue
        threshold = catalogue.thresholds.get(name)
        here = facts.get(("threshold", fact.key))
        lower = facts.get(("threshold", f"{owner}/{threshold.above}")) if threshold else None
        if here and lower and threshold and here["value"] <= lower["value"]:
            text = (
                f"{here['value']:g} {here['unit']} is not above {threshold.above},"
                f" {lower['value']:g} {lower['unit']}"
            )
            yield Problem(where=fact.where, text=text)
