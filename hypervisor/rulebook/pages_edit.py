"""A rule as a form and as text, tried at a site, saved with a reason."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData
from starlette.responses import Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import RulebookError, StaleError
from hypervisor.base.reader import reading
from hypervisor.base.translation import translate as _
from hypervisor.evaluation.rule_text import read_one
from hypervisor.rulebook import service, views_draft, views_edit
from hypervisor.rulebook.api import stamped
from hypervisor.rulebook.pages import writes
from hypervisor.rulebook.stamps import NONE
from hypervisor.rulebook.views_draft import FRENCH, PLAIN, Draft, SlipAt
from hypervisor.rulebook.views_edit import Stands
from hypervisor.rulebook.views_words import TOOLS
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment
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
def new(context: Context, request: Request, domain: _Short = "flood") -> HTMLResponse:
    """A rule from a template of a domain."""
    context.require(Duty.WRITE_RULES)
    found = views_edit.new(context, domain)
    with reading(reader_of(context)):
        return _page(context, request, found, views_edit.template(context, domain), Around())


@router.post("/rules/new/draft")
def draft_new(
    context: Context, request: Request, form: Typed, domain: _Short = "flood"
) -> HTMLResponse:
    """The other half of the page, after one half was changed."""
    return _drafted(context, request, views_edit.new(context, domain), form)


@router.post("/rules/new/trial")
def trial_new(
    context: Context, request: Request, form: Typed, domain: _Short = "flood"
) -> HTMLResponse:
    """What it would have meant at a site."""
    return _tried(context, request, views_edit.new(context, domain), form)


@router.post("/rules/new")
def add(context: Context, request: Request, form: Typed, domain: _Short = "flood") -> Response:
    """Save a new rule."""
    context.require(Duty.WRITE_RULES)
    return _saved(context, request, views_edit.new(context, domain), form)


@router.get("/rules/{rule}")
def one(  # noqa: PLR0913, PLR0917  what the address says
    context: Context,
    request: Request,
    rule: str,
    site: _Short = "",
    span: _Short = "",
    saved: bool = False,  # noqa: FBT001, FBT002  a parameter of the address
) -> HTMLResponse:
    """The form and the text."""
    stands = views_edit.stands(context, rule)
    with reading(reader_of(context)):
        draft = views_edit.draft_of(stands)
        return _page(context, request, stands, draft, Around(site=site, span=span, saved=saved))


@router.post("/rules/{rule}/draft")
def draft(context: Context, request: Request, form: Typed, rule: str) -> HTMLResponse:
    """The other half of the page, after one half was changed."""
    return _drafted(context, request, views_edit.stands(context, rule), form)


@router.post("/rules/{rule}/trial")
def trial(context: Context, request: Request, form: Typed, rule: str) -> HTMLResponse:
    """What it would have meant at a site."""
    return _tried(context, request, views_edit.stands(context, rule), form)


@router.post("/rules/{rule}")
def save(context: Context, request: Request, form: Typed, rule: str) -> Response:
    """Save it with its reason; where somebody changed it meanwhile, show both."""
    context.require(Duty.WRITE_RULES)
    return _saved(context, request, views_edit.stands(context, rule), form)


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
        text = views_draft.with_form(text, fields, steps)
    return views_draft.of_text(text, found.domain)


def _said(form: FormData, key: str) -> str:
    return str(form.get(key, ""))[:_LONGEST]


def _drafted(
    context: RequestContext, request: Request, found: Stands, form: FormData
) -> HTMLResponse:
    with reading(reader_of(context)):
        made = _draft(found, form)
        if not wants_fragment(request):
            around = Around(
                site=_said(form, "site"), span=_said(form, "span"), reason=_said(form, "reason")
            )
            return _page(context, request, found, made, around)
        return fragment(
            context,
            "rules_draft.html",
            found=found,
            draft=made,
            source=_said(form, "source"),
            changes=views_edit.changes(found, made),
            site=_said(form, "site"),
            severities_known=views_draft.severities(),
            address=_address(found),
            address_more=_more(found),
            **TOOLS,
        )


def _tried(
    context: RequestContext, request: Request, found: Stands, form: FormData
) -> HTMLResponse:
    with reading(reader_of(context)):
        made = views_draft.of_text(_said(form, "text"), found.domain)
        sheet = views_edit.trial(
            context, request, made.rule, _said(form, "site"), _said(form, "span")
        )
        return fragment(
            context,
            "rules_at_site.html",
            sheet=sheet,
            address=_address(found),
            address_more=_more(found),
            **TOOLS,
        )


def _saved(context: RequestContext, request: Request, found: Stands, form: FormData) -> Response:
    """Text is what is saved: the form has been put into it."""
    around = Around(site=_said(form, "site"), reason=_said(form, "reason"))
    with reading(reader_of(context)):
        made = _draft(found, form)
        try:
            name = _written(context, found, made, form)
        except _RefusedError as refused:
            return _page(context, request, found, refused.draft, replace(around, **refused.said))
    return RedirectResponse(f"/rules/{name}?saved=1", status_code=303)


def _written(context: RequestContext, found: Stands, made: Draft, form: FormData) -> str:
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
        with context.writing() as connection:
            service.put(
                connection,
                read_one(made.text, domain=found.domain),
                stamped(context, reason, None),
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
    context: RequestContext, request: Request, found: Stands, draft: Draft, around: Around
) -> HTMLResponse:
    sites = views_edit.applies(context, request, found.id) if found.id else []
    site = around.site or (sites[0].name if sites else "")
    stale = around.stale and (found.id or (draft.rule.id if draft.rule else ""))
    return render(
        context,
        "rules_edit.html",
        status_code=around.status,
        found=found,
        draft=draft,
        changes=views_edit.changes(found, draft),
        sites=sites,
        site=site,
        everywhere=[] if found.id else views_edit.everywhere(context, found.domain),
        sheet=views_edit.trial(context, request, draft.rule, site, around.span),
        around=around,
        conflict=views_edit.since(context, stale, around.stale) if stale else None,
        writes=writes(context),
        severities_known=views_draft.severities(),
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
