"""Routes of proposed commands: those that wait, and ordering one."""

from typing import Annotated

from fastapi import APIRouter, Query

from hypervisor.access.context import Context
from hypervisor.base.duties import Duty
from hypervisor.commands import queries_proposals, service_proposals
from hypervisor.commands.schemas import CommandsBody, describe
from hypervisor.commands.schemas_proposals import (
    CommandProposalsBody,
    ProposalOrderPost,
    describe_proposal,
)
from hypervisor.web.problems import responses

router = APIRouter(prefix="/proposed-commands", tags=["commands"])
_MOST = 500


@router.get("", responses=responses(422))
def list_proposals(
    context: Context,
    alarm: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    site: Annotated[str | None, Query(examples=["toulouse"])] = None,
) -> CommandProposalsBody:
    """What rules propose on active alarms and is not ordered yet; at most 500."""
    rows = queries_proposals.list_proposals(context.connection, alarm=alarm, site=site, limit=_MOST)
    return CommandProposalsBody(
        mode=context.mode,
        proposals=[describe_proposal(row, context.catalogue) for row in rows],
    )


@router.post("/{number}/order", status_code=201, responses=responses(403, 404, 422))
def order_proposal(context: Context, number: int, post: ProposalOrderPost) -> CommandsBody:
    """Order what is proposed, as it is proposed; it is sent when it is signed.

    422: it was ordered or withdrawn; see `detail`.
    """
    context.require_anywhere(Duty.COMMAND)
    commands = service_proposals.order_proposal(context, number, reason=post.reason)
    return CommandsBody(
        mode=context.mode, commands=[describe(each, context.catalogue) for each in commands]
    )
