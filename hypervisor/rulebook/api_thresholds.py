"""Thresholds of sites and devices: in force, with their revisions; changed, taken back."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import UnknownError
from hypervisor.registry import queries_revisions
from hypervisor.rulebook import formatting, formatting_proposal, gauges, service_thresholds
from hypervisor.rulebook.api import now_of, stamped
from hypervisor.rulebook.proposal import Wishes
from hypervisor.rulebook.schemas import (
    ProposalBody,
    ProposalsBody,
    RevisionBody,
    RevisionsBody,
    RollbackPost,
    ThresholdPut,
    ThresholdRevisionBody,
    ThresholdsBody,
)
from hypervisor.rulebook.service_thresholds import Set
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, expected, tag
from hypervisor.web.problems import responses

router = APIRouter(prefix="/thresholds", tags=["thresholds"])


@router.get("", responses=responses(404))
def every(
    context: Context,
    page: Page,
    owner: Annotated[
        str | None, Query(description="A site, or device/<device>.", examples=["toulouse"])
    ] = None,
) -> ThresholdsBody:
    """Thresholds in force: value, since when, by whom."""
    every_revisions = service_thresholds.standing(context.connection, owner, now=now_of(context))
    some, following = page.cut(every_revisions, lambda one: (one.key, one.id or 0))
    return ThresholdsBody(
        mode=context.mode,
        thresholds=[RevisionBody(**formatting.revision_row(recorded)) for recorded in some],
        next=following,
    )


@router.get("/{owner:path}/proposal", responses=responses(404, 422))
def proposal(
    context: Context,
    owner: str,
    alarms: Annotated[float, Query(gt=0, description="A year, that a rate may raise.")] = 6.0,
) -> ProposalsBody:
    """Thresholds out of a gauge's own record, each with what it would have meant."""
    proposals = gauges.proposals(
        context.connection, owner, catalogue=context.catalogue, wishes=Wishes(alarms=alarms)
    )
    return ProposalsBody(
        mode=context.mode,
        proposals=[ProposalBody(**formatting_proposal.row(one)) for one in proposals],
        lines=formatting_proposal.lines(proposals),
    )


@router.get("/{key:path}/revisions", responses=responses(404))
def revisions(context: Context, response: Response, key: str) -> RevisionsBody:
    """A threshold's revisions, in the order they were recorded."""
    found = service_thresholds.history(context.connection, key)
    tag(response, service_thresholds.marked(found))
    return RevisionsBody(
        mode=context.mode,
        key=key,
        revisions=[RevisionBody(**formatting.revision_row(recorded, found)) for recorded in found],
    )


@router.post("/{key:path}/rollback", responses=responses(401, 403, 404, 412, 422, 428))
def rollback(
    context: Context, response: Response, key: str, body: RollbackPost, if_match: IfMatch = None
) -> ThresholdRevisionBody:
    """Let hold again what a revision said."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key))
    with context.writing() as connection:
        found = service_thresholds.rollback(
            connection,
            key,
            body.to,
            stamped(context, body.reason, body.effective),
            expected=_expected(context, key, if_match),
        )
    return _told(context, response, found)


@router.get("/{key:path}", responses=responses(404))
def one(context: Context, response: Response, key: str) -> ThresholdRevisionBody:
    """A threshold as recorded last, `<site>/<name>` or `device/<device>/<name>`."""
    found = service_thresholds.history(context.connection, key)
    tag(response, service_thresholds.marked(found))
    return ThresholdRevisionBody(
        mode=context.mode, threshold=RevisionBody(**formatting.revision_row(found[-1], found))
    )


@router.put("/{key:path}", responses=responses(401, 403, 404, 412, 422, 428))
def put(
    context: Context, response: Response, key: str, body: ThresholdPut, if_match: IfMatch = None
) -> ThresholdRevisionBody:
    """Set a threshold, or change the one whose ETag If-Match says."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key))
    with context.writing() as connection:
        found = service_thresholds.put(
            connection,
            key,
            body.value,
            stamped(context, body.reason, body.effective),
            expected=_expected(context, key, if_match),
            quantity=body.quantity,
        )
    return _told(context, response, found)


@router.delete("/{key:path}", responses=responses(401, 403, 404, 412, 422, 428))
def withdraw(  # noqa: PLR0913, PLR0917  a DELETE has no body
    context: Context,
    response: Response,
    key: str,
    reason: Annotated[str, Query(min_length=1)],
    effective: Annotated[datetime | None, Query()] = None,
    if_match: IfMatch = None,
) -> ThresholdRevisionBody:
    """Let a threshold hold no more: rules that need it no longer apply there."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key))
    with context.writing() as connection:
        service_thresholds.history(connection, key)
        found = service_thresholds.withdraw(
            connection,
            key,
            stamped(context, reason, effective),
            expected=_expected(context, key, if_match),
        )
    return _told(context, response, found)


def owner_of(key: str) -> str:
    """Whose threshold a key names: a site, or `device/<device>`."""
    kind, _, rest = key.partition("/")
    return f"{kind}/{rest.partition('/')[0]}" if kind == "device" else kind


def _expected(context: RequestContext, key: str, if_match: str | None) -> str:
    known = queries_revisions.list_revisions(context.connection, "threshold", key)
    found = expected(if_match, known=bool(known), what=key)
    return service_thresholds.marked([]) if found is None else found


def _told(context: RequestContext, response: Response, found: Set) -> ThresholdRevisionBody:
    if found.after is None:
        raise UnknownError(f"no threshold {found.key!r} was ever set")
    before = [found.before] if found.before else []
    row = formatting.revision_row(found.after, before)
    tag(response, row["revision"])
    return ThresholdRevisionBody(
        mode=context.mode, changed=found.changed, threshold=RevisionBody(**row)
    )
