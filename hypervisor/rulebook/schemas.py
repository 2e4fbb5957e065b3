"""Request and response bodies of rules and thresholds."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hypervisor.web.schemas import Body
from rules._errors import RuleError

_Reason = Annotated[str, Field(min_length=1, description="Why; kept permanently.")]


class ChangePost(BaseModel):
    """Reason and effective time of a change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: _Reason
    effective: AwareDatetime | None = Field(
        default=None,
        description="Event time from which it is in force; null: now (exercises: their clock).",
    )


class RulePut(ChangePost):
    """A rule in YAML (errors have line and column) or JSON."""

    text: str | None = Field(default=None, description="One rule in YAML.")
    written: dict[str, Any] | None = Field(default=None, description="Or the same as an object.")


class RollbackPost(ChangePost):
    """The revision to restore."""

    to: str = Field(
        description="Its number; for a rule also `shipped`: the rule of this version's packs."
    )


class ThresholdPut(ChangePost):
    """A threshold with its unit."""

    value: str = Field(examples=["2.10 m"])
    quantity: str | None = Field(
        default=None, description="The quantity of a threshold that no domain defines."
    )


class CheckPost(BaseModel):
    """Rules to check; nothing is stored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(description="One rule in YAML, or a list of them.")
    domain: str = Field(examples=["flood"])
    tests: bool = Field(default=True, description="Also run their tests.")


class Slip(BaseModel):
    """An error in a text, with its place."""

    file: str
    line: int
    column: int
    problem: str = Field(examples=["unknown series 'levle'; did you mean 'level'?"])


class TestBody(BaseModel):
    """Result of one test."""

    __test__ = False  # not a test class for pytest

    rule: str
    test: str
    line: int
    passed: bool
    differences: list[str]


class CheckBody(Body):
    """Result of a check."""

    ok: bool
    slips: list[Slip]
    rules: list[str]
    tests: list[TestBody]


class DifferenceBody(BaseModel):
    """One differing value."""

    where: str = Field(examples=["when"])
    before: str | None
    after: str | None


class RevisionBody(BaseModel):
    """A revision of a rule or threshold."""

    id: int
    revision: str = Field(
        description="Its mark, used by `based on` in a file and by If-Match.",
        examples=["57-5c1f09ab"],
    )
    key: str
    effective: datetime = Field(description="Event time from which it is in force.")
    recorded_at: datetime
    author: str
    reason: str
    illustrative: bool
    previous: int | None = Field(description="The revision that it replaced.")
    value: dict[str, Any] | None = Field(description="Null: withdrawn.")
    differences: list[DifferenceBody] = Field(description="From the one that it replaced.")


class RevisionsBody(Body):
    """Revisions in the order they were recorded."""

    key: str
    revisions: list[RevisionBody]


class LaterBody(BaseModel):
    """A revision with a later effective time."""

    id: int
    effective: datetime


class RuleDetailBody(Body):
    """The current rule. Its mark is the ETag."""

    id: str
    revision: str
    effective: datetime
    author: str
    reason: str
    written: dict[str, Any] | None = Field(description="Null: withdrawn.")
    text: str | None = Field(description="The same as YAML.")
    later: list[LaterBody]


class ChangedBody(Body):
    """Result of a change."""

    rule: str
    does: str = Field(description="add, change, withdraw or equal.", examples=["change"])
    holds_from: datetime = Field(description="Evaluation picks it up without a restart.")
    ends: datetime | None = Field(description="When an earlier scheduled revision takes over.")
    revision: str
    differences: list[DifferenceBody]


class ThresholdRevisionBody(Body):
    """The latest revision of a threshold."""

    changed: bool = Field(default=False, description="Whether this request changed it.")
    threshold: RevisionBody


class ThresholdsBody(Body):
    """Thresholds in force."""

    thresholds: list[RevisionBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class CandidateBody(BaseModel):
    """A threshold value, its basis, and the alarms it would have raised on the record."""

    threshold: str = Field(examples=["alert"])
    value: float
    unit: str
    basis: str = Field(examples=["exceeded 24 h a year"])
    count: int = Field(description="Alarms on the whole record.")
    alarms: float = Field(description="A year.")
    hours: float = Field(description="In alarm, a year.")
    chosen: bool = Field(description="Proposed.")


class ProposalBody(BaseModel):
    """Candidates from the record of one quantity."""

    owner: str
    quantity: str
    unit: str
    first: datetime
    last: datetime
    years: float = Field(description="Length of the record.")
    interval_s: float
    resolution: float = Field(description="Resolution of the readings.")
    candidates: list[CandidateBody]
    notes: list[str] = Field(description="Remarks on the record, such as its length.")


class ProposalsBody(Body):
    """Proposals of one gauge. Nothing is changed."""

    proposals: list[ProposalBody]
    lines: list[str] = Field(description="The proposal as an inventory and as commands.")


def slip_of(error: RuleError) -> Slip:
    """A rule error as a body."""
    place = error.place
    return Slip(file=place.file, line=place.line, column=place.column, problem=error.problem)
