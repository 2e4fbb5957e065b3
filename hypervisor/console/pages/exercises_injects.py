"""What is put into a run, and what observers see: written and changed at the leader's desk."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response

from hypervisor.api.access import Asked
from hypervisor.console.page import Page
from hypervisor.console.refusals import refusal
from hypervisor.console.views import exercises as view
from hypervisor.console.views import exercises_desk as desk
from hypervisor.exercise import injects, leading
from hypervisor.exercise.injects import Wanted
from hypervisor.exercise.waiting import settled
from hypervisor.store.exercise.injecting import InjectError
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[str, Form(max_length=4_000)]


@router.post("/exercises/injects")
def add(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
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
    desk.may_lead(asked)
    said = {key: found for key, found in locals().items() if isinstance(found, str)}
    try:
        wanted = Wanted(
            kind=kind,
            title=title,
            text=text,
            sender=sender,
            expected=expected,
            planned=desk.local(planned, asked),
            devices=[device.strip()] if device.strip() else [],
            quantity=quantity.strip() or None,
            value=desk.figure(value),
            hours=desk.figure(hours),
        )
        with asked.writing() as connection:
            injects.add(connection, run, wanted, asked.person.name)
    except (TerritoryError, ValueError) as error:
        return desk.again(asked, request, "injects", wrong=refusal(error), said=said)
    return desk.again(asked, request, "injects")


@router.post("/exercises/injects/{number}")
def change(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    number: Number,
    act: Annotated[str, Form(max_length=20)],
    planned: Annotated[str, Form(max_length=40)] = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Put it in now, hold, release, move, cancel, mark as done."""
    desk.may_lead(asked)
    seen = int(version) if version.isdecimal() else None
    try:
        if act == "fire":
            desk.require_conductor(asked)
            with asked.writing() as connection:
                command = leading.fire(connection, number, asked.person.name)
            settled(asked.owning, command)
        else:
            states = {"hold": "held", "release": "planned", "cancel": "cancelled", "done": "done"}
            with asked.writing() as connection:
                injects.change(
                    connection,
                    number,
                    author=asked.person.name,
                    version=seen,
                    state=states.get(act),
                    planned=desk.local(planned, asked) if act == "move" else None,
                )
    except (TerritoryError, ValueError) as error:
        return desk.again(asked, request, "injects", wrong=refusal(error))
    return desk.again(asked, request, "injects")


@router.post("/exercises/sheets")
def add_sheet(
    asked: Asked, request: Request, run: Annotated[int, Form(ge=1)], expected: Text = ""
) -> Response:
    """A line of what is to be seen."""
    desk.may_lead(asked)
    try:
        with asked.writing() as connection:
            injects.add_sheet(connection, run, expected=expected, author=asked.person.name)
    except TerritoryError as error:
        return desk.again(asked, request, "sheets", wrong=refusal(error))
    return desk.again(asked, request, "sheets")


@router.post("/exercises/sheets/{number}")
def note(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    number: Number,
    outcome: Annotated[str, Form(max_length=20)],
    text: Text = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """What an observer saw."""
    desk.may_lead(asked)
    try:
        if outcome not in view.OUTCOMES:
            raise InjectError(f"outcome {outcome!r}: expected {', '.join(view.OUTCOMES)}")
        with asked.writing() as connection:
            injects.note_sheet(
                connection,
                number,
                outcome=outcome,
                note=text,
                author=asked.person.name,
                version=int(version) if version.isdecimal() else None,
            )
    except TerritoryError as error:
        return desk.again(asked, request, "sheets", wrong=refusal(error))
    return desk.again(asked, request, "sheets")
