"""What lies before an author: a site, its threshold, the rule that asks for it, and the edit."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hypervisor.backtest import registries
from hypervisor.backtest.compared_series import Compared, find_compared, severity_of
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.evaluate import Span
from hypervisor.backtest.numbers import parse_number
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.registry_around import registry_around
from hypervisor.evaluation import rulebook
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.registry.model import Registry
from rules._rule import Rule
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from sensors._scalars import ScalarError

_DEVICE = "device/"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What is tried over a span of event time (µs), at `owner`: a site, or `device/<name>`.

    `threshold` and `value` (with its unit; None: it is only looked at), or `written`, a rule that
    is not yet saved; `rule` says which rule is meant, where several name the threshold.
    """

    owner: str
    since: int
    until: int
    threshold: str | None = None
    value: str | None = None
    rule: str | None = None
    written: Rule | None = None


@dataclass(frozen=True, kw_only=True)
class Desk:
    """`near`: the registry round the site. `subject`: of whom the picture is.

    `today`, `tried`: what is judged by; None: there is nothing. `value`, `new_value`: of the
    threshold, in `unit`.
    """

    near: Registry
    site: str
    subject: str
    rule: Rule
    rules: tuple[str, ...]
    severity: str | None
    compared: Compared | None
    today: Trial | None
    tried: Trial | None
    unit: str
    value: float | None
    new_value: float | None
    since: int
    until: int

    @property
    def span(self) -> Span:
        return Span(since=self.since, until=self.until)


def desk_of(registry: Registry, edit: Edit, catalogue: Catalogue) -> Desk:
    """Lay it all out.

    Raises:
        BacktestError: there is no such site, threshold or rule, or it does not apply there.
    """
    site = _site(registry, edit.owner)
    near = registry_around(registry, [site])
    current = _current(near, catalogue)
    value, unit = _standing(near, edit, catalogue)
    new_value = None if edit.value is None else _measured(edit, unit)
    tried = _trial(edit, new_value, unit, edit.written)
    places = _places(registries.with_trial(near, tried, catalogue), site, catalogue)
    rules = _naming(edit, places, {**current, **_written(edit)})
    rule = _chosen(edit, rules)
    name = edit.threshold or next(iter((*rule.thresholds, *rule.optional_thresholds)), None)
    if edit.threshold is None and name is not None:
        value, unit = _standing(near, replace(edit, threshold=name), catalogue)
        new_value = value
    before = current.get(rule.id)
    stands = before is not None and (edit.threshold is None or value is not None)
    today = _trial(edit, value, unit, before) if stands else None
    if today is None and not tried:
        raise BacktestError(f"{edit.owner} has no {edit.threshold!r} any more: say a value to try")
    return Desk(
        near=near,
        site=site,
        subject=_subject(edit.owner, rule, places),
        rule=rule,
        rules=tuple(rule.id for rule in rules),
        severity=None if edit.threshold is None else severity_of(rule, edit.threshold),
        compared=None if name is None else find_compared(rule, name),
        today=today,
        tried=_trial(edit, new_value, unit, rule) if tried else None,
        unit=unit,
        value=value,
        new_value=new_value,
        since=edit.since,
        until=edit.until,
    )


def _site(registry: Registry, owner: str) -> str:
    device = owner.removeprefix(_DEVICE)
    if owner != device:
        if device in registry.devices:
            return registry.devices[device].site
        raise BacktestError(
            f"there is no device {device!r}{did_you_mean(device, registry.devices)}"
        )
    if owner not in registry.sites:
        raise BacktestError(f"there is no site {owner!r}{did_you_mean(owner, registry.sites)}")
    return owner


def _current(near: Registry, catalogue: Catalogue) -> dict[str, Rule]:
    """The rules that stand, as they were said last."""
    histories = rulebook.histories(near, catalogue.common)
    last = {key: history.revisions[-1][1] for key, history in histories.items()}
    return {key: rule for key, rule in last.items() if rule is not None}


def _standing(near: Registry, edit: Edit, catalogue: Catalogue) -> tuple[float | None, str]:
    """The threshold's value as it was said last, and its unit; a device has its site's."""
    if edit.threshold is None:
        return None, ""
    vocabulary = catalogue.thresholds.get(edit.threshold)
    revisions = {
        revision.key: revision.value for revision in near.revisions if revision.kind == "threshold"
    }
    for owner in (edit.owner, _site(near, edit.owner)):
        value = revisions.get(f"{owner}/{edit.threshold}")
        if value is not None:
            unit = vocabulary.unit if vocabulary else str(value["unit"])
            return float(value["value"]), unit
    if vocabulary is None:
        hint = did_you_mean(edit.threshold, catalogue.thresholds)
        raise BacktestError(f"there is no threshold {edit.threshold!r}{hint}")
    return None, vocabulary.unit


def _measured(edit: Edit, unit: str) -> float:
    try:
        return parse_number(edit.value or "", unit)
    except ScalarError as error:
        raise BacktestError(str(error)) from error


def _trial(edit: Edit, value: float | None, unit: str, rule: Rule | None) -> Trial:
    thresholds = {}
    if edit.threshold is not None and value is not None:
        thresholds[f"{edit.owner}/{edit.threshold}"] = f"{value!r} {unit}"
    return Trial(rules=(rule,) if rule is not None else (), thresholds=thresholds)


def _written(edit: Edit) -> dict[str, Rule]:
    return {} if edit.written is None else {edit.written.id: edit.written}


def _places(registry: Registry, site: str, catalogue: Catalogue) -> dict[str, list[str]]:
    """Of each rule that applies there the subjects at the site."""
    territory = rulebook.arrange(registry, catalogue, PowerSchedule(retention=0))
    subjects_by_rule: dict[str, list[str]] = {}
    for (rule, key), revisions in territory.revisions.items():
        if territory.subjects[key].place == site and revisions[-1][1] is not None:
            subjects_by_rule.setdefault(rule, []).append(key)
    return subjects_by_rule


def _naming(edit: Edit, places: Iterable[str], current: dict[str, Rule]) -> list[Rule]:
    """The rules that ask for the threshold, the likeliest first; or the one that is written."""
    there = frozenset(places)
    if edit.written is not None:
        if edit.written.id not in there:
            raise BacktestError(
                f"{edit.written.id} does not apply at {edit.owner}: it lacks a series or threshold"
            )
        return [edit.written]
    name = edit.threshold or ""
    rules = [
        rule
        for key, rule in current.items()
        if (key in there and (name in rule.thresholds or name in rule.optional_thresholds))
        or (edit.threshold is None and key == edit.rule and key in there)
    ]
    return sorted(rules, key=lambda rule: _rank(rule, name))


def _rank(rule: Rule, threshold: str) -> tuple[bool, bool, int, str]:
    """A rule that holds the threshold itself against something, of the world, and little else."""
    return (
        find_compared(rule, threshold) is None,
        rule.category != "hazard",
        len(rule.names) + len(rule.afar),
        rule.id,
    )


def _chosen(edit: Edit, rules: list[Rule]) -> Rule:
    for rule in rules:
        if edit.rule in (None, rule.id):
            return rule
    if edit.rule is not None:
        raise BacktestError(
            f"{edit.rule} does not apply at {edit.owner}, or asks for nothing there"
        )
    raise BacktestError(
        f"no rule that applies at {edit.owner} asks for {edit.threshold}: an alarm needs one"
    )


def _subject(owner: str, rule: Rule, places: dict[str, list[str]]) -> str:
    keys = places.get(rule.id, [owner])
    return owner if owner in keys else keys[0]
