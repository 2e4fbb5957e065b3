"""Armed rules as people see and change them: administrators arm, controllers disarm, too."""

from hypervisor.access.context import RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.versions import require_no_later
from hypervisor.commands import arming, queries, queries_arming
from hypervisor.commands.arming import ArmingOrder
from hypervisor.registry.queries import load
from sensors._errors import Message


def change_arming(context: RequestContext, order: ArmingOrder, *, seen: int | None) -> None:
    """Arm a rule at a site, or disarm it; that is never refused for what others did meanwhile.

    `seen`: the last decision that the person saw (`queries_arming.read_last`).

    Raises:
        ConflictError, UnseenError: another decision stands, and this one arms.
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
        queries_arming.lock(connection)
        if order.ends is not None:
            last = queries_arming.read_last(connection, rule=order.rule, site=order.site)
            require_no_later(seen, last, Message("rule {rule} at {site}", order.rule, order.site))
        arming.record(connection, registry, order, now)
