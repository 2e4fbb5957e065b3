"""What people do with proposed commands: order one as it is proposed."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from hypervisor.base import reader
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.commands import queries_proposals, service, service_people
from hypervisor.commands.model import Command, NoCommandError
from hypervisor.commands.queries_proposals import Proposal
from hypervisor.commands.service import Order
from sensors._command import CommandError
from sensors._errors import Message

if TYPE_CHECKING:
    from hypervisor.access.context import RequestContext

_KEYS = UUID("5a6d1f6e-6a5c-4f0e-9a55-2f0f3d1e7c10")  # namespace of keys of proposals' orders


def make_order(
    proposal: Proposal, *, author: str, reason: str = "", since: datetime | None = None
) -> Order:
    """The order of a proposal. Its key is the proposal's own, so that it is given once.

    `reason` empty: the alarm's title in the reader's language. `since`: as of an order.
    """
    french = reader.current().language == "fr"
    title = (french and proposal.title_fr) or proposal.title or proposal.rule
    return Order(
        kind=proposal.kind,
        target=proposal.target,
        parameters=proposal.parameters,
        author=author,
        reason=reason.strip() or title,
        key=uuid5(_KEYS, f"{proposal.id} {proposal.alarm} {proposal.kind} {proposal.target}"),
        alarm=proposal.alarm,
        rule=proposal.rule,
        since=since,
    )


def order_proposal(context: "RequestContext", number: int, *, reason: str = "") -> list[Command]:
    """Order what is proposed: it is sent at once, or waits for its second signature.

    Raises:
        NoCommandError: there is no such proposal, or the person does not see it.
        CommandError: it was ordered or withdrawn already, or cannot be ordered so.
        ForbiddenError: they may not command there.
    """
    seen = queries_proposals.find_proposal(context.connection, number)
    if seen is None:
        raise NoCommandError("there is no proposed command {number}", number)
    require_open(seen)
    order = make_order(seen, author=context.person.name, reason=reason)
    plan = service_people.plan_order(context, order)
    with context.writing() as connection:
        locked = queries_proposals.lock_proposal(connection, number)
        if locked is None:
            raise NoCommandError("there is no proposed command {number}", number)
        require_open(locked)
        commands = service.give(connection, plan)
        queries_proposals.note_ordered(connection, number, commands[0].batch)
    return commands


def require_open(proposal: Proposal) -> None:
    """Raises CommandError: it was ordered or withdrawn."""
    if proposal.command is not None:
        raise CommandError("this was ordered already: {key}", proposal.command)
    if proposal.end_reason is not None:
        raise CommandError("this is proposed no longer: {reason}", Message(proposal.end_reason))


def sees_alarm(context: "RequestContext", alarm: int | None) -> bool:
    """Whether the person may read this alarm."""
    try:
        context.require(Duty.READ, alarm=alarm)
    except NotFoundError:
        return False
    return True
