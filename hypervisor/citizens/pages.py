"""The public page where the application answers it: before anything was read, and by token."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from hypervisor.access.context import NOBODY, RequestContext
from hypervisor.access.errors import UnauthenticatedError
from hypervisor.base.instance import Mode
from hypervisor.citizens.front import CitizenPages, make_message_answer, read_request
from hypervisor.publications import queries_messages
from hypervisor.publications.model import NoPublicationError
from hypervisor.standards.access import open_output
from hypervisor.web.page import Page

router = APIRouter()
PAGE: Page | None = None


def _require_reader(
    context: Annotated[RequestContext, Depends(open_output("public_page"))],
) -> RequestContext:
    """In an exercise only signed-in people read, whatever the settings say."""
    if context.instance.mode is Mode.EXERCISE and context.person.account == NOBODY:
        raise UnauthenticatedError("this is an exercise: it publishes only to holders of a token")
    return context


Context = Annotated[RequestContext, Depends(_require_reader)]


@router.get("/public")
@router.get("/public/strip")
@router.get("/public/fragment")
@router.get("/public/{name}")
def show_page(context: Context, request: Request) -> Response:
    """What the settings let this reader see; of a message also one that is over."""
    pages: CitizenPages = request.app.state.citizens
    public_request = read_request(request.scope)
    answer = pages.find(public_request)
    if answer is None:
        identifier = str(request.path_params["name"])
        stored = queries_messages.find_message(context.connection, identifier)
        if stored is None:
            raise NoPublicationError("there is no message {identifier!r}", identifier)
        answer = make_message_answer(pages.get_situation(), stored[0], public_request)
    headers = {name.decode(): value.decode("latin-1") for name, value in answer.plain_headers}
    if context.person.account != NOBODY:
        headers |= {"cache-control": "private, no-cache", "vary": "Authorization, Cookie"}
    return Response(answer.body, answer.status, headers)
