"""Routes of rules: list, check, change, withdraw, roll back."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import RulebookError
from hypervisor.base.instance import Mode
from hypervisor.database.instance import scenario_clock
from hypervisor.evaluation.rule_text import Proposed, read_any, read_one, read_written
from hypervisor.readings import queries_latest
from hypervisor.registry.queries_revisions import load_rule_histories
from hypervisor.rulebook import formatting, model, service
from hypervisor.rulebook.pack_tests import run_pack_tests, test_row
from hypervisor.rulebook.schemas import (
    ChangedBody,
    CheckBody,
    CheckPost,
    RevisionBody,
    RevisionsBody,
    RollbackPost,
    RuleDetailBody,
    RulePut,
    TestBody,
    slip_of,
)
from hypervisor.rulebook.service_apply import Change
from hypervisor.rulebook.stamps import Stamp
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, expected, tag
from hypervisor.web.problems import responses
from hypervisor.web.schemas import RuleBody, RulesBody
from rules._errors import RuleError
from rules._pack import packs

router = APIRouter(prefix="/rules", tags=["rules"])


@router.get("", responses=responses())
def list_rules(context: Context, page: Page) -> RulesBody:
    """Rules as their authors wrote them, with the time from which they are in force."""
    rules = queries_latest.list_rules(context.connection, context.now())
    some, following = page.cut(rules, lambda row: (row[0],))
    return RulesBody(
        mode=context.mode,
        rules=[
            RuleBody(id=key, written=written, effective=effective)
            for key, written, effective in some
        ],
        next=following,
    )


@router.post("/check", responses=responses(422))
def check_rules(context: Context, body: CheckPost) -> CheckBody:
    """Parse rules and run their tests without storing anything."""
    try:
        pack = read_any(body.text, domain=body.domain)
    except RuleError as error:
        return CheckBody(mode=context.mode, ok=False, slips=[slip_of(error)], rules=[], tests=[])
    outcome_rows = [test_row(outcome) for outcome in run_pack_tests(pack)] if body.tests else []
    tests = [
        TestBody(**{name: outcome[name] for name in TestBody.model_fields})
        for outcome in outcome_rows
    ]
    return CheckBody(
        mode=context.mode,
        ok=all(test.passed for test in tests),
        slips=[],
        rules=[rule.id for rule in pack.rules],
        tests=tests,
    )


@router.get("/{rule}", responses=responses(404))
def get_rule(context: Context, response: Response, rule: str) -> RuleDetailBody:
    """The current rule, as text and as an object; its ETag is for If-Match."""
    revisions = service.get_revisions(load_rule_histories(context.connection), rule)
    current = model.current_rule(rule, revisions, now=now_of(context), packs=())
    tag(response, current.row["revision"])
    return RuleDetailBody(mode=context.mode, **current.row)


@router.get("/{rule}/revisions", responses=responses(404))
def list_revisions(context: Context, response: Response, rule: str) -> RevisionsBody:
    """Revisions of a rule in the order they were recorded."""
    recorded_revisions = service.get_revisions(load_rule_histories(context.connection), rule)
    rows = [
        RevisionBody(**formatting.revision_row(recorded, recorded_revisions))
        for recorded in recorded_revisions
    ]
    tag(response, rows[-1].revision)
    return RevisionsBody(mode=context.mode, key=rule, revisions=rows)


@router.put("/{rule}", responses=responses(401, 403, 404, 412, 422, 428))
def put_rule(
    context: Context, response: Response, rule: str, body: RulePut, if_match: IfMatch = None
) -> ChangedBody:
    """Add a rule, or change the revision that If-Match names."""
    context.require(Duty.WRITE_RULES)
    proposed = _parse_body(rule, body)
    with context.writing() as connection:
        exists = rule in load_rule_histories(connection)
        change = service.put_rule(
            connection,
            proposed,
            stamp_of(context, body.reason, body.effective),
            expected=expected(if_match, exists=exists, what=rule),
        )
    return _change_body(context, response, change)


@router.delete("/{rule}", responses=responses(401, 403, 404, 412, 422, 428))
def withdraw_rule(  # noqa: PLR0913, PLR0917  a DELETE has no body
    context: Context,
    response: Response,
    rule: str,
    reason: Annotated[str, Query(min_length=1)],
    effective: Annotated[datetime | None, Query()] = None,
    if_match: IfMatch = None,
) -> ChangedBody:
    """Withdraw a rule; its revisions are kept."""
    context.require(Duty.WRITE_RULES)
    with context.writing() as connection:
        service.get_revisions(load_rule_histories(connection), rule)
        change = service.withdraw_rule(
            connection,
            rule,
            stamp_of(context, reason, effective),
            expected=expected(if_match, exists=True, what=rule),
        )
    return _change_body(context, response, change)


@router.post("/{rule}/rollback", responses=responses(401, 403, 404, 412, 422, 428))
def roll_back_rule(
    context: Context, response: Response, rule: str, body: RollbackPost, if_match: IfMatch = None
) -> ChangedBody:
    """Restore an earlier revision, or the rule shipped with this version."""
    context.require(Duty.WRITE_RULES)
    with context.writing() as connection:
        service.get_revisions(load_rule_histories(connection), rule)
        change = service.roll_back_rule(
            connection,
            rule,
            body.to,
            stamp_of(context, body.reason, body.effective),
            packs=packs() if body.to == service.TO_SHIPPED else (),
            expected=expected(if_match, exists=True, what=rule),
        )
    return _change_body(context, response, change)


def stamp_of(context: RequestContext, reason: str, effective: datetime | None) -> Stamp:
    """Author, reason and effective time of a change.

    Raises:
        RulebookError: the time has no offset.
    """
    if effective is not None and effective.tzinfo is None:
        raise RulebookError(f"effective {effective.isoformat()} says no offset: write Z for UTC")
    return Stamp(
        author=context.person.name, reason=reason, now=now_of(context), effective=effective
    )


def now_of(context: RequestContext) -> datetime | None:
    """Wall clock of a live instance, scenario clock of an exercise (None before it begins)."""
    if context.instance.mode is Mode.LIVE:
        return context.clock()
    return scenario_clock(context.connection)


def _parse_body(rule: str, body: RulePut) -> Proposed:
    domain = _domain_of(rule)
    if (body.text is None) == (body.written is None):
        raise RulebookError("expected the rule either as `text` or as `written`")
    if body.text is not None:
        parsed = read_one(body.text, domain=domain)
    else:
        parsed = read_written(body.written or {}, domain=domain)
    if parsed.rule.id != rule:
        raise RulebookError(f"the rule calls itself {parsed.rule.id!r}, the address {rule!r}")
    return parsed


def _domain_of(rule: str) -> str:
    from sensors._domain import catalogue  # noqa: PLC0415  scans

    domains = sorted(catalogue().domains, key=len, reverse=True)
    for domain in domains:
        if rule.startswith(f"{domain}-"):
            return domain
    raise RulebookError(
        f"{rule!r} begins with no domain; expected {', '.join(f'{name}-…' for name in domains)}"
    )


def _change_body(context: RequestContext, response: Response, change: Change) -> ChangedBody:
    tag(response, change.mark)
    return ChangedBody(mode=context.mode, **formatting.change_row(change))
