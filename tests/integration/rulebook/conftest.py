"""A gauge with a few readings, its packs recorded, and the commands as a person types them."""

from collections.abc import Callable, Iterator

import pytest
import typer
from typer.testing import CliRunner

from hypervisor import cli as cli_cli
from hypervisor.database.connect import connect
from hypervisor.rulebook import cli as rulebook_cli
from hypervisor.rulebook import cli_history, cli_propose, cli_revisions
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
    app = typer.Typer()
    app.callback()(cli_cli.instance)
    for module in (rulebook_cli, cli_history, cli_revisions, cli_propose):
        module.attach(app)

    def run(*words: str) -> str:
        ran = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["rules", *words])
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return ran.output

    return run
