"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import queries as access_queries
from hypervisor.access.context import Context
from hypervisor.access.errors import ForbiddenError, TooOftenError, UnauthorisedError
from hypervisor.accounts.api_signing import enter, leave
from hypervisor.database.connect import StoreError
from hypervisor.database.pool import Pool
from hypervisor.web.page import Page
from hypervisor.web.plain import plain

router = APIRouter()
PAGE: Page | None = None
_Next = Annotated[str, Query(alias="next", max_length=2_000)]
_Said = Annotated[str, Form(max_length=2_000)]


@router.get("/login")
def login(request: Request, wanted: _Next = "/") -> Response:
    """The door."""
    return _door(request, wanted=wanted)


@router.post("/login")
def knock(
    request: Request,
    name: _Said = "",
    password: _Said = "",
    wanted: Annotated[str, Form(alias="next", max_length=2_000)] = "/",
) -> Response:
    """Open it, or say why not."""
    response = RedirectResponse(_own(wanted), status_code=303)
    try:
        enter(request, response, name=name, password=password)
    except UnauthorisedError:
        return _door(request, wanted=wanted, name=name, wrong="unknown", status_code=401)
    except TooOftenError as error:
        shown = _door(request, wanted=wanted, name=name, wait=error.seconds, status_code=429)
        shown.headers["Retry-After"] = str(max(1, round(error.seconds)))
        return shown
    except ForbiddenError:
        return _door(request, wanted=wanted, name=name, wrong="foreign", status_code=403)
    return response


@router.post("/logout")
def logout(
    context: Context, request: Request, *, everywhere: Annotated[bool, Form()] = False
) -> Response:
    """Out; everywhere, if that is asked for."""
    response = RedirectResponse("/login", status_code=303)
    leave(context, request, response, everywhere=everywhere)
    return response


def _door(  # noqa: PLR0913  what the page shows
    request: Request,
    *,
    wanted: str,
    name: str = "",
    wrong: str = "",
    wait: float = 0,
    status_code: int = 200,
) -> Response:
    return plain(
        request,
        "login.html",
        status_code=status_code,
        wanted=_own(wanted),
        name=name,
        wrong=wrong,
        wait=wait,
        nobody=_nobody(request),
    )


def _nobody(request: Request) -> bool:
    """Whether no account exists yet: then the command that makes the first is told."""
    pool: Pool = request.app.state.pool
    try:
        with pool.connection() as connection:
            return not access_queries.every(connection)
    except StoreError:
        return False


def _own(wanted: str) -> str:
    """An address of ours; never another host's."""
    foreign = not wanted.startswith("/") or wanted[1:2] in {"/", "\\"} or "\n" in wanted
    return "/" if foreign else wanted
