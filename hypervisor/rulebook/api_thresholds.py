"""Routes of thresholds: list, change, withdraw, roll back, propose."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import UnknownError
from hypervisor.registry import queries_revisions
from hypervisor.rulebook import formatting, formatting_proposal, gauge_records, service_thresholds
from hypervisor.rulebook.api import now_of, stamp_of
from hypervisor.rulebook.proposal import ProposalOptions
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
from hypervisor.rulebook.service_thresholds import ThresholdChange
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, expected, tag
from hypervisor.web.problems import responses

router = APIRouter(prefix="/thresholds", tags=["thresholds"])


@router.get("", responses=responses(404))
def list_thresholds(
    context: Context,
    page: Page,
    owner: Annotated[
        str | None, Query(description="A site, or device/<device>.", examples=["toulouse"])
    ] = None,
) -> ThresholdsBody:
    """Thresholds in force, with author and effective time."""
    thresholds = service_thresholds.list_in_force(context.connection, owner, now=now_of(context))
    page_rows, following = page.cut(thresholds, lambda recorded: (recorded.key, recorded.id or 0))
    return ThresholdsBody(
        mode=context.mode,
        thresholds=[RevisionBody(**formatting.revision_row(recorded)) for recorded in page_rows],
        next=following,
    )


@router.get("/{owner:path}/proposal", responses=responses(404, 422))
def propose_thresholds(
    context: Context,
    owner: str,
    alarms: Annotated[float, Query(gt=0, description="A year, that a rate may raise.")] = 6.0,
) -> ProposalsBody:
    """Thresholds proposed from a gauge's record, with the alarms each would have raised."""
    proposals = gauge_records.list_proposals(
        context.connection,
        owner,
        catalogue=context.catalogue,
        wishes=ProposalOptions(alarms=alarms),
    )
    return ProposalsBody(
        mode=context.mode,
        proposals=[
            ProposalBody(**formatting_proposal.proposal_row(quantity_proposal))
            for quantity_proposal in proposals
        ],
        lines=formatting_proposal.format_commands(proposals),
    )


@router.get("/{key:path}/revisions", responses=responses(404))
def list_revisions(context: Context, response: Response, key: str) -> RevisionsBody:
    """A threshold's revisions, in the order they were recorded."""
    recorded_revisions = service_thresholds.get_history(context.connection, key)
    tag(response, service_thresholds.mark_of_last(recorded_revisions))
    return RevisionsBody(
        mode=context.mode,
        key=key,
        revisions=[
            RevisionBody(**formatting.revision_row(recorded, recorded_revisions))
            for recorded in recorded_revisions
        ],
    )


@router.post("/{key:path}/rollback", responses=responses(401, 403, 404, 412, 422, 428))
def roll_back_threshold(
    context: Context, response: Response, key: str, body: RollbackPost, if_match: IfMatch = None
) -> ThresholdRevisionBody:
    """Restore an earlier revision."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key))
    with context.writing() as connection:
        change = service_thresholds.roll_back_threshold(
            connection,
            key,
            body.to,
            stamp_of(context, body.reason, body.effective),
            expected=_expected_mark(context, key, if_match),
        )
    return _change_body(context, response, change)


@router.get("/{key:path}", responses=responses(404))
def get_threshold(context: Context, response: Response, key: str) -> ThresholdRevisionBody:
    """The latest revision of `<site>/<name>` or `device/<device>/<name>`."""
    recorded_revisions = service_thresholds.get_history(context.connection, key)
    tag(response, service_thresholds.mark_of_last(recorded_revisions))
    return ThresholdRevisionBody(
        mode=context.mode,
        threshold=RevisionBody(
            **formatting.revision_row(recorded_revisions[-1], recorded_revisions)
        ),
    )


@router.put("/{key:path}", responses=responses(401, 403, 404, 412, 422, 428))
def put_threshold(
    context: Context, response: Response, key: str, body: ThresholdPut, if_match: IfMatch = None
) -> ThresholdRevisionBody:
    """Set a threshold, or change the revision that If-Match names."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key))
    with context.writing() as connection:
        change = service_thresholds.set_threshold(
            connection,
            key,
            body.value,
            stamp_of(context, body.reason, body.effective),
            expected=_expected_mark(context, key, if_match),
            quantity=body.quantity,
        )
    return _change_body(context, response, change)


@router.delete("/{key:path}", responses=responses(401, 403, 404, 412, 422, 428))
def withdraw_threshold(  # noqa: PLR0913, PLR0917  a DELETE has no body
    context: Context,
    response: Response,
    key: str,
    reason: Annotated[str, Query(min_length=1)],
    effective: Annotated[datetime | None, Query()] = None,
    if_match: IfMatch = None,
) -> ThresholdRevisionBody:
    """Withdraw a threshold: rules that need it no longer apply there."""
    context.require(Duty.WRITE_RULES, subject=owner_of(key))
    with context.writing() as connection:
        service_thresholds.get_history(connection, key)
        change = service_thresholds.withdraw_threshold(
            connection,
            key,
            stamp_of(context, reason, effective),
            expected=_expected_mark(context, key, if_match),
        )
    return _change_body(context, response, change)


def owner_of(key: str) -> str:
    """Owner part of a threshold key: a site, or `device/<device>`."""
    kind, _, rest = key.partition("/")
    return f"{kind}/{rest.partition('/')[0]}" if kind == "device" else kind


def _expected_mark(context: RequestContext, key: str, if_match: str | None) -> str:
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    mark = expected(if_match, exists=bool(revisions), what=key)
    return service_thresholds.mark_of_last([]) if mark is None else mark


def _change_body(
    context: RequestContext, response: Response, change: ThresholdChange
) -> ThresholdRevisionBody:
    if change.after is None:
        raise UnknownError(f"no threshold {change.key!r} was ever set")
    before = [change.before] if change.before else []
    row = formatting.revision_row(change.after, before)
    tag(response, row["revision"])
    return ThresholdRevisionBody(
        mode=context.mode, changed=change.changed, threshold=RevisionBody(**row)
    )
