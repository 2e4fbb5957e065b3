"""Exercises: what can be played, runs and who leads them, injects, sheets, debriefs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.exceptions import HTTPException

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instance import InstanceError, Mode, require_exercise
from hypervisor.base.settings import Settings
from hypervisor.database.connect import StoreError
from hypervisor.exercises import queries_injects, queries_runs, service
from hypervisor.exercises.debrief import debrief as debriefed
from hypervisor.exercises.playable import Playable, playable, story_of
from hypervisor.exercises.playable import one as one_of
from hypervisor.exercises.playing import ExerciseError
from hypervisor.exercises.queries_injects import ChangedError, InjectError
from hypervisor.exercises.queries_runs import Run, RunError
from hypervisor.exercises.schemas import (
    DebriefBody,
    ExerciseBody,
    OneRunBody,
    OrderPost,
    PlayableBody,
    PlayableDetailBody,
    PlayablesBody,
    ResetPost,
    RunBody,
    RunsBody,
    StartPost,
    ToldBody,
    TruthBody,
)
from hypervisor.exercises.service import LEAD, Order, Start
from hypervisor.exercises.waiting import settled
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, tag
from hypervisor.web.problems import responses
from sensors._errors import TerritoryError

router = APIRouter(prefix="/exercises", tags=["exercises"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
NOBODY = (
    "nobody conducts this exercise: `hypervisor up` starts the part `conduct` in an exercise, or"
    " start `hypervisor conduct` beside it"
)


@router.get("", responses=responses())
def standing(context: Context) -> ExerciseBody:
    """Where the exercise stands, and what those who train were told."""
    if context.instance.mode is Mode.LIVE:
        return ExerciseBody(mode=context.mode, run=None, conducted=False, told=[])
    run = queries_runs.latest(context.connection)
    told = queries_injects.told(context.connection, run.id) if run else []
    return ExerciseBody(
        mode=context.mode,
        run=None if run is None else body(run),
        conducted=service.alive(context.connection),
        told=[ToldBody(**{k: v for k, v in vars(one).items() if k != "run"}) for one in told],
    )


@router.get("/playable", responses=responses())
def choices(context: Context, request: Request) -> PlayablesBody:
    """Stories and recordings that can be played here."""
    playable_bodies = [_chosen(one) for one in playable(data_of(request))]
    return PlayablesBody(mode=context.mode, playable=playable_bodies)


@router.get("/playable/{source}", responses=responses(404))
def choice(
    context: Context,
    request: Request,
    source: Annotated[str, Path(max_length=200, examples=["october-flood"])],
    *,
    truth: Annotated[bool, Query(description="What happens: only for whoever leads.")] = False,
) -> PlayableDetailBody:
    """One of them, as trainees may hear it; with its truth for whoever leads."""
    data = data_of(request)
    try:
        found = one_of(data, source)
    except ExerciseError as error:
        raise NotFoundError(str(error)) from error
    truth_bodies = None
    if truth:
        context.require(LEAD)
        truth_bodies = _truth(data, found)
    return PlayableDetailBody(mode=context.mode, playable=_chosen(found), truth=truth_bodies)


@router.get("/runs", responses=responses(422))
def runs(context: Context, page: Page) -> RunsBody:
    """Runs, the latest first."""
    found = queries_runs.runs(context.connection, limit=page.limit + 1, before=_before(page))
    some, following = page.told(found, lambda row: (row.id,))
    return RunsBody(mode=context.mode, runs=[body(one) for one in some], next=following)


@router.post("/runs", status_code=202, responses=responses(404, 409, 422))
def start(context: Context, request: Request, response: Response, post: StartPost) -> OneRunBody:
    """Start a run; it is prepared, then its clock begins to go."""
    _lead(context)
    wanted = Start(author=context.person.name, **post.model_dump())
    with told_as_problem():
        if not service.alive(context.connection):
            raise RunError(NOBODY)
        with context.writing() as connection:
            number, _ = service.start(connection, data_of(request), wanted)
    return _one(context, response, number)


@router.get("/runs/{number}", responses=responses(404))
def run(context: Context, response: Response, number: Number) -> OneRunBody:
    """A run and how far it is."""
    return _one(context, response, number)


@router.post("/runs/{number}/orders", status_code=202, responses=responses(404, 409, 412, 422))
def order(
    context: Context, response: Response, number: Number, post: OrderPost, if_match: IfMatch = None
) -> OneRunBody:
    """Pause, resume, speed, jump (by some time, or to one), stop; If-Match: as it was seen."""
    _lead(context)
    details = {"speed": post.speed, "to": post.to, "by": post.by}
    wanted = Order(
        kind=post.kind, author=context.person.name, details=details, version=version(if_match)
    )
    with told_as_problem():
        if queries_runs.find(context.connection, number) is None:
            raise NotFoundError(f"no run has the number {number}")
        if not service.alive(context.connection):
            raise RunError(NOBODY)
        with context.writing() as connection:
            command = service.order(connection, number, wanted)
        settled(context.owning, command)
    return _one(context, response, number)


@router.get("/runs/{number}/debrief", responses=responses(404))
def debrief(context: Context, request: Request, number: Number) -> DebriefBody:
    """What came of it: event, alarm, answer, decision; the truth held against what was raised."""
    _lead(context)
    with context.owning() as connection:
        found = queries_runs.find(connection, number)
        if found is None:
            raise NotFoundError(f"no run has the number {number}")
        told = debriefed(connection, data_of(request), found)
    return DebriefBody(mode=context.mode, debrief=told)


@router.post("/reset", status_code=202, responses=responses(409, 422))
def reset(context: Context, post: ResetPost) -> ExerciseBody:
    """Begin the exercise anew: what happened goes, debriefs are kept, territory and rules stay."""
    _lead(context)
    with told_as_problem():
        if not service.alive(context.connection):
            raise RunError(NOBODY)
        with context.writing() as connection:
            command = service.reset(connection, context.person.name, post.reason)
        settled(context.owning, command, seconds=30)
    context.connection.rollback()
    return standing(context)


@contextmanager
def told_as_problem() -> Iterator[None]:
    """What cannot be asked of an exercise, as HTTP says it."""
    try:
        yield
    except (NotFoundError, StoreError):
        raise
    except ChangedError as error:
        raise HTTPException(HTTPStatus.PRECONDITION_FAILED, str(error)) from error
    except (RunError, InstanceError) as error:
        raise HTTPException(HTTPStatus.CONFLICT, str(error)) from error
    except ExerciseError as error:
        raise NotFoundError(str(error)) from error
    except (InjectError, TerritoryError) as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error


def data_of(request: Request) -> File:
    """The instance's folder."""
    settings: Settings | None = getattr(request.app.state, "settings", None)
    return (settings or Settings()).data


def version(if_match: str | None) -> int | None:
    """The version that is named; None: whatever it is.

    Raises:
        HTTPException: 412, it is none of ours.
    """
    said = None if if_match is None else if_match.strip().removeprefix("W/").strip('"')
    if said is None or said == "*":
        return None
    if not said.isdecimal() or int(said) >= 2**31:
        raise HTTPException(HTTPStatus.PRECONDITION_FAILED, "If-Match: not a version of this")
    return int(said)


def body(found: Run) -> RunBody:
    """As the API tells it."""
    known = vars(found)
    whole = (found.ends - found.begins).total_seconds()
    gone = 0.0 if found.clock is None else (found.clock - found.begins).total_seconds()
    return RunBody(
        **{name: known[name] for name in RunBody.model_fields if name in known},
        progress=round(min(1.0, max(0.0, gone / whole)), 4) if whole > 0 else 1.0,
    )


def _lead(context: RequestContext) -> None:
    """Only whoever leads, and only in an exercise."""
    context.require(LEAD)
    with told_as_problem():
        require_exercise(context.instance, what="leading an exercise")


def _one(context: RequestContext, response: Response, number: int) -> OneRunBody:
    context.connection.rollback()  # what is read is what was written
    found = queries_runs.find(context.connection, number)
    if found is None:
        raise NotFoundError(f"no run has the number {number}")
    tag(response, str(found.version))
    return OneRunBody(mode=context.mode, run=body(found))


def _before(page: Page) -> int | None:
    after = page.after(int)
    return None if after is None else int(after[0])


def _chosen(one: Playable) -> PlayableBody:
    return PlayableBody(**{name: getattr(one, name) for name in PlayableBody.model_fields})


def _truth(data: File, found: Playable) -> list[TruthBody]:
    if found.kind != "story" or found.wrong:
        return []
    story = story_of(data, found.source)
    return [
        TruthBody(
            what=truth.what,
            what_fr=truth.what_fr,
            begins=story.begins + timedelta(hours=truth.at),
            ends=story.begins + timedelta(hours=truth.until),
            alarms=list(truth.alarms),
        )
        for truth in story.truth
    ]
