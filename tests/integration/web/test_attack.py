"""Odd requests by the hundred, from accounts that are handed to an attacker; other seeds, others.

ATTACK_SEED=7 ATTACK_REQUESTS=5000 pytest tests/integration/web/test_attack.py --timeout=0
"""

import json
import os
import random
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest

from hypervisor.database import databases
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.world import World
from tests.integration.web.bodies import variants
from tests.integration.web.conftest import NORTH, SOUTH, YVETTE, two_towns
from tests.integration.web.digests import FOLLOWS, digests, of_south
from tests.integration.web.others import READING, SECRET, settle
from tests.integration.web.served import Roles, server, signed_in
from tests.integration.web.trying import Route, every_route, value_of

pytestmark = [pytest.mark.integration, pytest.mark.long]

SEED = int(os.environ.get("ATTACK_SEED", "1"))
REQUESTS = int(os.environ.get("ATTACK_REQUESTS", "300"))
TEXTS = (
    *("", "0", "-1", "1e400", "NaN", "9" * 30, "²", "٣", "\u202e", "'", '"', "a" * 5_000),
    *("<script>alert(1)</script>", "../../etc/passwd", "..%2f..", "\U0001f600", "null", "[]", "{}"),
    *("2024-13-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-01-01T00:00:00"),
    *("zorn", "orge", "zorn/alert", "device/zorn/alert", "group/zorn", "flood-high", "level"),
    *("1", "71002", "74001", "*", "%", "_", "' OR 1=1 --", "true", "1 m", "1e308 m", "6 d", "@"),
    *("/", " ", "\t", "\r\nX-Evil: 1", "year 10000", "１"),  # noqa: RUF001
)
HEADERS: tuple[dict[str, str], ...] = (
    *({}, {"HX-Request": "true"}, {"HX-Request": "true", "HX-Current-URL": "http://x/%zz?a=//b"}),
    *({"If-None-Match": '"x"'}, {"If-Match": 'W/"1"'}, {"If-Match": '"99999999999999999999"'}),
    *({"Accept-Language": "zz;q=x,fr"}, {"Range": "bytes=0-1"}, {"Accept": "text/csv"}),
    *({"Cookie": "lang=zz; hypervisor-once=zz.zz"}, {"X-HTTP-Method-Override": "DELETE"}),
    *({"Content-Type": "text/plain"}, {"Content-Type": "application/json; charset=utf-16"}),
)
# What tells of the south; a word that the request brought tells nothing.
MARKS = ("zorn", SECRET, str(READING), SOUTH, YVETTE)
OWN = ("/account", "/api/v1/auth/", "/admin/tokens")  # where one's own tokens are named at will
WHO: dict[str, Roles] = {
    "viewer": (("viewer", None),),
    "operator": (("operator", NORTH),),
    "administrator": (("administrator", NORTH),),
}


@dataclass(frozen=True, kw_only=True)
class Odd:
    """One request."""

    route: Route
    method: str
    path: str
    options: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path[:120]} {str(self.options)[:300]}"

    @property
    def brought(self) -> str:
        return unquote(f"{self.path} {self.options}").lower()


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    with closing(two_towns(stack.database.url(name), "zorn")) as made:
        yield made
    databases.drop(stack.maintenance_url, name)


def odd(dice: random.Random, route: Route, values: dict[str, Any]) -> Odd:
    path = route.path
    for name in route.names:
        known = value_of(route, name, values) if dice.random() < 0.4 else dice.choice(TEXTS)
        path = re.sub(rf"{{{name}(?::\w+)?}}", quote(str(known), safe="/"), path)
    options: dict[str, Any] = {
        "params": {
            name: value_of(route, name, values) if dice.random() < 0.3 else dice.choice(TEXTS)
            for name in route.query
            if dice.random() < 0.6
        },
        "headers": dict(dice.choice(HEADERS)),
    }
    method = dice.choice(("GET", "POST", "PUT", "DELETE")) if dice.random() < 0.05 else route.method
    chosen = dice.choice(list(variants(route, values)))
    if chosen.form is not None:
        options["data"] = {
            name: dice.choice(TEXTS) if dice.random() < 0.3 else said
            for name, said in chosen.form.items()
        }
    elif route.body is not None:
        body = chosen.body
        if isinstance(body, dict):
            body = {
                name: nested(dice) if dice.random() < 0.3 else said for name, said in body.items()
            }
        options["content"] = json.dumps(nested(dice) if dice.random() < 0.1 else body)
        options["headers"].setdefault("Content-Type", "application/json")
        options["headers"].setdefault("If-Match", "*")
    return Odd(route=route, method=method, path=path, options=options)


def nested(dice: random.Random, depth: int = 0) -> Any:
    """A JSON value that nobody expects."""
    chance = dice.random()
    if depth > 3 or chance < 0.5:
        return dice.choice((*TEXTS, None, True, 0, -1, 2**63, 2**70, 1.5))
    if chance < 0.7:
        return [nested(dice, depth + 1) for _ in range(dice.randint(0, 3))]
    names = ("kind", "about", "site", "version", "reason", "value")
    return {dice.choice(names): nested(dice, depth + 1) for _ in range(dice.randint(0, 4))}


@pytest.mark.parametrize("who", WHO)
def test_nothing_fails_nothing_is_told_nothing_of_others_changes(world: World, who: str) -> None:
    dice = random.Random(f"{SEED} {who}")
    values = settle(world)
    routes = [
        route
        for route in every_route()
        if not route.path.endswith(("logout", "/events", "/login", "/metrics"))
    ]
    wrong = []

    def held() -> dict[str, Any]:
        own = {*FOLLOWS, "audit", "api_token", "account"}
        return digests(world.url, without=own) if who == "viewer" else of_south(world.url)

    with server(world.url) as base, signed_in(base, world.url, "eve", WHO[who]) as eve:
        before = held()
        for _ in range(REQUESTS):
            request = odd(dice, dice.choice(routes), values)
            try:
                answer = eve.request(request.method, request.path, **request.options)
            except (httpx.InvalidURL, httpx.LocalProtocolError):
                continue  # what no client sends
            if answer.status_code >= 500:
                wrong.append(f"{answer.status_code} {request}")
            if who != "viewer" and not request.path.startswith(OWN):
                told = answer.text.lower()
                wrong += [
                    f"{mark!r} by {request}"
                    for mark in MARKS
                    if mark in told and mark not in request.brought
                ]
        after = held()
    assert not wrong, "\n".join(wrong)
    assert [name for name in after if after[name] != before[name]] == []
