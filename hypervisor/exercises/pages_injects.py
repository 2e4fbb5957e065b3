"""Injects and observer checklist at the leader's desk."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response

from hypervisor.access.context import Context
from hypervisor.exercises import service, service_injects
from hypervisor.exercises import views as view
from hypervisor.exercises import views_desk as desk
from hypervisor.exercises.queries_injects import InjectError
from hypervisor.exercises.service_injects import InjectFields
from hypervisor.exercises.waiting import wait_for
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[str, Form(max_length=4_000)]


@router.post("/exercises/injects")
def add_inject(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    run: Annotated[int, Form(ge=1)],
    kind: Annotated[str, Form(max_length=20)],
    title: Text = "",
    text: Text = "",
    sender: Text = "",
    expected: Text = "",
    planned: Annotated[str, Form(max_length=40)] = "",
    device: Annotated[str, Form(max_length=200)] = "",
    quantity: Annotated[str, Form(max_length=200)] = "",
    value: Annotated[str, Form(max_length=40)] = "",
    hours: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Add an inject."""
    desk.require_lead(context)
    form = {key: value_ for key, value_ in locals().items() if isinstance(value_, str)}
    try:
        fields = InjectFields(
            kind=kind,
            title=title,
            text=text,
            sender=sender,
            expected=expected,
            planned=desk.parse_local_time(planned, context),
            devices=[device.strip()] if device.strip() else [],
            quantity=quantity.strip() or None,
            value=desk.parse_number(value),
            hours=desk.parse_number(hours),
        )
        with context.writing() as connection:
            service_injects.add_inject(connection, run, fields, context.person.name)
    except (TerritoryError, ValueError) as error:
        return desk.render_part(context, request, "injects", wrong=refusal(error), form=form)
    return desk.render_part(context, request, "injects")


@router.post("/exercises/injects/{number}")
def change_inject(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    number: Number,
    act: Annotated[str, Form(max_length=20)],
    planned: Annotated[str, Form(max_length=40)] = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Inject now, hold, release, move, cancel or complete."""
    desk.require_lead(context)
    seen = int(version) if version.isdecimal() else None
    try:
        if act == "fire":
            desk.require_conductor(context)
            with context.writing() as connection:
                command = service.fire_inject(connection, number, context.person.name)
            wait_for(context.owning, command)
        else:
            states = {"hold": "held", "release": "planned", "cancel": "cancelled", "done": "done"}
            with context.writing() as connection:
                service_injects.change_inject(
                    connection,
                    number,
                    author=context.person.name,
                    version=seen,
                    state=states.get(act),
                    planned=desk.parse_local_time(planned, context) if act == "move" else None,
                )
    except (TerritoryError, ValueError) as error:
        return desk.render_part(context, request, "injects", wrong=refusal(error))
    return desk.render_part(context, request, "injects")


@router.post("/exercises/sheets")
def add_sheet(
    context: Context, request: Request, run: Annotated[int, Form(ge=1)], expected: Text = ""
) -> Response:
    """Add a checklist line."""
    desk.require_lead(context)
    try:
        with context.writing() as connection:
            service_injects.add_sheet(
                connection, run, expected=expected, author=context.person.name
            )
    except TerritoryError as error:
        return desk.render_part(context, request, "sheets", wrong=refusal(error))
    return desk.render_part(context, request, "sheets")


@router.post("/exercises/sheets/{number}")
def change_sheet(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    number: Number,
    outcome: Annotated[str, Form(max_length=20)],
    text: Text = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Record an observation."""
    desk.require_lead(context)
    try:
        if outcome not in view.OUTCOMES:
            raise InjectError(f"outcome {outcome!r}: expected {', '.join(view.OUTCOMES)}")
        with context.writing() as connection:
            service_injects.note_sheet(
                connection,
                number,
                outcome=outcome,
                note=text,
                author=context.person.name,
                version=int(version) if version.isdecimal() else None,
            )
    except TerritoryError as error:
        return desk.render_part(context, request, "sheets", wrong=refusal(error))
    return desk.render_part(context, request, "sheets")
