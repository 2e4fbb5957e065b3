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
from hypervisor.base.settings import Settings
from hypervisor.database.connect import StoreError
from hypervisor.exercises import queries_injects, queries_runs, service
from hypervisor.exercises.debrief import build_debrief as debriefed
from hypervisor.exercises.playable import Playable, list_playables, load_story
from hypervisor.exercises.playable import get_playable as one_of
from hypervisor.exercises.playing import ExerciseError
from hypervisor.exercises.queries_injects import ChangedError, InjectError
from hypervisor.exercises.queries_runs import Run, RunError
from hypervisor.exercises.schemas import (
    DebriefBody,
    ExerciseBody,
    MessageBody,
    OneRunBody,
    OrderPost,
    PlayableBody,
    PlayableDetailBody,
    PlayablesBody,
    ResetPost,
    RunBody,
    RunsBody,
    StartPost,
    TruthBody,
)
from hypervisor.exercises.service import LEAD, Order, StartOptions
from hypervisor.exercises.waiting import wait_for
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, tag
from hypervisor.web.problems import responses
from sensors._errors import TerritoryError

router = APIRouter(prefix="/exercises", tags=["exercises"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
NOBODY = (
    "the exercise player is not running: `hypervisor up` starts `conduct` in an exercise, or"
    " start `hypervisor conduct` yourself"
)


@router.get("", responses=responses())
def get_exercise(context: Context) -> ExerciseBody:
    """State of the exercise, and messages to trainees."""
    if context.instance.mode is Mode.LIVE:
        return ExerciseBody(mode=context.mode, run=None, conducted=False, messages=[])
    run = queries_runs.get_latest_run(context.connection)
    messages = queries_injects.list_messages(context.connection, run.id) if run else []
    return ExerciseBody(
        mode=context.mode,
        run=None if run is None else run_body(run),
        conducted=service.is_conducted(context.connection),
        messages=[
            MessageBody(**{k: v for k, v in vars(message).items() if k != "run"})
            for message in messages
        ],
    )


@router.get("/playable", responses=responses())
def list_choices(context: Context, request: Request) -> PlayablesBody:
    """Scenarios and recordings that can be played."""
    playable_bodies = [_playable_body(choice) for choice in list_playables(data_of(request))]
    return PlayablesBody(mode=context.mode, playable=playable_bodies)


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
    try:
        playable = one_of(data, source)
    except ExerciseError as error:
        raise NotFoundError(str(error)) from error
    truth_bodies = None
    if truth:
        context.require(LEAD)
        truth_bodies = _truth_bodies(data, playable)
    return PlayableDetailBody(
        mode=context.mode, playable=_playable_body(playable), truth=truth_bodies
    )


@router.get("/runs", responses=responses(422))
def list_runs(context: Context, page: Page) -> RunsBody:
    """Runs, the latest first."""
    runs = queries_runs.list_runs(context.connection, limit=page.limit + 1, before=_before(page))
    some, following = page.take(runs, lambda row: (row.id,))
    return RunsBody(mode=context.mode, runs=[run_body(run) for run in some], next=following)


@router.post("/runs", status_code=202, responses=responses(404, 409, 422))
def start_run(
    context: Context, request: Request, response: Response, post: StartPost
) -> OneRunBody:
    """Start a run: it is prepared, then its clock starts."""
    _require_lead(context)
    options = StartOptions(author=context.person.name, **post.model_dump())
    with translate_errors():
        if not service.is_conducted(context.connection):
            raise RunError(NOBODY)
        with context.writing() as connection:
            number, _ = service.start_run(connection, data_of(request), options)
    return _run_response(context, response, number)


@router.get("/runs/{number}", responses=responses(404))
def get_run(context: Context, response: Response, number: Number) -> OneRunBody:
    """A run with its progress."""
    return _run_response(context, response, number)


@router.post("/runs/{number}/orders", status_code=202, responses=responses(404, 409, 412, 422))
def order_run(
    context: Context, response: Response, number: Number, post: OrderPost, if_match: IfMatch = None
) -> OneRunBody:
    """Pause, resume, change speed, jump or stop; If-Match names the version seen."""
    _require_lead(context)
    details = {"speed": post.speed, "to": post.to, "by": post.by}
    order_ = Order(
        kind=post.kind, author=context.person.name, details=details, version=parse_version(if_match)
    )
    with translate_errors():
        if queries_runs.get_run(context.connection, number) is None:
            raise NotFoundError(f"no run has the number {number}")
        if not service.is_conducted(context.connection):
            raise RunError(NOBODY)
        with context.writing() as connection:
            command = service.order_run(connection, number, order_)
        wait_for(context.owning, command)
    return _run_response(context, response, number)


@router.get("/runs/{number}/debrief", responses=responses(404))
def get_debrief(context: Context, request: Request, number: Number) -> DebriefBody:
    """Debrief of a run: events, alarms, acknowledgements, decisions."""
    _require_lead(context)
    with context.owning() as connection:
        run = queries_runs.get_run(connection, number)
        if run is None:
            raise NotFoundError(f"no run has the number {number}")
        body = debriefed(connection, data_of(request), run)
    return DebriefBody(mode=context.mode, debrief=body)


@router.post("/reset", status_code=202, responses=responses(409, 422))
def reset_exercise(context: Context, post: ResetPost) -> ExerciseBody:
    """Reset the exercise: clears readings and alarms, keeps debriefs, territory and rules."""
    _require_lead(context)
    with translate_errors():
        if not service.is_conducted(context.connection):
            raise RunError(NOBODY)
        with context.writing() as connection:
            command = service.request_reset(connection, context.person.name, post.reason)
        wait_for(context.owning, command, seconds=30)
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
    settings: Settings | None = getattr(request.app.state, "settings", None)
    return (settings or Settings()).data


def parse_version(if_match: str | None) -> int | None:
    """The version in an If-Match header; None: any.

    Raises:
        HTTPException: 412, not one of our versions.
    """
    tag_text = None if if_match is None else if_match.strip().removeprefix("W/").strip('"')
    if tag_text is None or tag_text == "*":
        return None
    if not tag_text.isdecimal() or int(tag_text) >= 2**31:
        raise HTTPException(HTTPStatus.PRECONDITION_FAILED, "If-Match: not a version of this")
    return int(tag_text)


def run_body(run: Run) -> RunBody:
    """A run as a body."""
    columns = vars(run)
    whole = (run.ends - run.begins).total_seconds()
    gone = 0.0 if run.clock is None else (run.clock - run.begins).total_seconds()
    return RunBody(
        **{name: columns[name] for name in RunBody.model_fields if name in columns},
        progress=round(min(1.0, max(0.0, gone / whole)), 4) if whole > 0 else 1.0,
    )


def _require_lead(context: RequestContext) -> None:
    """Require a leader and an exercise."""
    context.require(LEAD)
    with translate_errors():
        require_exercise(context.instance, what="leading an exercise")


def _run_response(context: RequestContext, response: Response, number: int) -> OneRunBody:
    context.connection.rollback()  # what is read is what was written
    run = queries_runs.get_run(context.connection, number)
    if run is None:
        raise NotFoundError(f"no run has the number {number}")
    tag(response, str(run.version))
    return OneRunBody(mode=context.mode, run=run_body(run))


def _before(page: Page) -> int | None:
    after = page.after(int)
    return None if after is None else int(after[0])


def _playable_body(playable: Playable) -> PlayableBody:
    return PlayableBody(**{name: getattr(playable, name) for name in PlayableBody.model_fields})


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
