"""A home, tried on every route: without the duty it is as if it did not exist, also to who runs all."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.conftest import Stack
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import ORGE, YVETTE, ClientOf, two_towns
from tests.integration.web.others import NOWHERE, READING, settle
from tests.integration.web.served import EVERYTHING, server, signed_in
from tests.integration.web.test_tenants import find_differences, find_marks
from tests.integration.web.trying import OPEN, SAFE, every_route, send

pytestmark = pytest.mark.integration
MARKS = ("zorn", str(READING), "4,777")
# What `settle` makes of the town, not of the home: the administrator sees it.
OF_THE_TOWN = {
    *("area", "code", "commune", "thresholds", "quantity", "rule", "reason", "from", "to"),
    *("/api/v1/publications number", "/publications number", "/cap identifier"),
    *("/api/v1/handovers number", "/handover number", "/admin/accounts name"),
    *("/api/v1/accounts name", "/api/v1/auth/tokens number", "/account/tokens number"),
    *("/admin/tokens number", "source", "/api/v1/exercises number", "/exercises number"),
}


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    with stack.fresh_database() as url, closing(two_towns(url, "zorn")) as made:
        yield made


@pytest.fixture(scope="module")
def base(world: World) -> Iterator[str]:
    with server(world.url) as found:
        yield found


@pytest.fixture(scope="module")
def home(world: World) -> dict[str, Any]:
    """The Zorn is a home; what stands for each parameter."""
    values = settle(world)
    for statement in (
        "UPDATE site SET domain = 'telecare' WHERE name = 'zorn'",
        "INSERT INTO log_entry (at, author, kind, text, alarm) SELECT now(), 'sud', 'note',"
        " 'zorn called', id FROM alarm WHERE subject = 'zorn'",
        "UPDATE asset SET site = (SELECT id FROM site WHERE name = 'zorn')",
        "UPDATE team SET name = 'south'",
    ):
        world.connection.execute(statement.encode())
    world.connection.commit()
    return {**NOWHERE, **{key: values[key] for key in values.keys() - OF_THE_TOWN}}


@pytest.fixture
def chief(base: str, world: World, home: dict[str, Any]) -> Iterator[httpx.Client]:
    """The administrator of everything, who has no business in a home."""
    assert home
    with signed_in(base, world.url, "anne", EVERYTHING) as client:
        yield client


def test_an_administrator_of_everything_sees_nothing_of_a_home(
    chief: httpx.Client, home: dict[str, Any]
) -> None:
    seen = []
    for route in every_route():
        if route.method not in SAFE or route.path in OPEN:
            continue
        if not route.names:
            bare = send(chief, route, home, named=False)
            assert bare.status_code < 500, f"{route}: {bare.text}"
            seen += [f"{route} tells {mark!r}" for mark in find_marks(MARKS, _text(bare))]
        seen += find_differences(chief, route, home, MARKS)
    assert not seen, "\n".join(seen)


def _text(answer: httpx.Response) -> str:
    return answer.text.lower().replace("zorn-le-bourg", "")
