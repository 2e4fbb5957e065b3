"""The door: local accounts and, where one is connected, the authority's identity provider."""

from typing import Any

from fastapi import Request, Response

from hypervisor.access import queries as access_queries
from hypervisor.access import secrets
from hypervisor.access.context import RequestContext
from hypervisor.accounts import queries_provider, service_provider
from hypervisor.accounts.provider import Provider, load_provider
from hypervisor.accounts.provider_calls import ProviderError
from hypervisor.accounts.sign_in_rules import SignInRules
from hypervisor.base.translation import mark
from hypervisor.database.connect import Connection, StoreError
from hypervisor.database.pool import Pool
from hypervisor.web.plain import plain
from hypervisor.web.request import get_settings
from sensors._errors import TerritoryError


def render_login(  # noqa: PLR0913  what the page shows
    request: Request,
    *,
    target: str,
    name: str = "",
    wrong: str = "",
    wait: float = 0,
    refusal: str = "",
    status_code: int = 200,
) -> Response:
    """The page to sign in. `refusal`: why it did not work with the identity provider."""
    return plain(
        request,
        "login.html",
        status_code=status_code,
        target=local_address(target),
        name=name,
        wrong=wrong,
        wait=wait,
        refusal=refusal,
        **_read_door(request),
    )


def _read_door(request: Request) -> dict[str, Any]:
    """Whether no account exists yet (the command that makes the first is shown); the provider."""
    pool: Pool = request.app.state.pool
    try:
        with pool.connection() as connection:
            return {
                "nobody": not access_queries.list_accounts(connection),
                "provider": find_provider_rules(request, connection),
            }
    except StoreError:
        return {"nobody": False, "provider": None}


def local_address(address: str) -> str:
    """An address of ours; never another host's."""
    foreign = not address.startswith("/") or address[1:2] in {"/", "\\"} or "\n" in address
    return "/" if foreign else address


def get_provider(request: Request) -> Provider | None:
    """The identity provider of the settings, one an application; None: there is none."""
    state = request.app.state
    if not hasattr(state, "provider"):
        state.provider = load_provider(get_settings(request))
    provider: Provider | None = state.provider
    return provider


def find_provider_rules(request: Request, connection: Connection) -> SignInRules | None:
    """The sign-in rules in force; None: the provider is not connected.

    Rules that can no longer be read close its door, not that of local accounts.
    """
    if get_provider(request) is None:
        return None
    try:
        return service_provider.load_rules(connection)
    except TerritoryError:
        return None


def build_url(request: Request, path: str) -> str:
    """The address of a page of ours as the provider knows it."""
    base = get_settings(request).public_url or str(request.base_url)
    return f"{base.rstrip('/')}{path}"


def list_registered(request: Request) -> dict[str, str]:
    """What the provider has to know of this instance: what for, and the address."""
    return {
        mark("redirect URI"): build_url(request, "/login/provider/callback"),
        mark("post-logout redirect URI"): build_url(request, "/login"),
        mark("back-channel logout URI"): build_url(request, "/login/provider/logout"),
    }


def build_provider_logout(request: Request, context: RequestContext) -> str | None:
    """Where the browser signs out of the provider, too; None: it need not, or cannot."""
    provider = get_provider(request)
    if provider is None:
        return None
    with context.owning() as connection:
        id_token = queries_provider.find_id_token(connection, context.person.session)
    if id_token is None:
        return None
    try:
        return provider.build_logout_url(
            id_token, build_url(request, "/login"), secrets.generate_session(), context.clock()
        )
    except ProviderError:
        return None
