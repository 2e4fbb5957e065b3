"""What a trial needs: a site, its threshold, the rule that uses it, and the edit."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hypervisor.backtest import registries
from hypervisor.backtest.compared_series import (
    Compared,
    find_compared,
    find_condition,
    limit_value,
    severity_of,
)
from hypervisor.backtest.model import BacktestError, Span
from hypervisor.backtest.past_events import parse_number
from hypervisor.backtest.registries import Trial, registry_around
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.rule_histories import histories
from hypervisor.evaluation.territory import arrange
from hypervisor.registry.model import Registry
from rules._rule import Rule
from rules._tree import Number, Threshold, walk
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from sensors._scalars import ScalarError


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What is tried over a period of event time (µs), at `owner`: a site, or `device/<name>`.

    `threshold` and `value` (with its unit; None: the current one only), or `written`, a rule that
    is not yet saved; `rule`: which rule, where several use the threshold. `flood`: a recorded one,
    laid over the gauge.
    """

    owner: str
    since: int
    until: int
    threshold: str | None = None
    value: str | None = None
    rule: str | None = None
    written: Rule | None = None
    flood: str | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """`near`: the registry around the site. `subject`: whose readings are drawn.

    `today`, `tried`: what is evaluated, None if nothing; `value`, `new_value`: of the threshold, or
    of what a written rule compares, in `unit`.
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
    span: Span


def prepare(registry: Registry, edit: Edit, catalogue: Catalogue) -> Draft:
    """Prepare a trial; BacktestError if a site, threshold or rule is unknown or does not apply."""
    site = _find_site(registry, edit.owner)
    near = registry_around(registry, [site])
    history_by_rule = histories(near.revisions, catalogue.common)
    last = {key: history.revisions[-1][1] for key, history in history_by_rule.items()}
    current = {key: rule for key, rule in last.items() if rule is not None}
    value, unit = _current_value(near, edit, site, catalogue)
    try:
        new_value = None if edit.value is None else parse_number(edit.value, unit)
    except ScalarError as error:
        raise BacktestError(str(error)) from error
    tried = _trial(edit, new_value, unit, edit.written)
    subjects = _list_subjects(registries.with_trial(near, tried, catalogue), site, catalogue)
    rules = _list_rules(edit, subjects, current)
    rule = _choose_rule(edit, rules)
    before = current.get(rule.id)
    if edit.threshold is None:
        compared = find_condition(rule)
        earlier = None if before is None else find_condition(before)
        new_value, unit = _limit_of(compared, near, edit, site, catalogue)
        same = earlier and compared and replace(earlier, limit=compared.limit) == compared
        value = _limit_of(earlier, near, edit, site, catalogue)[0] if same else None
    else:
        compared = find_compared(rule, edit.threshold)
    in_force = before is not None and (edit.threshold is None or value is not None)
    if not in_force and not tried:
        raise BacktestError(
            "{owner} has no {threshold!r} any more: enter a value to try",
            edit.owner,
            edit.threshold,
        )
    keys = subjects.get(rule.id, [edit.owner])
    return Draft(
        near=near,
        site=site,
        subject=edit.owner if edit.owner in keys else keys[0],
        rule=rule,
        rules=tuple(rule.id for rule in rules),
        severity=None if edit.threshold is None else severity_of(rule, edit.threshold),
        compared=compared,
        today=_trial(edit, value, unit, before) if in_force else None,
        tried=_trial(edit, new_value, unit, rule) if tried else None,
        unit=unit,
        value=value,
        new_value=new_value,
        span=Span(since=edit.since, until=edit.until),
    )


def _find_site(registry: Registry, owner: str) -> str:
    """The site of an owner of thresholds."""
    device = owner.removeprefix("device/")
    names = registry.sites if owner == device else registry.devices
    if device not in names:
        raise BacktestError(
            "no site is named {name!r}{hint}"
            if owner == device
            else "no device is named {name!r}{hint}",
            device,
            did_you_mean(device, names),
        )
    return owner if owner == device else registry.devices[device].site


def _current_value(
    near: Registry, edit: Edit, site: str, catalogue: Catalogue
) -> tuple[float | None, str]:
    """The threshold's latest value and its unit; a device without one has its site's."""
    name = edit.threshold
    if name is None:
        return None, ""
    definition = catalogue.thresholds.get(name)
    latest = {
        revision.key: revision.value for revision in near.revisions if revision.kind == "threshold"
    }
    for owner in (edit.owner, site):
        value = latest.get(f"{owner}/{name}")
        if value is not None:
            unit = definition.unit if definition else str(value["unit"])
            return float(value["value"]), unit
    if definition is None:
        hint = did_you_mean(name, catalogue.thresholds)
        raise BacktestError("there is no threshold {name!r}{hint}", name, hint)
    return None, definition.unit


def _limit_of(
    compared: Compared | None, near: Registry, edit: Edit, site: str, catalogue: Catalogue
) -> tuple[float | None, str]:
    """What a rule compares with, at the site, and its unit."""
    if compared is None:
        return None, ""
    values: dict[str, float] = {}
    unit = ""
    for part in walk(compared.limit):
        if isinstance(part, Threshold):
            value, own = _current_value(near, replace(edit, threshold=part.name), site, catalogue)
            unit = unit or own
            if value is not None:
                values[part.name] = value
        elif isinstance(part, Number):
            unit = unit or part.unit or ""
    return limit_value(compared.limit, values), unit


def _trial(edit: Edit, value: float | None, unit: str, rule: Rule | None) -> Trial:
    thresholds = {}
    if edit.threshold is not None and value is not None:
        thresholds[f"{edit.owner}/{edit.threshold}"] = f"{value!r} {unit}"
    return Trial(rules=(rule,) if rule is not None else (), thresholds=thresholds)


def _list_subjects(registry: Registry, site: str, catalogue: Catalogue) -> dict[str, list[str]]:
    """The subjects at the site, by rule that applies there."""
    territory = arrange(registry, catalogue, PowerSchedule(retention=0))
    subjects_by_rule: dict[str, list[str]] = {}
    for (rule, key), revisions in territory.revisions.items():
        if territory.subjects[key].place == site and revisions[-1][1] is not None:
            subjects_by_rule.setdefault(rule, []).append(key)
    return subjects_by_rule


def list_places(registry: Registry, rule: str, catalogue: Catalogue) -> set[str]:
    """The sites at which a rule applies."""
    territory = arrange(registry, catalogue, PowerSchedule(retention=0))
    places = (territory.subjects[key].place for name, key in territory.revisions if name == rule)
    return {place for place in places if place is not None}


def _list_rules(edit: Edit, applied: Iterable[str], current: dict[str, Rule]) -> list[Rule]:
    """The rules that use the threshold, the likeliest first; or the written one."""
    there = frozenset(applied)
    if edit.written is not None:
        if edit.written.id not in there:
            raise BacktestError(
                "{id} does not apply at {owner}: it lacks a series, a threshold or a model",
                edit.written.id,
                edit.owner,
            )
        return [edit.written]
    name = edit.threshold or ""
    rules = [
        rule
        for key, rule in current.items()
        if key in there
        and (
            name in (*rule.thresholds, *rule.optional_thresholds)
            or (edit.threshold is None and key == edit.rule)
        )
    ]
    return sorted(rules, key=lambda rule: _rank(rule, name))


def _rank(rule: Rule, threshold: str) -> tuple[bool, bool, int, str]:
    """First rules that compare the threshold itself, hazards, and simple ones."""
    return (
        find_compared(rule, threshold) is None,
        rule.category != "hazard",
        len(rule.names) + len(rule.afar),
        rule.id,
    )


def _choose_rule(edit: Edit, rules: list[Rule]) -> Rule:
    for rule in rules:
        if edit.rule in (None, rule.id):
            return rule
    if edit.rule is not None:
        raise BacktestError(
            "{rule} does not apply at {owner}, or does not use the threshold", edit.rule, edit.owner
        )
    raise BacktestError(
        "no rule that applies at {owner} uses {threshold}: an alarm needs one",
        edit.owner,
        edit.threshold,
    )
