"""Routes of what belongs to an incident: its file, its owner, files of entries."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Path, Request, Response, UploadFile

from hypervisor.access.context import Context
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.logbook import queries_attachments, service_incident
from hypervisor.logbook.attachments import LARGEST, check_attachment
from hypervisor.logbook.model import LONGEST, EntryKind, NewEntry
from hypervisor.logbook.schemas import EntryDetailBody, IncidentFileBody, OwnerBody, OwnerPost
from hypervisor.logbook.service import write_entry
from hypervisor.web.budget import DECODING, costs
from hypervisor.web.downloads import answer_file
from hypervisor.web.problems import responses

router = APIRouter(tags=["incidents"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/incidents/{number}/file", responses=responses(404, 422))
def get_file(context: Context, number: Number) -> IncidentFileBody:
    """All of an incident: events of its alarms, log entries with tasks and files, what was sent."""
    file = service_incident.read_file(context, service_incident.find_incident(context, number))
    return IncidentFileBody(
        mode=context.mode,
        incident=file.incident,
        events=list(file.events),
        entries=list(file.entries),
        notices=list(file.notices),
    )


@router.post("/incidents/{number}/owner", responses=responses(403, 404, 422))
def post_owner(context: Context, number: Number, post: OwnerPost) -> OwnerBody:
    """Assign all its open alarms; `refused` says which could not be."""
    incident = service_incident.find_incident(context, number)
    refused = service_incident.assign(context, incident, post.assignee)
    return OwnerBody(mode=context.mode, refused=[str(error) for error in refused])


@router.post(
    "/incidents/{number}/attachments", status_code=201, responses=responses(403, 404, 413, 422)
)
@costs(DECODING)
def post_attachment(
    context: Context,
    number: Number,
    file: Annotated[UploadFile, File(description="PDF, JPEG, PNG, WebP, text or CSV; 8 MiB.")],
    text: Annotated[str, Form(max_length=LONGEST)] = "",
) -> EntryDetailBody:
    """Add a note with a file."""
    incident = service_incident.find_incident(context, number)
    context.require_anywhere(Duty.OPERATE)
    checked = check_attachment(file.filename or "", file.file.read(LARGEST + 1))
    new = NewEntry(
        author=context.person.name,
        kind=EntryKind.NOTE,
        text=text.strip() or checked.name,
        incident=incident.number,
    )
    return EntryDetailBody(mode=context.mode, entry=write_entry(context, new, [checked]))


@router.get(
    "/attachments/{number}",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {"example": "%PDF-1.7 …"}}},
        **responses(404, 422),
    },
)
def get_attachment(context: Context, request: Request, number: Number) -> Response:
    """The content of a file of an entry."""
    stored = queries_attachments.find_file(context.connection, number)
    if stored is None:
        raise NotFoundError("no file has the number {n}", number)
    return answer_file(request, **vars(stored))
