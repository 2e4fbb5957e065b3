"""Pages: a proposed command is ordered with one key."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from hypervisor.access.context import Context
from hypervisor.base.duties import Duty
from hypervisor.commands import service_proposals

router = APIRouter()


@router.post("/proposed-commands/{number}/order")
def order(context: Context, number: int) -> Response:
    """Order what is proposed; then the alarm shows what else is, and what was ordered."""
    context.require_anywhere(Duty.COMMAND)
    commands = service_proposals.order_proposal(context, number)
    first = commands[0]
    seen = service_proposals.sees_alarm(context, first.alarm)
    address = f"/alarms/{first.alarm}" if seen else f"/commands/{first.batch}"
    return RedirectResponse(address, status_code=303)
