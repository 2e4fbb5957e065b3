"""Signing in and out, who one is, one's own password and tokens."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import factors, queries_sessions, queries_tokens, secrets
from hypervisor.access import service as access_service
from hypervisor.access.context import ConfirmedContext, Context, RequestContext, get_instance
from hypervisor.access.errors import AccountError, ForbiddenError, UnauthenticatedError
from hypervisor.access.identity import (
    IDLE_TIMEOUT,
    SESSION_LIFETIME,
    cookie_name,
    get_address,
    is_secure,
    require_same_origin,
    set_cookie,
)
from hypervisor.access.service import OpenedSession, SignInAttempt, Visit
from hypervisor.access.turns import PasswordCheck
from hypervisor.accounts.schemas import (
    ConfirmPost,
    LoginPost,
    MeBody,
    PasswordPut,
    RoleBody,
    TokenBody,
    TokenMadeBody,
    TokenPost,
    TokensBody,
)
from hypervisor.accounts.views_login import local_address
from hypervisor.base.duties import Duty
from hypervisor.database.pool import Pool
from hypervisor.web.problems import responses

router = APIRouter(prefix="/auth", tags=["accounts"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.post("/login", status_code=204, responses=responses(401, 403, 422, 429))
def login(_check: PasswordCheck, request: Request, response: Response, body: LoginPost) -> None:
    """Open a session: the answer sets its cookie; GET /auth/me then tells its CSRF token."""
    visit, opened = open_session(request, name=body.name, password=body.password)
    secret = opened.secret
    if opened.awaits is not None:
        secret = _show_code(request, visit, opened, body.code)
    keep_session(request, response, secret)


@router.post("/logout", status_code=204, responses=responses(401, 403))
def logout(
    context: Context, request: Request, response: Response, *, everywhere: bool = False
) -> None:
    """End this session; or all of one's own, on every machine."""
    close_session(context, request, response, everywhere=everywhere)


@router.get("/me", responses=responses(401))
def get_me(context: Context) -> MeBody:
    """Who asks, what they are where, and the CSRF token of their session."""
    person = context.person
    return MeBody(
        mode=context.mode,
        name=person.name,
        title=person.title,
        language=person.language,  # type: ignore[arg-type]  # as the table allows
        roles=[RoleBody.model_validate(grant) for grant in person.grants],
        scopes=[duty.value for duty in Duty if duty in person.scopes],
        duties=[duty.value for duty in Duty if person.may(duty)],
        csrf=context.csrf,
    )


@router.put("/me/password", status_code=204, responses=responses(401, 403, 422, 429))
def change_password(
    _check: PasswordCheck, context: Context, request: Request, body: PasswordPut
) -> None:
    """Take another password; every other session of one's own ends."""
    access_service.change_password(
        context.writing_own_account,
        context.person,
        old=body.old,
        new=body.new,
        address=get_address(request),
        now=context.clock(),
    )


@router.post("/confirm", status_code=204, responses=responses(401, 403, 422, 429))
def confirm(_check: PasswordCheck, context: Context, request: Request, body: ConfirmPost) -> None:
    """Prove in this session who one is: for ten minutes it may widen what somebody may do."""
    factors.confirm(
        context.writing_own_account,
        context.person,
        password=body.password,
        code=body.code,
        address=get_address(request),
        now=context.clock(),
    )


@router.get("/tokens", responses=responses(401))
def list_tokens(context: Context) -> TokensBody:
    """One's own API tokens."""
    with context.owning() as connection:
        tokens = queries_tokens.list_tokens(connection, context.person.account)
    return TokensBody(
        mode=context.mode, tokens=[TokenBody.model_validate(token) for token in tokens]
    )


@router.post("/tokens", status_code=201, responses=responses(401, 403, 422))
def create_token(context: ConfirmedContext, body: TokenPost) -> TokenMadeBody:
    """Make a token with the permissions of its scopes, at most those of its maker."""
    with context.writing_own_account() as connection:
        number, secret = access_service.create_token(
            connection,
            context.person,
            name=body.name,
            scopes=[Duty(scope) for scope in body.scopes],
            now=context.clock(),
            ends_at=body.ends_at,
        )
        token = queries_tokens.get_token(connection, number)
    return TokenMadeBody(mode=context.mode, token=TokenBody.model_validate(token), secret=secret)


@router.delete("/tokens/{number}", status_code=204, responses=responses(401, 403, 404, 422))
def revoke_token(context: Context, number: Number) -> None:
    """Make one's own token void; a program: the one that it shows."""
    with context.writing_own_account(token=number) as connection:
        access_service.revoke_token(
            connection,
            number,
            now=context.clock(),
            author=context.person.name,
            owner=context.person.account,
        )


def open_session(request: Request, *, name: str, password: str) -> tuple[Visit, OpenedSession]:
    """Sign in with a password; the session may wait for a second factor.

    Raises:
        TooManyAttemptsError: it was tried too often.
        UnauthenticatedError: the name or the password is wrong.
        ForbiddenError: another site's page tries this.
    """
    require_same_origin(request)
    pool: Pool = request.app.state.pool
    visit = read_visit(request)
    attempt = SignInAttempt(name=name, password=password, **vars(visit))
    return visit, access_service.sign_in(pool.writing, attempt, now=request.app.state.clock())


def _show_code(request: Request, visit: Visit, opened: OpenedSession, code: str) -> str:
    """The session that a program has with its second factor; without it, none stays."""
    pool: Pool = request.app.state.pool
    now = request.app.state.clock()
    session = secrets.digest(opened.secret)
    with pool.owning() as connection:
        waiting = queries_sessions.find_session(
            connection, session, now=now, idle=IDLE_TIMEOUT, awaiting=True
        )
    try:
        if waiting is None or opened.awaits != "factor":
            raise ForbiddenError("your role asks for a second factor: add it on the page /login")
        if not code:
            raise UnauthenticatedError("this account has a second factor: send its code, too")
        return factors.sign_in_by_code(pool.writing, waiting[0], code, visit, now=now)
    except AccountError as error:
        raise UnauthenticatedError("{problem}", error) from error
    finally:
        with pool.writing() as connection:
            queries_sessions.delete_session(connection, session)


def read_visit(request: Request) -> Visit:
    """The browser that asks to sign in."""
    earlier = request.cookies.get(_session_cookie(request))
    return Visit(
        address=get_address(request),
        browser=request.headers.get("user-agent", ""),
        earlier=secrets.digest(earlier) if earlier else None,
    )


def _session_cookie(request: Request) -> str:
    pool: Pool = request.app.state.pool
    with pool.connection() as connection:
        instance = get_instance(request, connection)
    return cookie_name(instance, secure=is_secure(request))


def keep_session(request: Request, response: Response, secret: str) -> None:
    """Let the browser keep its session from this response on; empty: forget it."""
    set_cookie(
        request,
        response,
        _session_cookie(request),
        secret,
        seconds=SESSION_LIFETIME.total_seconds(),
    )


def lead_on(request: Request, opened: OpenedSession, target: str) -> Response:
    """Where somebody who has signed in wanted to go; first to the second factor, if it waits."""
    address = local_address(target)
    if opened.awaits is not None:
        address = f"/login/factor?{urlencode({'next': address})}"
    response = RedirectResponse(address, status_code=303)
    keep_session(request, response, opened.secret)
    return response


def close_session(
    context: RequestContext, request: Request, response: Response, *, everywhere: bool
) -> None:
    """Sign out; the browser forgets its session with this response.

    Raises:
        ForbiddenError: a token asks.
    """
    with context.writing_own_account() as connection:
        access_service.sign_out(connection, context.person, everywhere=everywhere)
    keep_session(request, response, "")
