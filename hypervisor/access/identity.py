"""Who asks: the session of a browser or the token of a program, and whether a form is ours."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from hypervisor.access import queries_sessions, queries_tokens, secrets
from hypervisor.access.errors import ForbiddenError, UnauthorisedError
from hypervisor.base.instance import Instance
from hypervisor.base.person import Person
from hypervisor.database.connect import Connection
from hypervisor.database.pool import Pool

IDLE = timedelta(hours=12)  # a night's shift without a touch
LONGEST = timedelta(days=7)
FIELD, HEADER = "csrf", "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_NOTED = timedelta(minutes=1)  # how exactly it is known when somebody was last there


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Somebody, and the token that their forms must carry (empty: a program's)."""

    person: Person
    csrf: str = ""


def cookie_name(instance: Instance, *, secure: bool) -> str:
    """Of each instance its own, since browsers tell no ports apart."""
    mark = sha256(f"{instance.mode}/{instance.name}".encode()).hexdigest()[:8]
    prefix = "__Host-" if secure else ""
    return f"{prefix}hypervisor-{mark}"


def is_secure(request: Request) -> bool:
    """Whether the browser came over https."""
    return bool(request.url.scheme == "https")


def shown(request: Request) -> bytes:
    """A mark of the token or session that a request shows; of none, of where it comes from."""
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    instance: Instance | None = getattr(request.app.state, "instance", None)
    session = instance and request.cookies.get(cookie_name(instance, secure=is_secure(request)))
    address = request.client.host if request.client else ""
    return secrets.digest(token or session or address)


async def said_csrf(request: Request) -> str:
    """The token that came with the request: in its header, or in its form."""
    header = request.headers.get(HEADER)
    if header is not None:
        return header
    if request.method in _SAFE or not request.headers.get("content-type", "").startswith(_FORMS):
        return ""
    said = (await request.form()).get(FIELD)
    return said if isinstance(said, str) else ""


Said = Annotated[str, Depends(said_csrf)]


def identify(request: Request, connection: Connection, instance: Instance, said: str) -> Asker:
    """Who asks.

    Raises:
        UnauthorisedError: nobody who can be known.
        ForbiddenError: a browser sends what none of our pages sent.
    """
    now: datetime = request.app.state.clock()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise UnauthorisedError("expected Authorization: Bearer and an API token")
        return _of_token(request, connection, token.strip(), now)
    secret = request.cookies.get(cookie_name(instance, secure=is_secure(request)))
    if not secret:
        raise UnauthorisedError("nobody is signed in")
    return _of_session(request, connection, secret, said, now)


def _of_token(request: Request, connection: Connection, token: str, now: datetime) -> Asker:
    found = queries_tokens.by_secret(connection, secrets.digest(token), now=now)
    if found is None:
        raise UnauthorisedError("this token is not valid: it ended, was revoked or never was")
    person, used = found
    number = person.token
    if number is not None and (used is None or now - used > _NOTED):
        _note(request, lambda writing: queries_tokens.used(writing, number, now))
    return Asker(person=person)


def _of_session(
    request: Request, connection: Connection, secret: str, said: str, now: datetime
) -> Asker:
    digest = secrets.digest(secret)
    found = queries_sessions.by_secret(connection, digest, now=now, idle=IDLE)
    if found is None:
        raise UnauthorisedError("the session is over: sign in again")
    person, session = found
    csrf = secrets.csrf(secret)
    if request.method not in _SAFE:
        require_own_page(request)
        if not secrets.same(said, csrf):
            raise ForbiddenError(
                f"this does not come from one of our pages: expected the session's {HEADER}"
                f" or form field {FIELD!r}; load the page again"
            )
    if now - session.seen_at > _NOTED:
        _note(request, lambda writing: queries_sessions.touch(writing, digest, now))
    return Asker(person=person, csrf=csrf)


def require_own_page(request: Request) -> None:
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


def _note(request: Request, write: Callable[[Connection], None]) -> None:
    pool: Pool = request.app.state.pool
    with pool.writing() as connection:
        write(connection)
