"""The bodies about rules and thresholds, asked and answered."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hypervisor.web.schemas import Body
from rules._errors import RuleError

_Reason = Annotated[str, Field(min_length=1, description="Why; kept for good.")]


class Said(BaseModel):
    """What every change says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: _Reason
    effective: AwareDatetime | None = Field(
        default=None,
        description="From which event time it holds; null: from now, in an exercise its clock.",
    )


class RulePut(Said):
    """A rule as its author writes it: YAML, whose slips are told by line and column, or JSON."""

    text: str | None = Field(default=None, description="One rule in YAML.")
    written: dict[str, Any] | None = Field(default=None, description="Or the same as an object.")


class RollbackPost(Said):
    """Which revision is to hold again."""

    to: str = Field(description="Its number; of a rule also `shipped`: what the packs say.")


class ThresholdPut(Said):
    """A threshold with its unit."""

    value: str = Field(examples=["2.10 m"])
    quantity: str | None = Field(
        default=None, description="Of a threshold of one's own: what it is one of."
    )


class CheckPost(BaseModel):
    """Rules to be checked, nothing is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(description="One rule in YAML, or a list of them.")
    domain: str = Field(examples=["flood"])
    tests: bool = Field(default=True, description="Also run the tests that stand in them.")


class Slip(BaseModel):
    """Something to mend in a text, and where."""

    file: str
    line: int
    column: int
    problem: str = Field(examples=["unknown series 'levle'; did you mean 'level'?"])


class TestBody(BaseModel):
    """One test that was run."""

    __test__ = False  # for pytest: this is none

    rule: str
    test: str
    line: int
    passed: bool
    differences: list[str]


class CheckBody(Body):
    """What is wrong with a text, if anything."""

    ok: bool
    slips: list[Slip]
    rules: list[str]
    tests: list[TestBody]


class DifferenceBody(BaseModel):
    """One value that differs."""

    where: str = Field(examples=["when"])
    before: str | None
    after: str | None


class RevisionBody(BaseModel):
    """Who said what of a rule or threshold, when, why, and from when it holds."""

    id: int
    revision: str = Field(
        description="Its mark: what `based on` in a file and If-Match name.",
        examples=["57-5c1f09ab"],
    )
    key: str
    effective: datetime = Field(description="From which event time it holds.")
    recorded_at: datetime
    author: str
    reason: str
    illustrative: bool
    previous: int | None = Field(description="The revision that it replaced.")
    value: dict[str, Any] | None = Field(description="Null: withdrawn.")
    differences: list[DifferenceBody] = Field(description="From the one that it replaced.")


class RevisionsBody(Body):
    """In the order they were recorded."""

    key: str
    revisions: list[RevisionBody]


class LaterBody(BaseModel):
    """A revision that takes over at a later time."""

    id: int
    effective: datetime


class RuleDetailBody(Body):
    """A rule as it stands. Its mark is the ETag, too."""

    id: str
    revision: str
    effective: datetime
    author: str
    reason: str
    written: dict[str, Any] | None = Field(description="Null: withdrawn.")
    text: str | None = Field(description="The same as YAML.")
    later: list[LaterBody]


class ChangedBody(Body):
    """What a change did."""

    rule: str
    does: str = Field(description="add, change, withdraw or equal.", examples=["change"])
    holds_from: datetime = Field(description="The watch takes it up by itself.")
    ends: datetime | None = Field(description="When a revision said before takes over again.")
    revision: str
    differences: list[DifferenceBody]


class ThresholdRevisionBody(Body):
    """A threshold as it was recorded last."""

    changed: bool = Field(default=False, description="Whether this request changed it.")
    threshold: RevisionBody


class ThresholdsBody(Body):
    """Thresholds in force."""

    thresholds: list[RevisionBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class CandidateBody(BaseModel):
    """A value of a threshold, why it, and what it would have meant on the record."""

    threshold: str = Field(examples=["alert"])
    value: float
    unit: str
    basis: str = Field(examples=["exceeded 24 h a year"])
    count: int = Field(description="Alarms on the whole record.")
    alarms: float = Field(description="A year.")
    hours: float = Field(description="In alarm, a year.")
    chosen: bool = Field(description="Proposed.")


class ProposalBody(BaseModel):
    """What the record of one quantity says."""

    owner: str
    quantity: str
    unit: str
    first: datetime
    last: datetime
    years: float = Field(description="Of it known.")
    interval_s: float
    resolution: float = Field(description="The steps in which it is read.")
    candidates: list[CandidateBody]
    notes: list[str] = Field(description="What is to be said of it: that it is short, that …")


class ProposalsBody(Body):
    """Proposals of one gauge. Nothing is changed."""

    proposals: list[ProposalBody]
    lines: list[str] = Field(description="What a person may take over.")


def slip_of(error: RuleError) -> Slip:
    """An author's error, with its place."""
    place = error.place
    return Slip(file=place.file, line=place.line, column=place.column, problem=error.problem)
