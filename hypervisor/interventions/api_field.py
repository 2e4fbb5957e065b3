"""Routes of agents in the field: the orders of their own teams, and what they note."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Path, UploadFile
from starlette.concurrency import run_in_threadpool

from hypervisor.access.context import FieldContext
from hypervisor.interventions import service_field, views
from hypervisor.interventions.model import OrderAct
from hypervisor.interventions.photos import encode_photo
from hypervisor.interventions.schemas import (
    FieldActPost,
    FieldAnswer,
    FieldOrder,
    FieldOrdersBody,
    describe,
)
from hypervisor.web.problems import responses
from sensors._errors import Message

router = APIRouter(prefix="/field", tags=["interventions"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/orders", responses=responses(403))
def list_orders(context: FieldContext) -> FieldOrdersBody:
    """The unfinished orders of your teams, the most urgent first."""
    now = context.now()
    return FieldOrdersBody(
        mode=context.mode,
        account=context.person.name,
        csrf=context.csrf,
        orders=[
            FieldOrder(
                **describe(order, now).model_dump(exclude={"page"}),
                where=views.describe_place(order),
                quantities=[],
            )
            for order in service_field.list_orders(context)
        ],
    )


@router.post("/orders/{number}/photos", responses=responses(403, 404, 422))
async def post_photo(  # noqa: PLR0913, PLR0917  the fields of the form
    context: FieldContext,
    number: Number,
    file: Annotated[UploadFile, File(description="JPEG, PNG or WebP, at most 8 MiB.")],
    key: Annotated[UUID, Form()],
    age_ms: Annotated[int, Form(ge=0, le=10**11)] = 0,
    text: Annotated[str, Form(max_length=5_000)] = "",
    lon: Annotated[float | None, Form(ge=-180, le=180)] = None,
    lat: Annotated[float | None, Form(ge=-90, le=90)] = None,
) -> FieldAnswer:
    """An observation with a photograph. It is encoded anew; of its metadata nothing is kept."""
    uploaded = await file.read()
    post = FieldActPost(
        act=OrderAct.OBSERVE,
        key=key,
        age_ms=age_ms,
        lon=lon,
        lat=lat,
        text=text or "-",
    )

    def store() -> Message | None:
        return service_field.act_in_field(context, number, post, encode_photo(uploaded))

    kept = await run_in_threadpool(store)
    return FieldAnswer(mode=context.mode, kept=kept)


@router.post("/orders/{number}/acts", responses=responses(403, 404, 422))
def post_field_act(context: FieldContext, number: Number, post: FieldActPost) -> FieldAnswer:
    """Note something about an order of your teams, at once or when you are online again.

    A repeat under the same key changes nothing and answers the same. What came too late to change
    the order is kept in its history; `kept` says why.
    """
    kept = service_field.act_in_field(context, number, post)
    return FieldAnswer(mode=context.mode, kept=kept)
