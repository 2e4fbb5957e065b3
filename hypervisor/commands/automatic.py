"""Armed rules send what they propose: only on alarms that begin now, live, and once.

An order is given in the transaction that notes it at its proposal, under the proposal's own key.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hypervisor.alarms.service_suppression import read_suppression
from hypervisor.base.failures import make_storable
from hypervisor.commands import queries_arming, queries_proposals, service
from hypervisor.commands.arming import BY_RULE, FRESH, SUPPRESSED, Situation, find_obstacle
from hypervisor.commands.evidence import Judge
from hypervisor.commands.queries_arming import Arming
from hypervisor.commands.queries_proposals import Proposal
from hypervisor.commands.service_proposals import make_order
from hypervisor.database.connect import Connection
from hypervisor.registry.model import Registry
from sensors._command import CommandError
from sensors._domain import Catalogue
from sensors._errors import Message

log = logging.getLogger("hypervisor.commands")
_PATIENCE = 2.0  # s of judging in a turn: what people order waits as long


@dataclass(frozen=True, kw_only=True)
class AutomaticSending:
    """What armed rules may order now. `rules`: those in force, as revisions store them.

    `accepting`: of the automatic proposals, (rule, kind) that also accept what people entered.
    """

    catalogue: Catalogue
    judge: Judge
    registry: Registry
    rules: Mapping[str, Mapping[str, Any]]
    accepting: Collection[tuple[str, str]]
    live: bool
    now: datetime

    def turn(self, connection: Connection) -> None:
        """Order what armed rules propose; at all other automatic proposals note why not."""
        proposals = queries_proposals.list_automatic(connection, FRESH)
        if not proposals:
            return
        self.judge.forget_others({proposal.alarm for proposal in proposals})
        armed = defaultdict(list)
        for arming in queries_arming.list_armed(connection):
            armed[arming.rule].append(arming)
        ready = []
        for proposal in proposals:
            situation = self._make_situation(proposal, armed[proposal.rule])
            obstacle = find_obstacle(proposal, situation)  # most are not armed
            if obstacle is None:
                ready.append((proposal, situation))
            else:
                queries_proposals.hold(connection, proposal.id, obstacle)
        ends = time.monotonic() + _PATIENCE
        for proposal, situation in sorted(ready, key=lambda each: self._looked_at(each[0])):
            if time.monotonic() > ends:  # the others in the next turn
                return
            try:
                self._decide(connection, proposal, situation)
            except Exception as error:  # of this proposal, and of no other
                if connection.closed:
                    raise
                log.exception("proposed command %s", proposal.id)
                problem = make_storable(str(error))
                why = Message("its rule could not send it: {error}", problem)
                queries_proposals.hold(connection, proposal.id, why)

    def _make_situation(self, proposal: Proposal, armed: Sequence[Arming]) -> Situation:
        return Situation(
            live=self.live,
            now=self.now,
            sites={proposal.site},
            armed=armed,
            written=self.rules.get(proposal.rule),
        )

    def _accepts_persons(self, proposal: Proposal) -> bool:
        return (proposal.rule, proposal.kind) in self.accepting

    def _looked_at(self, proposal: Proposal) -> float:
        return self.judge.looked_at(proposal, persons=self._accepts_persons(proposal))

    def _decide(self, connection: Connection, proposal: Proposal, situation: Situation) -> None:
        """Order it, if its alarm is one on which its rule may send; else note why not."""
        verdict = self.judge.judge(
            connection,
            self.registry,
            proposal,
            self.now,
            persons=self._accepts_persons(proposal),
        )
        if verdict.began is None:
            obstacle: str | None = verdict.obstacle
        else:
            try:
                with connection.transaction():
                    obstacle = self._order_locked(
                        connection, proposal.id, situation, since=verdict.began
                    )
            except CommandError as error:
                obstacle = str(error)
        if obstacle is not None:
            queries_proposals.hold(connection, proposal.id, obstacle)

    def _order_locked(
        self, connection: Connection, number: int, situation: Situation, *, since: datetime
    ) -> str | None:
        """Order it in the caller's transaction, with the note that it was; why not, if not.

        A rule that was disarmed while the alarm was judged sends nothing.
        `since`: when its alarm began by what its rule accepts.
        """
        proposal = queries_proposals.lock_proposal(connection, number)
        if proposal is None or not proposal.open:
            return None
        proposal = replace(proposal, began=min(since, proposal.began or since))
        order = make_order(proposal, author=f"{BY_RULE}{proposal.rule}", since=proposal.began)
        plan = service.make_plan(connection, self.catalogue, order, self.now)
        names = [device.name for device in plan.devices]
        queries_arming.hold(connection)
        complete = replace(
            situation,
            armed=queries_arming.list_armed(connection, proposal.rule),
            sites={device.site for device in plan.devices},
            suppressed=self._is_suppressed(connection, proposal.alarm),
            busy=queries_arming.list_busy(connection, names, plan.commands[0].actuator),
        )
        obstacle = find_obstacle(proposal, complete)
        if complete.suppressed:
            queries_proposals.bar(connection, [proposal], SUPPRESSED)
        if obstacle is None:
            service.give(connection, plan)
            queries_proposals.note_ordered(connection, number, plan.commands[0].batch)
        return obstacle

    def _is_suppressed(self, connection: Connection, alarm: int) -> bool:
        state = read_suppression(connection, wall=self.now)
        return bool(state.of(connection, [alarm])[alarm])
