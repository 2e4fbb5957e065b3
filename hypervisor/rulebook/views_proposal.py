"""What a gauge's own record says of its thresholds, for the page of one of them."""

from dataclasses import dataclass

from hypervisor.access.context import RequestContext
from hypervisor.base.errors import RulebookError
from hypervisor.rulebook import gauges
from hypervisor.rulebook.api_thresholds import owner_of
from hypervisor.rulebook.proposal import Candidate, Proposal, Wishes
from hypervisor.web.refusals import refusal


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """Values for one threshold, with what each would have meant; `problem`: why there are none."""

    of: Proposal | None
    candidates: tuple[Candidate, ...]
    problem: str


def proposed(context: RequestContext, key: str) -> Proposed:
    """Of the quantity that the threshold is of."""
    owner, name = owner_of(key), key.rpartition("/")[2]
    try:
        proposals = gauges.proposals(
            context.connection,
            owner.removeprefix("device/"),
            catalogue=context.catalogue,
            wishes=Wishes(),
        )
    except RulebookError as error:
        return Proposed(of=None, candidates=(), problem=refusal(error))
    for proposal in proposals:
        mine = tuple(other for other in proposal.candidates if other.threshold == name)
        if mine:
            return Proposed(of=proposal, candidates=mine, problem="")
    return Proposed(of=proposals[0], candidates=(), problem="")
