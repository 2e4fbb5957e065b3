"""The leader's desk: its parts, commands to the run, injects, observer checklist."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context
from hypervisor.base.errors import NotFoundError
from hypervisor.exercises import queries_runs, service, service_injects
from hypervisor.exercises import views as view
from hypervisor.exercises import views_desk as desk
from hypervisor.exercises.model import InjectError
from hypervisor.exercises.service import LEAD, Order
from hypervisor.exercises.service_injects import InjectFields
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, render
from simulators import _options

router = APIRouter()
PAGE: Page | None = None
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Run = Annotated[int, Form(ge=1)]
Text = Annotated[str, Form(max_length=4_000)]
Name = Annotated[str, Form(max_length=200)]
Word = Annotated[str, Form(max_length=40)]


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
    if run is None:  # after a reset the page reloads
        return Response(status_code=204, headers={"HX-Refresh": "true"})
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
def add_inject(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    run: Run,
    kind: Word,
    title: Text = "",
    text: Text = "",
    sender: Text = "",
    expected: Text = "",
    planned: Word = "",
    device: Name = "",
    quantity: Name = "",
    value: Word = "",
    hours: Word = "",
) -> Response:
    """Add an inject."""
    form = {key: value_ for key, value_ in locals().items() if isinstance(value_, str)}

    def act() -> None:
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

    return desk.respond(context, request, "injects", act, form=form)


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
    states = {"hold": "held", "release": "planned", "cancel": "cancelled", "done": "done"}

    def change() -> None:
        if act == "fire":
            service.execute(
                context, lambda connection: service.fire_inject(connection, number, author)
            )
            return
        with context.writing() as connection:
            service_injects.change_inject(
                connection,
                number,
                author=author,
                version=desk.parse_version(version),
                state=states.get(act),
                planned=desk.parse_local_time(planned, context) if act == "move" else None,
            )

    return desk.respond(context, request, "injects", change)


@router.post("/exercises/checklist")
def add_checklist_item(
    context: Context, request: Request, run: Run, expected: Text = ""
) -> Response:
    """Add a checklist line."""

    def act() -> None:
        with context.writing() as connection:
            service_injects.add_checklist_item(
                connection, run, expected=expected, author=context.person.name
            )

    return desk.respond(context, request, "checklist", act)


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

    def act() -> None:
        if outcome not in view.OUTCOMES:
            raise InjectError(
                "outcome {outcome!r}: expected {choices}", outcome, ", ".join(view.OUTCOMES)
            )
        with context.writing() as connection:
            service_injects.record_observation(
                connection,
                number,
                outcome=outcome,
                note=text,
                author=context.person.name,
                version=desk.parse_version(version),
            )

    return desk.respond(context, request, "checklist", act)
