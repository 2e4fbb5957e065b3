"""Acts that must be confirmed first: what a program is told, and the page that a person sees."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hypervisor.access.context import RequestContext
from hypervisor.access.errors import UnconfirmedError
from hypervisor.accounts.views_confirm import read_held_form, render_confirmation
from hypervisor.web.access_errors import for_a_person
from hypervisor.web.problems import answer
from hypervisor.web.request import wants_fragment

ADDRESS = "/api/v1/auth/confirm"


def install(app: FastAPI) -> None:
    """Answer them."""

    @app.exception_handler(UnconfirmedError)
    async def _unconfirmed(request: Request, error: UnconfirmedError) -> Response:
        access: RequestContext | None = getattr(request.state, "access", None)
        if access is None or wants_fragment(request) or not for_a_person(request):
            return answer(request, HTTPStatus.FORBIDDEN, str(error), confirm=ADDRESS)
        held = await read_held_form(request)
        return await run_in_threadpool(render_confirmation, request, access.person, held)
