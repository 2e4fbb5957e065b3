"""Commands that rules propose on their alarms: made while an alarm is active, withdrawn at its end.

Compared with the alarms every second, and so the same after a crash, a restart or an evaluation of
the past; nothing that evaluates reads any of it.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypervisor.alarms.service_suppression import read_suppression
from hypervisor.base.translation import mark
from hypervisor.commands import queries, queries_proposals, service_gateways
from hypervisor.commands.arming import FRESH, SUPPRESSED, rules_in_force
from hypervisor.commands.automatic import AutomaticSending
from hypervisor.commands.evidence import Judge
from hypervisor.commands.queries_proposals import CurrentAlarm, NewProposal
from hypervisor.commands.service import find_refusal
from hypervisor.database.connect import Connection
from hypervisor.forecast import arrival
from hypervisor.forecast.arrival import Reach
from hypervisor.registry.model import Registry
from hypervisor.registry.queries_devices import list_devices
from rules._errors import RuleError
from rules._proposal import ASSETS, ProposedCommand, proposals_of
from sensors._domain import Catalogue

_OVER = mark("its alarm is over")
_REVISED = mark("its rule proposes it no longer")
log = logging.getLogger("hypervisor.commands")


@dataclass(frozen=True, kw_only=True)
class ProposingRules:
    """What rules in force propose. `until`: when the next revision comes into effect.

    `written`: they as revisions store them. `obeying`: by site its devices of models that obey.
    """

    registry: Registry
    written: Mapping[str, Mapping[str, Any]]
    by_rule: Mapping[str, Sequence[ProposedCommand]]
    until: datetime | None
    obeying: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def accepting(self) -> frozenset[tuple[str, str]]:
        """(rule, kind) of which every automatic proposal accepts what people entered."""
        automatic = [
            (rule, each)
            for rule, all_of in self.by_rule.items()
            for each in all_of
            if each.automatic
        ]
        refusing = {(rule, each.kind.name) for rule, each in automatic if not each.persons}
        return frozenset((rule, each.kind.name) for rule, each in automatic) - refusing

    def holds(self, registry: Registry, now: datetime) -> bool:
        return self.registry is registry and (self.until is None or now < self.until)


class Proposer:
    """Keeps what is proposed in step with the active alarms, on the sender's connection."""

    def __init__(self, catalogue: Catalogue, *, live: bool) -> None:
        self._catalogue, self._live = catalogue, live
        self._rules: ProposingRules | None = None
        self._judge = Judge(catalogue=catalogue, fresh=FRESH)

    def turn(self, connection: Connection, registry: Registry) -> None:
        """Propose what is missing, withdraw what is over, and let armed rules send."""
        now = queries.read_clock(connection)
        if self._rules is None or not self._rules.holds(registry, now):
            self._rules = read_rules(registry, self._catalogue, now)
        rules = self._rules
        queries_proposals.withdraw_over(connection, _OVER)
        _withdraw_revised(connection, rules)
        alarms = queries_proposals.list_current_alarms(connection, rules.by_rule)
        there = queries_proposals.list_answered(connection, [alarm.id for alarm in alarms])
        reaches = self._list_reaches(connection, rules, alarms, now)
        missing = [
            each
            for alarm in alarms
            for each in self._list_of(rules, alarm, reaches.get(alarm.place or "", ()))
            if (each.alarm, each.kind, each.target) not in there
        ]
        if missing:
            queries_proposals.propose(connection, self._select(connection, missing, now))
        AutomaticSending(
            catalogue=self._catalogue,
            judge=self._judge,
            registry=registry,
            rules=rules.written,
            accepting=rules.accepting,
            live=self._live,
            now=now,
        ).turn(connection)

    def _list_reaches(
        self,
        connection: Connection,
        rules: ProposingRules,
        alarms: Sequence[CurrentAlarm],
        now: datetime,
    ) -> Mapping[str, Sequence[Reach]]:
        """By gauge where the assets are proposed for: those that are tied to it."""
        gauges = {
            alarm.place
            for alarm in alarms
            if alarm.place and any(each.target == ASSETS for each in rules.by_rule[alarm.rule])
        }
        if not gauges:
            return {}
        courses = arrival.list_courses(connection, self._catalogue, now=now, sites=sorted(gauges))
        by_gauge: dict[str, list[Reach]] = {}
        for reach in arrival.list_reaches(
            connection, self._catalogue, now=now, courses_by_gauge=courses, forecasts={}
        ):
            by_gauge.setdefault(reach.gauge, []).append(reach)
        return by_gauge

    def _list_of(
        self, rules: ProposingRules, alarm: CurrentAlarm, reaches: Sequence[Reach]
    ) -> Iterator[NewProposal]:
        for proposed in rules.by_rule[alarm.rule]:
            for target, site in self._list_targets(rules, alarm, proposed, reaches):
                yield NewProposal(
                    alarm=alarm.id,
                    rule=alarm.rule,
                    kind=proposed.kind.name,
                    parameters=proposed.parameters,
                    target=target,
                    site=site,
                    automatic=proposed.automatic,
                )

    def _list_targets(
        self,
        rules: ProposingRules,
        alarm: CurrentAlarm,
        proposed: ProposedCommand,
        reaches: Sequence[Reach],
    ) -> Iterator[tuple[str, str]]:
        """Targets as orders have them, and where they stand."""
        form, _, name = proposed.target.partition("/")
        registry = rules.registry
        if form == "group":
            group = registry.groups.get(name)
            if group is not None and group.site is not None:
                yield proposed.target, group.site
        elif form == "device":
            if name in registry.devices:
                yield proposed.target, registry.devices[name].site
        elif alarm.place is not None:
            sites = [alarm.place]
            if form == ASSETS:
                sites = _list_reached(registry, reaches, proposed.within)
            for site in sites:
                for device in rules.obeying.get(site, ()):
                    model = self._catalogue.models[registry.devices[device].model or ""]
                    if proposed.kind.name in model.commands:
                        yield f"device/{device}", site

    def _select(
        self, connection: Connection, missing: Sequence[NewProposal], now: datetime
    ) -> list[NewProposal]:
        """Those whose alarm is not suppressed and whose device can be commanded."""
        suppression = read_suppression(connection, wall=now)
        suppressed = suppression.of(connection, list({each.alarm for each in missing}))
        names = {each.target.partition("/")[2] for each in missing}
        devices = {
            f"device/{row.name}": row for row in list_devices(connection, now, names=sorted(names))
        }
        behind = service_gateways.load_gateway_devices(connection, devices.values())
        queries_proposals.bar(
            connection,
            [each for each in missing if each.automatic and suppressed[each.alarm]],
            SUPPRESSED,
        )
        return [
            each
            for each in missing
            if not suppressed[each.alarm]
            and (
                each.target.startswith("group/")
                or (
                    (row := devices.get(each.target)) is not None
                    and row.in_service
                    and row.commissioned <= now
                    and find_refusal(
                        self._catalogue, self._catalogue.commands[each.kind], row, behind, now
                    )
                    is None
                )
            )
        ]


def _list_reached(registry: Registry, reaches: Sequence[Reach], within: float) -> list[str]:
    """The sites of assets that the water reaches, or nearly."""
    sites = {
        registry.assets[reach.asset].site
        for reach in reaches
        if reach.margin is not None and reach.margin >= -within
    }
    return sorted(site for site in sites if site is not None)


def _withdraw_revised(connection: Connection, rules: ProposingRules) -> None:
    """Withdraw what the rule in force does not propose."""
    gone = [
        proposal.id
        for proposal in queries_proposals.list_proposals(connection)
        if all(each.kind.name != proposal.kind for each in rules.by_rule.get(proposal.rule, ()))
    ]
    if gone:
        queries_proposals.withdraw(connection, gone, _REVISED)


def read_rules(registry: Registry, catalogue: Catalogue, now: datetime) -> ProposingRules:
    """What the rules in force propose."""
    written = rules_in_force(registry, now)
    by_rule: dict[str, Sequence[ProposedCommand]] = {}
    for rule, value in written.items():
        try:
            proposed = proposals_of(value, catalogue)
        except RuleError as error:  # a command that the catalogue no longer has
            log.warning("%s proposes nothing: %s", rule, error)
            continue
        if proposed:
            by_rule[rule] = proposed
    obeying: dict[str, list[str]] = {}
    for device in registry.devices.values():
        model = catalogue.models.get(device.model or "")
        if model is not None and model.commands:
            obeying.setdefault(device.site, []).append(device.name)
    coming = [
        each.effective
        for each in registry.revisions
        if each.kind == "rule" and each.effective > now
    ]
    return ProposingRules(
        registry=registry,
        written=written,
        by_rule=by_rule,
        until=min(coming, default=None),
        obeying=obeying,
    )
