"""Errors of rules and thresholds as problem+json, with line and column in a text."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response

from hypervisor.base.errors import RulebookError, StaleError, UnknownError
from hypervisor.rulebook.schemas import Slip
from hypervisor.web.problems import answer
from rules._errors import RuleError

_STATUS = (
    (StaleError, HTTPStatus.PRECONDITION_FAILED),
    (UnknownError, HTTPStatus.NOT_FOUND),
)


def install(app: FastAPI) -> None:
    """Register the exception handlers."""

    @app.exception_handler(RulebookError)
    def _refused(request: Request, error: RulebookError) -> Response:
        kinds = (status for kind, status in _STATUS if isinstance(error, kind))
        return answer(request, next(kinds, HTTPStatus.UNPROCESSABLE_ENTITY), str(error))

    @app.exception_handler(RuleError)
    def _slip(request: Request, error: RuleError) -> Response:
        slips = [Slip.of(error).model_dump()]
        return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error), errors=slips)
