"""Two towns, live and as an exercise; operators of both and of one; a clock that tests move."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hypervisor.base.settings import Settings
from tests.conftest import Stack
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import NORTH, ORGE, YVETTE, fresh_towns
from tests.integration.web.served import NOW, server, signed_in

OUTLINES = """INSERT INTO area_outline (area, outline, source) VALUES
    ('91001', '{"type": "Polygon", "coordinates": [[[2.2, 48.5], [2.4, 48.5], [2.4, 49.00001],
     [2.2, 48.5]]]}', 'test'),
    ('91002', '{"type": "MultiPolygon", "coordinates": [[[[2.5, 48.5], [2.6, 48.5], [2.6, 48.6],
     [2.5, 48.5]]], [[[2.7, 48.5], [2.8, 48.5], [2.8, 48.6], [2.7, 48.5]]]]}', 'test')"""


@dataclass(kw_only=True)
class Clock:
    """Of the application; tests set it."""

    now: datetime = field(default=NOW)

    def __call__(self) -> datetime:
        return self.now


@dataclass(kw_only=True)
class Room:
    """An application, its database, its clock, its operators: anne and bert everywhere, nora in
    the north."""

    base: str
    world: World
    clock: Clock
    anne: httpx.Client
    bert: httpx.Client
    nora: httpx.Client
    settings: Settings

    def draft(
        self, client: httpx.Client, areas: tuple[str, ...] = (ORGE,), **fields: Any
    ) -> httpx.Response:
        """Post a first draft."""
        body = {"content": content(self.clock(), areas), "reason": "it rises", **fields}
        return client.post("/api/v1/publications", json=body)

    def publish(self, areas: tuple[str, ...] = (ORGE,), **fields: Any) -> Any:
        """A publication that anne drafted and bert signed."""
        drafted = self.draft(self.anne, areas, **fields)
        assert drafted.status_code == 201, drafted.text
        return self.sign(self.bert, drafted.json()["publication"])

    def sign(self, client: httpx.Client, publication: Any) -> Any:
        answer = self.step(client, publication)
        assert answer.status_code == 200, answer.text
        return answer.json()["publication"]

    def step(
        self, client: httpx.Client, publication: Any, act: str = "publish", **fields: Any
    ) -> httpx.Response:
        body = {"act": act, "version": publication["version"], **fields}
        return client.post(f"/api/v1/publications/{publication['id']}/steps", json=body)

    def follow_up(
        self, client: httpx.Client, publication: Any, kind: str, **changed: Any
    ) -> httpx.Response:
        """Draft an update or a cancellation."""
        body = {
            "kind": kind,
            "version": publication["version"],
            "content": publication["messages"][-1]["content"] | changed,
            "reason": "it has changed",
        }
        return client.post(f"/api/v1/publications/{publication['id']}/drafts", json=body)


def content(now: datetime, areas: tuple[str, ...]) -> dict[str, Any]:
    """What an author writes."""
    return {
        "hazard": "flood",
        "severity": "major",
        "response": "Avoid",
        "areas": list(areas),
        "expires": (now + timedelta(hours=12)).isoformat(),
        "fr": {
            "headline": "Crue de l'Orge",
            "description": "L'eau monte <vite> & déborde.",
            "instruction": "Éloignez-vous.\nMontez à l'étage.",
        },
        "en": {"headline": "Flood of the Orge", "description": "Water rises.", "instruction": ""},
    }


@pytest.fixture(scope="module")
def make_room(stack: Stack) -> Iterator[Callable[..., Room]]:
    with ExitStack() as exits:

        def make(*, mode: str = "live", **settings: Any) -> Room:
            world = exits.enter_context(fresh_towns(stack))
            world.connection.execute("UPDATE instance SET mode = %s", [mode])
            world.connection.execute(OUTLINES)
            world.connection.commit()
            clock = Clock()
            own = Settings(database_url=world.url, data=Path("/nonexistent"), **settings)
            base = exits.enter_context(server(world.url, clock=clock, settings=own))
            people = {
                who: exits.enter_context(signed_in(base, world.url, who, roles))
                for who, roles in {
                    "anne": (("operator", None),),
                    "bert": (("operator", None),),
                    "nora": (("operator", NORTH),),
                }.items()
            }
            return Room(base=base, world=world, clock=clock, settings=own, **people)

        yield make


@pytest.fixture(scope="module")
def live(make_room: Callable[..., Room]) -> Room:
    """A live instance whose outputs are public."""
    return make_room(
        cap="public",
        public_page="public",
        public_url="https://alerte.example",
        publisher="Préfecture de l'Essonne",
        public_requests_per_minute=100_000,
    )


@pytest.fixture(scope="module")
def drill(make_room: Callable[..., Room]) -> Room:
    """An exercise with the same settings."""
    return make_room(
        mode="exercise", cap="public", public_page="public", public_requests_per_minute=100_000
    )


@pytest.fixture(autouse=True)
def _back_to_now(live: Room) -> Iterator[None]:
    yield
    live.clock.now = NOW


__all__ = ["ORGE", "YVETTE", "Room", "content"]
