"""Somebody of one EPCI, tried on every route: another's is as if it did not exist."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from difflib import unified_diff
from pathlib import Path
from typing import Any

import httpx
import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker.child import wait_until
from hypervisor.database import databases
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.world import World
from tests.integration.publications.conftest import content
from tests.integration.web.conftest import NORTH, ORGE, SOUTH, YVETTE, ClientOf, two_towns
from tests.integration.web.digests import of_south, watching_writes
from tests.integration.web.others import NOWHERE, READING, SECRET, settle
from tests.integration.web.served import EVERYTHING, NOW, Roles, cookie, server, signed_in
from tests.integration.web.trying import (
    OPEN,
    SAFE,
    Route,
    UnfilledError,
    address,
    every_route,
    send,
)

pytestmark = pytest.mark.integration

MARKS = ("zorn", SECRET, str(READING), "4,777", SOUTH, YVETTE, "sud")
# What every reader may change of a page's looks, or what moves by itself.
MOVING = re.compile(r"id: \d+-\d+|\d+-\d+\"|content=\"\d*-?\d*\"|csrf\W+value=\S+")


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    with closing(two_towns(stack.database.url(name), "zorn")) as made:
        yield made
    databases.drop(stack.maintenance_url, name)


@pytest.fixture(scope="module")
def base(world: World) -> Iterator[str]:
    with server(world.url) as found:
        yield found


@pytest.fixture(scope="module")
def others(world: World) -> dict[str, Any]:
    return settle(world)


@pytest.fixture
def north(client_of: ClientOf, others: dict[str, Any]) -> httpx.Client:
    """Somebody who may do everything in the Orge's EPCI."""
    assert others
    return client_of("administrator", NORTH, name="nora")


def _told(found: httpx.Response) -> str:
    """An answer without the words that the request itself brought."""
    url = found.request.url
    brought = {*url.path.split("/"), *(value for _, value in url.params.multi_items())} - {""}
    text = found.text
    for value in sorted(brought, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.]){re.escape(value)}(?![\w.])", "*", text)
    return MOVING.sub("", text)


def test_every_parameter_has_something_that_stands_for_it(others: dict[str, Any]) -> None:
    unfilled = []
    for route in every_route():
        try:
            if route.path not in OPEN:
                address(route, others)
        except UnfilledError as error:
            unfilled.append(str(error))
    assert not unfilled, "\n".join(unfilled)


def test_nothing_of_anothers_is_seen(north: httpx.Client, others: dict[str, Any]) -> None:
    seen = []
    for route in every_route():
        if route.method not in SAFE or route.path in OPEN:
            continue
        if not route.names:
            bare = send(north, route, others, named=False)
            assert bare.status_code < 500, f"{route}: {bare.text}"
            text = bare.text.lower()
            seen += [f"{route} tells {mark!r}" for mark in find_marks(MARKS, text)]
        seen += find_differences(north, route, others, MARKS)
    assert not seen, "\n".join(seen)


def find_marks(marks: Sequence[str], text: str) -> list[str]:
    """The marks that a text in small letters tells."""
    return [mark for mark in marks if re.search(rf"(?<![a-z]){re.escape(mark)}(?![a-z])", text)]


def find_differences(
    north: httpx.Client, route: Route, others: dict[str, Any], marks: Sequence[str]
) -> Iterator[str]:
    """Asked for by its name, it answers what it answers about something that never was."""
    if "rule" in route.names:
        return  # rules are everybody's
    named, absent = send(north, route, others), send(north, route, NOWHERE)
    if named.status_code >= 500:
        yield f"{route}: {named.status_code} {named.text[:300]}"
    if named.status_code != absent.status_code:
        yield (
            f"{route}: {named.status_code} for another's, {absent.status_code} for what never was:"
            f" {named.text[:300]}"
        )
    told = _told(named)
    small = told.lower().replace("zorn-le-bourg", "") if marks != MARKS else told.lower()
    yield from (f"{route} tells {mark!r}" for mark in find_marks(marks, small))
    if named.is_success and told != _told(absent):
        lines = unified_diff(told.splitlines(), _told(absent).splitlines(), lineterm="", n=0)
        yield f"{route} answers otherwise: " + "\n  ".join(line[:300] for line in lines)


def test_nothing_of_anothers_is_changed(
    north: httpx.Client, others: dict[str, Any], world: World
) -> None:
    with watching_writes(world.url) as wrote:
        wrong = _find_changes(north, others, world, wrote)
    assert not wrong, "\n".join(wrong)


def _find_changes(
    north: httpx.Client, others: dict[str, Any], world: World, wrote: Callable[[], bool]
) -> list[str]:
    """What a write on any route changes of the south, or tells of it."""
    before = of_south(world.url)
    wrong = []
    for route in every_route():
        if route.method in SAFE or route.path in OPEN or route.path.endswith("/logout"):
            continue
        found = send(north, route, others)
        if found.status_code >= 500:
            wrong.append(f"{route}: {found.status_code} {found.text[:300]}")
        if found.is_success:
            brought = found.request.content.decode().lower()
            told = _told(found).lower()
            tells = [one for one in find_marks(MARKS, told) if one.lower() not in brought]
            wrong += [f"{route} tells {tell!r}: {found.text[:300]}" for tell in tells]
        after = of_south(world.url) if wrote() else before
        changed = [table for table in before if before[table] != after[table]]
        if changed:
            wrong.append(f"{route} changed {changed}: {found.status_code} {found.text[:300]}")
        before = after
    return wrong


def become(world: World, mode: str) -> None:
    """An exercise publishes to nobody."""
    world.connection.execute("UPDATE instance SET mode = %s", [mode])
    world.connection.commit()
    cookie.cache_clear()


def publish(author: httpx.Client, second: httpx.Client, commune: str) -> str:
    """Publish a warning of a commune; its identifier."""
    body = {"content": content(NOW, (commune,)), "reason": "it rises"}
    drafted = author.post("/api/v1/publications", json=body).raise_for_status().json()
    publication = drafted["publication"]
    signed = second.post(
        f"/api/v1/publications/{publication['id']}/steps",
        json={"act": "publish", "version": publication["version"]},
    )
    return str(signed.raise_for_status().json()["publication"]["messages"][0]["identifier"])


def test_a_backtest_judges_ones_own(north: httpx.Client) -> None:
    body: dict[str, Any] = {"from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z"}
    found = north.post("/api/v1/backtests", json=body)
    assert found.status_code == 200, found.text
    assert {one["subject"] for one in found.json()["result"]["alarms"]} == {"orge"}
    assert north.post("/api/v1/backtests", json={**body, "sites": ["zorn"]}).status_code == 422


def test_an_incident_of_two_is_told_by_ones_own_alarms(
    north: httpx.Client, world: World, others: dict[str, Any]
) -> None:
    both = world.connection
    (first,) = both.execute("SELECT min(incident) FROM incident_alarm").fetchone() or (None,)
    both.execute("UPDATE incident SET alarms = 2, active = 2, severity = 'critical'")
    both.execute("UPDATE incident_alarm SET incident = %s", [first])
    both.commit()
    assert others
    (told,) = north.get("/api/v1/incidents").json()["incidents"]
    assert (len(told["alarms"]), told["active"], told["severity"]) == (1, 1, "major")


def test_one_sees_what_is_ones_own(north: httpx.Client) -> None:
    """The tests above would pass if no account saw anything."""
    told = {
        "/api/v1/sites": "orge",
        "/api/v1/alarms": "Orge: high",
        "/api/v1/territory": ORGE,
        "/api/v1/series/orge/level/readings": "4.2",
        "/api/v1/thresholds?owner=orge": "orge/alert",
        "/api/v1/incidents": "Orge",
    }
    for path, mark in told.items():
        found = north.get(path)
        assert found.status_code == 200, found.text
        assert mark in found.text, path


def test_without_signing_in_nothing_is_told(base: str, others: dict[str, Any]) -> None:
    open_doors = []
    with httpx.Client(base_url=base, timeout=30) as nobody:
        for route in every_route():
            if route.path in OPEN:
                continue
            found = send(nobody, route, others)
            door = found.status_code == 303 and found.headers["location"].startswith("/login")
            if not (door or found.status_code == 401):
                open_doors.append(f"{route}: {found.status_code} {found.text[:200]}")
    assert not open_doors, "\n".join(open_doors)


def test_citizens_and_neighbours_read_only_what_is_published(
    world: World, others: dict[str, Any]
) -> None:
    """Of all that the south has, a draft included, `/public` shows its published warning alone."""
    settings = Settings(
        database_url=world.url,
        data=Path("/nonexistent"),
        public_page="public",
        public_url="https://alerte.example",
        citizens_mail="mailto://127.0.0.1:9?from=alerte@town.example",
        citizens_key="a secret of forty letters, and not less!",
    )
    open_routes = [route for route in every_route() if f"{route.path}/".startswith("/public/")]
    with ExitStack() as exits:
        become(world, "live")
        exits.callback(become, world, "exercise")
        base = exits.enter_context(server(world.url, settings=settings))
        people = {
            who: exits.enter_context(signed_in(base, world.url, who, roles))
            for who, roles in {"ada": EVERYTHING, "bob": EVERYTHING, "nell": NORTHERN}.items()
        }
        nobody = exits.enter_context(httpx.Client(base_url=base, timeout=30))
        warning = publish(people["ada"], people["bob"], YVETTE)
        for client in (nobody, people["nell"]):
            page = f"/public?commune={YVETTE}&lang=fr"
            shown = wait_until(lambda: "Crue" in client.get(page).text, seconds=10)  # noqa: B023
            assert shown, client.get(page).text
            assert "Crue" in client.get(f"/public/{warning}").text
            tells = [
                f"{route} tells {mark!r}"
                for route in open_routes
                for values in ({**others, "token": "x", "/public name": warning}, {"token": "x"})
                for mark in _list_public_marks(send(client, route, {**values, "name": SECRET}))
            ]
            assert not tells, "\n".join(tells)


NORTHERN: Roles = (("administrator", NORTH),)


def _list_public_marks(answer: httpx.Response) -> list[str]:
    """What an answer tells of the south besides that it has a commune, which the page lists."""
    assert answer.status_code < 500, answer.text
    text = _told(answer).lower().replace("zorn-le-bourg", "").replace(YVETTE, "")
    return find_marks(MARKS, text)


def test_a_write_without_the_sessions_token_is_refused(
    client: httpx.Client, others: dict[str, Any]
) -> None:
    del client.headers["X-CSRF-Token"]
    let_through = []
    for route in every_route():
        if route.method in SAFE or route.path in OPEN:
            continue
        found = send(client, route, others)
        if found.status_code != 403:
            let_through.append(f"{route}: {found.status_code} {found.text[:200]}")
    assert not let_through, "\n".join(let_through)
