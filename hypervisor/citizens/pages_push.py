"""Web push: a browser subscribes and leaves. What confirms it is that of mails."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hypervisor.access.identity import get_address
from hypervisor.access.throttle import network
from hypervisor.access.turns import RequestSlot
from hypervisor.base.errors import NotFoundError
from hypervisor.citizens import push_hosts
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.front import CitizenPages
from hypervisor.citizens.push_service import Browser
from hypervisor.citizens.subscriptions import Subscriptions
from hypervisor.database.pool import Pool
from hypervisor.web.page import Page

router = APIRouter()
PAGE: Page | None = None
Endpoint = Annotated[str, Field(max_length=1_000)]
Key = Annotated[str, Field(max_length=100)]


class BrowserKeys(BaseModel):
    """As browsers write them (base64url)."""

    p256dh: Key
    auth: Key


class PushSubscription(BaseModel):
    """What a browser's PushSubscription says, and for what."""

    model_config = ConfigDict(extra="ignore")

    endpoint: Endpoint = Field(examples=["https://push.example/1"])
    keys: BrowserKeys = Field(examples=[{"p256dh": "BA", "auth": "AA"}])
    commune: str = Field(max_length=10)
    lang: str = Field(default="fr", max_length=2)


class PushEnd(BaseModel):
    """A browser that leaves."""

    endpoint: Endpoint = Field(examples=["https://push.example/1"])


def _open(request: Request, _turn: RequestSlot) -> Subscriptions:
    """Raises NotFoundError: web push is off, TooManyAttemptsError: the address asks too often."""
    pages: CitizenPages = request.app.state.citizens
    if not pages.get_situation().push_key:
        raise NotFoundError("no browser can subscribe here: see HYPERVISOR_CITIZENS_PUSH")
    pages.request_rate.spend(network(get_address(request)))
    return Subscriptions(key=AddressKey(secret=request.app.state.settings.citizens_key))


Open = Annotated[Subscriptions, Depends(_open)]


@router.post("/public/push", status_code=202)
def subscribe(subscriptions: Open, request: Request, body: PushSubscription) -> Response:
    """Have the browser show a notification that confirms.

    Raises EndpointError: its push service is not allowed.
    """
    pages: CitizenPages = request.app.state.citizens
    pool: Pool = request.app.state.pool
    situation = pages.get_situation()
    if body.commune not in situation.communes:
        raise NotFoundError("there is no {what}", body.commune)
    browser = Browser(endpoint=body.endpoint, p256dh=body.keys.p256dh, auth=body.keys.auth)
    hosts = push_hosts.parse(request.app.state.settings.citizens_push)
    language = body.lang if body.lang in situation.official else "fr"
    with pool.writing() as connection:
        subscriptions.request_push(
            connection, hosts, browser, commune=body.commune, language=language
        )
    return Response(status_code=202)


@router.post("/public/push/end", status_code=204)
def end(subscriptions: Open, request: Request, body: PushEnd) -> Response:
    """Delete all that is stored of a browser; the answer is the same if there is nothing."""
    pool: Pool = request.app.state.pool
    with pool.writing() as connection:
        subscriptions.end_push(connection, body.endpoint)
    return Response(status_code=204)
