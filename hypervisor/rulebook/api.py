"""Routes of rules and thresholds: list, check, change, withdraw, roll back, propose."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import RulebookError, UnknownError
from hypervisor.base.instance import Mode
from hypervisor.database.instance import scenario_clock
from hypervisor.evaluation.rule_text import Proposed, read_any, read_one, read_written
from hypervisor.readings import queries_latest
from hypervisor.registry import queries_revisions
from hypervisor.registry.queries_revisions import load_rule_histories
from hypervisor.rulebook import gauge_records, service, service_thresholds
from hypervisor.rulebook.model import NONE, Stamp, last_recorded, mark_of, owner_of
from hypervisor.rulebook.pack_checks import run_bounded_tests
from hypervisor.rulebook.proposal import ProposalOptions, format_commands
from hypervisor.rulebook.schemas import (
    ChangedBody,
    CheckBody,
    CheckPost,
    CurrentRule,
    RevisionBody,
    RevisionsBody,
    RollbackPost,
    RuleDetailBody,
    RulePut,
    Slip,
    TestBody,
    ThresholdProposalsBody,
    ThresholdPut,
    ThresholdRevisionBody,
    ThresholdsBody,
)
from hypervisor.rulebook.service import Change
from hypervisor.rulebook.service_thresholds import ThresholdChange
from hypervisor.web.budget import ROWS, WORK, costs
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, expected, tag
from hypervisor.web.problems import responses
from hypervisor.web.schemas import RuleBody, RulesBody
from hypervisor.web.times import Instant
from rules._errors import RuleError
from rules._pack import packs

rules = APIRouter(prefix="/rules", tags=["rules"])
thresholds = APIRouter(prefix="/thresholds", tags=["thresholds"])
_WRITES = responses(401, 403, 404, 412, 422, 428)


def stamp_of(context: RequestContext, reason: str, effective: datetime | None = None) -> Stamp:
    """Author, reason and effective time of a change; RulebookError if the time has no offset."""
    if effective is not None and effective.tzinfo is None:
        raise RulebookError(
            "effective {effective} has no offset: write Z for UTC", effective.isoformat()
        )
    return Stamp(
        author=context.person.name, reason=reason, now=now_of(context), effective=effective
    )


def now_of(context: RequestContext) -> datetime | None:
    """Wall clock of a live instance, scenario clock of an exercise (None before it begins)."""
    if context.instance.mode is Mode.LIVE:
        return context.clock()
    return scenario_clock(context.connection)


@dataclass(frozen=True, kw_only=True)
class _Change:
    """A change that is requested: its context, and what the author saw."""

    context: Context
    response: Response
    if_match: IfMatch = None

    def stamp(self, body: RollbackPost | RulePut | ThresholdPut) -> Stamp:
        return stamp_of(self.context, body.reason, body.effective)

    def expected(self, key: str, *, exists: bool) -> str | None:
        return expected(self.if_match, exists=exists, what=key)

    def expected_threshold(self, key: str) -> str:
        revisions = queries_revisions.list_revisions(self.context.connection, "threshold", key)
        return self.expected(key, exists=bool(revisions)) or NONE

    def rule_body(self, change: Change) -> ChangedBody:
        tag(self.response, change.mark)
        return ChangedBody(mode=self.context.mode, **change.row)

    def threshold_body(self, change: ThresholdChange) -> ThresholdRevisionBody:
        if change.after is None:
            raise UnknownError("no threshold {change!r} was ever set", change.key)
        before = [change.before] if change.before else []
        row = RevisionBody.of(change.after, before)
        tag(self.response, row.revision)
        return ThresholdRevisionBody(mode=self.context.mode, changed=change.changed, threshold=row)


def _withdrawal_stamp(
    context: Context,
    reason: Annotated[str, Query(min_length=1)],
    effective: Annotated[Instant | None, Query()] = None,
) -> Stamp:
    return stamp_of(context, reason, effective)


Asks = Annotated[_Change, Depends(_Change)]
Withdrawal = Annotated[Stamp, Depends(_withdrawal_stamp)]


@rules.get("", responses=responses())
@costs(ROWS)
def list_rules(context: Context, page: Page) -> RulesBody:
    """Rules as their authors wrote them, with the time from which they are in force."""
    rows, following = page.cut(
        queries_latest.list_rules(context.connection, context.now()), lambda row: (row[0],)
    )
    return RulesBody(
        mode=context.mode,
        rules=[
            RuleBody(id=key, written=written, effective=effective)
            for key, written, effective in rows
        ],
        next=following,
    )


@rules.post("/check", responses=responses(403, 422))
@costs(WORK)
def check_rules(context: Context, body: CheckPost) -> CheckBody:
    """Parse rules and run their tests, within a budget; nothing is stored."""
    context.require(Duty.WRITE_RULES)
    try:
        pack = read_any(body.text, domain=body.domain)
    except RuleError as error:
        return CheckBody(mode=context.mode, ok=False, slips=[Slip.of(error)], rules=[], tests=[])
    tests = [TestBody.of(tested) for tested in run_bounded_tests(pack)] if body.tests else []
    return CheckBody(
        mode=context.mode,
        ok=all(test.passed for test in tests),
        slips=[],
        rules=[rule.id for rule in pack.rules],
        tests=tests,
    )


@rules.get("/{rule}", responses=responses(404))
def get_rule(context: Context, response: Response, rule: str) -> RuleDetailBody:
    """The current rule, as text and as an object; its ETag is for If-Match."""
    revisions = service.get_revisions(load_rule_histories(context.connection), rule)
    current = CurrentRule.of(rule, revisions, now=now_of(context), packs=())
    tag(response, current.revision)
    return RuleDetailBody(mode=context.mode, **dict(current))


@rules.get("/{rule}/revisions", responses=responses(404))
def list_rule_revisions(context: Context, response: Response, rule: str) -> RevisionsBody:
    """Revisions of a rule in the order they were recorded."""
    revisions = service.get_revisions(load_rule_histories(context.connection), rule)
    rows = [RevisionBody.of(recorded, revisions) for recorded in revisions]
    tag(response, rows[-1].revision)
    return RevisionsBody(mode=context.mode, key=rule, revisions=rows)


@rules.put("/{rule}", responses=_WRITES)
@costs(WORK)
def put_rule(change: Asks, rule: str, body: RulePut) -> ChangedBody:
    """Add a rule, or change the revision that If-Match names."""
    change.context.require(Duty.WRITE_RULES)
    proposed = _parse_body(rule, body)
    with change.context.writing() as connection:
        seen = change.expected(rule, exists=rule in load_rule_histories(connection))
        done = service.put_rule(connection, proposed, change.stamp(body), expected=seen)
    return change.rule_body(done)


@rules.delete("/{rule}", responses=_WRITES)
def withdraw_rule(change: Asks, rule: str, stamp: Withdrawal) -> ChangedBody:
    """Withdraw a rule; its revisions are kept."""
    change.context.require(Duty.WRITE_RULES)
    with change.context.writing() as connection:
        service.get_revisions(load_rule_histories(connection), rule)
        seen = change.expected(rule, exists=True)
        done = service.withdraw_rule(connection, rule, stamp, expected=seen)
    return change.rule_body(done)


@rules.post("/{rule}/rollback", responses=_WRITES)
def roll_back_rule(change: Asks, rule: str, body: RollbackPost) -> ChangedBody:
    """Restore an earlier revision, or the rule shipped with this version."""
    change.context.require(Duty.WRITE_RULES)
    with change.context.writing() as connection:
        service.get_revisions(load_rule_histories(connection), rule)
        seen, stamp = change.expected(rule, exists=True), change.stamp(body)
        done = service.roll_back_rule(connection, rule, body.to, stamp, packs=packs, expected=seen)
    return change.rule_body(done)


@thresholds.get("", responses=responses(404))
@costs(ROWS)
def list_thresholds(
    context: Context,
    page: Page,
    owner: Annotated[
        str | None, Query(description="A site, or device/<device>.", examples=["toulouse"])
    ] = None,
) -> ThresholdsBody:
    """Thresholds in force, with author and effective time."""
    in_force = service_thresholds.list_in_force(context.connection, owner, now=now_of(context))
    rows, following = page.cut(in_force, lambda recorded: (recorded.key, recorded.id or 0))
    return ThresholdsBody(
        mode=context.mode, thresholds=list(map(RevisionBody.of, rows)), next=following
    )


@thresholds.get("/{owner:path}/proposal", responses=responses(404, 422))
@costs(WORK)
def propose_thresholds(
    context: Context,
    owner: str,
    alarms: Annotated[float, Query(gt=0, description="A year, that a rate may raise.")] = 6.0,
) -> ThresholdProposalsBody:
    """Thresholds proposed from a gauge's record, with the alarms each would have raised."""
    proposals = gauge_records.list_proposals(
        context.connection,
        owner,
        catalogue=context.catalogue,
        options=ProposalOptions(alarms=alarms),
    )
    return ThresholdProposalsBody(
        mode=context.mode, proposals=proposals, lines=format_commands(proposals)
    )


@thresholds.get("/{key:path}/revisions", responses=responses(404))
def list_threshold_revisions(context: Context, response: Response, key: str) -> RevisionsBody:
    """A threshold's revisions, in the order they were recorded."""
    revisions = service_thresholds.get_history(context.connection, key)
    tag(response, mark_of(last_recorded(revisions)))
    rows = [RevisionBody.of(recorded, revisions) for recorded in revisions]
    return RevisionsBody(mode=context.mode, key=key, revisions=rows)


@thresholds.post("/{key:path}/rollback", responses=_WRITES)
def roll_back_threshold(change: Asks, key: str, body: RollbackPost) -> ThresholdRevisionBody:
    """Restore an earlier revision."""
    change.context.require(Duty.WRITE_RULES, subject=owner_of(key))
    with change.context.writing() as connection:
        seen, stamp = change.expected_threshold(key), change.stamp(body)
        done = service_thresholds.roll_back_threshold(
            connection, key, body.to, stamp, expected=seen
        )
    return change.threshold_body(done)


@thresholds.get("/{key:path}", responses=responses(404))
def get_threshold(context: Context, response: Response, key: str) -> ThresholdRevisionBody:
    """The latest revision of `<site>/<name>` or `device/<device>/<name>`."""
    revisions = service_thresholds.get_history(context.connection, key)
    row = RevisionBody.of(revisions[-1], revisions)
    tag(response, row.revision)
    return ThresholdRevisionBody(mode=context.mode, threshold=row)


@thresholds.put("/{key:path}", responses=_WRITES)
def put_threshold(change: Asks, key: str, body: ThresholdPut) -> ThresholdRevisionBody:
    """Set a threshold, or change the revision that If-Match names."""
    change.context.require(Duty.WRITE_RULES, subject=owner_of(key))
    with change.context.writing() as connection:
        done = service_thresholds.set_threshold(
            connection,
            key,
            body.value,
            change.stamp(body),
            expected=change.expected_threshold(key),
            quantity=body.quantity,
        )
    return change.threshold_body(done)


@thresholds.delete("/{key:path}", responses=_WRITES)
def withdraw_threshold(change: Asks, key: str, stamp: Withdrawal) -> ThresholdRevisionBody:
    """Withdraw a threshold: rules that need it no longer apply there."""
    change.context.require(Duty.WRITE_RULES, subject=owner_of(key))
    with change.context.writing() as connection:
        service_thresholds.get_history(connection, key)
        seen = change.expected_threshold(key)
        done = service_thresholds.withdraw_threshold(connection, key, stamp, expected=seen)
    return change.threshold_body(done)


def _parse_body(rule: str, body: RulePut) -> Proposed:
    from sensors._domain import catalogue  # noqa: PLC0415  scans

    domains = sorted(catalogue().domains, key=len, reverse=True)
    domain = next((name for name in domains if rule.startswith(f"{name}-")), None)
    if domain is None:
        expected_ids = ", ".join(f"{name}-…" for name in domains)
        raise RulebookError(
            "{rule!r} begins with no domain; expected {expected_ids}", rule, expected_ids
        )
    if (body.text is None) == (body.written is None):
        raise RulebookError("expected the rule either as `text` or as `written`")
    if body.text is not None:
        parsed = read_one(body.text, domain=domain)
    else:
        parsed = read_written(body.written or {}, domain=domain)
    if parsed.rule.id != rule:
        raise RulebookError(
            "the rule's id is {id!r}, the address says {rule!r}", parsed.rule.id, rule
        )
    return parsed


router = APIRouter()
router.include_router(rules)
router.include_router(thresholds)
