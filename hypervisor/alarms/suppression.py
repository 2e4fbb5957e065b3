"""Why an alarm notifies nobody now: inhibited, planned works, shelved, out of service, chattering.

Pure: from the alarms, what the rules inhibit, the works, what is held, and now. A suppressed alarm
exists, is listed and counted.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypervisor.alarms.chatter import Chatter
from hypervisor.alarms.lifecycle import Hold
from hypervisor.alarms.queries_lifecycle import Held
from hypervisor.base.instants import text
from hypervisor.registry.queries_works import Window


@dataclass(frozen=True, kw_only=True)
class Case:
    """An alarm as suppression sees it. Times in µs.

    `site`: the name of the site where its subject stands. `groups`: those that its subject belongs
    to as a device, by name; `homes`: the sites those are run from. `out_of_service`: its subject is
    a device that the registry has out of service.
    """

    id: int
    rule: str
    subject: str
    site: str | None
    began: int
    title: str = ""
    active: bool = True
    groups: frozenset[str] = frozenset()
    homes: frozenset[str] = frozenset()
    out_of_service: bool = False


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """One reason. `kind`: inhibited, works, shelved, out-of-service or chattering.

    `by`: the inhibiting alarm. `until`: when it ends by itself, µs, where that is known.
    """

    kind: str
    reason: str
    by: int | None = None
    until: int | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What suppression depends on beside the alarm. `active`: all active alarms.

    `inhibits`: per rule the rules that it inhibits. `holds`: per (rule, subject).
    """

    active: Sequence[Case] = ()
    inhibits: Mapping[str, frozenset[str]] = field(default_factory=dict)
    works: Sequence[Window] = ()
    holds: Mapping[tuple[str, str], Held] = field(default_factory=dict)
    chatter: Mapping[tuple[str, str], Chatter] = field(default_factory=dict)

    @functools.cached_property
    def reaching(self) -> Mapping[tuple[str, str], list[Case]]:
        """The active alarms that inhibit others, by where they reach: kind of place and name."""
        found: dict[tuple[str, str], list[Case]] = {}
        for one in self.active:
            if one.active and self.inhibits.get(one.rule):
                for place in _reach(one):
                    found.setdefault(place, []).append(one)
        return found


def suppressed(case: Case, around: Surroundings, *, now: int) -> tuple[Suppression, ...]:
    """Every reason for which this alarm notifies nobody at `now`; none: it may speak."""
    suppressions = [
        Suppression(
            kind="inhibited",
            reason=f"alarm {inhibitor.id} inhibits it: {inhibitor.title}",
            by=inhibitor.id,
        )
        for inhibitor in inhibitors(case, around)
    ]
    suppressions += [_of_works(window) for window in around.works if _concerns(window, case, now)]
    held = around.holds.get((case.rule, case.subject))
    if held is not None and (held.until is None or held.until > now):
        suppressions.append(_of_hold(held))
    if case.out_of_service:
        said = f"{case.subject.partition('/')[2]} is out of service in the inventory"
        suppressions.append(Suppression(kind=Hold.OUT_OF_SERVICE.value, reason=said))
    chatter = around.chatter.get((case.rule, case.subject))
    if chatter is not None:
        suppressions.append(
            Suppression(kind="chattering", reason=chatter.told, until=chatter.until)
        )
    return tuple(suppressions)


def inhibitors(case: Case, around: Surroundings) -> list[Case]:
    """The active alarms that inhibit this one, the first to begin first.

    Of two that inhibit each other the one that began first speaks.
    """
    near = {
        one.id: one
        for place in _places(case)
        for one in around.reaching.get(place, ())
        if _inhibits(one, case, around)
    }
    return sorted(
        (
            one
            for one in near.values()
            if not (_reached(case, one, around) and _first(case, one) is case)
        ),
        key=lambda one: (one.began, one.id),
    )


def _inhibits(one: Case, other: Case, around: Surroundings) -> bool:
    return one.id != other.id and other.rule in around.inhibits.get(one.rule, ())


def _reached(one: Case, other: Case, around: Surroundings) -> bool:
    return _inhibits(one, other, around) and not _reach(one).isdisjoint(_places(other))


def _reach(one: Case) -> set[tuple[str, str]]:
    """Where an inhibitor reaches: its own subject, its site, the members of its group."""
    found = {("subject", one.subject)}
    if one.site is not None:
        found.add(("site", one.site))
    kind, _, name = one.subject.partition("/")
    if kind == "group":
        found.add(("group", name))
    return found


def _places(one: Case) -> set[tuple[str, str]]:
    """By which places an alarm can be reached: a lamp also by its groups and their sites."""
    found = {("subject", one.subject)}
    found |= {("site", site) for site in ({one.site} | one.homes) if site is not None}
    return found | {("group", group) for group in one.groups}


def _first(one: Case, other: Case) -> Case:
    return min(one, other, key=lambda each: (each.began, each.id))


def _concerns(works: Window, case: Case, now: int) -> bool:
    if not works.begins <= now < works.ends:
        return False
    kind, _, name = case.subject.partition("/")
    return (
        case.site in works.sites
        or (kind == "device" and name in works.devices)
        or (kind == "group" and name in works.groups)
        or bool(case.groups & works.groups)
        or bool(case.homes & works.sites)
    )


def _of_works(works: Window) -> Suppression:
    return Suppression(
        kind="works",
        reason=f"planned works {works.name} until {text(works.ends)}: {works.reason}",
        until=works.ends,
    )


def _of_hold(held: Held) -> Suppression:
    until = f" until {text(held.until)}" if held.until is not None else ""
    words = "shelved" if held.kind is Hold.SHELVED else "out of service"
    return Suppression(
        kind=held.kind.value,
        reason=f"{words} by {held.author}{until}: {held.reason}",
        until=held.until,
    )
