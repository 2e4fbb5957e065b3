"""Two towns with lamps, a sign and a barrier; who commands in both, in one, or not at all."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.database import databases, feed
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from tests.conftest import TEMPLATE, Stack
from tests.integration.web.conftest import AREAS, NORTH, ORGE, YVETTE
from tests.integration.web.served import server, signed_in

FIELD = """
INSERT INTO site (name, title, domain, commune) VALUES
    ('orge', 'Orge', 'mobility', '91001'), ('yvette', 'Yvette', 'mobility', '91002');
INSERT INTO device (name, site, model, commissioned)
SELECT d.name, s.id, d.model, '2000-01-01+00' FROM (VALUES
    ('lamp-1', 'orge', 'lamp-controller'), ('lamp-2', 'yvette', 'lamp-controller'),
    ('lamp-3', 'orge', 'lamp-controller'), ('cabinet-1', 'orge', 'cabinet-controller'),
    ('sign-1', 'orge', 'message-sign'), ('barrier-1', 'orge', 'road-barrier'),
    ('barrier-2', 'yvette', 'road-barrier'), ('gauge-1', 'orge', 'radar-gauge'))
    d (name, site, model) JOIN site s ON s.name = d.site;
INSERT INTO series (device, quantity)
SELECT id, CASE model WHEN 'lamp-controller' THEN 'light_level' WHEN 'road-barrier' THEN
    'barrier_position' WHEN 'message-sign' THEN 'sign_message_crc' ELSE 'battery' END FROM device
WHERE name <> 'lamp-3';
INSERT INTO device_group (name, title, kind, site)
SELECT g, g, 'cabinet', id FROM site, unnest(ARRAY['street', 'both']) g WHERE site.name = 'orge';
INSERT INTO revision (kind, key, value, effective, author, reason)
SELECT 'member', m, '{}', '2000-01-01+00', 'test', 'test' FROM unnest(ARRAY[
    'street/lamp-1', 'street/lamp-3', 'street/gauge-1', 'both/lamp-1', 'both/lamp-2']) m;
"""


@dataclass(frozen=True, kw_only=True)
class Room:
    """An application and who speaks to it: anne and bert command everywhere, nora in the north;
    olga is an operator, who commands nothing; ada administers.
    """

    url: str
    base: str
    anne: httpx.Client
    bert: httpx.Client
    nora: httpx.Client
    olga: httpx.Client
    ada: httpx.Client

    def order(
        self, client: httpx.Client, kind: str, target: str, *, status: int = 201, **fields: Any
    ) -> Any:
        """Order something; the commands, or why it is refused."""
        parameters = fields.pop("parameters", None) or _PARAMETERS[kind]
        body = {"kind": kind, "target": target, "parameters": parameters, "reason": "test"}
        answer = client.post("/api/v1/commands", json=body | fields)
        assert answer.status_code == status, answer.text
        return answer.json()["commands"] if status == 201 else answer.json()["detail"]

    def step(self, client: httpx.Client, key: str, act: str, *, status: int = 200) -> Any:
        body = {"act": act, "reason": "seen"}
        answer = client.post(f"/api/v1/commands/{key}/steps", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()["commands"] if status == 200 else answer.json()["detail"]

    def listed(self, client: httpx.Client, **filters: Any) -> Any:
        answer = client.get("/api/v1/commands", params=filters)
        assert answer.status_code == 200, answer.text
        return answer.json()["commands"]

    def life(self, client: httpx.Client, key: str) -> list[str]:
        answer = client.get(f"/api/v1/commands/{key}").json()
        return [event["to_state"] for event in answer["events"]]


_PARAMETERS: dict[str, dict[str, Any]] = {
    "dim": {"level": 40},
    "switch": {"state": "on"},
    "barrier": {"position": "closed"},
    "sign_text": {"text": "ROUTE INONDÉE"},
}


def make_field(connection: Connection) -> None:
    for row in AREAS:
        connection.execute(
            "INSERT INTO area (code, kind, name, parent) VALUES (%s, %s, %s, %s)", row
        )
    connection.execute(FIELD)
    feed.append(connection, "registry")
    connection.commit()


@pytest.fixture(scope="package")
def room(stack: Stack) -> Iterator[Room]:
    """A live instance; no sender runs in it."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    url = stack.database.url(name)
    with connect(url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
        make_field(connection)
    with ExitStack() as exits:
        base = exits.enter_context(server(url))
        people = {
            who: exits.enter_context(signed_in(base, url, who, roles))
            for who, roles in {
                "anne": (("controller", None),),
                "bert": (("controller", None),),
                "nora": (("controller", NORTH), ("viewer", None)),
                "olga": (("operator", None),),
                "ada": (("administrator", None),),
            }.items()
        }
        yield Room(url=url, base=base, **people)
    databases.drop(stack.maintenance_url, name)


@pytest.fixture
def connection(room: Room) -> Iterator[Connection]:
    """The owner's, of the room's database."""
    with connect(room.url) as opened:
        yield opened


__all__ = ["ORGE", "YVETTE", "Room"]
