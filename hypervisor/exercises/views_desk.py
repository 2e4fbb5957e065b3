"""The desk of whoever leads an exercise: who may, what its parts show, how forms are answered."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import RequestContext
from hypervisor.base.instance import require_exercise
from hypervisor.base.reader import reading
from hypervisor.exercises import queries_injects, queries_runs, service
from hypervisor.exercises import views as view
from hypervisor.exercises.api import NOBODY, data_of
from hypervisor.exercises.debrief import debrief
from hypervisor.exercises.queries_injects import InjectError
from hypervisor.exercises.queries_runs import Run, RunError
from hypervisor.exercises.service import LEAD
from hypervisor.registry import queries_site
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

HERE = "/exercises/lead"
_FIELDS = (  # of the form by which an inject is written
    *("kind", "title", "text", "sender", "expected", "planned", "device", "quantity", "value"),
    "hours",
)


def may_lead(context: RequestContext) -> None:
    context.require(LEAD)
    require_exercise(context.instance, what="leading an exercise")


def leads(context: RequestContext) -> bool:
    return context.person.territory(LEAD).whole


def led(context: RequestContext) -> Run | None:
    may_lead(context)
    return queries_runs.latest(context.connection)


def require_conductor(context: RequestContext) -> None:
    if not service.alive(context.connection):
        raise RunError(NOBODY)


def bare(context: RequestContext) -> dict[str, Any]:
    return {
        **view.words(),
        "run": None,
        "leads": leads(context),
        "conducted": service.alive(context.connection),
        "told": [],
        "axis": None,
        "said": dict.fromkeys(_FIELDS, ""),
    }


def page_values(
    context: RequestContext, request: Request, run: Run, *, part: str
) -> dict[str, Any]:
    """What a part shows; only what that part, and that person, may have."""
    found: dict[str, Any] = {
        **bare(context),
        "wrong": "",
        "run": run,
        "told": queries_injects.told(context.connection, run.id),
        "injects": [],
        "sheets": [],
        "debrief": None,
        "sites": [],
    }
    skips: list[queries_injects.Skip] = []
    if leads(context):
        with context.owning() as connection:
            found["injects"] = queries_injects.injects(connection, run.id)
            skips = queries_injects.skips(connection, run.id)
            if part in {"all", "injects"}:
                found["sites"] = queries_site.suggest_sites(connection)
            if part in {"all", "sheets"}:
                found["sheets"] = queries_injects.sheets(connection, run.id)
            if part in {"all", "truth"}:
                found["debrief"] = debrief(connection, data_of(request), run)
    with reading(reader_of(context)):
        found["axis"] = view.axis(run, found["injects"], skips)
    return found


def again(
    context: RequestContext,
    request: Request,
    name: str,
    *,
    wrong: str = "",
    said: dict[str, str] | None = None,
) -> Response:
    """The part that was acted on, as it then is; without scripts the whole desk."""
    context.connection.rollback()
    run = queries_runs.latest(context.connection)
    if run is None:
        return RedirectResponse("/exercises", status_code=303)
    status = 409 if wrong else 200
    if wants_fragment(request):
        found = page_values(context, request, run, part=name) | {"wrong": wrong}
        found["said"] |= said or {}
        return fragment(context, f"exercises_{name}.html", status_code=status, **found)
    if wrong:
        found = page_values(context, request, run, part="all") | {"wrong": wrong}
        found["said"] |= said or {}
        return render(context, "exercises_lead.html", status_code=status, **found)
    return RedirectResponse(HERE, status_code=303)


def local(said: str, context: RequestContext) -> datetime | None:
    """What a browser's field for day and time says, on the clock of the instance's zone."""
    if not said.strip():
        return None
    try:
        at = datetime.fromisoformat(said)
    except ValueError as error:
        raise InjectError(f"{said!r}: expected a day and a time") from error
    if not 1800 <= at.year <= 2200:
        raise InjectError(f"the year {at.year} is none of ours")
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(context.instance.timezone))


def figure(said: str) -> float | None:
    try:
        return float(said.replace(",", ".")) if said.strip() else None
    except ValueError as error:
        raise InjectError(f"{said!r}: expected a number") from error
