"""The contexts of who still needs a second factor: at the door, and where it is enrolled."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request

from hypervisor.access.context import Context, RequestContext, open_context
from hypervisor.access.identity import Caller, CsrfToken, identify
from hypervisor.access.turns import RequestSlot
from hypervisor.base.instance import Instance
from hypervisor.base.person import Territory
from hypervisor.database.connect import Connection


def waiting_context(
    request: Request, _turn: RequestSlot, csrf_token: CsrfToken
) -> Iterator[RequestContext]:
    """The context of a session that waits for a second factor: it sees nothing.

    Raises:
        UnauthenticatedError: no such session, or it is over.
    """

    def identify_caller(connection: Connection, instance: Instance) -> Caller:
        return identify(request, connection, instance, csrf_token, awaiting=True)

    yield from open_context(request, identify_caller, lambda _: Territory())


def enrolling_context(context: Context) -> RequestContext:
    """The context of who adds a second factor. Raises as `confirmed_context`."""
    context.require_confirmed(enrolling=True)
    return context


EnrollingContext = Annotated[RequestContext, Depends(enrolling_context)]
WaitingContext = Annotated[RequestContext, Depends(waiting_context)]
