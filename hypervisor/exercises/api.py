"""Routes of exercises: scenarios, runs, debriefs, reset."""

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
from hypervisor.database.connect import Connection, StoreError
from hypervisor.exercises import queries_injects, queries_runs, service
from hypervisor.exercises.debrief import build_debrief
from hypervisor.exercises.model import (
    ChangedError,
    ExerciseError,
    InjectError,
    Playable,
    Run,
    RunError,
    StartPost,
    TruthBody,
)
from hypervisor.exercises.playable import get_playable, list_playables, load_story
from hypervisor.exercises.schemas import (
    DebriefBody,
    ExerciseBody,
    OneRunBody,
    PlayableDetailBody,
    PlayablesBody,
    ResetPost,
    RunOrderPost,
    RunsBody,
)
from hypervisor.exercises.service import LEAD, Order
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, tag
from hypervisor.web.problems import responses
from hypervisor.web.request import get_settings
from sensors._errors import TerritoryError
from sensors._scalars import parse_whole

router = APIRouter(prefix="/exercises", tags=["exercises"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("", responses=responses())
def get_exercise(context: Context) -> ExerciseBody:
    """State of the exercise, and messages to trainees."""
    if context.instance.mode is Mode.LIVE:
        return ExerciseBody(mode=context.mode, run=None, conducted=False, messages=[])
    run = queries_runs.get_latest_run(context.connection)
    return ExerciseBody(
        mode=context.mode,
        run=run,
        conducted=service.is_conducted(context.connection),
        messages=queries_injects.list_messages(context.connection, run.id) if run else [],
    )


@router.get("/playable", responses=responses())
def list_choices(context: Context, request: Request) -> PlayablesBody:
    """Scenarios and recordings that can be played."""
    return PlayablesBody(mode=context.mode, playable=list_playables(data_of(request)))


@router.get("/playable/{source}", responses=responses(404))
def get_choice(
    context: Context,
    request: Request,
    source: Annotated[str, Path(max_length=200, examples=["october-flood"])],
    *,
    truth: Annotated[bool, Query(description="Include scenario events; only for leaders.")] = False,
) -> PlayableDetailBody:
    """A scenario or recording; with its events for leaders."""
    data = data_of(request)
    with translate_errors():
        playable = get_playable(data, source)
    if truth:
        context.require(LEAD)
    return PlayableDetailBody(
        mode=context.mode,
        playable=playable,
        truth=_truth_bodies(data, playable) if truth else None,
    )


@router.get("/runs", responses=responses(422))
@costs(ROWS)
def list_runs(context: Context, page: Page) -> RunsBody:
    """Runs, the latest first."""
    after = page.after(int)
    before = None if after is None else int(after[0])
    runs = queries_runs.list_runs(context.connection, limit=page.limit + 1, before=before)
    some, following = page.take(runs, lambda run: (run.id,))
    return RunsBody(mode=context.mode, runs=some, next=following)


@router.post("/runs", status_code=202, responses=responses(404, 409, 422))
def start_run(
    context: Context, request: Request, response: Response, post: StartPost
) -> OneRunBody:
    """Start a run: it is prepared, then its clock starts."""
    require_lead(context)
    with translate_errors():
        service.require_conductor(context.connection)
        with context.writing() as connection:
            number = service.start_run(connection, data_of(request), post, context.person.name)
    return _run_response(context, response, number)


@router.get("/runs/{number}", responses=responses(404))
def get_run(context: Context, response: Response, number: Number) -> OneRunBody:
    """A run with its progress."""
    return _run_response(context, response, number)


@router.post("/runs/{number}/orders", status_code=202, responses=responses(404, 409, 412, 422))
def order_run(
    context: Context,
    response: Response,
    number: Number,
    post: RunOrderPost,
    if_match: IfMatch = None,
) -> OneRunBody:
    """Pause, resume, change speed, jump or stop; If-Match names the version seen."""
    require_lead(context)
    order = Order(
        kind=post.kind,
        author=context.person.name,
        details={"speed": post.speed, "to": post.to, "by": post.by},
        version=parse_version(if_match),
    )
    require_run(context.connection, number)
    with translate_errors():
        service.execute(context, lambda connection: service.order_run(connection, number, order))
    return _run_response(context, response, number)


@router.get("/runs/{number}/debrief", responses=responses(404))
def get_debrief(context: Context, request: Request, number: Number) -> DebriefBody:
    """Debrief of a run: events, alarms, acknowledgements, decisions."""
    require_lead(context)
    with context.owning() as connection:
        run = require_run(connection, number)
        body = build_debrief(connection, data_of(request), run)
    return DebriefBody(mode=context.mode, debrief=body)


@router.post("/reset", status_code=202, responses=responses(409, 422))
def reset_exercise(context: Context, post: ResetPost) -> ExerciseBody:
    """Reset the exercise: clears readings and alarms, keeps debriefs, territory and rules."""
    require_lead(context)
    author = context.person.name
    with translate_errors():
        service.execute(
            context,
            lambda connection: service.request_reset(connection, author, post.reason),
            seconds=30,
        )
    context.connection.rollback()
    return get_exercise(context)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Translate errors of exercises to HTTP."""
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
    """The instance's data folder."""
    return get_settings(request).data


def parse_version(if_match: str | None) -> int | None:
    """The version in an If-Match header; None: any.

    Raises HTTPException: 412, not one of our versions.
    """
    mark = None if if_match is None else if_match.strip().removeprefix("W/").strip('"')
    if mark is None or mark == "*":
        return None
    version = parse_whole(mark, below=2**31)
    if version is None:
        raise HTTPException(HTTPStatus.PRECONDITION_FAILED, "If-Match: not a version of this")
    return version


def require_lead(context: RequestContext) -> None:
    """Require a leader and an exercise."""
    context.require(LEAD)
    with translate_errors():
        require_exercise(context.instance, what="leading an exercise")


def require_run(connection: Connection, number: int) -> Run:
    """The run of that number. Raises NotFoundError: there is none."""
    run = queries_runs.get_run(connection, number)
    if run is None:
        raise NotFoundError("no run has the number {number}", number)
    return run


def _run_response(context: RequestContext, response: Response, number: int) -> OneRunBody:
    context.connection.rollback()  # read what was written
    run = require_run(context.connection, number)
    tag(response, str(run.version))
    return OneRunBody(mode=context.mode, run=run)


def _truth_bodies(data: File, playable: Playable) -> list[TruthBody]:
    if playable.kind != "story" or playable.wrong:
        return []
    story = load_story(data, playable.source)
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
