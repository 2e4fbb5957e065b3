"""Pages without a session, and for errors: no bar, no rail, no person."""

from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse

from hypervisor.access.context import RequestContext, get_instance
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.reader import Reader, current, reading
from hypervisor.base.translation import mark
from hypervisor.database.connect import StoreError
from hypervisor.database.pool import Pool
from hypervisor.web.access_errors import for_a_person
from hypervisor.web.rendering import environment
from hypervisor.web.request import language, theme, wants_fragment

_UNKNOWN = Instance(mode=Mode.LIVE, name="")
_TITLES = {
    400: mark("This request cannot be read"),
    403: mark("You may not do this"),
    404: mark("Not found"),
    409: mark("It has changed meanwhile"),
    413: mark("The request is too large"),
    422: mark("A value is not as expected"),
    429: mark("Too often"),
    503: mark("The server cannot answer now"),
}


_WORDS = {
    400: mark("Part of it cannot be read."),
    403: mark("Your roles do not give access to this. An administrator can give you another."),
    404: mark("It does not exist, or lies outside your territory."),
    429: mark("Wait a moment, then try again."),
    500: mark("The error is in the server's log. Try again; tell an administrator if it persists."),
    503: mark("Try again in a moment. What devices send is kept meanwhile."),
}


def plain(
    request: Request, template: str, *, status_code: int = 200, **context: Any
) -> HTMLResponse:
    """A page without a session: its template extends plain.html."""
    instance = _find_instance(request)
    reader = Reader(
        language=language(request, _find_preference(request)),
        zone=ZoneInfo(instance.timezone),
        now=request.app.state.clock(),
        theme=theme(request),
    )
    with reading(reader):
        text = (
            environment()
            .get_template(template)
            .render(
                instance=instance,
                exercise=instance.mode is Mode.EXERCISE,
                person=None,
                csrf_token="",
                reader=current(),
                lang=current().language,
                now=current().now,
                path=request.url.path,
                posted=request.method == "POST",
                position="",
                query=request.query_params,
                **context,
            )
        )
        return HTMLResponse(text, status_code=status_code)


def trouble(request: Request, status: HTTPStatus, detail: str) -> HTMLResponse | None:
    """What went wrong with a page or a part of one; None: a program asked."""
    if not for_a_person(request):
        return None
    template = "trouble_part.html" if wants_fragment(request) else "trouble.html"
    usual = _TITLES[400] if status.value < 500 else mark("Server error")
    title = _TITLES.get(status.value, usual)
    return plain(
        request,
        template,
        status_code=status.value,
        title=title,
        words=_WORDS.get(status.value, ""),
        detail=detail,
    )


def _find_preference(request: Request) -> str | None:
    """The language of the account that asks, where that is known."""
    access: RequestContext | None = getattr(request.state, "access", None)
    return access.person.language if access else None


def _find_instance(request: Request) -> Instance:
    """Unknown while the database does not answer."""
    pool: Pool = request.app.state.pool
    try:
        instance: Instance | None = getattr(request.app.state, "instance", None)
        if instance is not None:
            return instance
        with pool.connection() as connection:
            return get_instance(request, connection)
    except StoreError:
        return _UNKNOWN
