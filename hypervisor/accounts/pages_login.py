"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context
from hypervisor.access.errors import ForbiddenError, TooManyAttemptsError, UnauthenticatedError
from hypervisor.access.turns import PasswordCheck
from hypervisor.accounts.api_signing import close_session, lead_on, open_session
from hypervisor.accounts.views_login import build_provider_logout, render_login
from hypervisor.web.page import Page
from hypervisor.web.plain import plain

router = APIRouter()
PAGE: Page | None = None
_NextAddress = Annotated[str, Query(alias="next", max_length=2_000)]
_FormText = Annotated[str, Form(max_length=2_000)]


@router.get("/login")
def login_page(request: Request, target: _NextAddress = "/") -> Response:
    """The door."""
    return render_login(request, target=target)


@router.post("/login")
def sign_in(
    _check: PasswordCheck,
    request: Request,
    name: _FormText = "",
    password: _FormText = "",
    target: Annotated[str, Form(alias="next", max_length=2_000)] = "/",
) -> Response:
    """Open it, or say why not."""
    try:
        _, opened = open_session(request, name=name, password=password)
    except UnauthenticatedError:
        return render_login(request, target=target, name=name, wrong="unknown", status_code=401)
    except TooManyAttemptsError as error:
        shown = render_login(request, target=target, name=name, wait=error.seconds, status_code=429)
        shown.headers["Retry-After"] = str(max(1, round(error.seconds)))
        return shown
    except ForbiddenError:
        return render_login(request, target=target, name=name, wrong="foreign", status_code=403)
    return lead_on(request, opened, target)


@router.post("/logout")
def sign_out(
    context: Context, request: Request, *, everywhere: Annotated[bool, Form()] = False
) -> Response:
    """Out, also at the identity provider that let them in; everywhere, if that is asked for.

    A page leads there, since browsers hold every address that a form leads to against its policy.
    """
    address = build_provider_logout(request, context)
    response: Response = RedirectResponse("/login", status_code=303)
    if address is not None:
        response = plain(request, "signed_out.html", address=address)
    close_session(context, request, response, everywhere=everywhere)
    return response
