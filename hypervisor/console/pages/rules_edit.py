"""A rule as a form and as text, tried at a site, saved with a reason."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData
from starlette.responses import Response

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.api.rules import stamped
from hypervisor.console.pages.rules import writes
from hypervisor.console.reader import reading
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.console.views import rules_draft, rules_edit
from hypervisor.console.views.rules_draft import FRENCH, PLAIN, Draft, SlipAt
from hypervisor.console.views.rules_edit import Stands
from hypervisor.console.views.rules_words import TOOLS
from hypervisor.console.words import translate as _
from hypervisor.rulebook import revising
from hypervisor.rulebook.errors import RulebookError, StaleError
from hypervisor.rulebook.reading import read_one
from hypervisor.rulebook.stamping import NONE
from rules._errors import RuleError

router = APIRouter()

_Short = Annotated[str, Query(max_length=200)]
_LONGEST = 100_000  # characters of a rule


async def typed(request: Request) -> FormData:
    """What a form said: read here, so that what works on it may take its time in a thread."""
    return await request.form()


Typed = Annotated[FormData, Depends(typed)]


@dataclass(frozen=True, kw_only=True)
class Around:
    """What stands round a draft on its page; `stale`: the mark that was seen and is overtaken."""

    site: str = ""
    span: str = ""
    reason: str = ""
    saved: bool = False
    reason_wrong: str = ""
    failing: str = ""
    stale: str = ""
    status: int = 200


class _RefusedError(Exception):
    """A draft that cannot be saved, and what the page says of it."""

    def __init__(self, draft: Draft, **said: Any) -> None:
        super().__init__()
        self.draft = draft
        self.said = {"status": 422, **said}


@router.get("/rules/new")
def new(asked: Asked, request: Request, domain: _Short = "flood") -> HTMLResponse:
    """A rule from a template of a domain."""
    asked.require(Duty.WRITE_RULES)
    found = rules_edit.new(asked, domain)
    with reading(reader_of(asked)):
        return _page(asked, request, found, rules_edit.template(asked, domain), Around())


@router.post("/rules/new/draft")
def draft_new(
    asked: Asked, request: Request, form: Typed, domain: _Short = "flood"
) -> HTMLResponse:
    """The other half of the page, after one half was changed."""
    return _drafted(asked, request, rules_edit.new(asked, domain), form)


@router.post("/rules/new/trial")
def trial_new(
    asked: Asked, request: Request, form: Typed, domain: _Short = "flood"
) -> HTMLResponse:
    """What it would have meant at a site."""
    return _tried(asked, request, rules_edit.new(asked, domain), form)


@router.post("/rules/new")
def add(asked: Asked, request: Request, form: Typed, domain: _Short = "flood") -> Response:
    """Save a new rule."""
    asked.require(Duty.WRITE_RULES)
    return _saved(asked, request, rules_edit.new(asked, domain), form)


@router.get("/rules/{rule}")
def one(  # noqa: PLR0913, PLR0917  what the address says
    asked: Asked,
    request: Request,
    rule: str,
    site: _Short = "",
    span: _Short = "",
    saved: bool = False,  # noqa: FBT001, FBT002  a parameter of the address
) -> HTMLResponse:
    """The form and the text."""
    found = rules_edit.stands(asked, rule)
    with reading(reader_of(asked)):
        draft = rules_edit.draft_of(found)
        return _page(asked, request, found, draft, Around(site=site, span=span, saved=saved))


@router.post("/rules/{rule}/draft")
def draft(asked: Asked, request: Request, form: Typed, rule: str) -> HTMLResponse:
    """The other half of the page, after one half was changed."""
    return _drafted(asked, request, rules_edit.stands(asked, rule), form)


@router.post("/rules/{rule}/trial")
def trial(asked: Asked, request: Request, form: Typed, rule: str) -> HTMLResponse:
    """What it would have meant at a site."""
    return _tried(asked, request, rules_edit.stands(asked, rule), form)


@router.post("/rules/{rule}")
def save(asked: Asked, request: Request, form: Typed, rule: str) -> Response:
    """Save it with its reason; where somebody changed it meanwhile, show both."""
    asked.require(Duty.WRITE_RULES)
    return _saved(asked, request, rules_edit.stands(asked, rule), form)


def _draft(found: Stands, form: FormData) -> Draft:
    """What was typed; with `source` form, put into the text first."""
    text = _said(form, "text")
    if _said(form, "source") == "form":
        fields = {key: _said(form, key) for key in ("id", *PLAIN, "inhibits") if key in form}
        fields |= {f"fr {key}": _said(form, f"fr {key}") for key in FRENCH if f"fr {key}" in form}
        columns = {key: form.getlist(f"step {key}") for key in ("severity", "when", "clear", "for")}
        steps = [
            dict(zip(columns, map(str, values), strict=True))
            for values in zip(*columns.values(), strict=False)
        ]
        text = rules_draft.with_form(text, fields, steps)
    return rules_draft.of_text(text, found.domain)


def _said(form: FormData, key: str) -> str:
    return str(form.get(key, ""))[:_LONGEST]


def _drafted(asked: Access, request: Request, found: Stands, form: FormData) -> HTMLResponse:
    with reading(reader_of(asked)):
        made = _draft(found, form)
        if not wants_fragment(request):
            around = Around(
                site=_said(form, "site"), span=_said(form, "span"), reason=_said(form, "reason")
            )
            return _page(asked, request, found, made, around)
        return fragment(
            asked,
            "rules_draft.html",
            found=found,
            draft=made,
            source=_said(form, "source"),
            changes=rules_edit.changes(found, made),
            site=_said(form, "site"),
            severities_known=rules_draft.severities(),
            address=_address(found),
            address_more=_more(found),
            **TOOLS,
        )


def _tried(asked: Access, request: Request, found: Stands, form: FormData) -> HTMLResponse:
    with reading(reader_of(asked)):
        made = rules_draft.of_text(_said(form, "text"), found.domain)
        sheet = rules_edit.trial(
            asked, request, made.rule, _said(form, "site"), _said(form, "span")
        )
        return fragment(
            asked,
            "rules_at_site.html",
            sheet=sheet,
            address=_address(found),
            address_more=_more(found),
            **TOOLS,
        )


def _saved(asked: Access, request: Request, found: Stands, form: FormData) -> Response:
    """Text is what is saved: the form has been put into it."""
    around = Around(site=_said(form, "site"), reason=_said(form, "reason"))
    with reading(reader_of(asked)):
        made = _draft(found, form)
        try:
            name = _written(asked, found, made, form)
        except _RefusedError as refused:
            return _page(asked, request, found, refused.draft, replace(around, **refused.said))
    return RedirectResponse(f"/rules/{name}?saved=1", status_code=303)


def _written(asked: Access, found: Stands, made: Draft, form: FormData) -> str:
    """Save it; its name.

    Raises:
        _RefusedError: it is not, and why.
    """
    reason, seen = _said(form, "reason"), _said(form, "mark")
    if made.rule is None:
        raise _RefusedError(made)
    if found.id and made.rule.id != found.id:
        wrong = _("A rule keeps its name, %(name)s: for another make a new one.")
        raise _RefusedError(_with_slip(made, "id", wrong % {"name": found.id}))
    if not reason.strip():
        words = _("Say in a few words why: it is kept for good.")
        raise _RefusedError(made, reason_wrong=words)
    if not made.ok and not _said(form, "untested"):
        words = _("A test that stands in the rule fails: mend it, or save it all the same.")
        raise _RefusedError(made, failing=words)
    try:
        with asked.writing() as connection:
            revising.put(
                connection,
                read_one(made.text, domain=found.domain),
                stamped(asked, reason, None),
                expected=seen or None,
            )
    except StaleError as error:
        raise _RefusedError(made, stale=seen or NONE, status=409) from error
    except RuleError as error:
        raise _RefusedError(_with_slip(made, "inhibits", refusal(error.problem))) from error
    except RulebookError as error:
        raise _RefusedError(made, failing=refusal(error)) from error
    return made.rule.id


def _with_slip(made: Draft, field: str, problem: str) -> Draft:
    slip = SlipAt(line=1, column=1, problem=problem, field=field)
    return Draft(text=made.text, said=made.said, rule=None, slips=(slip,), tests=made.tests)


def _page(
    asked: Access, request: Request, found: Stands, draft: Draft, around: Around
) -> HTMLResponse:
    sites = rules_edit.applies(asked, request, found.id) if found.id else []
    site = around.site or (sites[0].name if sites else "")
    stale = around.stale and (found.id or (draft.rule.id if draft.rule else ""))
    return render(
        asked,
        "rules_edit.html",
        status_code=around.status,
        found=found,
        draft=draft,
        changes=rules_edit.changes(found, draft),
        sites=sites,
        site=site,
        everywhere=[] if found.id else rules_edit.everywhere(asked, found.domain),
        sheet=rules_edit.trial(asked, request, draft.rule, site, around.span),
        around=around,
        conflict=rules_edit.since(asked, stale, around.stale) if stale else None,
        writes=writes(asked),
        severities_known=rules_draft.severities(),
        address=_address(found),
        address_more=_more(found),
        source="",
        **TOOLS,
    )


def _address(found: Stands) -> str:
    """Where the page's forms post to, and what stands behind it."""
    return f"/rules/{found.id}" if found.id else "/rules/new"


def _more(found: Stands) -> str:
    return "" if found.id else f"?domain={found.domain}"
