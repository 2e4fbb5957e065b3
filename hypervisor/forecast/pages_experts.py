"""Forecasts of others: those that stand, and a file of theirs, looked at before it is stored."""

import base64
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.forecast import service_experts
from hypervisor.forecast.experts import ExpertFileError
from hypervisor.forecast.queries_experts import ExpertRow, list_standing
from hypervisor.forecast.views_experts import build_lines
from hypervisor.web.budget import DECODING, costs
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from sensors._errors import Message

router = APIRouter(prefix="/expert-forecasts")
PAGE: Page | None = None
_LARGEST = 1_500_000  # bytes of a file that a form carries back
_SHOWN = 200  # forecasts of a file
Short = Annotated[str, Form(max_length=200)]


@router.get("")
def show_standing(context: Context, stored: Annotated[int | None, Query(ge=0)] = None) -> Response:
    """What stands now, and the form."""
    return _render(context, stored=stored)


@router.post("/preview")
@costs(DECODING)
def preview_file(
    context: Context,
    file: Annotated[UploadFile | None, File()] = None,
    issuer: Short = "",
) -> Response:
    """What a file says, and what of it would be stored; nothing is stored."""
    context.require_anywhere(Duty.OPERATE)
    name = (file.filename or "")[:200] if file else ""
    try:
        data = _read_upload(file)
        rows, notes = _place(context, data, name, issuer.strip())
    except ExpertFileError as error:
        return _render(context, wrong=error, name=name, issuer=issuer)
    return render(
        context,
        "forecast_expert_file.html",
        name=name,
        issuer=issuer.strip(),
        content=base64.b64encode(data).decode(),
        lines=build_lines(context, rows[:_SHOWN]),
        more=len(rows) - _SHOWN,
        notes=notes,
    )


@router.post("")
@costs(DECODING)
def store_file(
    context: Context,
    content: Annotated[str, Form(max_length=2 * _LARGEST)] = "",
    name: Short = "",
    issuer: Short = "",
) -> Response:
    """Store what the preview showed."""
    context.require_anywhere(Duty.OPERATE)
    try:
        data = base64.b64decode(content, validate=True)
    except ValueError:  # no base64, or not even ASCII
        return _render(context, wrong=Message("the file did not arrive whole: choose it again"))
    try:
        rows, _notes = _place(context, data, name, issuer.strip())
    except ExpertFileError as error:
        return _render(context, wrong=error, name=name, issuer=issuer)
    with context.writing() as connection:
        stored = service_experts.import_rows(connection, rows, file=name)
    return RedirectResponse(f"/expert-forecasts?stored={stored}", status_code=303)


def _read_upload(file: UploadFile | None) -> bytes:
    if file is None or not file.filename:
        raise ExpertFileError("choose a file: .prv, or Sandre's XML")
    data = file.file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ExpertFileError(
            "the file has more than {count} bytes: use `hypervisor forecast import`", _LARGEST
        )
    return data


def _place(
    context: RequestContext, data: bytes, name: str, issuer: str
) -> tuple[list[ExpertRow], Sequence[Message]]:
    """Its forecasts of sites where they may act, and why others are left out."""
    read = service_experts.read_file(data, name)
    rows, notes = service_experts.place_file(
        context.connection, read, issuer=issuer, author=context.person.name
    )
    own = [row for row in rows if context.may(Duty.OPERATE, site=row.site)]
    notes += [
        Message("{code} is of {site}, where you may not act: left out", row.code, row.site)
        for row in rows
        if row not in own
    ]
    return own, notes


def _render(
    context: RequestContext,
    *,
    wrong: ExpertFileError | Message | None = None,
    name: str = "",
    issuer: str = "",
    stored: int | None = None,
) -> Response:
    standing = list_standing(context.connection, context.now())
    return render(
        context,
        "forecast_experts.html",
        status_code=422 if wrong else 200,
        lines=build_lines(context, standing),
        may_import=context.person.may(Duty.OPERATE),
        wrong=refusal(wrong) if wrong else "",
        name=name,
        issuer=issuer,
        stored=stored,
    )
