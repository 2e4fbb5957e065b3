"""Routes of publications: draft, revise, discard, sign."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from hypervisor.access.context import Context, RequestContext
from hypervisor.publications import queries, service
from hypervisor.publications.model import Publication, PublicationAct
from hypervisor.publications.schemas import (
    DraftPost,
    PublicationBody,
    PublicationDetailBody,
    PublicationPost,
    PublicationsBody,
    SignaturePost,
    describe,
)
from hypervisor.publications.service import Publisher, load_publisher
from hypervisor.web.budget import DECODING, ROWS, costs
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses

router = APIRouter(prefix="/publications", tags=["publications"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("", responses=responses(422))
@costs(ROWS)
def list_publications(context: Context, request: Request, page: Page) -> PublicationsBody:
    """Publications that concern your communes, the latest first."""
    after = page.after(int)
    rows, following = page.take(
        queries.list_publications(
            context.connection, before=None if after is None else after[0], limit=page.limit + 1
        ),
        lambda row: (row.id,),
    )
    publisher = _load_publisher(context, request)
    return PublicationsBody(
        mode=context.mode,
        publications=[_describe(context, publisher, row) for row in rows],
        next=following,
    )


@router.get("/{number}", responses=responses(404, 422))
def get_publication(context: Context, request: Request, number: Number) -> PublicationDetailBody:
    """One publication with its messages and who did what."""
    return _answer(context, request, number)


@router.post("", status_code=201, responses=responses(403, 404, 422))
@costs(DECODING)
def post_publication(
    context: Context, request: Request, post: PublicationPost
) -> PublicationDetailBody:
    """Draft a warning; it becomes public once another operator signs it."""
    number = service.open_draft(
        context, post.content, reason=post.reason, status=post.status, alarm=post.alarm
    )
    return _answer(context, request, number)


@router.post("/{number}/drafts", responses=responses(403, 404, 409, 422))
@costs(DECODING)
def post_draft(
    context: Context, request: Request, number: Number, post: DraftPost
) -> PublicationDetailBody:
    """Draft an update or a cancellation, or revise the draft that waits.

    409: it was changed since that version. 422: its state does not allow this; see `detail`.
    """
    service.write_draft(
        context,
        number,
        post.content,
        act=post.act,
        kind=post.kind,
        version=post.version,
        reason=post.reason,
    )
    return _answer(context, request, number)


@router.post("/{number}/steps", responses=responses(403, 404, 409, 422))
def post_step(
    context: Context, request: Request, number: Number, post: SignaturePost
) -> PublicationDetailBody:
    """Sign as the second operator (a person who is signed in, no program), or discard the draft."""
    if post.act is PublicationAct.DISCARD:
        service.discard_draft(context, number, version=post.version, reason=post.reason)
    else:
        publisher = _load_publisher(context, request)
        service.publish(context, number, publisher, version=post.version, remark=post.reason)
    return _answer(context, request, number)


def _load_publisher(context: RequestContext, request: Request) -> Publisher:
    return load_publisher(request.app.state.settings, context.instance)


def _describe(
    context: RequestContext, publisher: Publisher, publication: Publication
) -> PublicationBody:
    draft = publication.draft
    stale = draft is not None and draft.is_stale(context.clock(), publisher.lifetime)
    return describe(publication, now=context.now(), is_stale=stale)


def _answer(context: RequestContext, request: Request, number: int) -> PublicationDetailBody:
    context.connection.rollback()  # the next read sees what was written
    publication = service.find_publication(context.connection, number)
    return PublicationDetailBody(
        mode=context.mode,
        publication=_describe(context, _load_publisher(context, request), publication),
    )
