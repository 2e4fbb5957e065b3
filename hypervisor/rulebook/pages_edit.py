"""Pages to edit a rule: form and YAML, trial at a site, save with a reason."""

from collections.abc import Sequence
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
from hypervisor.rulebook import service, views_draft, views_edit, views_guide
from hypervisor.rulebook.api import stamp_of
from hypervisor.rulebook.model import NONE
from hypervisor.rulebook.pages import Short
from hypervisor.rulebook.views_draft import FRENCH, PLAIN, Draft, FieldError
from hypervisor.rulebook.views_edit import EVERYWHERE, EditedRule
from hypervisor.rulebook.views_share import unpack_text
from hypervisor.rulebook.views_texts import TOOLS
from hypervisor.web.budget import LINKED_TRIAL, TRIAL, WORK, costs
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment
from rules._errors import RuleError
from rules._rule import SEVERITIES

router = APIRouter()

_LONGEST = 100_000  # characters of a rule


async def read_form(request: Request) -> FormData:
    """The submitted form: read here, so that the handler can run in a thread."""
    return await request.form()


RuleForm = Annotated[FormData, Depends(read_form)]


@dataclass(frozen=True, kw_only=True)
class PageState:
    """State of the page besides the draft; `stale`: the mark that the author saw."""

    site: str = ""
    span: str = ""
    reason: str = ""
    saved: bool = False
    shared: bool = False
    reason_wrong: str = ""
    failing: str = ""
    stale: str = ""
    status: int = 200


class _RefusedError(Exception):
    """The draft cannot be saved; holds the page state that explains it."""

    def __init__(self, draft: Draft, **page_state: Any) -> None:
        super().__init__()
        self.draft = draft
        self.page_state = {"status": 422, **page_state}


def _find_current(context: Context, rule: str, domain: Short = "") -> EditedRule:
    """The rule of the address; `new`: a new one of the domain."""
    if rule == "new":
        return views_edit.new_rule(context, domain)
    return views_edit.get_rule(context, rule)


@router.get("/rules/{rule}")
@costs(LINKED_TRIAL)
def edit_rule(  # noqa: PLR0913, PLR0917  what the address says
    context: Context,
    request: Request,
    current: Annotated[EditedRule, Depends(_find_current)],
    site: Short = "",
    span: Short = "",
    draft: Annotated[str, Query(max_length=8_000)] = "",
    saved: bool = False,  # noqa: FBT001, FBT002  a parameter of the address
) -> HTMLResponse:
    """The form and the text of a rule; `draft`: as a link to a trial holds it."""
    if not current.id:
        context.require(Duty.WRITE_RULES)
    with reading(reader_of(context)):
        state = PageState(site=site, span=span, saved=saved)
        if not draft:
            shown = views_edit.draft_of(context, current)
            return _render_page(context, request, current, shown, state)
        try:
            shown = views_draft.parse_draft(unpack_text(draft), current.domain)
        except RulebookError as error:
            shown = views_edit.draft_of(context, current)
            state = replace(state, failing=refusal(error), status=422)
        else:
            state = replace(state, shared=True)
            shown = _refuse_taken(context, current, shown)
        return _render_page(context, request, current, shown, state)


@router.post("/rules/{rule}/draft")
@costs(WORK)
def draft_rule(
    context: Context,
    request: Request,
    current: Annotated[EditedRule, Depends(_find_current)],
    form: RuleForm,
) -> HTMLResponse:
    """Refresh the form after a change of the text, or the text after a change of the form."""
    with reading(reader_of(context)):
        draft = _parse_form(context, current, form)
        if not wants_fragment(request):
            return _render_page(context, request, current, draft, _state_of(form))
        return fragment(
            context,
            "rules_draft.html",
            current=current,
            draft=draft,
            source=_changed_halves(form),
            changes=views_edit.list_changes(current, draft),
            site=_form_text(form, "site"),
            **_shared(context, current),
        )


@router.post("/rules/{rule}/trial")
@costs(TRIAL)
def try_rule(
    context: Context,
    request: Request,
    current: Annotated[EditedRule, Depends(_find_current)],
    form: RuleForm,
) -> HTMLResponse:
    """Trial of the draft at a site."""
    with reading(reader_of(context)):
        draft = views_draft.parse_draft(_form_text(form, "text"), current.domain)
        trial = views_edit.run_trial_at(
            context, request, current, draft, _form_text(form, "site"), _span_of(form)
        )
        return fragment(context, "rules_at_site.html", sheet=trial, **_shared(context, current))


@router.post("/rules/{rule}")
@costs(WORK)
def save_rule(
    context: Context,
    request: Request,
    current: Annotated[EditedRule, Depends(_find_current)],
    form: RuleForm,
) -> Response:
    """Save the text, with the form's fields merged; on a conflict show both versions."""
    context.require(Duty.WRITE_RULES)
    with reading(reader_of(context)):
        draft = _parse_form(context, current, form)
        try:
            name = _write_rule(context, current, draft, form)
        except _RefusedError as refused:
            state = replace(_state_of(form), span="", **refused.page_state)
            return _render_page(context, request, current, refused.draft, state)
    return RedirectResponse(f"/rules/{name}?saved=1", status_code=303)


def _parse_form(context: RequestContext, current: EditedRule, form: FormData) -> Draft:
    """The draft as submitted; what was changed in the other halves is merged into the text."""
    text, halves = _form_text(form, "text"), _changed_halves(form)
    made = None  # the page's draft, where no script told what was changed since
    if "source" not in form:
        made = views_edit.draft_of(context, current)
        if text.split() == made.text.split():
            halves = ["guide", "form"]
    elif text.strip() and views_draft.parse_draft(text, current.domain).fields is None:
        halves = []  # nothing can be merged into what is no YAML
    guide, wrong = None, ""
    if "guide" in halves and "guide quantity" in form:
        fields = {
            key.removeprefix("guide "): _form_text(form, key) for key in form if key[:6] == "guide "
        }
        guide = views_guide.parse_guide(fields, context.catalogue, current.domain)
        wrong = views_guide.find_error(guide, context.catalogue)
        if not wrong and not (made and guide == made.guide):
            taken = None if current.id else views_edit.list_identifiers(context)
            text = views_draft.merge_guide(text, guide, domain=current.domain, taken=taken)
    if "form" in halves:
        text = _merge_form(text, form, made)
    draft = views_draft.parse_draft(text, current.domain)
    if wrong:
        return replace(_with_slip(draft, "guide", wrong), guide=guide)
    return _refuse_taken(context, current, draft)


def _merge_form(text: str, form: FormData, made: Draft | None) -> str:
    """The text with the fields that were submitted, or of them those that `made` had otherwise."""
    keys = ("id", *PLAIN, "inhibits", *(f"fr {key}" for key in FRENCH))
    fields = {key: _form_text(form, key) for key in keys if key in form}
    columns = {key: form.getlist(f"step {key}") for key in ("severity", "when", "clear", "for")}
    steps = [
        dict(zip(columns, map(str, values), strict=True))
        for values in zip(*columns.values(), strict=False)
    ]
    if made is not None:
        fields = {
            key: part for key, part in fields.items() if part.split() != made.field(key).split()
        }
        steps = [] if steps == made.steps else steps
    return views_draft.merge_form(text, fields, steps or None)


def _refuse_taken(context: RequestContext, current: EditedRule, draft: Draft) -> Draft:
    """A new rule's draft with an error if its identifier exists."""
    if current.id or draft.rule is None:
        return draft
    if draft.rule.id not in views_edit.list_identifiers(context):
        return draft
    words = _("%(name)s exists already: choose another identifier.")
    return _with_slip(draft, "id", words % {"name": draft.rule.id})


def _changed_halves(form: FormData) -> Sequence[str]:
    """Which of text, guide and form were changed."""
    return _form_text(form, "source").split()


def _form_text(form: FormData, key: str) -> str:
    return str(form.get(key, ""))[:_LONGEST]


def _state_of(form: FormData) -> PageState:
    site, reason = _form_text(form, "site"), _form_text(form, "reason")
    return PageState(site=site, span=_span_of(form), reason=reason)


def _span_of(form: FormData) -> str:
    """The period chosen; a flood that is laid over the gauge stands instead."""
    return _form_text(form, "flood") or _form_text(form, "span")


def _write_rule(context: RequestContext, current: EditedRule, draft: Draft, form: FormData) -> str:
    """Save the rule and return its identifier; _RefusedError if it was not saved."""
    reason, seen = _form_text(form, "reason"), _form_text(form, "mark")
    if draft.rule is None:
        raise _RefusedError(draft)
    if current.id and draft.rule.id != current.id:
        wrong = _("The identifier %(name)s cannot change: create a new rule instead.")
        raise _RefusedError(_with_slip(draft, "id", wrong % {"name": current.id}))
    if not reason.strip():
        words = _("Give a reason in a few words: it is kept permanently.")
        raise _RefusedError(draft, reason_wrong=words)
    if not draft.ok and not _form_text(form, "untested"):
        words = _("A test in the rule fails: correct it, or save anyway.")
        raise _RefusedError(draft, failing=words)
    try:
        with context.writing() as connection:
            service.put_rule(
                connection,
                read_one(draft.text, domain=current.domain),
                stamp_of(context, reason),
                expected=seen or None,
            )
    except StaleError as error:
        raise _RefusedError(draft, stale=seen or NONE, status=409) from error
    except RuleError as error:
        raise _RefusedError(_with_slip(draft, "inhibits", refusal(error.problem))) from error
    except RulebookError as error:
        raise _RefusedError(draft, failing=refusal(error)) from error
    return draft.rule.id


def _with_slip(draft: Draft, field: str, problem: str) -> Draft:
    slip = FieldError(line=1, column=1, problem=problem, field=field)
    return replace(draft, rule=None, slips=(slip,))


def _render_page(
    context: RequestContext, request: Request, current: EditedRule, draft: Draft, around: PageState
) -> HTMLResponse:
    sites = views_edit.list_sites(context, request, current) if current.id else []
    site = around.site or (sites[0].name if sites else "" if current.id else EVERYWHERE)
    stale = around.stale and (current.id or (draft.rule.id if draft.rule else ""))
    return render(
        context,
        "rules_edit.html",
        status_code=around.status,
        current=current,
        draft=draft,
        changes=views_edit.list_changes(current, draft),
        sites=sites,
        site=site,
        everywhere=[] if current.id else views_edit.list_domain_sites(context, current.domain),
        sheet=views_edit.run_trial_at(context, request, current, draft, site, around.span),
        around=around,
        conflict=views_edit.changes_since(context, stale, around.stale) if stale else None,
        writes=context.may(Duty.WRITE_RULES),
        source=(),
        **_shared(context, current),
    )


def _shared(context: RequestContext, current: EditedRule) -> dict[str, Any]:
    """What each part of the page needs; `address`: what its forms post to."""
    return {
        "catalogue": context.catalogue,
        "guides": views_guide,
        "address": f"/rules/{current.id}" if current.id else "/rules/new",
        "address_more": "" if current.id else f"?domain={current.domain}",
        "severities_known": SEVERITIES,
        **TOOLS,
    }
