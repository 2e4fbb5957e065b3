"""API bodies of proposed commands."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.commands.queries_proposals import Proposal
from hypervisor.web.schemas import Body
from sensors._domain import Catalogue


class ProposalBody(BaseModel):
    """A command that a rule proposes on an alarm that is active."""

    id: int
    alarm: int
    rule: str = Field(examples=["flood-asset-reached"])
    kind: str = Field(examples=["barrier"])
    parameters: dict[str, float | str]
    words: str = Field(description="What is to be done.", examples=["Move the barrier: closed"])
    target: str = Field(examples=["device/barrier-1"])
    site: str = Field(description="Where the target stands.")
    automatic: bool = Field(description="Whether the rule may send it by itself, where armed.")
    held: str | None = Field(description="Why an automatic one waits for a person.")
    proposed_at: datetime


class CommandProposalsBody(Body):
    """The proposals that wait, of the latest alarm first."""

    proposals: list[ProposalBody]


class ProposalOrderPost(BaseModel):
    """Why it is ordered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[str, Field(max_length=1_000)] = Field(
        default="", description="Empty: the title of the alarm."
    )


def describe_proposal(
    proposal: Proposal, catalogue: Catalogue, language: str = "en"
) -> ProposalBody:
    """A proposal as the API answers it."""
    kind = catalogue.commands.get(proposal.kind)
    words = proposal.kind if kind is None else kind.describe(proposal.parameters, language)
    names = [name for name in ProposalBody.model_fields if name != "words"]
    return ProposalBody(words=words, **{name: getattr(proposal, name) for name in names})
