"""Checks of the registry that an inventory leads to: unknown names, duplicates, order of levels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hypervisor.registry.checks_equipment import check_addresses, check_fact
from hypervisor.registry.checks_personal import check_personal
from hypervisor.registry.difference import Comparison
from hypervisor.registry.inventory import Entry, Inventory
from hypervisor.registry.model import Facts, Group, facts_in_force
from hypervisor.registry.tree import Problem, Where
from sensors._domain import Catalogue
from sensors._errors import Message
from sensors._nearest import did_you_mean


def check_registry(
    comparison: Comparison, inventory: Inventory, catalogue: Catalogue
) -> list[Problem]:
    """Every problem of the resulting registry, at the lines of the files that cause it."""
    checks = _Checks(
        comparison=comparison,
        inventory=inventory,
        facts=facts_in_force(comparison.after),
        catalogue=catalogue,
    )
    return [
        *checks.references(),
        *checks.links(),
        *checks.duplicates(),
        *checks.threshold_order(),
        *check_addresses(comparison),
        *check_personal(comparison, inventory, catalogue),
        *(
            problem
            for fact in inventory.facts
            for problem in check_fact(fact, comparison.after, checks.facts, catalogue)
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class _Checks:
    comparison: Comparison
    inventory: Inventory
    facts: Facts
    catalogue: Catalogue

    def references(self) -> Iterable[Problem]:
        """The names of areas, communes and sites in other entries."""
        after = self.comparison.after
        communes = {code: area.name for code, area in after.areas.items() if area.kind == "commune"}
        yield from self._names("areas", "parent", "area", after.areas)
        for kind in ("groups", "assets"):
            yield from self._names(kind, "site", "site", after.sites)
        yield from self._names("assets", "commune", "commune", communes)
        for entry in self.comparison.entries["sites"].values():
            code = entry.given.get("commune")
            if code is not None and code not in communes:
                first = Message("; apply the territory's areas first")
                hint = did_you_mean(code, communes) if communes else first
                text = Message("INSEE code {code} is no commune of the territory{hint}", code, hint)
                yield entry.where.inside("commune").problem(text)

    def _names(
        self, entries: str, field: str, what: str, names: Mapping[str, object]
    ) -> Iterable[Problem]:
        for entry in self.comparison.entries[entries].values():
            name = entry.given.get(field)
            if name is not None and name not in names:
                yield entry.where.inside(field).unknown(what, name, names)

    def links(self) -> Iterable[Problem]:
        """Their ends are sites, and water flows one way."""
        sites = self.comparison.after.sites
        below: dict[str, list[str]] = {}
        for kind, key in self.facts:
            if kind == "link":
                up, down = key.split(">")
                below.setdefault(up, []).append(down)
        for fact in self.inventory.facts:
            if fact.kind != "link":
                continue
            up, down = fact.key.split(">")
            for name, end in (("from", up), ("to", down)):
                if end not in sites:
                    text = Message(
                        "link to unknown site {end!r}{hint}", end, did_you_mean(end, sites)
                    )
                    yield fact.where.inside(name).problem(text)
            if fact.value is not None and up != down and _is_downstream(down, up, below):
                text = Message(
                    "{up} would lie upstream and downstream of {down}: water flows one way",
                    up,
                    down,
                )
                yield fact.where.problem(text)

    def duplicates(self) -> Iterable[Problem]:
        """Each quantity of a site comes from one device in service: rules name it by site.

        Except quantities that every device has (battery…), and members of a group of alike devices
        (the lamps of a cabinet…) or of a group of their own site, which rules address as a group.
        """
        after, facts = self.comparison.after, self.facts
        members = (key.split("/") for kind, key in facts if kind == "member")
        addressed = {
            device
            for name, device in members
            if (group := after.groups.get(name)) is not None
            and (self._are_alike(group) or self._site_of(device) == group.site)
        }
        by_quantity: dict[tuple[str, str], list[str]] = {}
        for name, quantity in after.series:
            device = after.devices.get(name)
            service = facts.get(("device", name), {}).get("in_service", False)
            if device is None or device.retired or not service or name in addressed:
                continue
            if quantity not in self.catalogue.common and ("series", f"{name}/{quantity}") in facts:
                by_quantity.setdefault((device.site, quantity), []).append(name)
        for (site, quantity), names in by_quantity.items():
            where = self._last_place(names)
            if len(names) > 1 and where is not None:
                yield where.problem(
                    Message(
                        "site {site!r} would have {count} devices in service for {quantity} "
                        "({names}): retire all but one (retired: 2024-10-29), or give the other "
                        "a site of its own",
                        site,
                        len(names),
                        quantity,
                        ", ".join(sorted(names)),
                    )
                )

    def _are_alike(self, group: Group) -> bool:
        kind = self.catalogue.groups.get(group.kind)
        return kind is not None and kind.alike

    def _site_of(self, name: str) -> str:
        device = self.comparison.after.devices.get(name)
        return device.site if device else ""

    def _last_place(self, devices: list[str]) -> Where | None:
        """Where the files name the last of these devices."""
        entries: Mapping[str, Entry] = self.comparison.entries["devices"]
        places = [entries[name].where for name in devices if name in entries]
        return places[-1] if places else None

    def threshold_order(self) -> Iterable[Problem]:
        """Each level lies above the one below it, and below those that stay above it."""
        given = {fact.key for fact in self.inventory.facts if fact.kind == "threshold"}
        for fact in self.inventory.facts:
            owner, _, name = fact.key.rpartition("/")  # a site, or device/<device>
            threshold = self.catalogue.thresholds.get(name)
            here = self.facts.get(("threshold", fact.key))
            if fact.kind != "threshold" or threshold is None or here is None:
                continue
            lower = self.facts.get(("threshold", f"{owner}/{threshold.above}"))
            if lower and here["value"] <= lower["value"]:
                yield fact.where.problem(
                    Message(
                        "{value:g} {unit} is not above {above}, {value2:g} {unit2}",
                        here["value"],
                        here["unit"],
                        threshold.above,
                        lower["value"],
                        lower["unit"],
                    )
                )
            for above in self.catalogue.thresholds.values():
                key = f"{owner}/{above.name}"
                higher = self.facts.get(("threshold", key))
                if above.above != name or key in given or higher is None:
                    continue
                if higher["value"] <= here["value"]:
                    yield fact.where.problem(
                        Message(
                            "{value:g} {unit} does not lie below {below}, {value2:g} {unit2}",
                            here["value"],
                            here["unit"],
                            above.name,
                            higher["value"],
                            higher["unit"],
                        )
                    )


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
