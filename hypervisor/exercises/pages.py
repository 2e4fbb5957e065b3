"""Pages of exercises: overview, start, reset, debrief."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.instance import Mode
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.exercises import queries_runs, service
from hypervisor.exercises import views as view
from hypervisor.exercises import views_desk as desk
from hypervisor.exercises.api import data_of, require_run
from hypervisor.exercises.debrief import build_debrief
from hypervisor.exercises.model import RunError, StartPost
from hypervisor.exercises.playable import list_playables
from hypervisor.exercises.service import LEAD
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render
from sensors._errors import TerritoryError
from simulators import _options

router = APIRouter()
PAGE = Page(key="exercises", title=mark("Exercises"), address="/exercises", order=21, shortcut="e")
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[str, Form(max_length=4_000)]
_NEW = "exercise"  # folder name proposed on a live instance


@router.get("/exercises")
def show_exercises(context: Context, request: Request) -> Response:
    """Active run, messages, scenarios to choose."""
    return _render_overview(context, request)


@router.get("/exercises/banner")
def show_banner(context: Context) -> Response:
    """The banner alone."""
    with reading(reader_of(context)):
        words = view.format_banner(context, queries_runs.get_latest_run(context.connection))
    return fragment(context, "parts/banner.html", bar={"exercise_words": words})


@router.get("/exercises/debrief/{number}")
def show_debrief(context: Context, request: Request, number: Number) -> Response:
    """Debrief of a run."""
    context.require(LEAD)
    with context.owning() as connection:
        run = require_run(connection, number)
        body = build_debrief(connection, data_of(request), run)
    with reading(reader_of(context)):
        axis = view.draw_axis(run)
    return render(
        context,
        "exercises_debrief.html",
        run=run,
        debrief=body,
        rule_titles=view.load_rule_titles(context),
        axis=axis,
        **view.template_values(),
    )


@router.post("/exercises/runs")
def start_run(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    source: Annotated[str, Form(max_length=200)],
    speed: Annotated[str, Form(max_length=20)] = "60",
    held: Annotated[str, Form(max_length=10)] = "",
    seed: Annotated[int, Form(ge=0, lt=2**31)] = 1,
    hours: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Start the chosen scenario."""
    desk.require_lead(context)
    try:
        options = StartPost(
            source=source,
            language="fr" if reader_of(context, request).language == "fr" else "en",
            speed=_options.parse_speed(speed),
            held=bool(held),
            seed=seed,
            hours=desk.parse_number(hours),
        )
        service.require_conductor(context.connection)
        with context.writing() as connection:
            service.start_run(connection, data_of(request), options, context.person.name)
    except (TerritoryError, ValueError) as error:
        return _render_overview(
            context, request, wrong=refusal(error), chosen=source, status_code=409
        )
    return RedirectResponse(desk.HERE, status_code=303)


@router.post("/exercises/reset")
def reset_exercise(context: Context, request: Request, reason: Text = "") -> Response:
    """Reset the exercise."""
    desk.require_lead(context)
    try:
        if not reason.strip():
            raise RunError("give a reason for the reset: readings and alarms are cleared")
        author = context.person.name
        service.execute(
            context,
            lambda connection: service.request_reset(connection, author, reason.strip()),
            seconds=30,
        )
    except TerritoryError as error:
        return _render_overview(context, request, wrong=refusal(error), status_code=409)
    return RedirectResponse("/exercises", status_code=303)


def _render_overview(
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
    run = queries_runs.get_latest_run(context.connection)
    return render(
        context,
        "exercises.html",
        status_code=status_code,
        chosen=chosen,
        choices=list_playables(data_of(request)),
        runs=queries_runs.list_runs(context.connection, limit=20),
        folder=data_of(request) / "recordings",
        **(
            desk.page_values(context, request, run, part="now")
            if run
            else desk.base_values(context)
        )
        | {"wrong": wrong},
    )
