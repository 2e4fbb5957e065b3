"""Thresholds of sites and devices: in force, with their revisions; changed, taken back."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.api.matching import IfMatch, expected, tag
from hypervisor.api.paging import Page
from hypervisor.api.problems import responses
from hypervisor.api.rulebook_shapes import (
    ProposalBody,
    ProposalsBody,
    RevisionBody,
    RevisionsBody,
    RollbackPost,
    ThresholdPut,
    ThresholdRevisionBody,
    ThresholdsBody,
)
from hypervisor.api.rules import now_of, stamped
from hypervisor.rulebook import gauges, proposal_telling, telling, thresholds
from hypervisor.rulebook.errors import UnknownError
from hypervisor.rulebook.proposal import Wishes
from hypervisor.rulebook.thresholds import Set
from hypervisor.store.watch import rulebook

router = APIRouter(prefix="/thresholds", tags=["thresholds"])


@router.get("", responses=responses(404))
def every(
    asked: Asked,
    page: Page,
    owner: Annotated[
        str | None, Query(description="A site, or device/<device>.", examples=["toulouse"])
    ] = None,
) -> ThresholdsBody:
    """Thresholds in force: value, since when, by whom."""
    found = thresholds.standing(asked.connection, owner, now=now_of(asked))
    some, following = page.cut(found, lambda one: (one.key, one.id or 0))
    return ThresholdsBody(
        mode=asked.mode,
        thresholds=[RevisionBody(**telling.revision_row(one)) for one in some],
        next=following,
    )


@router.get("/{owner:path}/proposal", responses=responses(404, 422))
def proposal(
    asked: Asked,
    owner: str,
    alarms: Annotated[float, Query(gt=0, description="A year, that a rate may raise.")] = 6.0,
) -> ProposalsBody:
    """Thresholds out of a gauge's own record, each with what it would have meant."""
    found = gauges.proposals(
        asked.connection, owner, catalogue=asked.catalogue, wishes=Wishes(alarms=alarms)
    )
    return ProposalsBody(
        mode=asked.mode,
        proposals=[ProposalBody(**proposal_telling.row(one)) for one in found],
        lines=proposal_telling.lines(found),
    )


@router.get("/{key:path}/revisions", responses=responses(404))
def revisions(asked: Asked, response: Response, key: str) -> RevisionsBody:
    """A threshold's revisions, in the order they were recorded."""
    found = thresholds.history(asked.connection, key)
    tag(response, thresholds.marked(found))
    return RevisionsBody(
        mode=asked.mode,
        key=key,
        revisions=[RevisionBody(**telling.revision_row(one, found)) for one in found],
    )


@router.post("/{key:path}/rollback", responses=responses(401, 403, 404, 412, 422, 428))
def rollback(
    asked: Asked, response: Response, key: str, body: RollbackPost, if_match: IfMatch = None
) -> ThresholdRevisionBody:
    """Let hold again what a revision said."""
    asked.require(Duty.WRITE_RULES, subject=owner_of(key))
    with asked.writing() as connection:
        found = thresholds.rollback(
            connection,
            key,
            body.to,
            stamped(asked, body.reason, body.effective),
            expected=_expected(asked, key, if_match),
        )
    return _told(asked, response, found)


@router.get("/{key:path}", responses=responses(404))
def one(asked: Asked, response: Response, key: str) -> ThresholdRevisionBody:
    """A threshold as recorded last, `<site>/<name>` or `device/<device>/<name>`."""
    found = thresholds.history(asked.connection, key)
    tag(response, thresholds.marked(found))
    return ThresholdRevisionBody(
        mode=asked.mode, threshold=RevisionBody(**telling.revision_row(found[-1], found))
    )


@router.put("/{key:path}", responses=responses(401, 403, 404, 412, 422, 428))
def put(
    asked: Asked, response: Response, key: str, body: ThresholdPut, if_match: IfMatch = None
) -> ThresholdRevisionBody:
    """Set a threshold, or change the one whose ETag If-Match says."""
    asked.require(Duty.WRITE_RULES, subject=owner_of(key))
    with asked.writing() as connection:
        found = thresholds.put(
            connection,
            key,
            body.value,
            stamped(asked, body.reason, body.effective),
            expected=_expected(asked, key, if_match),
            quantity=body.quantity,
        )
    return _told(asked, response, found)


@router.delete("/{key:path}", responses=responses(401, 403, 404, 412, 422, 428))
def withdraw(  # noqa: PLR0913, PLR0917  a DELETE has no body
    asked: Asked,
    response: Response,
    key: str,
    reason: Annotated[str, Query(min_length=1)],
    effective: Annotated[datetime | None, Query()] = None,
    if_match: IfMatch = None,
) -> ThresholdRevisionBody:
    """Let a threshold hold no more: rules that need it no longer apply there."""
    asked.require(Duty.WRITE_RULES, subject=owner_of(key))
    with asked.writing() as connection:
        thresholds.history(connection, key)
        found = thresholds.withdraw(
            connection,
            key,
            stamped(asked, reason, effective),
            expected=_expected(asked, key, if_match),
        )
    return _told(asked, response, found)


def owner_of(key: str) -> str:
    """Whose threshold a key names: a site, or `device/<device>`."""
    kind, _, rest = key.partition("/")
    return f"{kind}/{rest.partition('/')[0]}" if kind == "device" else kind


def _expected(asked: Access, key: str, if_match: str | None) -> str:
    known = rulebook.history(asked.connection, "threshold", key)
    found = expected(if_match, known=bool(known), what=key)
    return thresholds.marked([]) if found is None else found


def _told(asked: Access, response: Response, found: Set) -> ThresholdRevisionBody:
    if found.after is None:
        raise UnknownError(f"no threshold {found.key!r} was ever set")
    before = [found.before] if found.before else []
    row = telling.revision_row(found.after, before)
    tag(response, row["revision"])
    return ThresholdRevisionBody(
        mode=asked.mode, changed=found.changed, threshold=RevisionBody(**row)
    )
