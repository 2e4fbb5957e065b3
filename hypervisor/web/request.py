"""The request that is being answered, and what a browser asked for: language, theme, fragment."""

from contextvars import ContextVar
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hypervisor.access.context import RequestContext
from hypervisor.base.reader import LANGUAGES, THEMES, Reader, asked_by
from hypervisor.base.settings import Settings

_CURRENT: ContextVar[Request] = ContextVar("request")
_YEAR = 365 * 24 * 3600
_CHOICES = {"lang": LANGUAGES, "theme": THEMES}
_PROGRAMS = ("/api/", "/static/", "/openapi.json", "/metrics", "/cap/", "/public")


def current_request() -> Request:
    """The request that is being answered."""
    return _CURRENT.get()


def get_settings(request: Request | None = None) -> Settings:
    """The instance's settings."""
    settings: Settings = (request or current_request()).app.state.settings
    return settings


class RequestMiddleware:
    """Remembers the request; keeps `?lang=` and `?theme=` in a cookie and takes them away."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        current = Request(scope, receive)
        token = _CURRENT.set(current)
        try:
            moved = _choice_headers(scope)
            if moved is None:
                with asked_by(lambda: _reader(current)):
                    await self._app(scope, receive, send)
            else:
                await send({"type": "http.response.start", "status": 303, "headers": moved})
                await send({"type": "http.response.body", "body": b""})
        finally:
            _CURRENT.reset(token)


def reader_of(context: RequestContext, request: Request | None = None) -> Reader:
    """Who reads what is made for a request, by default the current one."""
    request = request or current_request()
    return Reader(
        language=language(request, getattr(getattr(context, "person", None), "language", None)),
        zone=ZoneInfo(context.instance.timezone),
        now=context.now(),
        theme=theme(request),
    )


def _reader(request: Request) -> Reader | None:
    access: RequestContext | None = getattr(request.state, "access", None)
    return None if access is None else reader_of(access, request)


def _choice_headers(scope: Scope) -> list[tuple[bytes, bytes]] | None:
    """Headers that keep a choice and lead to the same address without it; None: no choice made."""
    if scope["method"] != "GET" or scope["path"].startswith(_PROGRAMS):
        return None
    parameters = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    chosen = {name: value for name, value in parameters if value in _CHOICES.get(name, ())}
    if not chosen:
        return None
    rest = urlencode([(name, value) for name, value in parameters if name not in _CHOICES])
    path = "/" + quote(scope["path"].lstrip("/"))  # never another host's, nor another header
    address = f"{path}?{rest}" if rest else path
    headers = [(b"location", address.encode()), (b"cache-control", b"no-store")]
    for name, value in chosen.items():
        cookie: SimpleCookie = SimpleCookie({name: value})
        cookie[name].update({"path": "/", "max-age": str(_YEAR), "samesite": "Lax"})
        headers.append((b"set-cookie", cookie[name].OutputString().encode()))
    return headers


def theme(request: Request) -> str:
    """light, dark or auto."""
    chosen = request.cookies.get("theme", "auto")
    return chosen if chosen in THEMES else "auto"


def language(request: Request, preferred: str | None = None) -> str:
    """As chosen; else as the account says; else the browser's; else French."""
    for chosen in (request.cookies.get("lang"), preferred):
        if chosen in LANGUAGES:
            return str(chosen)
    for part in request.headers.get("accept-language", "").split(","):
        name = part.partition(";")[0].strip()[:2].lower()
        if name in LANGUAGES:
            return name
    return LANGUAGES[0]


def wants_fragment(request: Request | None = None) -> bool:
    """Whether htmx asks for a part of a page (and not for history it has lost)."""
    headers = (request or current_request()).headers
    return "hx-request" in headers and "hx-history-restore-request" not in headers
