"""The leader's desk: permissions, values of its parts, responses to its forms."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from hypervisor.access.context import RequestContext
from hypervisor.base.instance import require_exercise
from hypervisor.base.reader import reading
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries_injects, queries_runs, service
from hypervisor.exercises import views as view
from hypervisor.exercises.api import data_of
from hypervisor.exercises.debrief import build_debrief
from hypervisor.exercises.model import InjectError, InjectPost, Run, Skip
from hypervisor.exercises.service import LEAD
from hypervisor.registry import queries_site
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.web.times import local
from sensors._errors import TerritoryError
from sensors._scalars import parse_whole

HERE = "/exercises/lead"
Text = Annotated[str, Field(max_length=4_000)]
Name = Annotated[str, Field(max_length=200)]
Word = Annotated[str, Field(max_length=40)]


class InjectForm(BaseModel):
    """The form of a new inject, as submitted."""

    run: int = Field(ge=1)
    kind: Word
    title: Text = ""
    text: Text = ""
    sender: Text = ""
    expected: Text = ""
    planned: Word = ""
    device: Name = ""
    quantity: Name = ""
    value: Word = ""
    hours: Word = ""

    def parse(self, context: RequestContext) -> InjectPost:
        """What was entered. Raises InjectError: a time or a number cannot be read."""
        return InjectPost(
            kind=self.kind,  # type: ignore[arg-type]  # it is checked when it is added
            title=self.title,
            text=self.text,
            sender=self.sender,
            expected=self.expected,
            planned=parse_local_time(self.planned, context),
            devices=(self.device.strip(),) if self.device.strip() else (),
            quantity=self.quantity.strip() or None,
            value=parse_number(self.value),
            hours=parse_number(self.hours),
        )


def require_lead(context: RequestContext) -> None:
    context.require(LEAD)
    require_exercise(context.instance, what="leading an exercise")


def base_values(context: RequestContext) -> dict[str, Any]:
    return {
        **view.template_values(),
        "run": None,
        "leads": context.may(LEAD),
        "conducted": service.is_conducted(context.connection),
        "messages": [],
        "axis": None,
        "form": InjectForm.model_construct(run=0, kind=""),
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
        "rule_titles": {},
        "sites": [],
    }
    skips: list[Skip] = []
    if context.may(LEAD):
        with context.owning() as connection:
            values["injects"] = queries_injects.list_injects(connection, run.id)
            skips = queries_injects.list_skips(connection, run.id)
            if part in {"all", "injects"}:
                values["sites"] = queries_site.suggest_sites(connection)
            if part in {"all", "checklist"}:
                values["checklist"] = queries_injects.list_checklist(connection, run.id)
            if part in {"all", "truth"}:
                values["debrief"] = build_debrief(connection, data_of(request), run)
                values["rule_titles"] = view.load_rule_titles(context)
    with reading(reader_of(context)):
        values["axis"] = view.draw_axis(run, values["injects"], skips)
    return values


def respond(
    context: RequestContext,
    request: Request,
    part: str,
    act: Callable[[], None],
    *,
    form: InjectForm | None = None,
) -> Response:
    """Do what a form of the desk says; the updated part, without scripts the complete desk.

    `form`: shown again if it is refused.
    """
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
    if wrong and form is not None:
        values["form"] = form
    status = 409 if wrong else 200
    if partial:
        return fragment(context, f"exercises_{part}.html", status_code=status, **values)
    return render(context, "exercises_lead.html", status_code=status, **values)


def write(
    context: RequestContext,
    request: Request,
    part: str,
    change: Callable[[Connection], object],
    *,
    form: InjectForm | None = None,
) -> Response:
    """The same for what one transaction does."""

    def act() -> None:
        with context.writing() as connection:
            change(connection)

    return respond(context, request, part, act, form=form)


def parse_local_time(text: str, context: RequestContext) -> datetime | None:
    """A `datetime-local` field in the instance's time zone."""
    if not text.strip():
        return None
    at = local(text, context)
    if at is None:
        raise InjectError("{text!r}: expected a day and a time", text)
    return at


def parse_number(text: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text.strip() else None
    except ValueError as error:
        raise InjectError("{text!r}: expected a number", text) from error


def parse_version(text: str) -> int | None:
    """The version that the form was made from; None: any."""
    return parse_whole(text, below=2**31)
