"""Why an alarm does not notify: inhibited, planned works, shelved, out of service, chattering.

A pure function. A suppressed alarm still exists, is listed and counted.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypervisor.alarms.chatter import Chatter
from hypervisor.alarms.lifecycle import Hold
from hypervisor.alarms.model import HoldRecord, Suppression
from hypervisor.base.instants import text
from hypervisor.registry.queries_works import WorksWindow
from sensors._errors import Message


@dataclass(frozen=True, kw_only=True)
class Case:
    """An alarm as suppression sees it. Times in µs.

    `site`: the subject's site, by name. `groups`: those of a device; `homes`: the sites of these
    groups. `out_of_service`: a device that is out of service in the registry.
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
class SuppressionInputs:
    """What suppression depends on besides the alarm. `active`: all active alarms.

    `inhibits`: per rule the rules that it inhibits. `holds`: per (rule, subject). `never`: the
    rules that nothing suppresses.
    """

    active: Sequence[Case] = ()
    inhibits: Mapping[str, frozenset[str]] = field(default_factory=dict)
    works: Sequence[WorksWindow] = ()
    holds: Mapping[tuple[str, str], HoldRecord] = field(default_factory=dict)
    chatter: Mapping[tuple[str, str], Chatter] = field(default_factory=dict)
    never: frozenset[str] = frozenset()

    @functools.cached_property
    def reaching(self) -> Mapping[tuple[str, str], list[Case]]:
        """The active inhibitors by the places they reach: (kind, name)."""
        reach: dict[tuple[str, str], list[Case]] = {}
        for alarm in self.active:
            if alarm.active and self.inhibits.get(alarm.rule):
                for place in _places_reached(alarm):
                    reach.setdefault(place, []).append(alarm)
        return reach


def find_suppressions(
    case: Case, around: SuppressionInputs, *, now: int
) -> tuple[Suppression, ...]:
    """The reasons why this alarm does not notify at `now`; empty: it may."""
    if case.rule in around.never:
        return ()
    suppressions = [
        Suppression(
            kind="inhibited",
            reason=Message("alarm {number} inhibits it: {title}", inhibitor.id, inhibitor.title),
            by=inhibitor.id,
        )
        for inhibitor in find_inhibitors(case, around)
    ]
    suppressions += [
        _works_suppression(window) for window in around.works if _covers(window, case, now)
    ]
    held = around.holds.get((case.rule, case.subject))
    if held is not None and (held.until is None or held.until > now):
        suppressions.append(_hold_suppression(held))
    if case.out_of_service:
        reason = Message(
            "{name} is out of service in the inventory", case.subject.partition("/")[2]
        )
        suppressions.append(Suppression(kind="out-of-service", reason=reason))
    chatter = around.chatter.get((case.rule, case.subject))
    if chatter is not None:
        suppressions.append(
            Suppression(kind="chattering", reason=chatter.reason, until=chatter.until)
        )
    return tuple(suppressions)


def find_inhibitors(case: Case, around: SuppressionInputs) -> list[Case]:
    """The active alarms that inhibit this one, oldest first.

    Of two that inhibit each other, the older one notifies.
    """
    near = {
        inhibitor.id: inhibitor
        for place in _places_of(case)
        for inhibitor in around.reaching.get(place, ())
        if _inhibits(inhibitor, case, around)
    }
    return sorted(
        (
            inhibitor
            for inhibitor in near.values()
            if not (_inhibits_here(case, inhibitor, around) and _earlier(case, inhibitor) is case)
        ),
        key=lambda inhibitor: (inhibitor.began, inhibitor.id),
    )


def _inhibits(inhibitor: Case, other: Case, around: SuppressionInputs) -> bool:
    return inhibitor.id != other.id and other.rule in around.inhibits.get(inhibitor.rule, ())


def _inhibits_here(inhibitor: Case, other: Case, around: SuppressionInputs) -> bool:
    return _inhibits(inhibitor, other, around) and not _places_reached(inhibitor).isdisjoint(
        _places_of(other)
    )


def _places_reached(inhibitor: Case) -> set[tuple[str, str]]:
    """The places an inhibitor reaches: its subject, its site, the members of its group."""
    places = {("subject", inhibitor.subject)}
    if inhibitor.site is not None:
        places.add(("site", inhibitor.site))
    kind, _, name = inhibitor.subject.partition("/")
    if kind == "group":
        places.add(("group", name))
    return places


def _places_of(case: Case) -> set[tuple[str, str]]:
    """The places at which an alarm can be inhibited: of a lamp also its groups and their sites."""
    places = {("subject", case.subject)}
    places |= {("site", site) for site in ({case.site} | case.homes) if site is not None}
    return places | {("group", group) for group in case.groups}


def _earlier(case: Case, other: Case) -> Case:
    return min(case, other, key=lambda case: (case.began, case.id))


def _covers(works: WorksWindow, case: Case, now: int) -> bool:
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


def _works_suppression(works: WorksWindow) -> Suppression:
    return Suppression(
        kind="works",
        reason=Message(
            "planned works {name} until {time}: {reason}",
            works.name,
            text(works.ends),
            works.reason,
        ),
        until=works.ends,
    )


def _hold_suppression(held: HoldRecord) -> Suppression:
    if held.kind is not Hold.SHELVED:
        reason = Message("out of service by {code}: {reason}", held.author, held.reason)
        return Suppression(kind="out-of-service", reason=reason, until=held.until)
    ends = "" if held.until is None else text(held.until)
    reason = Message("shelved by {code} until {time}: {reason}", held.author, ends, held.reason)
    return Suppression(kind="shelved", reason=reason, until=held.until)
