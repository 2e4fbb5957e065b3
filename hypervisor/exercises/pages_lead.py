"""The leader's desk and its parts."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context
from hypervisor.base.errors import NotFoundError
from hypervisor.exercises import queries_runs, service
from hypervisor.exercises import views_desk as desk
from hypervisor.exercises.service import LEAD, Order
from hypervisor.exercises.waiting import wait_for
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, render
from sensors._errors import TerritoryError
from simulators import _options

router = APIRouter()
PAGE: Page | None = None


@router.get("/exercises/lead")
def show_desk(context: Context, request: Request) -> Response:
    """The leader's desk."""
    run = desk.get_led_run(context)
    if run is None:
        return RedirectResponse("/exercises", status_code=303)
    return render(
        context, "exercises_lead.html", **desk.page_values(context, request, run, part="all")
    )


@router.get("/exercises/part/{name}")
def show_part(context: Context, request: Request, name: str) -> Response:
    """A part of the desk."""
    if name not in {"now", "controls", "injects", "truth", "sheets", "messages"}:
        raise NotFoundError(f"no part is called {name!r}")
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
    run: Annotated[int, Form(ge=1)],
    kind: Annotated[str, Form(max_length=20)],
    speed: Annotated[str, Form(max_length=20)] = "",
    by: Annotated[str, Form(max_length=20)] = "",
    to: Annotated[str, Form(max_length=40)] = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Pause, resume, change speed, jump or stop."""
    desk.require_lead(context)
    details: dict[str, Any] = {}
    try:
        if kind == "speed":
            details["speed"] = _options.parse_speed(speed)
        if kind == "jump":
            details = {"to": desk.parse_local_time(to, context)} if to else {"by": float(by or 0)}
        order_ = Order(
            kind=kind,
            author=context.person.name,
            details=details,
            version=int(version) if version.isdecimal() else None,
        )
        desk.require_conductor(context)
        with context.writing() as connection:
            command = service.order_run(connection, run, order_)
        wait_for(context.owning, command)
    except (TerritoryError, ValueError) as error:
        return desk.render_part(context, request, "controls", wrong=refusal(error))
    return desk.render_part(context, request, "controls")
