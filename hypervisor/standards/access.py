"""Who may read an output: no one, holders of a token, or the public what is marked so."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from http import HTTPStatus
from threading import Lock
from time import monotonic

from fastapi import FastAPI, Request, Response

from hypervisor.access.context import RequestContext, get_instance, public_context, request_context
from hypervisor.access.errors import TooManyAttemptsError
from hypervisor.access.identity import CsrfToken, cookie_name, get_address, is_secure
from hypervisor.access.throttle import network
from hypervisor.access.turns import RequestSlot
from hypervisor.base.settings import Output, Settings
from hypervisor.standards.model import NoResourceError

_MINUTE = 60.0  # s
_MOST = 10_000  # addresses that are counted at once
ErrorForm = Callable[[Request, HTTPStatus, str], Response]


class RequestRate:
    """Counts an address's requests of a minute."""

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        """Limit the requests of an address per minute."""
        self._most = most
        self._clock = clock
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = Lock()

    def spend(self, address: str) -> None:
        """Count a request.

        Raises TooManyAttemptsError: it is one too many.
        """
        now = self._clock()
        with self._lock:
            begin, count = self._counts.pop(address, (now, 0))
            if now - begin >= _MINUTE:
                begin, count = now, 0
            self._counts[address] = (begin, count + 1)
            while len(self._counts) > _MOST:
                self._counts.popitem(last=False)
        if count >= self._most:
            raise TooManyAttemptsError(
                "more than {most} requests in a minute without a token: wait",
                self._most,
                seconds=_MINUTE - (now - begin),
            )


def open_output(
    name: str,
) -> Callable[[Request, RequestSlot, CsrfToken], Iterator[RequestContext]]:
    """A dependency: the context of a request to the output whose setting has this name.

    It raises NoResourceError where the output is off, TooManyAttemptsError where an address without
    a token asks too often, UnauthenticatedError where a token is needed.
    """

    def dependency(
        request: Request, turn: RequestSlot, csrf_token: CsrfToken
    ) -> Iterator[RequestContext]:
        settings: Settings = request.app.state.settings
        output: Output = getattr(settings, name)
        if output == "off":
            raise NoResourceError("this output is off: see HYPERVISOR_{name}", name.upper())
        if output == "public" and not _shows_credential(request):
            rate: RequestRate = request.app.state.public_rate
            rate.spend(network(get_address(request)))
            yield from public_context(request)
        else:
            yield from request_context(request, turn, csrf_token)

    return dependency


def install(app: FastAPI, prefix: str, form: ErrorForm) -> None:
    """Answer errors below an address in this form; count requests without an account.

    What cannot be understood is 400 there, as these standards have it.
    """

    def answer(request: Request, status: HTTPStatus, detail: str) -> Response:
        if status is HTTPStatus.UNPROCESSABLE_ENTITY:
            status = HTTPStatus.BAD_REQUEST
        return form(request, status, detail)

    state = app.state
    if not hasattr(state, "error_forms"):
        state.error_forms = {}
        state.public_rate = RequestRate(state.settings.public_requests_per_minute)
    state.error_forms[prefix] = answer


def describe(request: Request, response: Response, name: str) -> None:
    """Headers of an answer: its licence, and that pages of any origin may read what is public."""
    settings: Settings = request.app.state.settings
    if settings.licence:
        response.headers["Link"] = f'<{settings.licence}>; rel="license"'
    if getattr(settings, name) == "public":
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def _shows_credential(request: Request) -> bool:
    if "authorization" in request.headers:
        return True
    instance = getattr(request.app.state, "instance", None)
    if instance is None:
        with request.app.state.pool.owning() as connection:
            instance = get_instance(request, connection)
    return cookie_name(instance, secure=is_secure(request)) in request.cookies
