"""Routes of agents in the field: the orders of their own teams, and what they note."""

from collections.abc import Callable
from datetime import timedelta
from time import perf_counter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Path, Request, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from hypervisor.access.context import FieldContext, RequestContext
from hypervisor.base.reader import reading
from hypervisor.interventions import service_field
from hypervisor.interventions.model import InterventionError, NoInterventionError, OrderAct
from hypervisor.interventions.photos import encode_photo
from hypervisor.interventions.schemas import (
    FieldActPost,
    FieldAnswer,
    FieldOrder,
    FieldOrdersBody,
    FieldQuantity,
    describe,
)
from hypervisor.web.budget import DECODING, costs
from hypervisor.web.problems import responses
from hypervisor.web.refusals import refusal
from hypervisor.web.request import reader_of
from sensors._errors import Message

router = APIRouter(prefix="/field", tags=["interventions"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/orders", responses=responses(403))
def list_orders(context: FieldContext) -> FieldOrdersBody:
    """The unfinished orders of your teams, the most urgent first."""
    now, orders = context.now(), service_field.list_orders(context)
    quantities = service_field.list_quantities(context, orders)
    french = reader_of(context).language == "fr"
    return FieldOrdersBody(
        mode=context.mode,
        account=context.person.name,
        csrf=context.csrf,
        orders=[
            FieldOrder(
                **describe(order, now).model_dump(exclude={"page"}),
                where=order.place,
                quantities=[
                    FieldQuantity(
                        series=series,
                        label=quantity.label_fr if french else quantity.label_en,
                        unit=quantity.unit,
                        low=quantity.low,
                        high=quantity.high,
                    )
                    for series, quantity in quantities.get(order.site or "", ())
                ],
            )
            for order in orders
        ],
    )


@router.post("/orders/{number}/photos", responses=responses(403, 404, 422))
@costs(DECODING)
async def post_photo(  # noqa: PLR0913, PLR0917  the fields of the form
    context: FieldContext,
    number: Number,
    request: Request,
    file: Annotated[UploadFile, File(description="JPEG, PNG or WebP, at most 8 MiB.")],
    key: Annotated[UUID, Form()],
    age_ms: Annotated[int, Form(ge=0, le=10**11)] = 0,
    text: Annotated[str, Form(max_length=5_000)] = "",
    lon: Annotated[float | None, Form(ge=-180, le=180)] = None,
    lat: Annotated[float | None, Form(ge=-90, le=90)] = None,
    series: Annotated[str | None, Form(max_length=200)] = None,
    value: Annotated[float | None, Form(allow_inf_nan=False)] = None,
) -> FieldAnswer:
    """An observation with a photograph, which is re-encoded without its metadata."""
    uploaded = await file.read()
    post = FieldActPost(
        act=OrderAct.OBSERVE,
        key=key,
        age_ms=age_ms,
        lon=lon,
        lat=lat,
        text=text or "-",
        series=series,
        value=value,
    )

    def store() -> Message | None:
        photo = encode_photo(uploaded)
        # The photograph may have taken a minute to arrive.
        received = context.clock() - timedelta(seconds=perf_counter() - request.state.begun)
        return service_field.act_in_field(context, number, post, photo, received=received)

    return await run_in_threadpool(_answer, context, store)


@router.post("/orders/{number}/acts", responses=responses(403, 404, 422))
def post_field_act(context: FieldContext, number: Number, post: FieldActPost) -> FieldAnswer:
    """Note something about an order of your teams, at once or when you are online again.

    A repeat under the same key changes nothing and answers the same. What came too late to change
    the order is kept in its history; `kept` says why.
    """
    return _answer(context, lambda: service_field.act_in_field(context, number, post))


def _answer(context: RequestContext, act: Callable[[], Message | None]) -> FieldAnswer:
    """What became of an act; people read it in their language, programs in English."""
    try:
        kept = act()
    except InterventionError as error:
        status = 404 if isinstance(error, NoInterventionError) else 422
        raise HTTPException(status, _translate(context, error)) from error
    return FieldAnswer(mode=context.mode, kept=None if kept is None else _translate(context, kept))


def _translate(context: RequestContext, sentence: object) -> str:
    if context.person.session is None:
        return str(sentence)
    with reading(reader_of(context)):
        return refusal(sentence)
