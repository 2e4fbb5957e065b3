"""Signing in with the authority's identity provider, and its word that somebody has signed out."""

from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from hypervisor.access import secrets
from hypervisor.access.context import identify_person
from hypervisor.access.identity import is_secure, set_cookie
from hypervisor.accounts import service_provider
from hypervisor.accounts.api_signing import lead_on, read_visit
from hypervisor.accounts.provider import Answer, PendingSignIn, Provider
from hypervisor.accounts.provider_calls import ProviderError, SignInRefusedError
from hypervisor.accounts.sign_in_rules import SignInRules
from hypervisor.accounts.views_login import (
    build_url,
    find_provider_rules,
    get_provider,
    local_address,
    render_login,
)
from hypervisor.base.errors import NotFoundError
from hypervisor.database.pool import Pool
from hypervisor.web.page import Page
from sensors._errors import Message

router = APIRouter(prefix="/login/provider")
PAGE: Page | None = None
_CALLBACK = "/login/provider/callback"
_CONFIRMED = "/confirm/done"  # the target of who is signed in and confirms that it is them
_PENDING_SECONDS = 600  # to sign in at the provider
_LONGEST_TARGET = 3_000  # bytes; of a cookie of 4,096


@router.get("")
def begin_sign_in(
    request: Request,
    target: Annotated[str, Query(alias="next", max_length=2_000)] = "/",
    *,
    confirm: bool = False,
) -> Response:
    """To the provider; the browser keeps what it must show when it comes back.

    `confirm`: somebody who is signed in proves there that it is them.
    """
    provider, rules = _require_provider(request)
    pending = PendingSignIn(
        secret=secrets.generate_session(), target=_CONFIRMED if confirm else local_address(target)
    )
    try:
        address = provider.build_authorization_url(
            pending,
            build_url(request, _CALLBACK),
            scopes=rules.scopes,
            acr=rules.acr,
            now=request.app.state.clock(),
            anew=confirm,
        )
    except ProviderError as error:
        return render_login(request, target=target, refusal=str(error), status_code=503)
    response = RedirectResponse(address, status_code=303)
    target = quote(pending.target, safe="")
    set_cookie(
        request,
        response,
        _cookie_name(request, pending.state),
        f"{pending.secret}.{target if len(target) < _LONGEST_TARGET else ''}",
        seconds=_PENDING_SECONDS,
    )
    return response


@router.get("/callback")
def finish_sign_in(  # noqa: PLR0913, PLR0917  what a provider's answer has
    request: Request,
    code: str = "",
    state: str = "",
    error: str = "",
    error_description: str = "",
    iss: str = "",
) -> Response:
    """Back from the provider: signed in, or why not."""
    provider, rules = _require_provider(request)
    pending = _read_pending(request, state)
    if pending is None:
        reason = Message(
            "this sign-in was not begun in this browser, or took too long: begin again"
        )
        return render_login(request, target="/", refusal=reason, status_code=400)
    answer = Answer(code=code, error=error, description=error_description, issuer=iss)
    pool: Pool = request.app.state.pool
    now = request.app.state.clock()
    try:
        identity = provider.redeem(
            answer, pending, build_url(request, _CALLBACK), acr=rules.acr, now=now
        )
        if pending.target == _CONFIRMED:
            person = identify_person(request, "")
            service_provider.confirm(pool.writing, person, identity, now=now)
            response: Response = RedirectResponse(_CONFIRMED, status_code=303)
        else:
            opened = service_provider.sign_in(
                pool.writing, identity, rules, read_visit(request), now=now
            )
            response = lead_on(request, opened, pending.target)
    except (ProviderError, SignInRefusedError) as problem:
        status = 503 if isinstance(problem, ProviderError) else 403
        response = render_login(
            request, target=pending.target, refusal=str(problem), status_code=status
        )
    set_cookie(request, response, _cookie_name(request, state), "", seconds=0)
    return response


@router.post("/logout")
def end_provider_sessions(request: Request, logout_token: Annotated[str, Form()] = "") -> Response:
    """By the provider's back channel, without a browser: end the sessions that its token names."""
    provider, _ = _require_provider(request)
    pool: Pool = request.app.state.pool
    try:
        ended = provider.read_logout_token(logout_token, request.app.state.clock())
    except (ProviderError, SignInRefusedError) as error:
        body = {"error": "invalid_request", "error_description": str(error)}
        return JSONResponse(body, status_code=503 if isinstance(error, ProviderError) else 400)
    service_provider.end_sessions(pool.writing, ended)
    return Response(status_code=200)


def _require_provider(request: Request) -> tuple[Provider, SignInRules]:
    provider = get_provider(request)
    pool: Pool = request.app.state.pool
    with pool.connection() as connection:
        rules = find_provider_rules(request, connection)
    if provider is None or rules is None:
        raise NotFoundError("no identity provider is connected")
    return provider, rules


def _cookie_name(request: Request, state: str) -> str:
    """Of each sign-in its own, so that two windows do not take each other's."""
    prefix = "__Host-" if is_secure(request) else ""
    return f"{prefix}hypervisor-signing-in-{state[:8]}"


def _read_pending(request: Request, state: str) -> PendingSignIn | None:
    """What this browser began under this state."""
    secret, _, target = request.cookies.get(_cookie_name(request, state), "").partition(".")
    pending = PendingSignIn(secret=secret, target=local_address(unquote(target) or "/"))
    return pending if secret and secrets.are_equal(state, pending.state) else None
