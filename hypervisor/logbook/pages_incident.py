"""The page of an incident, which is its report too: timeline, owner, tasks, files, messages."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Path, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.alarms import queries_list, views_words
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import moment, moment_if
from hypervisor.base.reader import reading
from hypervisor.logbook import queries_attachments, service_incident
from hypervisor.logbook import views as view
from hypervisor.logbook.attachments import LARGEST, TYPES, check_attachment
from hypervisor.logbook.form import parse_due, parse_number
from hypervisor.logbook.model import EntryKind, LogError, NewEntry
from hypervisor.logbook.service import write_entry
from hypervisor.logbook.service_incident import IncidentFile
from hypervisor.web.budget import DECODING, costs
from hypervisor.web.downloads import answer_file
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

router = APIRouter()
PAGE: Page | None = None
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[str, Form(max_length=20_000)]
Word = Annotated[str, Form(max_length=200)]
_KINDS = (EntryKind.NOTE, EntryKind.DECISION, EntryKind.CALL, EntryKind.TASK)
_EMPTY = {"kind": "note", "text": "", "owner": "", "due": ""}


@router.get("/incidents/{number}")
def show_incident(context: Context, number: Number) -> Response:
    """An incident; the address of one of its alarms leads there."""
    incident = service_incident.find_incident(context, number)
    if incident.number != number:
        return RedirectResponse(f"/incidents/{incident.number}", status_code=303)
    return _render(context, service_incident.read_file(context, incident))


@router.post("/incidents/{number}/entries")
@costs(DECODING)
def add_entry(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    number: Number,
    kind: Annotated[EntryKind, Form()],
    text: Text = "",
    owner: Word = "",
    due: Word = "",
    about: Word = "",
    files: Annotated[tuple[UploadFile, ...], File()] = (),
) -> Response:
    """A note, decision, call or task with its files, or a task that is done."""
    incident = service_incident.find_incident(context, number)
    context.require_anywhere(Duty.OPERATE)
    form = {"kind": kind.value, "text": text, "owner": owner, "due": due}
    try:
        checked = [
            check_attachment(file.filename, file.file.read(LARGEST + 1))
            for file in files
            if file.filename
        ]
        new = NewEntry(
            author=context.person.name,
            kind=kind,
            text=text.strip() or ", ".join(file.name for file in checked),
            incident=incident.number,
            due=parse_due(due, context),
            owner=owner.strip() or None,
            about=parse_number(about),
        )
        entry = write_entry(context, new, checked)
    except LogError as error:
        sheet = service_incident.read_file(context, incident)
        return _render(context, sheet, form=form, wrong=refusal(error))
    return RedirectResponse(f"/incidents/{incident.number}#entry-{entry.id}", status_code=303)


@router.post("/incidents/{number}/owner")
def assign(context: Context, number: Number, assignee: Word = "") -> Response:
    """Give its open alarms an owner."""
    incident = service_incident.find_incident(context, number)
    refused = service_incident.assign(context, incident, assignee.strip() or None)
    if refused:
        with reading(reader_of(context)):
            wrong = "\n".join(dict.fromkeys(views_words.refusal(error) for error in refused))
        return _render(context, service_incident.read_file(context, incident), wrong=wrong)
    return RedirectResponse(f"/incidents/{incident.number}", status_code=303)


@router.get("/attachments/{number}")
def show_file(context: Context, request: Request, number: Number) -> Response:
    """A file of an entry."""
    file = queries_attachments.find_file(context.connection, number)
    if file is None:
        raise NotFoundError("no file has the number {n}", number)
    return answer_file(request, **vars(file))


def _render(
    context: RequestContext,
    sheet: IncidentFile,
    *,
    form: Mapping[str, str] | None = None,
    wrong: str = "",
) -> Response:
    incident = sheet.incident
    held = context.person.territory(Duty.OPERATE)
    with context.owning() as owner:
        people = queries_list.list_operators(owner, {row.commune for row in sheet.rows})
    with reading(reader_of(context)):
        values: dict[str, Any] = {
            "sheet": sheet,
            "incident": incident,
            "opened": moment(incident.opened),
            "ended": moment_if(incident.ended),
            "closes": moment_if(incident.closes),
            "title": views_words.incident((incident.domain, incident.category, incident.title, "")),
            "lines": view.merge_lines(sheet.entries, sheet.events),
        }
    answer, template = (
        (fragment, "incident_live.html") if wants_fragment() else (render, "incident.html")
    )
    return answer(
        context,
        template,
        status_code=422 if wrong else 200,
        people=people,
        assignees=sorted({row.assignee for row in sheet.rows if row.assignee}),
        may=any(held.holds(row.commune) for row in sheet.rows) and context.person.may(Duty.OPERATE),
        form={**_EMPTY, **(form or {})},
        wrong=wrong,
        kinds=_KINDS,
        endings=", ".join(TYPES),
        largest=LARGEST // 1024**2,
        w=views_words,
        **values,
        **view.template_words(context),
    )
