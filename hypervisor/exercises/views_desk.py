"""The leader's desk: permissions, values of its parts, responses to its forms."""

from collections.abc import Callable
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
from hypervisor.exercises.api import data_of
from hypervisor.exercises.debrief import build_debrief
from hypervisor.exercises.model import InjectError, Run, Skip
from hypervisor.exercises.service import LEAD
from hypervisor.registry import queries_site
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment
from sensors._errors import TerritoryError

HERE = "/exercises/lead"
_FIELDS = (  # of the inject form
    *("kind", "title", "text", "sender", "expected", "planned", "device", "quantity", "value"),
    "hours",
)


def require_lead(context: RequestContext) -> None:
    context.require(LEAD)
    require_exercise(context.instance, what="leading an exercise")


def can_lead(context: RequestContext) -> bool:
    return context.person.territory(LEAD).whole


def base_values(context: RequestContext) -> dict[str, Any]:
    return {
        **view.template_values(),
        "run": None,
        "leads": can_lead(context),
        "conducted": service.is_conducted(context.connection),
        "messages": [],
        "axis": None,
        "form": dict.fromkeys(_FIELDS, ""),
    }


def page_values(
    context: RequestContext, request: Request, run: Run, *, part: str
) -> dict[str, Any]:
    """Values of a part, restricted to what the user may see."""
    values: dict[str, Any] = {
        **base_values(context),
        "wrong": "",
        "run": run,
        "messages": queries_injects.list_messages(context.connection, run.id),
        "injects": [],
        "checklist": [],
        "debrief": None,
        "sites": [],
    }
    skips: list[Skip] = []
    if can_lead(context):
        with context.owning() as connection:
            values["injects"] = queries_injects.list_injects(connection, run.id)
            skips = queries_injects.list_skips(connection, run.id)
            if part in {"all", "injects"}:
                values["sites"] = queries_site.suggest_sites(connection)
            if part in {"all", "checklist"}:
                values["checklist"] = queries_injects.list_checklist(connection, run.id)
            if part in {"all", "truth"}:
                values["debrief"] = build_debrief(connection, data_of(request), run)
    with reading(reader_of(context)):
        values["axis"] = view.draw_axis(run, values["injects"], skips)
    return values


def respond(
    context: RequestContext,
    request: Request,
    part: str,
    act: Callable[[], None],
    *,
    form: dict[str, str] | None = None,
) -> Response:
    """Do what a form of the desk says; the updated part, without scripts the complete desk."""
    require_lead(context)
    wrong = ""
    try:
        act()
    except (TerritoryError, ValueError) as error:
        wrong = refusal(error)
    context.connection.rollback()
    run = queries_runs.get_latest_run(context.connection)
    if run is None:
        return RedirectResponse("/exercises", status_code=303)
    partial = wants_fragment(request)
    if not partial and not wrong:
        return RedirectResponse(HERE, status_code=303)
    values = page_values(context, request, run, part=part if partial else "all")
    values["wrong"] = wrong
    if wrong:
        values["form"] |= form or {}
    status = 409 if wrong else 200
    if partial:
        return fragment(context, f"exercises_{part}.html", status_code=status, **values)
    return render(context, "exercises_lead.html", status_code=status, **values)


def parse_local_time(text: str, context: RequestContext) -> datetime | None:
    """A `datetime-local` field in the instance's time zone."""
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InjectError("{text!r}: expected a day and a time", text) from error
    if not 1800 <= at.year <= 2200:
        raise InjectError("the year {year} is out of range", at.year)
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(context.instance.timezone))


def parse_number(text: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text.strip() else None
    except ValueError as error:
        raise InjectError("{text!r}: expected a number", text) from error


def parse_version(text: str) -> int | None:
    """The version that the form was made from; None: any."""
    return int(text) if text.isdecimal() else None
