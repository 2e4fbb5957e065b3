"""Every write through the application leaves its trace and its author: found by what it changed."""

import os
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from hypervisor.database import databases
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import two_towns
from tests.integration.web.digests import digests, watching_writes
from tests.integration.web.others import settle
from tests.integration.web.served import EVERYTHING, server, signed_in
from tests.integration.web.trying import OPEN, SAFE, Route, every_route, send

pytestmark = pytest.mark.integration

# Where a trace is: author, time, what; append-only, or frozen once it is signed.
TRACES = ("audit", "alarm_act", "log_entry", "handover", "past_event")
NO_ACTS = {"factor_challenge"}  # a question to a device, before somebody does something


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    with closing(two_towns(stack.database.url(name), "zorn")) as made:
        yield made
    databases.drop(stack.maintenance_url, name)


def test_what_is_written_is_traced(world: World) -> None:
    values = settle(world)
    silent, staying, written = [], [], 0
    with (
        server(world.url) as base,
        signed_in(base, world.url, "anne", EVERYTHING) as client,
        watching_writes(world.url) as wrote,
    ):
        before = digests(world.url)
        for route in every_route():
            if route.method in SAFE or route.path in OPEN or route.path.endswith("/logout"):
                continue
            found: httpx.Response = send(client, route, values)
            after = digests(world.url) if wrote() else before
            changed = {name for name in after if after[name] != before[name]} - NO_ACTS
            if changed and not changed & set(TRACES):
                silent.append(f"{route} changed {sorted(changed)}: {found.status_code}")
            if changed and _page(route) and found.status_code != 303:
                staying.append(f"{route}: {found.status_code}")
            written += bool(changed)
            before = after
    assert not silent, "\n".join(silent)
    assert not staying, "loaded again, they would send it again:\n" + "\n".join(staying)
    assert written > 10


def _page(route: Route) -> bool:
    return not route.path.startswith("/api/")
