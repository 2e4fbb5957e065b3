"""Armed rules as people see and change them: administrators arm, controllers disarm, too."""

from hypervisor.access.context import RequestContext
from hypervisor.base.duties import Duty
from hypervisor.commands import arming, queries
from hypervisor.commands.arming import ArmingOrder
from hypervisor.registry.queries import load


def change_arming(context: RequestContext, order: ArmingOrder) -> None:
    """Arm a rule at a site, or disarm it.

    Raises:
        NoCommandError: there is no such rule or site.
        CommandError: it cannot be armed so.
        ForbiddenError: they may not do this there; arming asks for a confirmed session.
    """
    disarms = order.ends is None and context.may(Duty.COMMAND, site=order.site)
    context.require(Duty.COMMAND if disarms else Duty.ADMINISTER, site=order.site)
    if order.ends is not None:
        context.require_confirmed()
    with context.owning() as owner:
        registry, now = load(owner), queries.read_clock(owner)
        arming.check(registry, context.catalogue, order, now)
    with context.writing() as connection:
        arming.record(connection, registry, order, now)
