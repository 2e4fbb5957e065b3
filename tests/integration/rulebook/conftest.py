"""A gauge with a few readings, its packs recorded, and the commands as a person types them."""

from collections.abc import Callable, Iterator

import pytest

from hypervisor.database.connect import connect
from tests import command_line
from tests.integration.evaluation.world import Sent, World, make_world

Type = Callable[..., str]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = make_world(database_url, connect(database_url))
    made.register(["orge"])
    made.record_rules()
    made.join()
    for at in range(0, 35, 5):
        made.store([Sent(site="orge", at=at, value=2.5)])
    made.beat(30)
    made.settle()
    yield made
    made.close()


@pytest.fixture
def hypervisor(world: World, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", world.url)
    return lambda *words: command_line.run("rules", *words).output
