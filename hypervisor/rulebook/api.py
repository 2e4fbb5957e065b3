"""Rules: those in force, each with its revisions; changed, checked, taken back."""

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
from hypervisor.rulebook.testing import outcomes, row
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, expected, tag
from hypervisor.web.problems import responses
from hypervisor.web.schemas import RuleBody, RulesBody
from rules._errors import RuleError
from rules._pack import packs

router = APIRouter(prefix="/rules", tags=["rules"])


@router.get("", responses=responses())
def every(context: Context, page: Page) -> RulesBody:
    """Each rule as its author wrote it, with the time from which it holds."""
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
def check(context: Context, body: CheckPost) -> CheckBody:
    """Read rules and run their tests, as if they were applied; nothing is kept."""
    try:
        pack = read_any(body.text, domain=body.domain)
    except RuleError as error:
        return CheckBody(mode=context.mode, ok=False, slips=[slip_of(error)], rules=[], tests=[])
    ran = [row(outcome) for outcome in outcomes(pack)] if body.tests else []
    tests = [TestBody(**{name: one[name] for name in TestBody.model_fields}) for one in ran]
    return CheckBody(
        mode=context.mode,
        ok=all(test.passed for test in tests),
        slips=[],
        rules=[rule.id for rule in pack.rules],
        tests=tests,
    )


@router.get("/{rule}", responses=responses(404))
def one(context: Context, response: Response, rule: str) -> RuleDetailBody:
    """One rule as it stands, as text and as an object; its ETag is for If-Match."""
    revisions = service.of(load_rule_histories(context.connection), rule)
    shown = model.shown(rule, revisions, now=now_of(context), packs=())
    tag(response, shown.row["revision"])
    return RuleDetailBody(mode=context.mode, **shown.row)


@router.get("/{rule}/revisions", responses=responses(404))
def revisions(context: Context, response: Response, rule: str) -> RevisionsBody:
    """Its revisions, in the order they were recorded."""
    every_revisions = service.of(load_rule_histories(context.connection), rule)
    rows = [
        RevisionBody(**formatting.revision_row(recorded, every_revisions))
        for recorded in every_revisions
    ]
    tag(response, rows[-1].revision)
    return RevisionsBody(mode=context.mode, key=rule, revisions=rows)


@router.put("/{rule}", responses=responses(401, 403, 404, 412, 422, 428))
def put(
    context: Context, response: Response, rule: str, body: RulePut, if_match: IfMatch = None
) -> ChangedBody:
    """Add a rule, or change the one whose ETag If-Match says."""
    context.require(Duty.WRITE_RULES)
    proposed = _proposed(rule, body)
    with context.writing() as connection:
        known = rule in load_rule_histories(connection)
        change = service.put(
            connection,
            proposed,
            stamped(context, body.reason, body.effective),
            expected=expected(if_match, known=known, what=rule),
        )
    return _changed(context, response, change)


@router.delete("/{rule}", responses=responses(401, 403, 404, 412, 422, 428))
def withdraw(  # noqa: PLR0913, PLR0917  a DELETE has no body
    context: Context,
    response: Response,
    rule: str,
    reason: Annotated[str, Query(min_length=1)],
    effective: Annotated[datetime | None, Query()] = None,
    if_match: IfMatch = None,
) -> ChangedBody:
    """Let a rule hold no more; its revisions stay."""
    context.require(Duty.WRITE_RULES)
    with context.writing() as connection:
        service.of(load_rule_histories(connection), rule)
        change = service.withdraw(
            connection,
            rule,
            stamped(context, reason, effective),
            expected=expected(if_match, known=True, what=rule),
        )
    return _changed(context, response, change)


@router.post("/{rule}/rollback", responses=responses(401, 403, 404, 412, 422, 428))
def rollback(
    context: Context, response: Response, rule: str, body: RollbackPost, if_match: IfMatch = None
) -> ChangedBody:
    """Let hold again what a revision said, or what the packs of this version say."""
    context.require(Duty.WRITE_RULES)
    with context.writing() as connection:
        service.of(load_rule_histories(connection), rule)
        change = service.rollback(
            connection,
            rule,
            body.to,
            stamped(context, body.reason, body.effective),
            packs=packs() if body.to == service.TO_SHIPPED else (),
            expected=expected(if_match, known=True, what=rule),
        )
    return _changed(context, response, change)


def stamped(context: RequestContext, reason: str, effective: datetime | None) -> Stamp:
    """Who, why, and from when.

    Raises:
        RulebookError: the time has no offset.
    """
    if effective is not None and effective.tzinfo is None:
        raise RulebookError(f"effective {effective.isoformat()} says no offset: write Z for UTC")
    return Stamp(
        author=context.person.name, reason=reason, now=now_of(context), effective=effective
    )


def now_of(context: RequestContext) -> datetime | None:
    """Live the wall clock; in an exercise the scenario's, None before it began."""
    if context.instance.mode is Mode.LIVE:
        return context.clock()
    return scenario_clock(context.connection)


def _proposed(rule: str, body: RulePut) -> Proposed:
    domain = _domain(rule)
    if (body.text is None) == (body.written is None):
        raise RulebookError("expected the rule either as `text` or as `written`")
    if body.text is not None:
        found = read_one(body.text, domain=domain)
    else:
        found = read_written(body.written or {}, domain=domain)
    if found.rule.id != rule:
        raise RulebookError(f"the rule calls itself {found.rule.id!r}, the address {rule!r}")
    return found


def _domain(rule: str) -> str:
    from sensors._domain import catalogue  # noqa: PLC0415  scans

    known = sorted(catalogue().domains, key=len, reverse=True)
    for domain in known:
        if rule.startswith(f"{domain}-"):
            return domain
    raise RulebookError(
        f"{rule!r} begins with no domain; expected {', '.join(f'{name}-…' for name in known)}"
    )


def _changed(context: RequestContext, response: Response, change: Change) -> ChangedBody:
    tag(response, change.mark)
    return ChangedBody(mode=context.mode, **formatting.change_row(change))
