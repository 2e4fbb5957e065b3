"""Errors as application/problem+json: only this package knows HTTP."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hypervisor.base.errors import ConflictError, NotFoundError, UnseenError
from hypervisor.database.connect import StoreError
from hypervisor.web.schemas import Problem
from sensors._errors import TerritoryError

MEDIA = "application/problem+json"
_MOST_SLIPS = 100  # of a body; who has more mends those first
_ITS = "Value error, "  # pydantic's, before what a validator of ours says


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What the description of an endpoint says about its errors."""
    return {
        code: {
            "description": HTTPStatus(code).phrase,
            "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for code in (*codes, 503)
    }


def install(app: FastAPI) -> None:
    """Answer every error in one form."""

    @app.exception_handler(NotFoundError)
    def _absent(request: Request, error: NotFoundError) -> Response:
        return answer(request, HTTPStatus.NOT_FOUND, str(error))

    @app.exception_handler(ConflictError)
    def _changed(request: Request, error: ConflictError) -> Response:
        by_header = "if-match" in request.headers
        status = HTTPStatus.PRECONDITION_FAILED if by_header else HTTPStatus.CONFLICT
        return answer(request, status, str(error))

    @app.exception_handler(UnseenError)
    def _unseen(request: Request, error: UnseenError) -> Response:
        return answer(request, HTTPStatus.PRECONDITION_REQUIRED, str(error))

    @app.exception_handler(StoreError)
    def _away(request: Request, error: StoreError) -> Response:
        return answer(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    @app.exception_handler(RequestValidationError)
    def _wrong(request: Request, error: RequestValidationError) -> Response:
        slips = [
            {"where": _format_location(detail["loc"]), "problem": detail["msg"].removeprefix(_ITS)}
            for detail in error.errors()[:_MOST_SLIPS]
        ]
        text = "; ".join(f"{slip['where']}: {slip['problem']}" for slip in slips)
        return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, text, errors=slips)

    @app.exception_handler(TerritoryError)
    def _mendable(request: Request, error: TerritoryError) -> Response:
        return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    @app.exception_handler(Exception)
    def _ours(request: Request, _: Exception) -> Response:
        text = "the server failed at this; its log says how"
        return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, text)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        response = answer(request, HTTPStatus(error.status_code), str(error.detail))
        response.headers.update(error.headers or {})
        return response


def _format_location(place: Sequence[int | str]) -> str:
    """A field's way in words: `limit`, `acts 2 version`, `body` where all of it is meant."""
    named = place[1:] if len(place) > 1 else place
    return " ".join(str(part + 1) if isinstance(part, int) else part for part in named)


def answer(request: Request, status: HTTPStatus, detail: str, **more: Any) -> Response:
    """An error as a body; `more`: members of its own. To who asked for a page, as a page.

    Below an address that follows a standard, in the standard's form.
    """
    for prefix, form in getattr(request.app.state, "error_forms", {}).items():
        if request.url.path.startswith(prefix):
            return form(request, status, detail)  # type: ignore[no-any-return]
    trouble = getattr(request.app.state, "trouble", None)
    page: Response | None = trouble(request, status, detail) if trouble else None
    if page is not None:
        return page
    return describe_problem(request, status, detail, **more)


def describe_problem(request: Request, status: HTTPStatus, detail: str, **more: Any) -> Response:
    """An error as problem+json, for any client."""
    banner = getattr(request.app.state, "banner", None)
    problem = Problem(
        title=status.phrase,
        status=status.value,
        detail=detail,
        instance=request.url.path,
        mode=banner,
    )
    return JSONResponse(
        {**problem.model_dump(), **more}, status_code=status.value, media_type=MEDIA
    )
