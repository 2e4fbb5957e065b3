"""The desk of whoever leads an exercise: who may, what its parts show, how forms are answered."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.api.access import Access
from hypervisor.api.exercises import NOBODY, data_of
from hypervisor.console.reader import reading
from hypervisor.console.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.console.views import exercises as view
from hypervisor.exercise import leading
from hypervisor.exercise.debriefing import debrief
from hypervisor.exercise.leading import LEAD
from hypervisor.instance import require_exercise
from hypervisor.store.exercise import conducting, injecting
from hypervisor.store.exercise.conducting import Run, RunError
from hypervisor.store.exercise.injecting import InjectError
from hypervisor.store.registry import naming

HERE = "/exercises/lead"
_FIELDS = (  # of the form by which an inject is written
    *("kind", "title", "text", "sender", "expected", "planned", "device", "quantity", "value"),
    "hours",
)


def may_lead(asked: Access) -> None:
    asked.require(LEAD)
    require_exercise(asked.instance, what="leading an exercise")


def leads(asked: Access) -> bool:
    return asked.person.territory(LEAD).whole


def led(asked: Access) -> Run | None:
    may_lead(asked)
    return conducting.latest(asked.connection)


def require_conductor(asked: Access) -> None:
    if not leading.alive(asked.connection):
        raise RunError(NOBODY)


def bare(asked: Access) -> dict[str, Any]:
    return {
        **view.words(),
        "run": None,
        "leads": leads(asked),
        "conducted": leading.alive(asked.connection),
        "told": [],
        "axis": None,
        "said": dict.fromkeys(_FIELDS, ""),
    }


def context(asked: Access, request: Request, run: Run, *, part: str) -> dict[str, Any]:
    """What a part shows; only what that part, and that person, may have."""
    found: dict[str, Any] = {
        **bare(asked),
        "wrong": "",
        "run": run,
        "told": injecting.told(asked.connection, run.id),
        "injects": [],
        "sheets": [],
        "debrief": None,
        "sites": [],
    }
    skips: list[injecting.Skip] = []
    if leads(asked):
        with asked.owning() as connection:
            found["injects"] = injecting.injects(connection, run.id)
            skips = injecting.skips(connection, run.id)
            if part in {"all", "injects"}:
                found["sites"] = naming.sites(connection)
            if part in {"all", "sheets"}:
                found["sheets"] = injecting.sheets(connection, run.id)
            if part in {"all", "truth"}:
                found["debrief"] = debrief(connection, data_of(request), run)
    with reading(reader_of(asked)):
        found["axis"] = view.axis(run, found["injects"], skips)
    return found


def again(
    asked: Access,
    request: Request,
    name: str,
    *,
    wrong: str = "",
    said: dict[str, str] | None = None,
) -> Response:
    """The part that was acted on, as it then is; without scripts the whole desk."""
    asked.connection.rollback()
    run = conducting.latest(asked.connection)
    if run is None:
        return RedirectResponse("/exercises", status_code=303)
    status = 409 if wrong else 200
    if wants_fragment(request):
        found = context(asked, request, run, part=name) | {"wrong": wrong}
        found["said"] |= said or {}
        return fragment(asked, f"exercises_{name}.html", status_code=status, **found)
    if wrong:
        found = context(asked, request, run, part="all") | {"wrong": wrong}
        found["said"] |= said or {}
        return render(asked, "exercises_lead.html", status_code=status, **found)
    return RedirectResponse(HERE, status_code=303)


def local(said: str, asked: Access) -> datetime | None:
    """What a browser's field for day and time says, on the clock of the instance's zone."""
    if not said.strip():
        return None
    try:
        at = datetime.fromisoformat(said)
    except ValueError as error:
        raise InjectError(f"{said!r}: expected a day and a time") from error
    if not 1800 <= at.year <= 2200:
        raise InjectError(f"the year {at.year} is none of ours")
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(asked.instance.timezone))


def figure(said: str) -> float | None:
    try:
        return float(said.replace(",", ".")) if said.strip() else None
    except ValueError as error:
        raise InjectError(f"{said!r}: expected a number") from error
