"""Exercises: what runs and what can be played, a start, beginning anew, the debrief."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instance import Mode
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.exercises import queries_runs, service, standing
from hypervisor.exercises import views as view
from hypervisor.exercises import views_desk as desk
from hypervisor.exercises.api import data_of
from hypervisor.exercises.debrief import debrief
from hypervisor.exercises.playable import playable
from hypervisor.exercises.queries_runs import RunError
from hypervisor.exercises.service import LEAD, Start
from hypervisor.exercises.waiting import settled
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render
from sensors._errors import TerritoryError
from simulators import _words

router = APIRouter()
PAGE = Page(key="exercises", title=mark("Exercises"), address="/exercises", order=21, shortcut="e")
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[str, Form(max_length=4_000)]
_NEW = "exercise"  # the folder that a live page proposes for one


@router.get("/exercises")
def exercises(context: Context, request: Request) -> Response:
    """What runs, what those who train were told, what can be played."""
    return _overview(context, request)


@router.get("/exercises/banner")
def banner(context: Context) -> Response:
    """The banner alone."""
    with reading(reader_of(context)):
        words = view.banner_words(context, standing(context.connection))
    return fragment(context, "parts/banner.html", bar={"exercise_words": words})


@router.get("/exercises/debrief/{number}")
def debriefing(context: Context, request: Request, number: Number) -> Response:
    """What came of a run."""
    context.require(LEAD)
    with context.owning() as connection:
        run = queries_runs.find(connection, number)
        if run is None:
            raise NotFoundError(f"no run has the number {number}")
        told = debrief(connection, data_of(request), run)
    with reading(reader_of(context)):
        axis = view.axis(run)
    return render(context, "exercises_debrief.html", run=run, told=told, axis=axis, **view.words())


@router.post("/exercises/runs")
def start(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    source: Annotated[str, Form(max_length=200)],
    speed: Annotated[str, Form(max_length=20)] = "60",
    held: Annotated[str, Form(max_length=10)] = "",
    seed: Annotated[int, Form(ge=0, lt=2**31)] = 1,
    hours: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Start what was chosen."""
    desk.may_lead(context)
    try:
        wanted = Start(
            source=source,
            author=context.person.name,
            language=reader_of(context, request).language,
            speed=_words.speed(speed),
            held=bool(held),
            seed=seed,
            hours=desk.figure(hours),
        )
        desk.require_conductor(context)
        with context.writing() as connection:
            service.start(connection, data_of(request), wanted)
    except (TerritoryError, ValueError) as error:
        return _overview(context, request, wrong=refusal(error), chosen=source, status_code=409)
    return RedirectResponse(desk.HERE, status_code=303)


@router.post("/exercises/reset")
def reset(context: Context, request: Request, reason: Text = "") -> Response:
    """Begin the exercise anew."""
    desk.may_lead(context)
    try:
        if not reason.strip():
            raise RunError("say why the exercise begins anew: its readings and alarms go")
        desk.require_conductor(context)
        with context.writing() as connection:
            command = service.reset(connection, context.person.name, reason.strip())
        settled(context.owning, command, seconds=30)
    except TerritoryError as error:
        return _overview(context, request, wrong=refusal(error), status_code=409)
    return RedirectResponse("/exercises", status_code=303)


def _overview(
    context: RequestContext,
    request: Request,
    *,
    wrong: str = "",
    chosen: str = "",
    status_code: int = 200,
) -> Response:
    if context.instance.mode is Mode.LIVE:
        return render(
            context, "exercises_live.html", folder_hint=f"{data_of(request).parent}/{_NEW}"
        )
    context.connection.rollback()
    run = queries_runs.latest(context.connection)
    return render(
        context,
        "exercises.html",
        status_code=status_code,
        chosen=chosen,
        choices=playable(data_of(request)),
        runs=queries_runs.runs(context.connection, limit=20),
        folder=data_of(request) / "recordings",
        **(desk.page_values(context, request, run, part="now") if run else desk.bare(context))
        | {"wrong": wrong},
    )
