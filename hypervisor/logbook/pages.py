"""The page of the operational log: entries beside events of alarms."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.translation import mark
from hypervisor.logbook import views as view
from hypervisor.logbook.form import parse_due, parse_kind, parse_number
from hypervisor.logbook.model import EntryKind, LogError, NewEntry
from hypervisor.logbook.service import write_entry
from hypervisor.logbook.views import Filters
from hypervisor.registry import queries_site
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.web.times import local

router = APIRouter()
_EMPTY_FORM = dict.fromkeys(("kind", "text", "site", "due", "alarm", "about"), "")
PAGE = Page(key="log", title=mark("Log"), address="/log", order=30, shortcut="j")


@router.get("/log")
def show_log(  # noqa: PLR0913  one argument a filter
    context: Context,
    request: Request,
    *,
    span: str = view.USUAL,
    until: Annotated[str, Query(max_length=40)] = "",
    kind: Annotated[str, Query(max_length=20)] = "",
    author: Annotated[str, Query(max_length=200)] = "",
    site: Annotated[str, Query(max_length=200)] = "",
    text: Annotated[str, Query(max_length=200)] = "",
    alarms: bool = True,
    alarm: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """The log by day, latest first, with the form and the open items."""
    filters = Filters(
        span=span if span in view.SPANS else view.USUAL,
        until=local(until, context),
        kind=EntryKind(kind) if kind in set(EntryKind) else None,
        author=author,
        site=site,
        text=text,
        alarms=alarms,
    )
    return _render(context, request, filters, form={"alarm": alarm, "site": site})


@router.post("/log")
def append_entry(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    request: Request,
    kind: Annotated[str, Form()],
    text: Annotated[str, Form()] = "",
    site: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
    alarm: Annotated[str, Form()] = "",
    about: Annotated[str, Form()] = "",
) -> Response:
    """Add an entry; an error is shown above the form, which keeps its contents."""
    form = {"kind": kind, "text": text, "site": site, "due": due, "alarm": alarm, "about": about}
    try:
        new = NewEntry(
            author=context.person.name,
            kind=parse_kind(kind),
            text=text,
            site=site.strip() or None,
            due=parse_due(due, context),
            alarm=parse_number(alarm),
            about=parse_number(about),
        )
        write_entry(context, new)
    except LogError as error:
        return _render(context, request, Filters(), form=form, wrong=refusal(error))
    if wants_fragment(request):
        return _render(context, request, Filters())
    return RedirectResponse("/log", status_code=303)


def _render(
    context: RequestContext,
    request: Request,
    filters: Filters,
    *,
    form: Mapping[str, object] | None = None,
    wrong: str = "",
) -> Response:
    answer, template = (
        (fragment, "log.html#main") if wants_fragment(request) else (render, "log.html")
    )
    return answer(
        context,
        template,
        status_code=422 if wrong else 200,
        sheet=view.build_sheet(context, reader_of(context, request), filters),
        filters=filters,
        spans=view.SPANS,
        form={**_EMPTY_FORM, **(form or {})},
        wrong=wrong,
        sites=queries_site.suggest_sites(context.connection),
        writes=context.person.may(Duty.OPERATE),
        **view.template_words(context),
    )
