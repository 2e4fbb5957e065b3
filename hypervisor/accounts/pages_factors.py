"""One's own second factor: added, replaced, removed; recovery codes."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import factors, passkeys, queries_factors, queries_passkeys
from hypervisor.access.context import ConfirmedContext, Context, RequestContext
from hypervisor.access.errors import AccountError
from hypervisor.access.waiting import EnrollingContext
from hypervisor.accounts.views_factors import describe_key, find_party
from hypervisor.web import once
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render

router = APIRouter(prefix="/account/factors")
PAGE: Page | None = None
_HERE = "/account/factors"


@router.get("")
def show_factors(context: Context, done: Annotated[str, Query(max_length=20)] = "") -> Response:
    """What there is, the key that is being added, recovery codes once."""
    return once.page(
        context,
        lambda flash: _render(context, codes=flash.get("codes", "").split(), done=bool(done)),
    )


@router.post("/totp")
def begin_totp(context: EnrollingContext) -> Response:
    """Make a key, which holds once its first code is shown."""
    with context.writing_own_account() as connection:
        if context.person.session is not None:
            factors.begin_totp(connection, context.person.session, context.clock())
    return RedirectResponse(_HERE, status_code=303)


@router.post("/totp/check")
def enrol_totp(
    context: EnrollingContext, code: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """Take the authenticator that shows this code."""
    try:
        with context.writing_own_account() as connection:
            codes = factors.enrol_totp(connection, context.person, code, now=context.clock())
    except AccountError as error:
        return _render(context, wrong=refusal(error))
    return once.leads_to(context, _HERE, {"codes": " ".join(codes)})


@router.post("/passkey/begin")
def begin_passkey(context: EnrollingContext, request: Request) -> Response:
    """The page with the options of a new passkey; its challenge is this session's."""
    with context.writing_own_account() as connection:
        options = passkeys.begin_adding(
            connection,
            context.person,
            find_party(request),
            context.instance.name or "Hypervisor",
            context.clock(),
        )
    return _render(context, options=options)


@router.post("/passkey")
def add_passkey(
    context: EnrollingContext,
    request: Request,
    passkey: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    """Take what the authenticator has made."""
    writing, person, now = context.writing_own_account, context.person, context.clock()
    try:
        codes = passkeys.add(writing, person, find_party(request), passkey, now=now)
    except AccountError as error:
        return _render(context, wrong=refusal(error))
    return once.leads_to(context, _HERE, {"codes": " ".join(codes)})


@router.post("/codes")
def renew_codes(context: ConfirmedContext) -> Response:
    """Other recovery codes."""
    with context.writing_own_account() as connection:
        codes = factors.renew_recovery_codes(connection, context.person)
    return once.leads_to(context, _HERE, {"codes": " ".join(codes)})


@router.post("/remove")
def remove(context: ConfirmedContext) -> Response:
    """Do without a second factor, where no role asks for it."""
    try:
        with context.writing_own_account() as connection:
            factors.remove_own_factors(connection, context.person)
    except AccountError as error:
        return _render(context, wrong=refusal(error))
    return RedirectResponse(f"{_HERE}?done=removed", status_code=303)


def _render(
    context: RequestContext,
    *,
    codes: list[str] | None = None,
    wrong: str = "",
    done: bool = False,
    options: str = "",
) -> Response:
    account = context.person.account
    with context.owning() as connection:
        kinds = queries_factors.list_factors(connection, account)
        keys = len(queries_passkeys.list_ids(connection, account))
        left = queries_factors.count_recovery_codes(connection, account)
        required = queries_factors.must_have_factor(connection, account)
        key = factors.find_totp_key(connection, context.person.session, context.clock())
    return render(
        context,
        "factors.html",
        status_code=422 if wrong else 200,
        kinds=kinds,
        passkeys=keys,
        passkey_options=options,
        left=left,
        required=required,
        codes=codes or [],
        wrong=wrong,
        done=done,
        **describe_key(key, context.person, context.instance),
    )
