"""Request and response bodies of rules and thresholds; `--json` prints the same rows."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.base.instants import BEGINNING, moment
from hypervisor.evaluation import pack_revisions
from hypervisor.registry.formatting import describe_revision, format_minute, format_since
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook.model import (
    Difference,
    effective_revisions,
    latest,
    mark_of,
    revision_at,
    revision_differences,
)
from hypervisor.rulebook.proposal import Proposal
from hypervisor.rulebook.yaml_output import ordered_rule, rule_text
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant
from rules._errors import RuleError
from rules._pack import Pack
from rules._pack_test import Tested


class ChangePost(BaseModel):
    """Reason and effective time of a change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[str, Field(min_length=1, description="Why; kept permanently.")]
    effective: Instant | None = Field(
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

    @classmethod
    def of(cls, error: RuleError) -> "Slip":
        return cls(**vars(error.place), problem=error.problem)


class TestBody(BaseModel):
    """Result of one test."""

    __test__ = False  # not a test class for pytest

    rule: str
    test: str
    line: int
    passed: bool
    differences: list[str]

    @classmethod
    def of(cls, tested: Tested) -> "TestBody":
        return cls(
            rule=tested.rule,
            test=tested.name,
            line=tested.place.line,
            passed=not tested.differences,
            differences=list(tested.differences),
        )


class CheckBody(Body):
    """Result of a check."""

    ok: bool
    slips: list[Slip]
    rules: list[str]
    tests: list[TestBody]


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
    differences: list[Difference] = Field(description="From the one that it replaced.")

    @classmethod
    def of(
        cls, recorded: RecordedRevision, revisions: Sequence[RecordedRevision] = ()
    ) -> "RevisionBody":
        before = next((other for other in revisions if other.id == recorded.previous), None)
        return cls(
            **vars(recorded),
            revision=mark_of(recorded),
            differences=revision_differences(before, recorded),
        )


class RevisionsBody(Body):
    """Revisions in the order they were recorded."""

    key: str
    revisions: list[RevisionBody]


class LaterBody(BaseModel):
    """A revision with a later effective time."""

    id: int
    effective: datetime


class CurrentRule(BaseModel):
    """The rule in force now, else the next one."""

    id: str
    revision: str
    effective: datetime
    author: str
    reason: str
    written: dict[str, Any] | None = Field(description="Null: withdrawn.")
    text: str | None = Field(description="The same as YAML.")
    later: list[LaterBody]
    origin: Annotated[list[str], Field(exclude=True)]

    @classmethod
    def of(
        cls,
        key: str,
        revisions: Sequence[RecordedRevision],
        *,
        now: datetime | None,
        packs: Iterable[Pack],
    ) -> "CurrentRule":
        line = effective_revisions(revisions)
        recorded = revision_at(revisions, now or moment(BEGINNING)) or line[0]
        later = [other for other in line if other.effective > recorded.effective]
        kept = pack_revisions.compare({key: revisions}, packs, now=now).kept
        origin = [f"{describe_revision(recorded)}; in force {format_since(recorded.effective)}"]
        origin += [
            f"from {format_minute(other.effective)}: {describe_revision(other)}" for other in later
        ]
        origin += [str(own) for own in kept if own.key == key]
        value = recorded.value
        return cls(
            id=key,
            revision=mark_of(latest(revisions)),
            effective=recorded.effective,
            author=recorded.author,
            reason=recorded.reason,
            written=None if value is None else ordered_rule(value),
            text=None if value is None else rule_text(value),
            later=[LaterBody(id=other.id, effective=other.effective) for other in later],
            origin=origin,
        )


class RuleDetailBody(Body, CurrentRule):
    """The current rule. Its mark is the ETag."""


class ChangedBody(Body):
    """Result of a change."""

    rule: str
    does: str = Field(description="add, change, withdraw or equal.", examples=["change"])
    holds_from: datetime = Field(description="Evaluation picks it up without a restart.")
    ends: datetime | None = Field(description="When an earlier scheduled revision takes over.")
    revision: str
    differences: list[Difference]


class ThresholdRevisionBody(Body):
    """The latest revision of a threshold."""

    changed: bool = Field(default=False, description="Whether this request changed it.")
    threshold: RevisionBody


class ThresholdsBody(Body):
    """Thresholds in force."""

    thresholds: list[RevisionBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class ThresholdProposalsBody(Body):
    """Proposals of one gauge. Nothing is changed."""

    proposals: list[Proposal]
    lines: list[str] = Field(description="The proposal as an inventory and as commands.")
