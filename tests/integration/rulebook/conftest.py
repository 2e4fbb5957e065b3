"""A gauge with a few readings, its packs recorded, and the commands as a person types them."""

from collections.abc import Callable, Iterator

import pytest
import typer
from typer.testing import CliRunner

from hypervisor import cli
from hypervisor.cli import rules, rules_history, rules_propose, rules_revisions, rules_thresholds
from hypervisor.store.connect import connect
from tests.integration.watch.world import Sent, World, make_world

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
    app = typer.Typer()
    app.callback()(cli.instance)
    for module in (rules, rules_history, rules_revisions, rules_thresholds, rules_propose):
        module.attach(app)

    def run(*words: str) -> str:
        ran = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["rules", *words])
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return ran.output

    return run
