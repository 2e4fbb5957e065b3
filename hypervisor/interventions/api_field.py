"""Routes of agents in the field: the orders of their own teams, and what they note."""

from typing import Annotated

from fastapi import APIRouter, Path

from hypervisor.access.context import FieldContext
from hypervisor.interventions import service_field
from hypervisor.interventions.schemas import (
    FieldActPost,
    FieldAnswer,
    InterventionsBody,
    describe,
)
from hypervisor.web.problems import responses

router = APIRouter(prefix="/field", tags=["interventions"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/orders", responses=responses(403))
def list_orders(context: FieldContext) -> InterventionsBody:
    """The unfinished orders of your teams, the most urgent first."""
    now = context.now()
    return InterventionsBody(
        mode=context.mode,
        interventions=[describe(order, now) for order in service_field.list_orders(context)],
    )


@router.post("/orders/{number}/acts", responses=responses(403, 404, 422))
def post_field_act(context: FieldContext, number: Number, post: FieldActPost) -> FieldAnswer:
    """Note something about an order of your teams, at once or when you are online again.

    A repeat under the same key changes nothing and answers the same. What came too late to change
    the order is kept in its history; `kept` says why.
    """
    kept = service_field.act_in_field(context, number, post)
    return FieldAnswer(mode=context.mode, kept=kept)
