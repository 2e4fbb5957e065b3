"""What the past is evaluated with: a registry with rules, with a trial's changes, around sites."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypervisor.backtest.model import BacktestError
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.evaluation import rule_text
from hypervisor.registry.apply import compare
from hypervisor.registry.changes import apply_changes
from hypervisor.registry.inventory_files import read_sources
from hypervisor.registry.model import Registry, Revision
from hypervisor.registry.revisions import Stamp
from rules._pack import Pack
from rules._rule import Rule
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from sensors._scalars import ScalarError, measure

_EMPTY = Registry(areas={}, sites={}, devices={}, series={}, revisions=())
_AUTHOR = "backtest"
_OWNERS = {  # by kind of revision
    "device": "device",
    "series": "device",
    "member": "group",
    "supply": "group",
    "datum": "water",
    "forecast": "water",
    "reach": "",  # of assets
    "works": "",  # suppress notifications, not alarms
}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Rules tried instead of those of the same id, and thresholds (key -> text)."""

    rules: tuple[Rule, ...] = ()
    thresholds: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rules or self.thresholds)


def of_inventory(names: Sequence[str], catalogue: Catalogue, packs: Iterable[Pack]) -> Registry:
    """The registry that these inventories would make, without a database, and the packs' rules."""
    stamp = Stamp(author=_AUTHOR, reason=_AUTHOR, now=None, effective=None)
    made = apply_changes(
        _EMPTY, compare(_EMPTY, read_sources(names), stamp=stamp, domain_catalogue=catalogue)
    )
    numbered = replace(
        made,
        sites={
            name: replace(site, id=number)
            for number, (name, site) in enumerate(sorted(made.sites.items()), start=1)
        },
        series={
            key: replace(series, id=number)
            for number, (key, series) in enumerate(sorted(made.series.items()), start=1)
        },
    )
    rules = tuple(rule for pack in packs for rule in pack.rules)
    return with_trial(numbered, Trial(rules=rules), catalogue)


def with_trial(registry: Registry, trial: Trial, catalogue: Catalogue) -> Registry:
    """The registry as if the trial's rules and thresholds had always been in force.

    BacktestError: a threshold has no owner, no definition or another unit.
    """
    if not trial:
        return registry
    new = {("rule", rule.id): rule.to_json() for rule in trial.rules}
    for key, text in trial.thresholds.items():
        new["threshold", key] = _parse_threshold(registry, key, text, catalogue)
    kept = [revision for revision in registry.revisions if (revision.kind, revision.key) not in new]
    always = [
        Revision(
            kind=kind,
            key=key,
            value=value,
            effective=moment(BEGINNING),
            author=_AUTHOR,
            reason="tried",
        )
        for (kind, key), value in new.items()
    ]
    ordered = sorted(
        (*kept, *always), key=lambda revision: (revision.kind, revision.key, revision.effective)
    )
    return replace(registry, revisions=tuple(ordered))


def only_rules(registry: Registry, ids: Iterable[str]) -> Registry:
    """The registry without the other rules."""
    rules = frozenset(ids)
    kept = (
        revision
        for revision in registry.revisions
        if revision.kind != "rule" or revision.key in rules
    )
    return replace(registry, revisions=tuple(kept))


def _parse_threshold(
    registry: Registry, key: str, text: str, catalogue: Catalogue
) -> dict[str, float | str]:
    owner, _, name = key.rpartition("/")
    device = owner.removeprefix("device/")
    kind, names = ("site", registry.sites) if device == owner else ("device", registry.devices)
    if device not in names:
        raise BacktestError(
            "{key}: there is no {kind} {device!r} (expected SITE/THRESHOLD){hint}",
            key,
            kind,
            device,
            did_you_mean(device, names),
        )
    if name not in catalogue.thresholds:
        hint = did_you_mean(name, catalogue.thresholds)
        raise BacktestError("{key}: there is no threshold {name!r}{hint}", key, name, hint)
    unit = catalogue.thresholds[name].unit
    try:
        return {"value": measure(text, unit), "unit": unit}
    except ScalarError as error:
        raise BacktestError("{key}: {error}", key, error) from error


def parse_trial(words: Sequence[str]) -> Trial:
    """A trial from words: packs by their file, thresholds as `SITE/NAME=2.4 m`."""
    rules: list[Rule] = []
    thresholds: dict[str, str] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if Path(word).is_file():
            rules += rule_text.read_file(Path(word))[0].rules
        elif equals and "/" in key:
            thresholds[key.strip()] = text.strip()
        else:
            raise BacktestError(
                "{word!r} is neither a file nor a threshold such as 'SITE/attention=2.4 m'", word
            )
    return Trial(rules=tuple(rules), thresholds=thresholds)


def choose_rules(registry: Registry, words: Sequence[str], catalogue: Catalogue) -> list[str]:
    """The ids of current rules that words name, by id or by domain; without a word, of all."""
    latest = {
        revision.key: revision.value for revision in registry.revisions if revision.kind == "rule"
    }
    ids = sorted(key for key, value in latest.items() if value is not None)
    rules: list[str] = []
    for word in words:
        named = [word] if word in ids else [key for key in ids if key.startswith(f"{word}-")]
        if not named:
            hint = did_you_mean(word, [*ids, *catalogue.domains])
            raise BacktestError("{word!r} is no file, no rule and no domain{hint}", word, hint)
        rules += named
    return list(dict.fromkeys(rules)) if words else ids


def registry_around(registry: Registry, sites: Iterable[str]) -> Registry:
    """What is at the sites and upstream of them, and the groups that have a member there.

    Evaluation at one of these sites gives the same as with the complete registry; other sites may
    be here in part only, and must not be evaluated.
    """
    complete = _list_upstream(registry.revisions, frozenset(sites))
    complete |= _list_inputs(registry.revisions, complete)
    here = {name for name, device in registry.devices.items() if device.site in complete}
    members: dict[str, set[str]] = {}
    for revision in registry.revisions:
        if revision.kind == "member":
            group, _, device = revision.key.rpartition("/")
            members.setdefault(group, set()).add(device)
    groups = {
        name
        for name, group in registry.groups.items()
        if group.site in complete or members.get(name, set()) & here
    }
    theirs = {device for group in groups for device in members.get(group, ())}
    devices = here | (theirs & registry.devices.keys())
    near = complete | {registry.devices[device].site for device in devices}
    near |= {site for group in groups if (site := registry.groups[group].site) is not None}
    here_of = {"site": near, "water": complete, "device": devices, "group": groups, "": frozenset()}

    def concerns(revision: Revision) -> bool:
        return all(owner in here_of[kind] for kind, owner in list_owners(revision))

    return replace(
        registry,
        sites={name: site for name, site in registry.sites.items() if name in near},
        devices={name: device for name, device in registry.devices.items() if name in devices},
        series={key: series for key, series in registry.series.items() if key[0] in devices},
        groups={name: group for name, group in registry.groups.items() if name in groups},
        revisions=tuple(revision for revision in registry.revisions if concerns(revision)),
    )


def list_owners(revision: Revision) -> tuple[tuple[str, str], ...]:
    """The things of which a revision is, as (kind, name); none: it is of the whole territory.

    Kinds are device, group, site, and water: a site that is evaluated or flows to one. What no rule
    refers to has the kind "".
    """
    owner, _, _ = revision.key.rpartition("/")
    if revision.kind == "threshold":
        device = owner.removeprefix("device/")
        return ((("site" if owner == device else "device"), device),)
    if revision.kind == "link":
        above, _, below = revision.key.partition(">")
        return ("water", above), ("water", below)
    kind = _OWNERS.get(revision.kind)
    return () if kind is None else ((kind, owner or revision.key),)


def _list_inputs(revisions: Iterable[Revision], sites: frozenset[str]) -> frozenset[str]:
    """The sites whose series the forecasts of these were ever made from."""
    return frozenset(
        str(series["site"])
        for revision in revisions
        if revision.kind == "forecast" and revision.key.rpartition("/")[0] in sites
        for series in (revision.value or {}).get("inputs", ())
    )


def _list_upstream(revisions: Iterable[Revision], sites: frozenset[str]) -> frozenset[str]:
    """The sites and all from which water ever came to them."""
    above: dict[str, set[str]] = {}
    for revision in revisions:
        if revision.kind == "link":
            upper, _, lower = revision.key.partition(">")
            above.setdefault(lower, set()).add(upper)
    reached, new = set(sites), set(sites)
    while new:
        new = {upper for site in new for upper in above.get(site, ())} - reached
        reached |= new
    return frozenset(reached)
