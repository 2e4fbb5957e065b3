"""Administration: sign-in with the authority's identity provider, and its rules."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import factors, queries_factors
from hypervisor.access.context import ConfirmedContext, Context, RequestContext
from hypervisor.accounts import queries_provider, service_provider
from hypervisor.accounts import views as view
from hypervisor.accounts.views_login import get_provider, list_registered
from hypervisor.base.duties import Duty
from hypervisor.base.errors import ConflictError
from hypervisor.web.budget import DECODING, costs
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None


@router.get("/admin/sign-in")
def show_rules(
    context: Context, request: Request, done: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """The provider, and the rules in force."""
    return _render(context, request, done=done)


@router.post("/admin/sign-in")
@costs(DECODING)
def apply_rules(
    context: ConfirmedContext,
    request: Request,
    text: Annotated[str, Form(max_length=400_000)] = "",
    reason: Annotated[str, Form(max_length=1_000)] = "",
    seen: Annotated[int | None, Form(ge=0, le=2**63 - 1)] = None,
) -> Response:
    """Let other rules hold."""
    context.require(Duty.ADMINISTER)
    text = text.replace("\r\n", "\n")
    try:
        with context.writing() as connection:
            service_provider.apply_rules(
                connection,
                text,
                file=service_provider.FILE,
                author=context.person.name,
                reason=reason,
                seen=seen,
            )
    except TerritoryError as error:
        return _render(context, request, wrong=error, text=text, seen=seen)
    return RedirectResponse("/admin/sign-in?done=rules", status_code=303)


@router.post("/admin/sign-in/factors")
def require_factors(
    context: ConfirmedContext,
    role: Annotated[list[str], Form()] = [],  # noqa: B006  FastAPI copies it
    reason: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Let these roles ask for a second factor."""
    context.require(Duty.ADMINISTER)
    with context.writing() as connection:
        factors.require_by_role(
            connection,
            [role_held for role_held, _ in view.parse_roles(role, [])],
            author=context.person.name,
            reason=reason.strip(),
            now=context.clock(),
        )
    return RedirectResponse("/admin/sign-in?done=changed", status_code=303)


def _render(  # noqa: PLR0913  what the page may show
    context: RequestContext,
    request: Request,
    *,
    done: str = "",
    wrong: TerritoryError | None = None,
    text: str | None = None,
    seen: int | None = None,
) -> Response:
    context.require(Duty.ADMINISTER)
    with context.owning() as connection:
        revision = queries_provider.RULES.find_revision(connection)
        required_roles = queries_factors.list_required_roles(connection)
    provider = get_provider(request)
    return render(
        context,
        "admin_sign_in.html",
        status_code=409 if isinstance(wrong, ConflictError) else 422 if wrong else 200,
        issuer=None if provider is None else provider.issuer,
        registered=list_registered(request),
        revision=revision,
        required_roles=required_roles,
        seen=seen if seen is not None else revision.id if revision else 0,
        text=text if text is not None else revision.text if revision else "",
        **view.admin_context(context, "sign-in", done=done, wrong=refusal(wrong) if wrong else ""),
    )
