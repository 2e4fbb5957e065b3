"""What a form makes is shown once: a cookie carries it to the page, which takes it away."""

import json
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from fastapi import Response
from fastapi.responses import RedirectResponse

from hypervisor.access import secrets
from hypervisor.access.context import RequestContext
from hypervisor.access.identity import is_secure
from hypervisor.web.request import current_request

_COOKIE = "hypervisor-once"
_SECONDS = 60


def leads_to(context: RequestContext, address: str, flash: Mapping[str, str]) -> Response:
    """To a page that shows this. Loaded again, it neither shows it nor makes another."""
    text = json.dumps(flash).encode().hex()
    response = RedirectResponse(address, status_code=303)
    response.set_cookie(
        _COOKIE,
        f"{text}.{secrets.sign(context.csrf, text)}",
        max_age=_SECONDS,
        path=urlsplit(address).path,
        secure=is_secure(current_request()),
        httponly=True,
        samesite="strict",
    )
    return response


def page(context: RequestContext, make: Callable[[Mapping[str, str]], Response]) -> Response:
    """The page that `make` makes of what was said (nothing, where no form led here)."""
    request = current_request()
    flash = _read_cookie(context, request.cookies.get(_COOKIE, ""))
    response = make(flash)
    if flash:
        response.delete_cookie(_COOKIE, path=request.url.path, httponly=True, samesite="strict")
    return response


def _read_cookie(context: RequestContext, cookie: str) -> dict[str, str]:
    """What the cookie carries, if a form of this very session made it."""
    text, _, mark = cookie.partition(".")
    if not text or not secrets.are_equal(mark, secrets.sign(context.csrf, text)):
        return {}
    return dict(json.loads(bytes.fromhex(text)))
