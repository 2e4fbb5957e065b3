"""Trials: a changed threshold evaluated on past readings; nothing is stored."""

from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import HTTPException
from pydantic import AwareDatetime

from hypervisor.access.context import Context, RequestContext
from hypervisor.backtest.draft import Edit
from hypervisor.backtest.edits import Tried, try_edit
from hypervisor.backtest.errors import BacktestError
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import micros
from hypervisor.registry.queries import RegistryCache
from hypervisor.rulebook.schemas_trials import TrialBody
from hypervisor.web.problems import responses
from rules._rule import Rule

router = APIRouter(prefix="/trials", tags=["thresholds"])

YEAR = timedelta(days=365)
_LONGEST = timedelta(days=800)
_FIRST_YEAR, _LAST_YEAR = datetime(1800, 1, 3, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_PATIENCE = 5.0  # s to wait for a free slot
_AT_ONCE = BoundedSemaphore(2)
_FIRST = Lock()


@router.get("/{key:path}", responses=responses(404, 422, 429))
def get_trial(  # noqa: PLR0913, PLR0917  a GET has no body
    context: Context,
    request: Request,
    key: str,
    value: Annotated[str | None, Query(max_length=40, examples=["1.78 m"])] = None,
    rule: Annotated[str | None, Query(max_length=200)] = None,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> TrialBody:
    """Alarms of `<site>/<name>` over a period, with the current value and with `value`.

    Evaluated by the live engine on stored readings; the alarm log is not touched.
    """
    owner, _, name = key.rpartition("/")
    if not owner:
        raise NotFoundError(f"{key!r} is no threshold; expected SITE/NAME or device/DEVICE/NAME")
    context.require(Duty.READ, subject=owner)
    ends = until or context.now()
    try:
        begins = since or max(ends, _FIRST_YEAR + YEAR) - YEAR
        edit = build_edit(owner, begins, ends, name=name, value=value, rule=rule)
        result = run_trial(context, request, edit)
    except BacktestError as error:
        raise HTTPException(422, str(error)) from error
    return TrialBody.of(key, result, context.mode)


def build_edit(  # noqa: PLR0913  what is tried
    owner: str,
    since: datetime,
    until: datetime,
    *,
    name: str | None = None,
    value: str | None = None,
    rule: str | None = None,
    written: Rule | None = None,
) -> Edit:
    """The edit that a trial evaluates.

    Raises:
        BacktestError: the period is empty or too long.
    """
    if not _FIRST_YEAR <= since <= until <= _LAST_YEAR:
        raise BacktestError(f"from … to must lie in {_FIRST_YEAR.year} to {_LAST_YEAR.year}")
    if not timedelta(0) < until - since <= _LONGEST:
        raise BacktestError(f"from … to must be a span of at most {_LONGEST.days} days")
    return Edit(
        owner=owner,
        since=micros(since),
        until=micros(until),
        threshold=name,
        value=value or None,
        rule=rule or None,
        written=written,
    )


def run_trial(context: RequestContext, request: Request, edit: Edit) -> Tried:
    """Evaluate an edit; at most two run at once. The registry is cached between trials.

    Raises:
        BacktestError: the edit cannot be evaluated.
    """
    if not _AT_ONCE.acquire(timeout=_PATIENCE):
        raise HTTPException(429, "other trials are running: try again in a moment")
    try:
        with context.owning() as connection:
            return try_edit(
                connection,
                edit,
                context.catalogue,
                zone=ZoneInfo(context.instance.timezone),
                load=registry_cache(request).load,
                seeing=context.connection,
            )
    finally:
        _AT_ONCE.release()


def registry_cache(request: Request) -> RegistryCache:
    """The registry cache of this application."""
    state = request.app.state
    with _FIRST:
        if not hasattr(state, "remembered"):
            state.remembered = RegistryCache()
        cache: RegistryCache = state.remembered
    return cache
