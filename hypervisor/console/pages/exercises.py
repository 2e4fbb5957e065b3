"""Exercises: what runs and what can be played, a start, beginning anew, the debrief."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.api.access import Access, Asked
from hypervisor.api.exercises import data_of
from hypervisor.api.problems import NotFoundError
from hypervisor.console.page import Page
from hypervisor.console.reader import reading
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import fragment, reader_of, render
from hypervisor.console.views import exercises as view
from hypervisor.console.views import exercises_desk as desk
from hypervisor.console.words import mark
from hypervisor.exercise import leading, standing
from hypervisor.exercise.debriefing import debrief
from hypervisor.exercise.leading import LEAD, Start
from hypervisor.exercise.playable import playable
from hypervisor.exercise.waiting import settled
from hypervisor.instance import Mode
from hypervisor.store.exercise import conducting
from hypervisor.store.exercise.conducting import RunError
from sensors._errors import TerritoryError
from simulators import _words

router = APIRouter()
PAGE = Page(key="exercises", title=mark("Exercises"), address="/exercises", order=21, shortcut="e")
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[str, Form(max_length=4_000)]
_NEW = "exercise"  # the folder that a live page proposes for one


@router.get("/exercises")
def exercises(asked: Asked, request: Request) -> Response:
    """What runs, what those who train were told, what can be played."""
    return _overview(asked, request)


@router.get("/exercises/banner")
def banner(asked: Asked) -> Response:
    """The banner alone."""
    with reading(reader_of(asked)):
        words = view.banner_words(asked, standing(asked.connection))
    return fragment(asked, "parts/banner.html", bar={"exercise_words": words})


@router.get("/exercises/debrief/{number}")
def debriefing(asked: Asked, request: Request, number: Number) -> Response:
    """What came of a run."""
    asked.require(LEAD)
    with asked.owning() as connection:
        run = conducting.find(connection, number)
        if run is None:
            raise NotFoundError(f"no run has the number {number}")
        told = debrief(connection, data_of(request), run)
    with reading(reader_of(asked)):
        axis = view.axis(run)
    return render(asked, "exercises_debrief.html", run=run, told=told, axis=axis, **view.words())


@router.post("/exercises/runs")
def start(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    source: Annotated[str, Form(max_length=200)],
    speed: Annotated[str, Form(max_length=20)] = "60",
    held: Annotated[str, Form(max_length=10)] = "",
    seed: Annotated[int, Form(ge=0, lt=2**31)] = 1,
    hours: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Start what was chosen."""
    desk.may_lead(asked)
    try:
        wanted = Start(
            source=source,
            author=asked.person.name,
            language=reader_of(asked, request).language,
            speed=_words.speed(speed),
            held=bool(held),
            seed=seed,
            hours=desk.figure(hours),
        )
        desk.require_conductor(asked)
        with asked.writing() as connection:
            leading.start(connection, data_of(request), wanted)
    except (TerritoryError, ValueError) as error:
        return _overview(asked, request, wrong=refusal(error), chosen=source, status_code=409)
    return RedirectResponse(desk.HERE, status_code=303)


@router.post("/exercises/reset")
def reset(asked: Asked, request: Request, reason: Text = "") -> Response:
    """Begin the exercise anew."""
    desk.may_lead(asked)
    try:
        if not reason.strip():
            raise RunError("say why the exercise begins anew: its readings and alarms go")
        desk.require_conductor(asked)
        with asked.writing() as connection:
            command = leading.reset(connection, asked.person.name, reason.strip())
        settled(asked.owning, command, seconds=30)
    except TerritoryError as error:
        return _overview(asked, request, wrong=refusal(error), status_code=409)
    return RedirectResponse("/exercises", status_code=303)


def _overview(
    asked: Access,
    request: Request,
    *,
    wrong: str = "",
    chosen: str = "",
    status_code: int = 200,
) -> Response:
    if asked.instance.mode is Mode.LIVE:
        return render(asked, "exercises_live.html", folder_hint=f"{data_of(request).parent}/{_NEW}")
    asked.connection.rollback()
    run = conducting.latest(asked.connection)
    return render(
        asked,
        "exercises.html",
        status_code=status_code,
        chosen=chosen,
        choices=playable(data_of(request)),
        runs=conducting.runs(asked.connection, limit=20),
        folder=data_of(request) / "recordings",
        **(desk.context(asked, request, run, part="now") if run else desk.bare(asked))
        | {"wrong": wrong},
    )
