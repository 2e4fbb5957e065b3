"""Who asks: the session of a browser or the token of a program, and whether a form is ours."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from hypervisor.access import queries_sessions, queries_tokens, secrets
from hypervisor.access.errors import ForbiddenError, UnauthenticatedError
from hypervisor.base.instance import Instance
from hypervisor.base.person import Person
from hypervisor.database.connect import Connection
from hypervisor.database.pool import Pool

IDLE_TIMEOUT = timedelta(hours=12)  # a night's shift without a touch
SESSION_LIFETIME = timedelta(days=7)
CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF-Token"
PROOF_FIELDS = "proof-"  # how the fields of a confirmation begin, beside those of the act
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_TOUCH_INTERVAL = timedelta(minutes=1)  # how exactly it is known when somebody was last there


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody, and the token that their forms must carry (empty: a program's).

    `confirmed_at`: when they last proved in this session who they are. `lacks_factor`: a role of
    theirs asks for a second factor, and none was shown in it. `awaits`: it waits for one.
    """

    person: Person
    csrf: str = ""
    confirmed_at: datetime | None = None
    lacks_factor: bool = False
    awaits: str | None = None


def cookie_name(instance: Instance, *, secure: bool) -> str:
    """Of each instance its own, since browsers tell no ports apart."""
    mark = sha256(f"{instance.mode}/{instance.name}".encode()).hexdigest()[:8]
    prefix = "__Host-" if secure else ""
    return f"{prefix}hypervisor-{mark}"


def is_secure(request: Request) -> bool:
    """Whether the browser came over https."""
    return bool(request.url.scheme == "https")


def set_cookie(
    request: Request, response: Response, name: str, text: str, *, seconds: float
) -> None:
    """Let the browser keep a secret that no script reads; empty: forget it."""
    response.set_cookie(
        name,
        text,
        max_age=int(seconds) if text else 0,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def digest_credential(request: Request) -> bytes:
    """A mark of the token or session that a request shows; of none, of where it comes from."""
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    instance: Instance | None = getattr(request.app.state, "instance", None)
    session = instance and request.cookies.get(cookie_name(instance, secure=is_secure(request)))
    return secrets.digest(token or session or get_address(request))


def get_address(request: Request) -> str:
    """Where a request comes from; empty: from a socket of this machine."""
    return request.client.host if request.client else ""


async def read_csrf_token(request: Request) -> str:
    """The token that came with the request: in its header, or in its form."""
    header = request.headers.get(CSRF_HEADER)
    if header is not None:
        return header
    if request.method in _SAFE_METHODS or not request.headers.get("content-type", "").startswith(
        _FORM_TYPES
    ):
        return ""
    csrf_token = (await request.form()).get(CSRF_FIELD)
    return csrf_token if isinstance(csrf_token, str) else ""


CsrfToken = Annotated[str, Depends(read_csrf_token)]


def find_account(request: Request, connection: Connection, instance: Instance) -> int | None:
    """The account whose session or token a request shows, if that is valid; nothing is recorded."""
    now: datetime = request.app.state.clock()
    _, _, token = request.headers.get("authorization", "").partition(" ")
    secret = request.cookies.get(cookie_name(instance, secure=is_secure(request)))
    row: tuple[Person, object] | None = None
    if token:
        row = queries_tokens.find_token(connection, secrets.digest(token.strip()), now=now)
    elif secret:
        digest = secrets.digest(secret)
        row = queries_sessions.find_session(connection, digest, now=now, idle=IDLE_TIMEOUT)
    return None if row is None else row[0].account


def identify(
    request: Request,
    connection: Connection,
    instance: Instance,
    csrf_token: str,
    *,
    awaiting: bool = False,
) -> Caller:
    """Who asks; `awaiting`: in a session that waits for a second factor.

    Raises:
        UnauthenticatedError: no valid session or token.
        ForbiddenError: a browser sends what none of our pages sent.
    """
    now: datetime = request.app.state.clock()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme and not awaiting:
        if scheme.lower() != "bearer":
            raise UnauthenticatedError("expected Authorization: Bearer and an API token")
        return _identify_token(request, connection, token.strip(), now)
    secret = request.cookies.get(cookie_name(instance, secure=is_secure(request)))
    if not secret:
        raise UnauthenticatedError("you are not signed in")
    return _identify_session(request, connection, secret, csrf_token, now, awaiting=awaiting)


def _identify_token(request: Request, connection: Connection, token: str, now: datetime) -> Caller:
    row = queries_tokens.find_token(connection, secrets.digest(token), now=now)
    if row is None:
        raise UnauthenticatedError("this token is not valid: it ended, was revoked or never was")
    person, used = row
    number = person.token
    if number is not None and (used is None or now - used > _TOUCH_INTERVAL):
        _write(request, lambda writing: queries_tokens.record_use(writing, number, now))
    return Caller(person=person)


def _identify_session(  # noqa: PLR0913  what a session shows
    request: Request,
    connection: Connection,
    secret: str,
    csrf_token: str,
    now: datetime,
    *,
    awaiting: bool,
) -> Caller:
    digest = secrets.digest(secret)
    row = queries_sessions.find_session(
        connection, digest, now=now, idle=IDLE_TIMEOUT, awaiting=awaiting
    )
    if row is None:
        raise UnauthenticatedError("the session is over: sign in again")
    person, session = row
    csrf = secrets.derive_csrf_token(secret)
    if request.method not in _SAFE_METHODS:
        require_same_origin(request)
        if not secrets.are_equal(csrf_token, csrf):
            raise ForbiddenError(
                "this request does not come from one of our pages: expected the session's "
                "{header} or form field {field!r}; load the page again",
                CSRF_HEADER,
                CSRF_FIELD,
            )
    if now - session.seen_at > _TOUCH_INTERVAL:
        _write(request, lambda writing: queries_sessions.touch_session(writing, digest, now))
    return Caller(
        person=person,
        csrf=csrf,
        confirmed_at=session.confirmed_at,
        lacks_factor=session.lacks_factor,
        awaits=session.awaits,
    )


def require_same_origin(request: Request) -> None:
    """Refuse what a browser sends on behalf of another site's page.

    Raises:
        ForbiddenError: it says so itself.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        foreign = site not in {"same-origin", "none"}
    else:
        host = request.headers.get("host")
        foreign = origin is not None and urlsplit(origin).netloc != host
    if foreign:
        raise ForbiddenError("another site's page sent this: open ours and try again there")


def _write(request: Request, write: Callable[[Connection], None]) -> None:
    pool: Pool = request.app.state.pool
    with pool.writing() as connection:
        write(connection)
