"""Armed rules send what they propose: only on alarms that begin now, live, and once.

An order is given in the transaction that notes it at its proposal, under the proposal's own key.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hypervisor.alarms.service_suppression import read_suppression
from hypervisor.commands import queries_arming, queries_proposals, service
from hypervisor.commands.arming import FRESH, Situation, find_obstacle
from hypervisor.commands.queries_proposals import Proposal
from hypervisor.commands.service_proposals import make_order
from hypervisor.database.connect import Connection
from sensors._command import CommandError
from sensors._domain import Catalogue

BY_RULE = "rule/"  # before the rule's name, as the author of what it orders


@dataclass(frozen=True, kw_only=True)
class AutomaticSending:
    """What armed rules may order now. `rules`: those in force, as revisions store them."""

    catalogue: Catalogue
    rules: Mapping[str, Mapping[str, Any]]
    live: bool
    now: datetime

    def turn(self, connection: Connection) -> None:
        """Order what armed rules propose; at all other automatic proposals note why not."""
        proposals = queries_proposals.list_automatic(connection, FRESH)
        if not proposals:
            return
        armed = defaultdict(list)
        for arming in queries_arming.list_armed(connection):
            armed[arming.rule].append(arming)
        for proposal in proposals:
            situation = Situation(
                live=self.live,
                now=self.now,
                sites={proposal.site},
                armed=armed[proposal.rule],
                written=self.rules.get(proposal.rule),
            )
            obstacle = find_obstacle(proposal, situation)  # most are not armed
            if obstacle is None:
                self._order(connection, proposal, situation)
            else:
                queries_proposals.hold(connection, proposal.id, obstacle)

    def _order(self, connection: Connection, proposal: Proposal, situation: Situation) -> None:
        try:
            with connection.transaction():
                obstacle = self._order_locked(connection, proposal.id, situation)
        except CommandError as error:
            obstacle = str(error)
        if obstacle is not None:
            queries_proposals.hold(connection, proposal.id, obstacle)

    def _order_locked(
        self, connection: Connection, number: int, situation: Situation
    ) -> str | None:
        """Order it in the caller's transaction, with the note that it was; why not, if not."""
        proposal = queries_proposals.lock_proposal(connection, number)
        if proposal is None or not proposal.open:
            return None
        order = make_order(proposal, author=f"{BY_RULE}{proposal.rule}")
        plan = service.make_plan(connection, self.catalogue, order, self.now)
        names = [device.name for device in plan.devices]
        complete = replace(
            situation,
            sites={device.site for device in plan.devices},
            suppressed=self._is_suppressed(connection, proposal.alarm),
            busy=queries_arming.list_busy(connection, names, plan.commands[0].actuator),
        )
        obstacle = find_obstacle(proposal, complete)
        if obstacle is None:
            service.give(connection, plan)
            queries_proposals.note_ordered(connection, number, plan.commands[0].batch)
        return obstacle

    def _is_suppressed(self, connection: Connection, alarm: int) -> bool:
        state = read_suppression(connection, wall=self.now)
        return bool(state.of(connection, [alarm])[alarm])
