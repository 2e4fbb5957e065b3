"""Two towns with teams: dispatchers of both and of one, agents of each team."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hypervisor.base.settings import Settings
from tests.conftest import Stack
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import NORTH, SOUTH, fresh_towns
from tests.integration.web.served import NOW, server, signed_in


@dataclass(kw_only=True)
class Clock:
    """Of the application; tests set it."""

    now: datetime = field(default=NOW)

    def __call__(self) -> datetime:
        return self.now


@dataclass(kw_only=True)
class Room:
    """An application with people: anne dispatches everywhere, nora in the north; tom is an agent of
    the northern team, sue of the southern one."""

    base: str
    world: World
    clock: Clock
    anne: httpx.Client
    nora: httpx.Client
    tom: httpx.Client
    sue: httpx.Client

    def order(self, client: httpx.Client | None = None, **fields: Any) -> Any:
        """An order of the northern team at the Orge."""
        body = {"title": "Close the road", "site": "orge", "team": "north", **fields}
        answer = (client or self.anne).post("/api/v1/interventions", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["intervention"]

    def act(self, client: httpx.Client, number: int, act: str, **fields: Any) -> httpx.Response:
        body = {"act": act, **fields}
        return client.post(f"/api/v1/interventions/{number}/acts", json=body)

    def note(self, client: httpx.Client, number: int, act: str, **fields: Any) -> httpx.Response:
        """An act of an agent."""
        body = {"act": act, "key": str(uuid4()), **fields}
        return client.post(f"/api/v1/field/orders/{number}/acts", json=body)

    def read(self, number: int) -> Any:
        return self.anne.get(f"/api/v1/interventions/{number}").json()


@pytest.fixture(scope="session")
def make_room(stack: Stack) -> Iterator[Callable[..., Room]]:
    with ExitStack() as exits:

        def make(*, mode: str = "live", **settings: Any) -> Room:
            world = exits.enter_context(fresh_towns(stack))
            world.connection.execute("UPDATE instance SET mode = %s", [mode])
            world.connection.commit()
            clock = Clock()
            own = Settings(database_url=world.url, data=Path("/nonexistent"), **settings)
            base = exits.enter_context(server(world.url, clock=clock, settings=own))
            people = {
                who: exits.enter_context(signed_in(base, world.url, who, roles))
                for who, roles in {
                    "anne": (("operator", None),),
                    "nora": (("operator", NORTH),),
                    "tom": (("agent", None),),
                    "sue": (("agent", None),),
                    "root": (("administrator", None),),
                }.items()
            }
            for client in people.values():
                client.headers["Accept-Language"] = "en"
            root = people.pop("root")
            for team, area, member in (("north", NORTH, "tom"), ("south", SOUTH, "sue")):
                body = {"title": team.title(), "area": area, "members": [member], "reason": "new"}
                answer = root.put(f"/api/v1/teams/{team}", json=body)
                assert answer.status_code == 204, answer.text
            return Room(base=base, world=world, clock=clock, **people)

        yield make


@pytest.fixture(scope="session")
def live(make_room: Callable[..., Room]) -> Room:
    return make_room()


@pytest.fixture(autouse=True)
def _back_to_now(live: Room) -> Iterator[None]:
    yield
    live.clock.now = NOW


__all__ = ["Room"]
