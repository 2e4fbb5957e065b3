"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access import queries as access_queries
from hypervisor.access.context import Context
from hypervisor.access.errors import ForbiddenError, TooManyAttemptsError, UnauthenticatedError
from hypervisor.accounts.api_signing import close_session, open_session
from hypervisor.database.connect import StoreError
from hypervisor.database.pool import Pool
from hypervisor.web.page import Page
from hypervisor.web.plain import plain

router = APIRouter()
PAGE: Page | None = None
_NextAddress = Annotated[str, Query(alias="next", max_length=2_000)]
_FormText = Annotated[str, Form(max_length=2_000)]


@router.get("/login")
def login_page(request: Request, target: _NextAddress = "/") -> Response:
    """The door."""
    return _render_login(request, target=target)


@router.post("/login")
def sign_in(
    request: Request,
    name: _FormText = "",
    password: _FormText = "",
    target: Annotated[str, Form(alias="next", max_length=2_000)] = "/",
) -> Response:
    """Open it, or say why not."""
    response = RedirectResponse(_local_address(target), status_code=303)
    try:
        open_session(request, response, name=name, password=password)
    except UnauthenticatedError:
        return _render_login(request, target=target, name=name, wrong="unknown", status_code=401)
    except TooManyAttemptsError as error:
        shown = _render_login(
            request, target=target, name=name, wait=error.seconds, status_code=429
        )
        shown.headers["Retry-After"] = str(max(1, round(error.seconds)))
        return shown
    except ForbiddenError:
        return _render_login(request, target=target, name=name, wrong="foreign", status_code=403)
    return response


@router.post("/logout")
def sign_out(
    context: Context, request: Request, *, everywhere: Annotated[bool, Form()] = False
) -> Response:
    """Out; everywhere, if that is asked for."""
    response = RedirectResponse("/login", status_code=303)
    close_session(context, request, response, everywhere=everywhere)
    return response


def _render_login(  # noqa: PLR0913  what the page shows
    request: Request,
    *,
    target: str,
    name: str = "",
    wrong: str = "",
    wait: float = 0,
    status_code: int = 200,
) -> Response:
    return plain(
        request,
        "login.html",
        status_code=status_code,
        target=_local_address(target),
        name=name,
        wrong=wrong,
        wait=wait,
        nobody=_has_no_accounts(request),
    )


def _has_no_accounts(request: Request) -> bool:
    """Whether no account exists yet: then the command that makes the first is told."""
    pool: Pool = request.app.state.pool
    try:
        with pool.connection() as connection:
            return not access_queries.list_accounts(connection)
    except StoreError:
        return False


def _local_address(address: str) -> str:
    """An address of ours; never another host's."""
    foreign = not address.startswith("/") or address[1:2] in {"/", "\\"} or "\n" in address
    return "/" if foreign else address
