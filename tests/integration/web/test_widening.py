"""Whatever widens what somebody may do asks for a signed-in person who has just proved it is them.

Every route is attacked with tokens, and with sessions whose proof is missing or too old.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from hypervisor.access.context import CONFIRMED_FOR
from hypervisor.base.duties import Duty
from hypervisor.database.connect import connect
from tests.integration.evaluation.world import World
from tests.integration.web.bodies import send_variant, variants
from tests.integration.web.digests import digests
from tests.integration.web.served import EVERYTHING, NOW, signed_in
from tests.integration.web.test_duties import (  # noqa: F401  fixtures
    base,
    takes,
    token_of,
    values,
    world,
    writes,
)

pytestmark = pytest.mark.integration

# Writes of administrators, and to one's own account, that widen nothing; by their beginning.
NARROW: Mapping[str, str] = {
    **dict.fromkeys(("/api/v1/auth/logout", "/logout"), "ends sessions"),
    **dict.fromkeys(
        (
            *("/api/v1/auth/tokens/{number}", "/account/tokens/{number}/revoke"),
            "/admin/tokens/{number}/revoke",
        ),
        "makes a token void",
    ),
    **dict.fromkeys(("/api/v1/auth/me/password", "/account/password"), "shows the password"),
    **dict.fromkeys(("/api/v1/auth/confirm", "/confirm"), "is the proof itself"),
    "/account": "a language",
    **dict.fromkeys(("/api/v1/armed-rules", "/armed-rules"), "arming alone asks, by its body"),
    "/admin/inventory": "only where an area or a site's commune changes, by its content",
    "/admin/devices/{name}/service": "whether its readings count",
    **dict.fromkeys(("/api/v1/works", "/admin/works"), "announced works"),
    **dict.fromkeys(("/admin/notifications", "/admin/settings"), "what is said to whom"),
    **dict.fromkeys(("/api/v1/exercises", "/exercises"), "the course of an exercise"),
}
# What somebody may do: the tables that say it.
RIGHTS = frozenset(
    {
        *("account", "account_role", "api_token", "provider_account", "sign_in_rules", "area"),
        *("totp_factor", "recovery_code", "required_factor", "passkey"),
        *("team", "team_member", "arming", "interlock", "external_mapping"),
    }
)
REFUSED = httpx.codes.FORBIDDEN


@contextmanager
def session_of(world: World, base: str, confirmed_at: datetime | None) -> Iterator[httpx.Client]:  # noqa: F811
    """An administrator of everything, who proved at that time who they are."""
    with signed_in(base, world.url, "stale", EVERYTHING) as client:
        with connect(world.url) as connection:
            connection.execute(
                "UPDATE session SET confirmed_at = %s"
                " WHERE account = (SELECT id FROM account WHERE name = 'stale')",
                [confirmed_at],
            )
        client.get("/api/v1/sites").raise_for_status()
        yield client


def test_every_write_says_whether_it_widens_what_somebody_may_do() -> None:
    for route in writes():
        if takes(route) and Duty.ADMINISTER not in takes(route):
            continue
        fits = [one for one in NARROW if route.path.startswith(one)]
        narrow = route.path if route.path == "/account" else max(fits, key=len, default="")
        listed = narrow in NARROW and (narrow != "/account" or route.path == "/account")
        assert route.widens != listed, (
            f"{route}: take ConfirmedContext in place of Context, or say in NARROW what it changes"
        )


def attack(world: World, client: httpx.Client, values: dict[str, Any]) -> None:  # noqa: F811
    """Everything that widens, in every way: all of it is refused, and no table changes."""
    before = digests(world.url, without=())
    for route in writes():
        if route.widens:
            for variant in variants(route, values):
                answer = send_variant(client, variant, values)
                assert answer.status_code == REFUSED, f"{variant}: {answer.text[:300]}"
    after = digests(world.url, without=())
    assert [name for name in after if after[name] != before[name]] == []


@pytest.mark.parametrize(
    "confirmed_at", [None, NOW - CONFIRMED_FOR, NOW - timedelta(days=1)], ids=str
)
def test_no_session_widens_anything_without_a_fresh_proof(
    world: World,  # noqa: F811
    base: str,  # noqa: F811
    values: dict[str, Any],  # noqa: F811
    confirmed_at: datetime | None,
) -> None:
    with session_of(world, base, confirmed_at) as client:
        attack(world, client, values)


@pytest.mark.parametrize(
    "scopes",
    [tuple(Duty), *(pytest.param((Duty.READ, duty), marks=pytest.mark.long) for duty in Duty)],
    ids="-".join,
)
def test_no_token_widens_anything(
    world: World,  # noqa: F811
    base: str,  # noqa: F811
    values: dict[str, Any],  # noqa: F811
    scopes: tuple[Duty, ...],
) -> None:
    with token_of(world, base, *scopes) as client:
        client.get("/api/v1/sites").raise_for_status()
        attack(world, client, values)


@pytest.mark.long
@pytest.mark.parametrize("shows", ["token", "session"])
def test_no_route_at_all_changes_what_somebody_may_do(
    world: World,  # noqa: F811
    base: str,  # noqa: F811
    values: dict[str, Any],  # noqa: F811
    shows: str,
) -> None:
    """Nor one that has not been declared. It changes everything else: the last test."""
    made = (
        session_of(world, base, NOW - CONFIRMED_FOR)
        if shows == "session"
        else token_of(world, base, *Duty)
    )
    with made as client:
        client.get("/api/v1/sites").raise_for_status()  # when a token was shown is remembered
        before = digests(world.url, without=())
        assert before.keys() >= RIGHTS
        for route in writes():
            narrows = route.path.endswith(("/logout", "/revoke")) or route.method == "DELETE"
            if narrows or route.path == "/account":  # a language
                continue
            for variant in variants(route, values):
                answer = send_variant(client, variant, values)
                assert answer.status_code < 500, f"{variant}: {answer.text[:300]}"
        after = digests(world.url, without=())
    assert [name for name in sorted(RIGHTS) if after[name] != before[name]] == []
    assert after["log_entry"] != before["log_entry"], "it acted at all"
