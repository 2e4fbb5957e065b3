"""What a gauge's own record says of its thresholds, for the page of one of them."""

from dataclasses import dataclass

from hypervisor.api.access import Access
from hypervisor.api.thresholds import owner_of
from hypervisor.console.refusals import refusal
from hypervisor.rulebook import gauges
from hypervisor.rulebook.errors import RulebookError
from hypervisor.rulebook.proposal import Candidate, Proposal, Wishes


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """Values for one threshold, with what each would have meant; `problem`: why there are none."""

    of: Proposal | None
    candidates: tuple[Candidate, ...]
    problem: str


def proposed(asked: Access, key: str) -> Proposed:
    """Of the quantity that the threshold is of."""
    owner, name = owner_of(key), key.rpartition("/")[2]
    try:
        found = gauges.proposals(
            asked.connection,
            owner.removeprefix("device/"),
            catalogue=asked.catalogue,
            wishes=Wishes(),
        )
    except RulebookError as error:
        return Proposed(of=None, candidates=(), problem=refusal(error))
    for one in found:
        mine = tuple(other for other in one.candidates if other.threshold == name)
        if mine:
            return Proposed(of=one, candidates=mine, problem="")
    return Proposed(of=found[0], candidates=(), problem="")
