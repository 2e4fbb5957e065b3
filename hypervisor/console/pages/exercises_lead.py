"""The leader's desk: a run in hand, and its parts as they now are."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.api.access import Asked
from hypervisor.api.problems import NotFoundError
from hypervisor.console.page import Page
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import fragment, render
from hypervisor.console.views import exercises_desk as desk
from hypervisor.exercise import leading
from hypervisor.exercise.leading import LEAD, Order
from hypervisor.exercise.waiting import settled
from hypervisor.store.exercise import conducting
from sensors._errors import TerritoryError
from simulators import _words

router = APIRouter()
PAGE: Page | None = None


@router.get("/exercises/lead")
def lead(asked: Asked, request: Request) -> Response:
    """The leader's desk."""
    run = desk.led(asked)
    if run is None:
        return RedirectResponse("/exercises", status_code=303)
    return render(asked, "exercises_lead.html", **desk.context(asked, request, run, part="all"))


@router.get("/exercises/part/{name}")
def part(asked: Asked, request: Request, name: str) -> Response:
    """A part of the desk alone, as it now is."""
    if name not in {"now", "controls", "injects", "truth", "sheets", "told"}:
        raise NotFoundError(f"no part is called {name!r}")
    run = conducting.latest(asked.connection)
    if run is None:  # the exercise began anew: so does the page
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    if name not in {"now", "told"}:
        asked.require(LEAD)
    return fragment(asked, f"exercises_{name}.html", **desk.context(asked, request, run, part=name))


@router.post("/exercises/order")
def order(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    run: Annotated[int, Form(ge=1)],
    kind: Annotated[str, Form(max_length=20)],
    speed: Annotated[str, Form(max_length=20)] = "",
    by: Annotated[str, Form(max_length=20)] = "",
    to: Annotated[str, Form(max_length=40)] = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Pause, resume, speed, jump, stop."""
    desk.may_lead(asked)
    details: dict[str, Any] = {}
    try:
        if kind == "speed":
            details["speed"] = _words.speed(speed)
        if kind == "jump":
            details = {"to": desk.local(to, asked)} if to else {"by": float(by or 0)}
        wanted = Order(
            kind=kind,
            author=asked.person.name,
            details=details,
            version=int(version) if version.isdecimal() else None,
        )
        desk.require_conductor(asked)
        with asked.writing() as connection:
            command = leading.order(connection, run, wanted)
        settled(asked.owning, command)
    except (TerritoryError, ValueError) as error:
        return desk.again(asked, request, "controls", wrong=refusal(error))
    return desk.again(asked, request, "controls")
