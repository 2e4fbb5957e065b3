"""By what the past is judged: a registry with rules, and with what is to be tried in its place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hypervisor.backtest.errors import BacktestError
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


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is tried: rules in the place of those of the same id, thresholds (key -> text)."""

    rules: tuple[Rule, ...] = ()
    thresholds: Mapping[str, str] | None = None

    def __bool__(self) -> bool:
        return bool(self.rules or self.thresholds)


def of_inventory(names: Sequence[str], catalogue: Catalogue, packs: Iterable[Pack]) -> Registry:
    """A registry as these inventories would make it, without a database, and the rules of packs.

    Raises:
        InventoryError: with every problem of theirs.
    """
    stamp = Stamp(author=_AUTHOR, reason=_AUTHOR, now=None, effective=None)
    made = apply_changes(
        _EMPTY, compare(_EMPTY, read_sources(names), stamp=stamp, domain_catalogue=catalogue)
    )
    sites = {
        name: replace(site, id=number)
        for number, (name, site) in enumerate(sorted(made.sites.items()), start=1)
    }
    series = {
        key: replace(series, id=number)
        for number, (key, series) in enumerate(sorted(made.series.items()), start=1)
    }
    made = replace(made, sites=sites, series=series)
    return with_trial(
        made, Trial(rules=tuple(rule for pack in packs for rule in pack.rules)), catalogue
    )


def with_trial(registry: Registry, trial: Trial, catalogue: Catalogue) -> Registry:
    """The registry as if what is tried had always been so.

    Raises:
        BacktestError: a threshold is of no site, or unknown, or of another unit.
    """
    if not trial:
        return registry
    new = {("rule", rule.id): rule.to_json() for rule in trial.rules}
    for key, text in (trial.thresholds or {}).items():
        new["threshold", key] = _threshold(registry, key, text, catalogue)
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
    kept = [
        revision
        for revision in registry.revisions
        if revision.kind != "rule" or revision.key in rules
    ]
    return replace(registry, revisions=tuple(kept))


def rule_ids(registry: Registry) -> list[str]:
    """The rules that are not withdrawn for good."""
    latest = {
        revision.key: revision.value for revision in registry.revisions if revision.kind == "rule"
    }
    return sorted(key for key, value in latest.items() if value is not None)


def _threshold(
    registry: Registry, key: str, text: str, catalogue: Catalogue
) -> dict[str, float | str]:
    owner, _, name = key.rpartition("/")
    device = owner.removeprefix("device/")
    kind, there = ("site", registry.sites) if device == owner else ("device", registry.devices)
    if device not in there:
        raise BacktestError(
            f"{key}: there is no {kind} {device!r} (expected SITE/THRESHOLD)"
            f"{did_you_mean(device, there)}"
        )
    if name not in catalogue.thresholds:
        hint = did_you_mean(name, catalogue.thresholds)
        raise BacktestError(f"{key}: there is no threshold {name!r}{hint}")
    unit = catalogue.thresholds[name].unit
    try:
        return {"value": measure(text, unit), "unit": unit}
    except ScalarError as error:
        raise BacktestError(f"{key}: {error}") from error


def trial_of(words: Sequence[str]) -> Trial:
    """What the words try: packs by their file, thresholds as `SITE/NAME=2.4 m`.

    Raises:
        BacktestError: a word is neither.
        RuleError: a pack has a slip.
        RulebookError: a file cannot be read, or its domain not be told.
    """
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
                f"{word!r} is neither a file nor a threshold such as 'SITE/attention=2.4 m'"
            )
    return Trial(rules=tuple(rules), thresholds=thresholds)


def choose_rules(registry: Registry, words: Sequence[str], catalogue: Catalogue) -> list[str]:
    """The ids of rules that words name, by id or by domain; without a word, of all.

    Raises:
        BacktestError: a word names none.
    """
    ids = rule_ids(registry)
    rules: list[str] = []
    for word in words:
        named = [key for key in ids if key == word or key.startswith(f"{word}-")]
        exact = [key for key in named if key == word]
        if not named:
            hint = did_you_mean(word, [*ids, *catalogue.domains])
            raise BacktestError(f"{word!r} is no file, no rule and no domain{hint}")
        rules += exact or named
    return list(dict.fromkeys(rules)) if words else ids


def reach_of(longest: Mapping[int, int]) -> int:
    """The farthest (µs) that any of the rules looks back."""
    return int(np.max(list(longest.values()), initial=0))
