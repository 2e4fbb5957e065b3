"""Proposed values for a threshold's page."""

from dataclasses import dataclass

from hypervisor.access.context import RequestContext
from hypervisor.base.errors import RulebookError
from hypervisor.rulebook import gauge_records
from hypervisor.rulebook.api_thresholds import owner_of
from hypervisor.rulebook.proposal import Candidate, Proposal, ProposalOptions
from hypervisor.web.refusals import refusal


@dataclass(frozen=True, kw_only=True)
class ThresholdProposal:
    """Candidates for one threshold; `problem`: why there are none."""

    of: Proposal | None
    candidates: tuple[Candidate, ...]
    problem: str


def propose_values(context: RequestContext, key: str) -> ThresholdProposal:
    """Candidates from the record of the threshold's quantity."""
    owner, name = owner_of(key), key.rpartition("/")[2]
    try:
        proposals = gauge_records.list_proposals(
            context.connection,
            owner.removeprefix("device/"),
            catalogue=context.catalogue,
            wishes=ProposalOptions(),
        )
    except RulebookError as error:
        return ThresholdProposal(of=None, candidates=(), problem=refusal(error))
    for proposal in proposals:
        mine = tuple(other for other in proposal.candidates if other.threshold == name)
        if mine:
            return ThresholdProposal(of=proposal, candidates=mine, problem="")
    return ThresholdProposal(of=proposals[0], candidates=(), problem="")
