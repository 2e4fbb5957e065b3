"""Webhooks that Alertmanager and Grafana call.

Both call again after a 5xx, and give up after a 4xx: so only what may succeed later is a 5xx.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.exceptions import HTTPException

from hypervisor.access.context import RequestContext, source_context
from hypervisor.access.errors import ForbiddenError
from hypervisor.base.duties import Duty
from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.external import deliveries
from hypervisor.external.model import DeliveryError, Kind
from hypervisor.external.schemas import ReceiptBody
from hypervisor.web.problems import responses
from ingest.message import Reason

Context = Annotated[RequestContext, Depends(source_context)]
router = APIRouter(prefix="/hooks", tags=["alarms"])


async def read_body(request: Request) -> bytes:
    """The body as it came."""
    return await request.body()


Body = Annotated[bytes, Depends(read_body)]


@router.post("/{kind}/{source}", responses=responses(401, 403, 409, 413, 422))
def receive(
    context: Context,
    kind: Kind,
    source: Annotated[str, Path(max_length=100, description="The account that sends.")],
    body: Body,
) -> ReceiptBody:
    """Take alerts of another system as external alarms; the same ones again change nothing.

    2xx: taken, `problems` say what was left out or cut. 4xx: nothing was; calling again does not
    help. 503: call again.
    """
    territory = context.require_anywhere(Duty.SEND)
    if source != context.person.name:
        raise ForbiddenError(
            "this token is of the source {code}, not of {source}", context.person.name, source
        )
    if context.instance.mode is Mode.EXERCISE:
        raise HTTPException(
            HTTPStatus.CONFLICT,
            "an exercise takes no alarms of other systems: call the live instance",
        )
    now = micros(context.clock())
    try:
        with context.writing() as connection:
            receipt = deliveries.take(connection, kind, source, body, territory=territory, now=now)
    except DeliveryError as error:
        with context.writing() as connection:
            deliveries.refuse(connection, kind, source, body, error, now=now)
        too_large = error.reason is Reason.TOO_LARGE
        status = (
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_large else HTTPStatus.UNPROCESSABLE_ENTITY
        )
        raise HTTPException(status, str(error)) from error
    return ReceiptBody(mode=context.mode, **vars(receipt))
