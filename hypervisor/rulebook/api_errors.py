"""Errors of rules and thresholds as problem+json: with line and column where a text is wrong."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response

from hypervisor.base.errors import RulebookError, StaleError, UnknownError
from hypervisor.rulebook.schemas import slip_of
from hypervisor.web.preconditions import PreconditionError
from hypervisor.web.problems import answer
from rules._errors import RuleError

_STATUS = (
    (StaleError, HTTPStatus.PRECONDITION_FAILED),
    (PreconditionError, HTTPStatus.PRECONDITION_REQUIRED),
    (UnknownError, HTTPStatus.NOT_FOUND),
)


def install(app: FastAPI) -> None:
    """Register the exception handlers."""

    @app.exception_handler(RulebookError)
    def _refused(request: Request, error: RulebookError) -> Response:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        for kind, mapped in _STATUS:
            if isinstance(error, kind):
                status = mapped
        return answer(request, status, str(error))

    @app.exception_handler(RuleError)
    def _slip(request: Request, error: RuleError) -> Response:
        return answer(
            request,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            str(error),
            errors=[slip_of(error).model_dump()],
        )
