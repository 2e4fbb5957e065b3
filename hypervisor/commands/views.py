"""Commands in the reader's language: states, what is to be done and where, what confirms it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from hypervisor.access.context import RequestContext
from hypervisor.base import reader
from hypervisor.base.duties import Duty
from hypervisor.base.translation import mark, translate_plural
from hypervisor.commands import queries, queries_proposals, queries_targets
from hypervisor.commands.model import Command, CommandState
from hypervisor.commands.queries import CommandFilter
from hypervisor.commands.queries_proposals import Proposal
from hypervisor.commands.queries_targets import TargetFilter, TargetRow
from hypervisor.commands.service import SELECTION
from sensors._command import CommandKind, Parameter
from sensors._domain import Catalogue

STATES: Mapping[CommandState, str] = {
    CommandState.DRAFTED: mark("To be signed"),
    CommandState.QUEUED: mark("Waits to be sent"),
    CommandState.SENT: mark("Sent"),
    CommandState.ACCEPTED: mark("Under way to the device"),
    CommandState.ACKNOWLEDGED: mark("Acknowledged by the device"),
    CommandState.CONFIRMED: mark("Confirmed by a reading"),
    CommandState.EXPIRED: mark("Expired"),
    CommandState.REFUSED: mark("Refused"),
    CommandState.FAILED: mark("Failed"),
    CommandState.SUPERSEDED: mark("Superseded"),
    CommandState.CANCELLED: mark("Cancelled"),
}
UNCONFIRMED = (CommandState.SENT, CommandState.ACCEPTED, CommandState.ACKNOWLEDGED)
LOST = (CommandState.EXPIRED, CommandState.REFUSED, CommandState.FAILED)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the pages say of commands to this person."""

    context: RequestContext

    @property
    def catalogue(self) -> Catalogue:
        return self.context.catalogue

    def describe(self, command: Command | Proposal) -> str:
        """What is to be done: `Move the barrier: closed`."""
        kind = self.catalogue.commands.get(command.kind)
        if kind is None:
            return command.kind
        return kind.describe(command.parameters, reader.current().language)

    def name_target(self, target: str) -> str:
        """A device by its name, a group by its title, a selection by how many they are."""
        what, _slash, name = target.partition("/")
        if what == "group":
            return queries_targets.find_group_title(self.context.connection, name) or name
        if what != SELECTION:
            return name
        count = name.count(",") + 1
        words = translate_plural("%(num)s chosen device", "%(num)s chosen devices", count)
        return words % {"num": count}

    def list_common_kinds(self, rows: Iterable[TargetRow]) -> list[CommandKind]:
        """What several of these devices can be told at once."""
        kinds = {kind.name: kind for row in rows for kind in self.list_kinds(row)}
        return [kind for kind in kinds.values() if "group" in kind.targets]

    def name_kind(self, kind: CommandKind | Parameter) -> str:
        return kind.label_fr if reader.current().language == "fr" else kind.label_en

    def name_quantity(self, name: str) -> str:
        quantity = self.catalogue.quantities[name]
        label = quantity.label_fr if reader.current().language == "fr" else quantity.label_en
        return label[:1].lower() + label[1:]

    def list_kinds(self, row: TargetRow) -> list[CommandKind]:
        """What a device obeys."""
        model = self.catalogue.models.get(row.model)
        return [self.catalogue.commands[name] for name in (model.commands if model else ())]

    def name_state(self, command: Command) -> str:
        return STATES[command.state]

    def is_lost(self, command: Command) -> bool:
        return command.state in LOST

    def may_sign(self, command: Command) -> bool:
        """Whether this person can be the second: not its author, with the duty there."""
        held = self.context.person.territory(Duty.COUNTERSIGN)
        waits = command.state is CommandState.DRAFTED and command.open
        return waits and command.author != self.context.person.name and held.holds(command.commune)

    def may_cancel(self, command: Command) -> bool:
        held = self.context.person.territory(Duty.COMMAND)
        waits = command.state in {CommandState.DRAFTED, CommandState.QUEUED} and command.open
        return waits and held.holds(command.commune)

    def may_order_work(self, command: Command) -> bool:
        """Whether this person can send a team to do what the command did not."""
        held = self.context.person.territory(Duty.OPERATE)
        return self.is_lost(command) and held.holds(command.commune)

    def may_order(self, proposal: Proposal) -> bool:
        """Whether this person commands where it stands."""
        return self.context.person.territory(Duty.COMMAND).holds(proposal.commune)

    def takes_two(self, proposal: Proposal) -> bool:
        kind = self.catalogue.commands.get(proposal.kind)
        return kind is not None and kind.signatures > 1

    def name_alarm(self, proposal: Proposal) -> str:
        """The alarm's title; empty where the reader does not see it."""
        french = reader.current().language == "fr" and proposal.title_fr
        return french or proposal.title or ""

    def list_proposals(
        self, *, alarm: int | None = None, site: str | None = None, limit: int
    ) -> list[Proposal]:
        """What rules propose: on an alarm, for a site, or at all."""
        connection = self.context.connection
        return queries_proposals.list_proposals(connection, alarm=alarm, site=site, limit=limit)

    def list_current(self, *, lately: timedelta, limit: int) -> list[Command]:
        """What to keep an eye on: under way, those to be signed first; failed or expired lately."""
        connection = self.context.connection
        under_way = queries.list_commands(connection, CommandFilter(open=True), limit=limit)
        under_way.sort(key=lambda command: command.state is not CommandState.DRAFTED)
        since = self.context.now() - lately
        lost = queries.list_commands(
            connection, CommandFilter(open=False, states=LOST, since=since), limit=limit
        )
        return [*under_way, *lost][:limit]


def list_targets(
    context: RequestContext, selection: TargetFilter, *, limit: int
) -> list[TargetRow]:
    """Devices that this person may command."""
    held = context.person.territory(Duty.COMMAND)
    if held.empty:
        return []
    return queries_targets.list_targets(
        context.connection,
        [model.name for model in context.catalogue.models.values() if model.commands],
        selection,
        territory=held,
        now=context.now(),
        limit=limit,
    )


def can_command(context: RequestContext, *, site: str) -> bool:
    """Whether anything at a site obeys this person."""
    return bool(list_targets(context, TargetFilter(site=site), limit=1))


def count_states(commands: list[Command]) -> list[tuple[str, int]]:
    """How many commands of a batch are in which state."""
    return [
        (words, count)
        for state, words in STATES.items()
        if (count := sum(command.state is state for command in commands))
    ]
