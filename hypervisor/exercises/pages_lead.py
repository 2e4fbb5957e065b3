"""The leader's desk: its parts, commands to the run, injects, observer checklist."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context
from hypervisor.base.errors import NotFoundError
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries_runs, service, service_injects
from hypervisor.exercises import views as view
from hypervisor.exercises import views_desk as desk
from hypervisor.exercises.model import InjectError
from hypervisor.exercises.service import LEAD, Order
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, render
from simulators import _options

router = APIRouter()
PAGE: Page | None = None
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Run = Annotated[int, Form(ge=1)]
Text = Annotated[str, Form(max_length=4_000)]
Word = Annotated[str, Form(max_length=40)]
_STATES = {"hold": "held", "release": "planned", "cancel": "cancelled", "done": "done"}


@router.get("/exercises/lead")
def show_desk(context: Context, request: Request) -> Response:
    """The leader's desk."""
    desk.require_lead(context)
    run = queries_runs.get_latest_run(context.connection)
    if run is None:
        return RedirectResponse("/exercises", status_code=303)
    return render(
        context, "exercises_lead.html", **desk.page_values(context, request, run, part="all")
    )


@router.get("/exercises/part/{name}")
def show_part(context: Context, request: Request, name: str) -> Response:
    """A part of the desk."""
    if name not in {"now", "controls", "injects", "truth", "checklist", "messages"}:
        raise NotFoundError("no part is called {name!r}", name)
    run = queries_runs.get_latest_run(context.connection)
    if run is None:  # after a reset; a reload would send the form again that the page answers
        return Response(status_code=204, headers={"HX-Redirect": "/exercises"})
    if name not in {"now", "messages"}:
        context.require(LEAD)
    return fragment(
        context, f"exercises_{name}.html", **desk.page_values(context, request, run, part=name)
    )


@router.post("/exercises/order")
def order_run(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    run: Run,
    kind: Word,
    speed: Word = "",
    by: Word = "",
    to: Word = "",
    version: Word = "",
) -> Response:
    """Pause, resume, change speed, jump or stop."""

    def act() -> None:
        details: dict[str, Any] = {}
        if kind == "speed":
            details["speed"] = _options.parse_speed(speed)
        if kind == "jump":
            details = {"to": desk.parse_local_time(to, context)} if to else {"by": float(by or 0)}
        order = Order(
            kind=kind,
            author=context.person.name,
            details=details,
            version=desk.parse_version(version),
        )
        service.execute(context, lambda connection: service.order_run(connection, run, order))

    return desk.respond(context, request, "controls", act)


@router.post("/exercises/injects")
def add_inject(
    context: Context, request: Request, form: Annotated[desk.InjectForm, Form()]
) -> Response:
    """Add an inject."""

    def add(connection: Connection) -> None:
        fields = form.parse(context)
        service_injects.add_inject(connection, form.run, fields, context.person.name)

    return desk.write(context, request, "injects", add, form=form)


@router.post("/exercises/injects/{number}")
def change_inject(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    number: Number,
    act: Word,
    planned: Word = "",
    version: Word = "",
) -> Response:
    """Inject now, hold, release, move, cancel or complete."""
    author = context.person.name

    def fire() -> None:
        service.execute(context, lambda connection: service.fire_inject(connection, number, author))

    def change(connection: Connection) -> None:
        service_injects.change_inject(
            connection,
            number,
            author=author,
            version=desk.parse_version(version),
            state=_STATES.get(act),
            planned=desk.parse_local_time(planned, context) if act == "move" else None,
        )

    if act == "fire":
        return desk.respond(context, request, "injects", fire)
    return desk.write(context, request, "injects", change)


@router.post("/exercises/checklist")
def add_checklist_item(
    context: Context, request: Request, run: Run, expected: Text = ""
) -> Response:
    """Add a checklist line."""

    def add(connection: Connection) -> None:
        service_injects.add_checklist_item(
            connection, run, expected=expected, author=context.person.name
        )

    return desk.write(context, request, "checklist", add)


@router.post("/exercises/checklist/{number}")
def change_checklist_item(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    number: Number,
    outcome: Word,
    text: Text = "",
    version: Word = "",
) -> Response:
    """Record an observation."""

    def change(connection: Connection) -> None:
        if outcome not in view.OUTCOMES:
            raise InjectError(
                "outcome {outcome!r}: expected {choices}", outcome, ", ".join(view.OUTCOMES)
            )
        service_injects.record_observation(
            connection,
            number,
            outcome=outcome,
            note=text,
            author=context.person.name,
            version=desk.parse_version(version),
        )

    return desk.write(context, request, "checklist", change)
