"""Every write takes its duty: each route, with every body, sent by accounts that lack it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import httpx
import pytest

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_tokens, secrets
from hypervisor.base.duties import Duty
from hypervisor.database import databases
from hypervisor.database.connect import connect
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.world import World
from tests.integration.web.bodies import Variant, send_variant, variants
from tests.integration.web.conftest import NORTH, two_towns
from tests.integration.web.digests import digests, of_south
from tests.integration.web.others import settle
from tests.integration.web.served import EVERYTHING, NOW, server, signed_in
from tests.integration.web.trying import OPEN, SAFE, Route, every_route, send

pytestmark = pytest.mark.integration

# What a write takes, by the beginning of its address; none: a person's own account.
TAKES: Mapping[str, frozenset[Duty]] = {
    **dict.fromkeys(("/api/v1/auth/", "/account", "/logout", "/confirm"), frozenset[Duty]()),
    # Nothing is written: what was typed is checked, tried, drawn.
    **dict.fromkeys(
        (
            *("/api/v1/backtests", "/rules/new/draft", "/rules/new/trial"),
            *("/rules/{rule}/draft", "/rules/{rule}/trial"),
        ),
        frozenset({Duty.READ}),
    ),
    **dict.fromkeys(
        (
            *("/api/v1/alarms", "/alarms", "/api/v1/log", "/log", "/api/v1/handovers", "/handover"),
            *("/sites", "/quality", "/api/v1/series", "/api/v1/readings", "/api/v1/dead-letters"),
            *("/api/v1/incidents", "/incidents", "/api/v1/publications", "/publications"),
            "/expert-forecasts",
            *("/api/v1/interventions", "/interventions"),
        ),
        frozenset({Duty.OPERATE}),
    ),
    **dict.fromkeys(
        (
            *("/api/v1/commands", "/commands"),
            *("/api/v1/proposed-commands", "/proposed-commands"),
        ),
        frozenset({Duty.COMMAND}),
    ),
    **dict.fromkeys(  # as the act is
        ("/api/v1/commands/{key}/steps", "/commands/{key}/acts"),
        frozenset({Duty.COMMAND, Duty.COUNTERSIGN}),
    ),
    "/api/v1/interlocks": frozenset({Duty.ADMINISTER}),
    **dict.fromkeys(  # controllers disarm
        ("/api/v1/armed-rules", "/armed-rules"), frozenset({Duty.ADMINISTER, Duty.COMMAND})
    ),
    "/api/v1/interlocks/trial": frozenset({Duty.READ}),
    "/api/v1/hooks": frozenset({Duty.SEND}),
    "/api/v1/field": frozenset({Duty.FIELD}),
    **dict.fromkeys(
        ("/api/v1/rules", "/rules", "/api/v1/thresholds", "/thresholds"),
        frozenset({Duty.WRITE_RULES}),
    ),
    **dict.fromkeys(
        ("/api/v1/past-events", "/thresholds/{key:path}/events"),
        frozenset({Duty.OPERATE, Duty.WRITE_RULES}),  # either of them
    ),
    **dict.fromkeys(
        (
            *("/api/v1/accounts", "/admin", "/api/v1/works", "/api/v1/exercises", "/exercises"),
            *("/api/v1/teams", "/teams"),
        ),
        frozenset({Duty.ADMINISTER}),
    ),
}
# A read that does what follows from what is stored, or remembers when a token was shown.
DERIVED = frozenset({"feed", "event_log", "incident", "incident_alarm", "incident_state"})
REFUSED = httpx.codes.FORBIDDEN


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    with closing(two_towns(stack.database.url(name), "zorn")) as made:
        yield made
    databases.drop(stack.maintenance_url, name)


@pytest.fixture(scope="module")
def values(world: World) -> dict[str, Any]:
    return settle(world)


@pytest.fixture(scope="module")
def base(world: World) -> Iterator[str]:
    with server(world.url) as found:
        yield found


def takes(route: Route) -> frozenset[Duty]:
    """By the longest beginning that is listed."""
    fits = [one for one in TAKES if route.path.startswith(one)]
    assert fits, f"{route}: say in TAKES which duty it takes"
    return TAKES[max(fits, key=len)]


def writes() -> list[Route]:
    return [route for route in every_route() if route.method not in SAFE and route.path not in OPEN]


def token_of(world: World, base: str, *scopes: Duty) -> httpx.Client:
    """A program of an administrator, whose token may do less than they."""
    session = signed_in(base, world.url, "owner", EVERYTHING)
    session.close()
    secret = secrets.generate_token()
    with connect(world.url) as connection:
        queries_tokens.insert_token(
            connection,
            account=access_queries.get_account(connection, "owner").id,
            secret=secrets.digest(secret),
            prefix=secret[: secrets.VISIBLE_LENGTH],
            name="a program",
            scopes=scopes,
            created_at=NOW,
            ends_at=NOW.replace(year=2025),
        )
    return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {secret}"}, timeout=30)


def unrefused(
    client: httpx.Client, duties: frozenset[Duty], values: Mapping[str, Any], *, each: bool
) -> tuple[list[str], list[str]]:
    """The routes that refused what lacked its duty, once a body; what was not refused."""
    refused, through = [], []
    for route in writes():
        if not takes(route) or takes(route) & duties:
            continue
        for variant in variants(route, values, each=each):
            answer = send_variant(client, variant, values)
            if answer.status_code == REFUSED or _tells_apart(variant, answer):
                refused.append(str(route))
            elif not _malformed(answer):
                through.append(f"{variant}: {answer.status_code} {answer.text[:200]}")
        if str(route) not in refused:
            through.append(f"{route}: none of its bodies came as far as its duty")
    return refused, through


def _tells_apart(variant: Variant, answer: httpx.Response) -> bool:
    """The form for several alarms answers alarm by alarm what was refused."""
    return variant.route.path == "/alarms/acts" and answer.status_code == httpx.codes.SEE_OTHER


def _malformed(answer: httpx.Response) -> bool:
    """Two fields that exclude each other, say: it was refused before the account was checked."""
    problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    return answer.status_code == 422 and problem and answer.json()["detail"].startswith("body: ")


def _refuses(
    client: httpx.Client,
    duties: frozenset[Duty],
    world: World,
    values: dict[str, Any],
    *,
    each: bool,
) -> None:
    before = digests(world.url, without=())
    refused, through = unrefused(client, duties, values, each=each)
    after = digests(world.url, without=())
    assert len(refused) > 50
    assert not through, "\n".join(through)
    assert [name for name in after if after[name] != before[name]] == []


def test_a_viewer_writes_nothing(world: World, base: str, values: dict[str, Any]) -> None:
    with signed_in(base, world.url, "vera", (("viewer", None),)) as viewer:
        _refuses(viewer, frozenset({Duty.READ}), world, values, each=False)


@pytest.mark.long
@pytest.mark.parametrize(
    ("role", "duty"),
    [("viewer", Duty.READ), ("operator", Duty.OPERATE), ("author", Duty.WRITE_RULES)],
)
def test_a_role_writes_nothing_that_takes_another(
    world: World, base: str, values: dict[str, Any], role: str, duty: Duty
) -> None:
    with signed_in(base, world.url, f"the-{role}", ((role, None),)) as client:
        _refuses(client, frozenset({Duty.READ, duty}), world, values, each=True)


@pytest.mark.long
@pytest.mark.parametrize("scope", list(Duty))
def test_a_token_writes_nothing_beyond_its_scope(
    world: World, base: str, values: dict[str, Any], scope: Duty
) -> None:
    with token_of(world, base, Duty.READ, scope) as client:
        client.get("/api/v1/sites").raise_for_status()  # when it was shown is remembered
        _refuses(client, frozenset({Duty.READ, scope}), world, values, each=True)


def test_a_token_changes_nothing_of_its_owners_account(
    world: World, base: str, values: dict[str, Any]
) -> None:
    with token_of(world, base, *Duty) as client:
        client.get("/api/v1/sites").raise_for_status()
        before = digests(world.url, without=())
        for route in writes():
            if takes(route):
                continue
            for variant in variants(route, values):
                answer = send_variant(client, variant, values)
                assert answer.status_code == REFUSED, f"{variant}: {answer.text[:200]}"
        assert digests(world.url, without=()) == before


def test_reading_writes_nothing(world: World, base: str, values: dict[str, Any]) -> None:
    with signed_in(base, world.url, "vera", (("viewer", None),)) as viewer:
        before = digests(world.url, without=DERIVED)
        for route in every_route():
            if route.method in SAFE and route.path not in OPEN:
                answer = send(viewer, route, values)
                assert answer.status_code < 500, f"{route}: {answer.text[:300]}"
        assert digests(world.url, without=DERIVED) == before


@pytest.mark.long
def test_who_reads_all_and_operates_in_one_part_changes_nothing_of_the_other(
    world: World, base: str, values: dict[str, Any]
) -> None:
    roles = (("viewer", None), ("operator", NORTH), ("author", NORTH), ("administrator", NORTH))
    with signed_in(base, world.url, "nora", roles) as nora:
        before = of_south(world.url)
        for route in writes():
            if route.path.endswith("/logout"):
                continue
            for variant in variants(route, values):
                answer = send_variant(nora, variant, values)
                assert answer.status_code < 500, f"{variant}: {answer.text[:300]}"
            after = of_south(world.url)
            assert [name for name in after if after[name] != before[name]] == [], str(route)


@pytest.mark.long
def test_an_administrator_is_refused_nowhere(
    base: str, world: World, values: dict[str, Any]
) -> None:
    """Last, since it changes everything: the tests above would pass if no account had a duty."""
    with signed_in(base, world.url, "anne", EVERYTHING) as anne:
        wrong = []
        for route in writes():
            if route.path.endswith("/logout") or takes(route) in ({Duty.SEND}, {Duty.FIELD}):
                continue  # of tokens, of agents
            for variant in variants(route, values):
                answer = send_variant(anne, variant, values)
                if answer.status_code == REFUSED or answer.status_code >= 500:
                    wrong.append(f"{variant}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)
