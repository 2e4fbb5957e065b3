"""When devices have power: lamps behind a cabinet that switches them by a lighting plan."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.evaluation.facts import Plans, SubjectFacts, Supply
from hypervisor.registry.model import Registry, Revision
from rules._inputs import Instants, Steps, Values
from sensors._plan import levels, plan_from_json
from sensors._row import NEVER

_DAY = 86_400_000_000
_AHEAD = 90 * _DAY  # how far beyond the watermark it is computed
_MARGIN = 30 * _DAY  # with less than this left it is computed again

_Members = Mapping[str, Mapping[str, Sequence[Revision]]]  # group -> device -> its revisions
_Revisions = Mapping[tuple[str, str], Sequence[Revision]]
_Membership = tuple[str, Sequence[Revision] | None]  # a group; None: the group itself
_Counts = Callable[[Mapping[str, Any]], bool]  # whether a revision of a supply counts


def supplies(
    registry: Registry, members: _Members, revisions: _Revisions, failed: dict[str, Exception]
) -> dict[str, Supply]:
    """The supply of each device that was ever behind a switched one, by its groups' revisions.

    Its place is the group's site, else the device's; without any, or without a plan, it counts as
    always on. Equal supplies are one object: forty lamps share it. `failed` takes the subjects
    whose supply cannot be read, and the error.
    """
    index = _Supplies(registry, members, revisions, failed)
    return index.of_devices(lambda value: bool(value.get("switched")))


def lightings(
    registry: Registry, members: _Members, revisions: _Revisions, failed: dict[str, Exception]
) -> dict[str, Supply]:
    """The lighting plans of each subject, by key: devices, groups, and groups' sites."""
    index = _Supplies(registry, members, revisions, failed)
    by_subject = {f"device/{name}": supply for name, supply in index.of_devices(_planned).items()}
    for name in sorted(registry.groups):
        group_supply = index.of_group(name)
        if group_supply is not None:
            by_subject[f"group/{name}"] = group_supply
            site = registry.groups[name].site
            if site is not None:
                by_subject.setdefault(site, group_supply)
    return by_subject


def _planned(value: Mapping[str, Any]) -> bool:
    return "plan" in value


@dataclass(kw_only=False)
class _Supplies:
    """Builds supplies from the registry; equal ones are one object."""

    registry: Registry
    members: _Members
    revisions: _Revisions
    failed: dict[str, Exception]
    shared: dict[str, Supply] = field(default_factory=dict)

    def of_devices(self, counts: _Counts) -> dict[str, Supply]:
        """Of the devices in groups whose supply ever counted."""
        belonging: dict[str, list[_Membership]] = {}
        for group in sorted(self.members.keys() & self.registry.groups.keys()):
            if self._ever(group, counts):
                for device, revisions in self.members[group].items():
                    belonging.setdefault(device, []).append((group, revisions))
        built: dict[str, Supply] = {}
        for device, groups in belonging.items():
            supply = self._try(f"device/{device}", partial(self._build, groups, device, counts))
            if supply is not None:
                built[device] = supply
        return built

    def of_group(self, group: str) -> Supply | None:
        """Of a group itself."""
        if not self._ever(group, _planned):
            return None
        first = min(self.members.get(group, ()), default=None)
        build = partial(self._build, [(group, None)], first, _planned)
        return self._try(f"group/{group}", build)

    def _try(self, subject: str, build: Callable[[], Supply | None]) -> Supply | None:
        """One supply that cannot be read stops no other."""
        try:
            return build()
        except Exception as error:  # noqa: BLE001  as above
            self.failed.setdefault(subject, error)
            return None

    def _of(self, kind: str, key: str) -> Sequence[Revision]:
        return self.revisions.get((kind, key), ())

    def _ever(self, group: str, counts: _Counts) -> bool:
        values = [each.value for each in self._of("supply", group) if each.value]
        return any(not isinstance(value, Mapping) or counts(value) for value in values)

    def _build(
        self, belonging: Sequence[_Membership], device: str | None, counts: _Counts
    ) -> Supply | None:
        place = self._place(device, [group for group, _ in belonging])
        if place is None:
            return None
        plans = self._plans(belonging, counts)
        key = json.dumps([plans, place], sort_keys=True)
        return self.shared.setdefault(key, Supply(plans=plans, place=place))

    def _place(self, device: str | None, groups: Sequence[str]) -> tuple[float, float] | None:
        """Rounded to 0.01 degrees (two seconds), so that neighbours share dusk and dawn."""
        registered = None if device is None else self.registry.devices[device]
        names = [
            *(self.registry.groups[group].site for group in groups),
            registered.site if registered else None,
        ]
        sites = [self.registry.sites[name] for name in names if name is not None]
        spots = [(site.lon, site.lat) for site in sites]
        for lon, lat in (*spots, *([(registered.lon, registered.lat)] if registered else [])):
            if lon is not None and lat is not None:
                return round(lon, 2), round(lat, 2)
        return None

    def _plans(self, belonging: Sequence[_Membership], counts: _Counts) -> Plans:
        supplies = [self._of("supply", group) for group, _ in belonging]
        values = [each.value for history in supplies for each in history if each.value]
        named = {str(value["plan"]) for value in values if "plan" in value}
        memberships = [revisions or () for _, revisions in belonging]
        histories = [*supplies, *memberships, *(self._of("plan", plan) for plan in named)]
        times = {micros(each.effective) for history in histories for each in history}
        plans: list[tuple[int, Mapping[str, Any] | None]] = []
        for at in sorted({BEGINNING, *times}):
            plan = self._plan_at(at, belonging, counts)
            if not plans or plans[-1][1] != plan:
                plans.append((at, plan))
        return tuple(plans)

    def _plan_at(
        self, at: int, belonging: Sequence[_Membership], counts: _Counts
    ) -> Mapping[str, Any] | None:
        """The plan that counted then, without its title."""
        for group, revisions in belonging:
            if revisions is not None and _in_force(revisions, at) is None:
                continue
            supply = _in_force(self._of("supply", group), at)
            if supply and counts(supply):
                plan = _in_force(self._of("plan", str(supply.get("plan"))), at)
                if plan is not None:
                    return {name: value for name, value in plan.items() if name != "title"}
        return None


def _in_force(revisions: Iterable[Revision], at: int) -> Mapping[str, Any] | None:
    """The value in force at a time (µs); None before the first revision and while withdrawn."""
    value = None
    for revision in revisions:  # ascending; of one time the later recorded is last
        if micros(revision.effective) <= at:
            value = revision.value
    return value


@dataclass(kw_only=True)
class PowerSchedule:
    """The supplies, computed from `since` to `until` (µs); subjects with equal ones share them."""

    retention: int  # µs of raw readings: nothing older is evaluated
    since: int = 0
    until: int = 0
    # By the identity of the supply, which is held so that no other object takes its number.
    _steps_by_supply: dict[tuple[int, bool], tuple[Supply, Steps]] = field(default_factory=dict)

    def extend(self, floor: int, gaps: Sequence[tuple[int, int]]) -> bool:
        """Cover well beyond the watermark `floor`; whether it had to be computed again.

        Before the end of the first ingest gap nothing was expected.
        """
        if floor == NEVER or self.until - _MARGIN > floor:
            return False
        first = [until for since, until in gaps[:1] if since <= BEGINNING]
        self.since, self.until = max(floor - self.retention, *first, 0), floor + _AHEAD
        self._steps_by_supply.clear()
        return True

    def lit(self, subject: SubjectFacts, *, planned: bool = False) -> SubjectFacts:
        """The subject, its devices with their supplies; if `planned`, with its planned level."""
        if not self.until:
            return subject
        if planned and subject.lighting is not None:
            subject = replace(subject, plan=self._steps(subject.lighting, planned=True))
        if not subject.supplies:
            return subject
        fed = {
            name: replace(subject.devices[name], fed=self._steps(supply, planned=False))
            for name, supply in subject.supplies.items()
        }
        return replace(subject, devices={**subject.devices, **fed})

    def _steps(self, supply: Supply, *, planned: bool) -> Steps:
        key = id(supply), planned
        if key not in self._steps_by_supply:
            level = planned_level(supply, self.since, self.until)
            self._steps_by_supply[key] = supply, level if planned else _fed(level)
        return self._steps_by_supply[key][1]


def planned_level(supply: Supply, since: int, until: int) -> Steps:
    """The level of the plans (%); nan while there is none."""
    at, value = [np.array([BEGINNING])], [np.array([np.nan])]
    ends = [*(begins for begins, _ in supply.plans[1:]), until]
    for (begins, plan), ends_at in zip(supply.plans, ends, strict=True):
        first, last = max(begins, since), min(ends_at, until)
        if first >= last:
            continue
        times, level = np.array([first]), np.array([np.nan])
        if plan is not None:
            switching = levels(plan_from_json(plan), *supply.place, (first, last))
            level = np.concatenate([switching.of(times), switching.level[switching.at > first]])
            times = np.concatenate([times, switching.at[switching.at > first]])
        inside = times < last
        at.append(times[inside])
        value.append(level[inside])
    return _changing(np.concatenate(at).astype(np.int64), np.concatenate(value))


def _fed(level: Steps) -> Steps:
    """1 while the plan switches the lamps on, or there is none."""
    return _changing(level.at, np.where(np.isnan(level.value), 1.0, level.value > 0))


def _changing(at: Instants, value: Values) -> Steps:
    """Only the steps that change the value."""
    same = (value[1:] == value[:-1]) | (np.isnan(value[1:]) & np.isnan(value[:-1]))
    changed = np.append(True, ~same)
    return Steps(at=at[changed], value=value[changed])
