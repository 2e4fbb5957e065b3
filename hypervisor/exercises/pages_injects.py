"""What is put into a run, and what observers see: written and changed at the leader's desk."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response

from hypervisor.access.context import Context
from hypervisor.exercises import service, service_injects
from hypervisor.exercises import views as view
from hypervisor.exercises import views_desk as desk
from hypervisor.exercises.queries_injects import InjectError
from hypervisor.exercises.service_injects import InjectFields
from hypervisor.exercises.waiting import settled
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[str, Form(max_length=4_000)]


@router.post("/exercises/injects")
def add(  # noqa: PLR0913, PLR0917  the fields of the form
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
    """Write an inject."""
    desk.may_lead(context)
    said = {key: found for key, found in locals().items() if isinstance(found, str)}
    try:
        wanted = InjectFields(
            kind=kind,
            title=title,
            text=text,
            sender=sender,
            expected=expected,
            planned=desk.local(planned, context),
            devices=[device.strip()] if device.strip() else [],
            quantity=quantity.strip() or None,
            value=desk.figure(value),
            hours=desk.figure(hours),
        )
        with context.writing() as connection:
            service_injects.add(connection, run, wanted, context.person.name)
    except (TerritoryError, ValueError) as error:
        return desk.again(context, request, "injects", wrong=refusal(error), said=said)
    return desk.again(context, request, "injects")


@router.post("/exercises/injects/{number}")
def change(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    number: Number,
    act: Annotated[str, Form(max_length=20)],
    planned: Annotated[str, Form(max_length=40)] = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Put it in now, hold, release, move, cancel, mark as done."""
    desk.may_lead(context)
    seen = int(version) if version.isdecimal() else None
    try:
        if act == "fire":
            desk.require_conductor(context)
            with context.writing() as connection:
                command = service.fire(connection, number, context.person.name)
            settled(context.owning, command)
        else:
            states = {"hold": "held", "release": "planned", "cancel": "cancelled", "done": "done"}
            with context.writing() as connection:
                service_injects.change(
                    connection,
                    number,
                    author=context.person.name,
                    version=seen,
                    state=states.get(act),
                    planned=desk.local(planned, context) if act == "move" else None,
                )
    except (TerritoryError, ValueError) as error:
        return desk.again(context, request, "injects", wrong=refusal(error))
    return desk.again(context, request, "injects")


@router.post("/exercises/sheets")
def add_sheet(
    context: Context, request: Request, run: Annotated[int, Form(ge=1)], expected: Text = ""
) -> Response:
    """A line of what is to be seen."""
    desk.may_lead(context)
    try:
        with context.writing() as connection:
            service_injects.add_sheet(
                connection, run, expected=expected, author=context.person.name
            )
    except TerritoryError as error:
        return desk.again(context, request, "sheets", wrong=refusal(error))
    return desk.again(context, request, "sheets")


@router.post("/exercises/sheets/{number}")
def note(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    number: Number,
    outcome: Annotated[str, Form(max_length=20)],
    text: Text = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """What an observer saw."""
    desk.may_lead(context)
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
        return desk.again(context, request, "sheets", wrong=refusal(error))
    return desk.again(context, request, "sheets")
