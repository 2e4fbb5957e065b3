"""Signing in and out, who one is, one's own password and tokens."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from hypervisor.accounts import secrets, signing
from hypervisor.accounts.duties import Duty
from hypervisor.accounts.signing import Knock
from hypervisor.api.access import Access, Asked, instance_of
from hypervisor.api.account_shapes import (
    LoginPost,
    MeBody,
    PasswordPut,
    RoleBody,
    TokenBody,
    TokenMadeBody,
    TokenPost,
    TokensBody,
)
from hypervisor.api.identity import IDLE, LONGEST, cookie_name, is_secure, require_own_page
from hypervisor.api.problems import responses
from hypervisor.store.accounts import account_tokens
from hypervisor.store.accounts.account_tokens import Token
from hypervisor.store.pool import Pool

router = APIRouter(prefix="/auth", tags=["accounts"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.post("/login", status_code=204, responses=responses(401, 403, 422, 429))
def login(request: Request, response: Response, body: LoginPost) -> None:
    """Open a session: the answer sets its cookie; GET /auth/me then tells its CSRF token."""
    enter(request, response, name=body.name, password=body.password)


@router.post("/logout", status_code=204, responses=responses(401, 403))
def logout(asked: Asked, request: Request, response: Response, *, everywhere: bool = False) -> None:
    """End this session; or all of one's own, on every machine."""
    leave(asked, request, response, everywhere=everywhere)


@router.get("/me", responses=responses(401))
def me(asked: Asked) -> MeBody:
    """Who asks, what they are where, and the CSRF token of their session."""
    person = asked.person
    return MeBody(
        mode=asked.mode,
        name=person.name,
        title=person.title,
        language=person.language,  # type: ignore[arg-type]  # as the table allows
        roles=[
            RoleBody(role=one.role.value, area=one.area, area_name=one.area_name)
            for one in person.grants
        ],
        scopes=[one.value for one in Duty if one in person.scopes],
        duties=[one.value for one in Duty if person.may(one)],
        csrf=asked.csrf,
    )


@router.put("/me/password", status_code=204, responses=responses(401, 403, 422))
def password(asked: Asked, body: PasswordPut) -> None:
    """Take another password; every other session of one's own ends."""
    with asked.writing_own_account() as connection:
        signing.change_password(connection, asked.person, old=body.old, new=body.new)


@router.get("/tokens", responses=responses(401))
def tokens(asked: Asked) -> TokensBody:
    """One's own API tokens."""
    with asked.owning() as connection:
        found = account_tokens.listing(connection, asked.person.account)
    return TokensBody(mode=asked.mode, tokens=[token_body(one) for one in found])


@router.post("/tokens", status_code=201, responses=responses(401, 403, 422))
def make(asked: Asked, body: TokenPost) -> TokenMadeBody:
    """Make a token: it may what its scopes say, and never more than whoever made it."""
    with asked.writing_own_account() as connection:
        number, secret = signing.make_token(
            connection,
            asked.person,
            name=body.name,
            scopes=[Duty(one) for one in body.scopes],
            now=asked.clock(),
            ends_at=body.ends_at,
        )
        found = account_tokens.one(connection, number)
    return TokenMadeBody(mode=asked.mode, token=token_body(found), secret=secret)


@router.delete("/tokens/{number}", status_code=204, responses=responses(401, 403, 404, 422))
def revoke(asked: Asked, number: Number) -> None:
    """Make one's own token void; a program: the one that it shows."""
    with asked.writing_own_account(token=number) as connection:
        signing.revoke_token(
            connection,
            number,
            now=asked.clock(),
            author=asked.person.name,
            owner=asked.person.account,
        )


def enter(request: Request, response: Response, *, name: str, password: str) -> None:
    """Sign in; the browser keeps its session from this response on.

    Raises:
        TooOftenError: it was tried too often.
        UnauthorisedError: the name or the password is wrong.
        ForbiddenError: another site's page tries this.
    """
    require_own_page(request)
    state = request.app.state
    pool: Pool = state.pool
    with pool.connection() as connection:
        instance = instance_of(request, connection)
    cookie = cookie_name(instance, secure=is_secure(request))
    earlier = request.cookies.get(cookie)
    secret = signing.sign_in(
        pool.writing,
        Knock(
            name=name,
            password=password,
            address=request.client.host if request.client else "",
            browser=request.headers.get("user-agent", ""),
            earlier=secrets.digest(earlier) if earlier else None,
        ),
        now=state.clock(),
        idle=IDLE,
        longest=LONGEST,
    )
    response.set_cookie(
        cookie,
        secret,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def leave(asked: Access, request: Request, response: Response, *, everywhere: bool) -> None:
    """Sign out; the browser forgets its session with this response.

    Raises:
        ForbiddenError: a token asks.
    """
    with asked.writing_own_account() as connection:
        signing.sign_out(connection, asked.person, everywhere=everywhere)
    response.delete_cookie(
        cookie_name(asked.instance, secure=is_secure(request)),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def token_body(one: Token) -> TokenBody:
    """As it is told."""
    return TokenBody(
        id=one.id,
        name=one.name,
        shown=one.shown,
        scopes=[scope.value for scope in one.scopes],
        made_at=one.made_at,
        ends_at=one.ends_at,
        used_at=one.used_at,
        revoked_at=one.revoked_at,
    )
