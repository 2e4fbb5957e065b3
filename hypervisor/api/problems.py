"""Errors as application/problem+json: only this package knows HTTP."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hypervisor.api.shapes import Problem
from hypervisor.store.connect import StoreError
from sensors._errors import TerritoryError

_MEDIA = "application/problem+json"


class NotFoundError(TerritoryError):
    """Nothing stands at this address: says what was asked for and what is near."""


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What the description of an endpoint says about its errors."""
    return {
        code: {
            "description": HTTPStatus(code).phrase,
            "content": {_MEDIA: {"schema": Problem.model_json_schema()}},
        }
        for code in (*codes, 503)
    }


def install(app: FastAPI) -> None:
    """Answer every error in one form."""

    @app.exception_handler(NotFoundError)
    def _absent(request: Request, error: NotFoundError) -> JSONResponse:
        return answer(request, HTTPStatus.NOT_FOUND, str(error))

    @app.exception_handler(StoreError)
    def _away(request: Request, error: StoreError) -> JSONResponse:
        return answer(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    @app.exception_handler(RequestValidationError)
    def _wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        said = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}"
            for one in error.errors()
        )
        return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, said)

    @app.exception_handler(Exception)
    def _ours(request: Request, _: Exception) -> JSONResponse:
        said = "the server failed at this; its log says how"
        return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, said)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        return answer(request, HTTPStatus(error.status_code), str(error.detail))


def answer(request: Request, status: HTTPStatus, detail: str, **more: Any) -> JSONResponse:
    """An error as a body; `more`: members of its own."""
    known = getattr(request.app.state, "banner", None)
    problem = Problem(
        title=status.phrase,
        status=status.value,
        detail=detail,
        instance=request.url.path,
        mode=known,
    )
    return JSONResponse(
        {**problem.model_dump(), **more}, status_code=status.value, media_type=_MEDIA
    )
