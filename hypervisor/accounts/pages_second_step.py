"""The second step of signing in: the code of a second factor, or its enrolment."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import factors, passkeys
from hypervisor.access.context import RequestContext
from hypervisor.access.errors import AccountError, TooManyAttemptsError
from hypervisor.access.waiting import WaitingContext
from hypervisor.accounts.api_signing import keep_session, read_visit
from hypervisor.accounts.views_factors import describe_key, find_party, offer_passkey
from hypervisor.accounts.views_login import local_address
from hypervisor.web.page import Page
from hypervisor.web.plain import plain
from hypervisor.web.refusals import refusal

router = APIRouter(prefix="/login/factor")
PAGE: Page | None = None


@router.get("")
def show_step(
    context: WaitingContext,
    request: Request,
    target: Annotated[str, Query(alias="next", max_length=2_000)] = "/",
) -> Response:
    """What the session waits for."""
    return _render(context, request, target)


@router.post("")
def take_step(
    context: WaitingContext,
    request: Request,
    code: Annotated[str, Form(max_length=100)] = "",
    passkey: Annotated[str, Form(max_length=20_000)] = "",
    target: Annotated[str, Form(alias="next", max_length=2_000)] = "/",
) -> Response:
    """Sign in with the code; who enrols sees their recovery codes, once."""
    now, visit = context.clock(), read_visit(request)
    writing, person = context.pool.writing, context.person
    try:
        if context.caller is not None and context.caller.awaits == "enrolment":
            secret, codes = factors.sign_in_by_enrolment(writing, person, code, visit, now=now)
            response: Response = plain(
                request, "factor_codes.html", codes=codes, target=local_address(target)
            )
        elif passkey:
            kind = passkeys.check(writing, person, find_party(request), passkey, now=now)
            with writing() as connection:
                secret = factors.finish_sign_in(connection, person, kind, visit, now=now)
            response = RedirectResponse(local_address(target), status_code=303)
        else:
            secret = factors.sign_in_by_code(writing, person, code, visit, now=now)
            response = RedirectResponse(local_address(target), status_code=303)
    except AccountError as error:
        return _render(context, request, target, wrong=refusal(error), status_code=422)
    except TooManyAttemptsError as error:
        shown = _render(context, request, target, wrong=refusal(error), status_code=429)
        shown.headers["Retry-After"] = str(max(1, round(error.seconds)))
        return shown
    keep_session(request, response, secret)
    return response


def _render(
    context: RequestContext,
    request: Request,
    target: str,
    *,
    wrong: str = "",
    status_code: int = 200,
) -> Response:
    enrols = context.caller is not None and context.caller.awaits == "enrolment"
    key = None
    if enrols:
        key = _find_or_make_key(context)
    return plain(
        request,
        "factor.html",
        status_code=status_code,
        asker=context.person,
        csrf=context.csrf,
        target=local_address(target),
        enrols=enrols,
        wrong=wrong,
        passkey_options="" if enrols else offer_passkey(request, context.person),
        **describe_key(key, context.person, context.instance),
    )


def _find_or_make_key(context: RequestContext) -> bytes | None:
    now, session = context.clock(), context.person.session
    with context.pool.writing() as connection:
        key = factors.find_totp_key(connection, session, now)
        if key is None and session is not None:
            factors.begin_totp(connection, session, now)
            key = factors.find_totp_key(connection, session, now)
    return key
