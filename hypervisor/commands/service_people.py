"""What a signed-in person or a program may do to commands, by their duties at the devices."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from hypervisor.access.errors import ForbiddenError
from hypervisor.base.duties import WORDS, Duty
from hypervisor.commands import queries, service
from hypervisor.commands.model import Command, NoCommandError
from hypervisor.commands.service import Order, Plan
from hypervisor.registry.queries_devices import DeviceRow
from sensors._errors import Message

if TYPE_CHECKING:
    from hypervisor.access.context import RequestContext


def give_order(context: "RequestContext", order: Order) -> list[Command]:
    """Draft an order, and queue it if one signature is enough.

    Raises:
        CommandError: it cannot be ordered so.
        NotFoundError: there is no such kind or target, or the person does not see it.
        ForbiddenError: they may not command there, or not at all places of a group.
    """
    plan = plan_order(context, order)
    with context.writing() as connection:
        return service.give(connection, plan)


def plan_order(context: "RequestContext", order: Order) -> Plan:
    """What an order would do; nothing is written. Raises as `give_order`."""
    for subject in list_subjects(order.target):
        context.require(Duty.COMMAND, subject=subject)
        if order.override:
            context.require(Duty.ADMINISTER, subject=subject)
    if order.alarm is not None and order.rule is None:  # of a proposal its target is seen
        context.require(Duty.READ, alarm=order.alarm)
    with context.owning() as owner:  # all devices of a group, also those that they do not see
        plan = service.make_plan(owner, context.catalogue, order)
    _require_everywhere(context, plan.devices, Duty.COMMAND)
    if plan.override:
        _require_everywhere(context, plan.devices, Duty.ADMINISTER)
    return plan


def list_subjects(target: str) -> list[str]:
    """What a target names: each device of a selection, else itself."""
    return [f"device/{name}" for name in service.list_named(target)] or [target]


def _require_everywhere(
    context: "RequestContext", devices: Iterable[DeviceRow], duty: Duty
) -> None:
    held = context.person.territory(duty)
    outside = sum(not held.holds(device.commune) for device in devices)
    if outside:
        raise ForbiddenError(
            "{code} may not {words} at {count} of these devices: it takes a controller of all of"
            " their communes"
            if duty is Duty.COMMAND
            else "{code} may not {words} at {count} of these devices: an administrator lets a"
            " command pass its interlocks",
            *(context.person.name, Message(WORDS[duty]), outside),
        )


def sign_order(context: "RequestContext", key: UUID, *, remark: str) -> list[Command]:
    """Sign as the second person. Raises as `give_order`; ForbiddenError: a program signs."""
    context.require_session()
    _require_duty(context, key, Duty.COUNTERSIGN)
    with context.writing() as connection:
        return service.sign(connection, key, who=context.person.name, why=remark)


def cancel_order(context: "RequestContext", key: UUID, *, reason: str) -> list[Command]:
    """Take back what is not sent yet. Raises as `give_order`."""
    _require_duty(context, key, Duty.COMMAND)
    with context.writing() as connection:
        return service.cancel(connection, key, who=context.person.name, why=reason)


def _require_duty(context: "RequestContext", key: UUID, duty: Duty) -> None:
    """Refuse unless the person has a duty at every device of an order."""
    with context.owning() as owner:
        sites = {command.site for command in queries.list_of(owner, key)}
    visible = {command.site for command in queries.list_of(context.connection, key)}
    if not visible:
        raise NoCommandError("there is no command {id}", key)
    for site in sorted(visible):
        context.require(duty, site=site)
    if sites != visible:
        raise ForbiddenError(
            "{code} may not {words}: some of its devices stand where they have no role",
            *(context.person.name, Message(WORDS[duty])),
        )
