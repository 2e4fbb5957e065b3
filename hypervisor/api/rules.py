"""Rules: those in force, each with its revisions; changed, checked, taken back."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.api.matching import IfMatch, expected, tag
from hypervisor.api.paging import Page
from hypervisor.api.problems import responses
from hypervisor.api.rulebook_problems import slip_of
from hypervisor.api.rulebook_shapes import (
    ChangedBody,
    CheckBody,
    CheckPost,
    RevisionBody,
    RevisionsBody,
    RollbackPost,
    RuleDetailBody,
    RulePut,
    TestBody,
)
from hypervisor.api.shapes import RuleBody, RulesBody
from hypervisor.instance import Mode
from hypervisor.rulebook import revising, showing, telling
from hypervisor.rulebook.applying import Change, histories
from hypervisor.rulebook.errors import RulebookError
from hypervisor.rulebook.reading import Proposed, read_any, read_one, read_written
from hypervisor.rulebook.stamping import Stamp
from hypervisor.rulebook.testing import outcomes, row
from hypervisor.store.pages import observing
from hypervisor.store.registry import registry
from rules._errors import RuleError
from rules._pack import packs

router = APIRouter(prefix="/rules", tags=["rules"])


@router.get("", responses=responses())
def every(asked: Asked, page: Page) -> RulesBody:
    """Each rule as its author wrote it, with the time from which it holds."""
    found = observing.rules(asked.connection, asked.now())
    some, following = page.cut(found, lambda row: (row[0],))
    return RulesBody(
        mode=asked.mode,
        rules=[
            RuleBody(id=key, written=written, effective=effective)
            for key, written, effective in some
        ],
        next=following,
    )


@router.post("/check", responses=responses(422))
def check(asked: Asked, body: CheckPost) -> CheckBody:
    """Read rules and run their tests, as if they were applied; nothing is kept."""
    try:
        pack = read_any(body.text, domain=body.domain)
    except RuleError as error:
        return CheckBody(mode=asked.mode, ok=False, slips=[slip_of(error)], rules=[], tests=[])
    ran = [row(one) for one in outcomes(pack)] if body.tests else []
    tests = [TestBody(**{name: one[name] for name in TestBody.model_fields}) for one in ran]
    return CheckBody(
        mode=asked.mode,
        ok=all(one.passed for one in tests),
        slips=[],
        rules=[rule.id for rule in pack.rules],
        tests=tests,
    )


@router.get("/{rule}", responses=responses(404))
def one(asked: Asked, response: Response, rule: str) -> RuleDetailBody:
    """One rule as it stands, as text and as an object; its ETag is for If-Match."""
    revisions = revising.of(histories(asked.connection), rule)
    found = showing.shown(rule, revisions, now=now_of(asked), packs=())
    tag(response, found.row["revision"])
    return RuleDetailBody(mode=asked.mode, **found.row)


@router.get("/{rule}/revisions", responses=responses(404))
def revisions(asked: Asked, response: Response, rule: str) -> RevisionsBody:
    """Its revisions, in the order they were recorded."""
    found = revising.of(histories(asked.connection), rule)
    rows = [RevisionBody(**telling.revision_row(one, found)) for one in found]
    tag(response, rows[-1].revision)
    return RevisionsBody(mode=asked.mode, key=rule, revisions=rows)


@router.put("/{rule}", responses=responses(401, 403, 404, 412, 422, 428))
def put(
    asked: Asked, response: Response, rule: str, body: RulePut, if_match: IfMatch = None
) -> ChangedBody:
    """Add a rule, or change the one whose ETag If-Match says."""
    asked.require(Duty.WRITE_RULES)
    proposed = _proposed(rule, body)
    with asked.writing() as connection:
        known = rule in histories(connection)
        change = revising.put(
            connection,
            proposed,
            stamped(asked, body.reason, body.effective),
            expected=expected(if_match, known=known, what=rule),
        )
    return _changed(asked, response, change)


@router.delete("/{rule}", responses=responses(401, 403, 404, 412, 422, 428))
def withdraw(  # noqa: PLR0913, PLR0917  a DELETE has no body
    asked: Asked,
    response: Response,
    rule: str,
    reason: Annotated[str, Query(min_length=1)],
    effective: Annotated[datetime | None, Query()] = None,
    if_match: IfMatch = None,
) -> ChangedBody:
    """Let a rule hold no more; its revisions stay."""
    asked.require(Duty.WRITE_RULES)
    with asked.writing() as connection:
        revising.of(histories(connection), rule)
        change = revising.withdraw(
            connection,
            rule,
            stamped(asked, reason, effective),
            expected=expected(if_match, known=True, what=rule),
        )
    return _changed(asked, response, change)


@router.post("/{rule}/rollback", responses=responses(401, 403, 404, 412, 422, 428))
def rollback(
    asked: Asked, response: Response, rule: str, body: RollbackPost, if_match: IfMatch = None
) -> ChangedBody:
    """Let hold again what a revision said, or what the packs of this version say."""
    asked.require(Duty.WRITE_RULES)
    with asked.writing() as connection:
        revising.of(histories(connection), rule)
        change = revising.rollback(
            connection,
            rule,
            body.to,
            stamped(asked, body.reason, body.effective),
            packs=packs() if body.to == revising.TO_SHIPPED else (),
            expected=expected(if_match, known=True, what=rule),
        )
    return _changed(asked, response, change)


def stamped(asked: Access, reason: str, effective: datetime | None) -> Stamp:
    """Who, why, and from when.

    Raises:
        RulebookError: the time has no offset.
    """
    if effective is not None and effective.tzinfo is None:
        raise RulebookError(f"effective {effective.isoformat()} says no offset: write Z for UTC")
    return Stamp(author=asked.person.name, reason=reason, now=now_of(asked), effective=effective)


def now_of(asked: Access) -> datetime | None:
    """Live the wall clock; in an exercise the scenario's, None before it began."""
    if asked.instance.mode is Mode.LIVE:
        return asked.clock()
    return registry.scenario_clock(asked.connection)


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


def _changed(asked: Access, response: Response, change: Change) -> ChangedBody:
    tag(response, change.mark)
    return ChangedBody(mode=asked.mode, **telling.change_row(change))
