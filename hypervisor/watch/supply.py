"""When a device had its supply: lamps behind a cabinet that switches them by a lighting plan."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hypervisor.instants import BEGINNING, micros
from hypervisor.registry.model import Registry, Revision
from hypervisor.watch.facts import Plans, SubjectFacts, Supply
from rules._inputs import Steps
from sensors._plan import levels, plan_from_json
from sensors._row import NEVER

_DAY = 86_400_000_000
_AHEAD = 90 * _DAY  # how far beyond what was heard the supply is worked out
_MARGIN = 30 * _DAY  # when so little of that is left, it is worked out anew

_Members = Mapping[str, Mapping[str, Sequence[Revision]]]  # group -> device -> its revisions
_Revisions = Mapping[tuple[str, str], Sequence[Revision]]


def supplies(registry: Registry, members: _Members, revisions: _Revisions) -> dict[str, Supply]:
    """How each device that was ever behind a switched supply was fed, by its groups' revisions.

    It is switched at its group's site, else where the device's own is; one that is on no map is
    taken for always fed. Equal supplies are one object: forty lamps have one.
    """
    switched: dict[str, list[str]] = {}
    for group in sorted(members.keys() & registry.groups.keys()):
        found = revisions.get(("supply", group), ())
        if any(one.value and one.value.get("switched") for one in found):
            for device in members[group]:
                switched.setdefault(device, []).append(group)
    shared: dict[str, Supply] = {}
    made: dict[str, Supply] = {}
    for device, groups in switched.items():
        place = _place(registry, device, groups)
        if place is None:
            continue
        plans = _plans(device, groups, members, revisions)
        key = json.dumps([plans, place], sort_keys=True)
        made[device] = shared.setdefault(key, Supply(plans=plans, place=place))
    return made


def _place(registry: Registry, device: str, groups: Sequence[str]) -> tuple[float, float] | None:
    """Rounded, so that neighbours share their dusk and dawn: some 0.01 degrees are two seconds."""
    one = registry.devices[device]
    names = [*(registry.groups[group].site for group in groups), one.site]
    sites = [registry.sites[name] for name in names if name is not None]
    for lon, lat in (*((site.lon, site.lat) for site in sites), (one.lon, one.lat)):
        if lon is not None and lat is not None:
            return round(lon, 2), round(lat, 2)
    return None


def _plans(device: str, groups: Sequence[str], members: _Members, revisions: _Revisions) -> Plans:
    facts = [("supply", group) for group in groups]
    named = {
        str(one.value["plan"]) for fact in facts for one in revisions.get(fact, ()) if one.value
    }
    facts += [("plan", plan) for plan in sorted(named)]
    times = {BEGINNING}
    times |= {micros(one.effective) for fact in facts for one in revisions.get(fact, ())}
    times |= {micros(one.effective) for group in groups for one in members[group][device]}
    found: list[tuple[int, Mapping[str, Any] | None]] = []
    for at in sorted(times):
        plan = _plan_at(at, device, groups, members, revisions)
        if not found or found[-1][1] != plan:
            found.append((at, plan))
    return tuple(found)


def _plan_at(
    at: int, device: str, groups: Sequence[str], members: _Members, revisions: _Revisions
) -> Mapping[str, Any] | None:
    """The plan that switched a device's supply then, without its words for people."""
    for group in groups:
        if _standing(members[group][device], at) is None:
            continue
        supply = _standing(revisions.get(("supply", group), ()), at)
        if supply and supply.get("switched"):
            plan = _standing(revisions.get(("plan", str(supply["plan"])), ()), at)
            if plan is not None:
                return {name: value for name, value in plan.items() if name != "title"}
    return None


def _standing(found: Iterable[Revision], at: int) -> Mapping[str, Any] | None:
    """What a fact says at a time; None before its first revision, and where it is withdrawn."""
    value = None
    for one in found:  # ascending; of one time the later recorded is last
        if micros(one.effective) <= at:
            value = one.value
    return value


@dataclass(kw_only=True)
class Mains:
    """The supplies, worked out from `since` to `until` (µs); one object for all fed alike."""

    retention: int  # µs of raw readings: nothing older is judged
    since: int = 0
    until: int = 0
    # By the identity of the supply, which is held so that no other object takes it over.
    _known: dict[int, tuple[Supply, Steps]] = field(default_factory=dict)

    def reach(self, floor: int, deaf: Sequence[tuple[int, int]]) -> bool:
        """Know them well beyond `floor`, up to which we heard; whether they are worked out anew.

        Before the first deafness is over nobody listened, and nothing was expected.
        """
        if floor == NEVER or self.until - _MARGIN > floor:
            return False
        first = [until for since, until in deaf[:1] if since <= BEGINNING]
        self.since, self.until = max(floor - self.retention, *first, 0), floor + _AHEAD
        self._known.clear()
        return True

    def lit(self, subject: SubjectFacts) -> SubjectFacts:
        """The subject, its devices with their supplies."""
        if not subject.supplies or not self.until:
            return subject
        fed = {
            name: replace(subject.devices[name], fed=self._steps(supply))
            for name, supply in subject.supplies.items()
        }
        return replace(subject, devices={**subject.devices, **fed})

    def _steps(self, supply: Supply) -> Steps:
        if id(supply) not in self._known:
            self._known[id(supply)] = supply, _fed(supply, self.since, self.until)
        return self._known[id(supply)][1]


def _fed(supply: Supply, since: int, until: int) -> Steps:
    """1 while the plan has the lamps burn, or there is none."""
    at, value = [np.array([BEGINNING])], [np.array([1.0])]
    ends = [*(begins for begins, _ in supply.plans[1:]), until]
    for (begins, plan), ends_at in zip(supply.plans, ends, strict=True):
        first, last = max(begins, since), min(ends_at, until)
        if first >= last:
            continue
        times, lit = np.array([first]), np.array([1.0])
        if plan is not None:
            found = levels(plan_from_json(plan), *supply.place, (first, last))
            lit = np.concatenate([found.of(times), found.level[found.at > first]])
            times = np.concatenate([times, found.at[found.at > first]])
        inside = times < last
        at.append(times[inside])
        value.append((lit[inside] > 0).astype(np.float64))
    every, fed = np.concatenate(at).astype(np.int64), np.concatenate(value)
    changed = np.append(True, fed[1:] != fed[:-1])
    return Steps(at=every[changed], value=fed[changed])
