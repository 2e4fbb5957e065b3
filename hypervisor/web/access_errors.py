"""Who may not, answered: to a program as problem+json, to a person as a page or signing in."""

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from hypervisor.access.errors import (
    AccountError,
    BusyError,
    FieldOnlyError,
    ForbiddenError,
    NoAccountError,
    TooManyAttemptsError,
    UnauthenticatedError,
)
from hypervisor.web.problems import answer

RETRY = 5  # s that who finds a queue too long waits
_PROGRAMS = ("/api/", "/openapi.json", "/metrics", "/static/")


def for_a_person(request: Request) -> bool:
    """Whether a page was asked for; standards have errors of a form of their own."""
    outputs = getattr(request.app.state, "error_forms", {})
    return not request.url.path.startswith((*_PROGRAMS, *outputs))


def install(app: FastAPI) -> None:
    """Answer them."""

    @app.exception_handler(UnauthenticatedError)
    def _unknown(request: Request, error: UnauthenticatedError) -> Response:
        if for_a_person(request):
            return _redirect_to_sign_in(request)
        response = answer(request, HTTPStatus.UNAUTHORIZED, str(error))
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    @app.exception_handler(ForbiddenError)
    def _forbidden(request: Request, error: ForbiddenError) -> Response:
        if isinstance(error, FieldOnlyError) and request.method == "GET" and for_a_person(request):
            return RedirectResponse("/field", status_code=HTTPStatus.SEE_OTHER)
        return answer(request, HTTPStatus.FORBIDDEN, str(error))

    @app.exception_handler(TooManyAttemptsError)
    def _slowed(request: Request, error: TooManyAttemptsError) -> Response:
        response = answer(request, HTTPStatus.TOO_MANY_REQUESTS, str(error))
        response.headers["Retry-After"] = str(max(1, round(error.seconds)))
        return response

    @app.exception_handler(BusyError)
    def _busy(request: Request, error: BusyError) -> Response:
        response = answer(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        response.headers["Retry-After"] = str(RETRY)
        return response

    @app.exception_handler(AccountError)
    def _refused(request: Request, error: AccountError) -> Response:
        absent = isinstance(error, NoAccountError)
        status = HTTPStatus.NOT_FOUND if absent else HTTPStatus.UNPROCESSABLE_ENTITY
        return answer(request, status, str(error))


def _redirect_to_sign_in(request: Request) -> Response:
    """Back to where they were afterwards, if that was a page that can be looked at again."""
    part = "hx-request" in request.headers
    here = request.headers.get("hx-current-url", "/") if part else str(request.url)
    address = "/" + here.split("://", 1)[-1].partition("/")[2]
    again = part or request.method == "GET"
    target = f"/login?{urlencode({'next': address})}" if again and address != "/" else "/login"
    if part:  # htmx would put the page into the part
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)
