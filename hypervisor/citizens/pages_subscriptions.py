"""Subscriptions to a commune's warnings: asked for, confirmed and ended without a script."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request, Response
from fastapi.responses import HTMLResponse

from hypervisor.access.identity import get_address
from hypervisor.access.throttle import network
from hypervisor.access.turns import RequestSlot
from hypervisor.base.errors import NotFoundError
from hypervisor.base.translation import mark
from hypervisor.citizens import views
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.errors import SubscriptionError
from hypervisor.citizens.front import CitizenPages, read_request, style_address
from hypervisor.citizens.subscriptions import Subscriptions, is_open
from hypervisor.citizens.views import PageRequest
from hypervisor.database.pool import Pool
from hypervisor.web.page import Page

router = APIRouter()
PAGE: Page | None = None
_OFF = mark("subscriptions are switched off here: see HYPERVISOR_CITIZENS_MAIL")


def _open(request: Request, _turn: RequestSlot) -> Subscriptions:
    """Raises NotFoundError: subscriptions are off."""
    settings = request.app.state.settings
    if not is_open(settings, _pages(request).get_situation().instance.mode):
        raise NotFoundError(_OFF)
    return Subscriptions(key=AddressKey(secret=settings.citizens_key))


Open = Annotated[Subscriptions, Depends(_open)]
Token = Annotated[str, Path(max_length=100)]


@router.post("/public/subscriptions")
def request_subscription(
    subscriptions: Open,
    request: Request,
    address: Annotated[str, Form(max_length=300)] = "",
    commune: Annotated[str, Form(max_length=10)] = "",
    lang: Annotated[str, Form(max_length=2)] = "",
) -> Response:
    """Ask the address's owner to confirm. The answer is the same whether it is there already."""
    _pages(request).request_rate.spend(network(get_address(request)))
    situation = _pages(request).get_situation()
    if not situation.subscriptions:
        raise NotFoundError(_OFF)
    language = lang if lang in situation.official else "fr"
    if commune not in situation.communes:
        raise NotFoundError("there is no {what}", commune)
    try:
        with _pool(request).writing() as connection:
            subscriptions.request(connection, address, commune=commune, language=language)
    except SubscriptionError:
        return _render(request, "invalid", language=language, commune=commune, status=422)
    return _render(request, "requested", language=language, commune=commune)


@router.get("/public/subscriptions/{token}")
def show_confirmation(subscriptions: Open, request: Request, token: Token) -> Response:
    """A button that confirms: mail programs follow links by themselves, and press none."""
    with _pool(request).owning() as connection:
        commune = subscriptions.find_commune(connection, token)
    if commune is None:
        return _render(request, "late", status=404)
    return _render(request, "confirm", commune=commune, token=token)


@router.post("/public/subscriptions/{token}")
def confirm(subscriptions: Open, request: Request, token: Token) -> Response:
    """From now on warnings are mailed."""
    with _pool(request).writing() as connection:
        commune = subscriptions.find_commune(connection, token)
        if not subscriptions.confirm(connection, token):
            return _render(request, "late", status=404)
    return _render(request, "confirmed", commune=commune)


@router.get("/public/unsubscribe/{token}")
def show_end(_subscriptions: Open, request: Request, token: Token) -> Response:
    """A button that ends all subscriptions of an address."""
    return _render(request, "leave", token=token)


@router.post("/public/unsubscribe/{token}")
def leave(subscriptions: Open, request: Request, token: Token) -> Response:
    """Delete the address at once: a page's button, or a mail program's one click (RFC 8058)."""
    with _pool(request).writing() as connection:
        if not subscriptions.leave(connection, token):
            return _render(request, "late", status=404)
    return _render(request, "left")


def _pages(request: Request) -> CitizenPages:
    pages: CitizenPages = request.app.state.citizens
    return pages


def _pool(request: Request) -> Pool:
    pool: Pool = request.app.state.pool
    return pool


def _render(
    request: Request,
    state: str,
    *,
    language: str = "",
    commune: str | None = None,
    status: int = 200,
    **values: Any,
) -> Response:
    situation = _pages(request).get_situation()
    page = PageRequest(
        language=language or read_request(request.scope).language,
        commune=situation.communes.get(commune or ""),
    )
    text = views.render_subscription(situation, page, style_address(), state=state, **values)
    headers = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return HTMLResponse(text, status_code=status, headers=headers)
