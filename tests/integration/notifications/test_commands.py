"""The commands as a person types them, beside a notify that runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from hypervisor import cli as cli_cli
from hypervisor.notifications import cli as notification_cli
from hypervisor.notifications.model import NotifyError
from rules._errors import RuleError
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.test_process import Process, start
from tests.integration.notifications.town import Town

__all__ = ["start"]
pytestmark = pytest.mark.integration

Type = Callable[..., Result]


@pytest.fixture
def hypervisor(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", town.url)
    app = typer.Typer()
    app.callback()(cli_cli.instance)
    notification_cli.attach(app)

    def run(*words: str) -> Result:
        whole = ["--data", str(tmp_path), "notify", *words]
        ran = CliRunner(env={"COLUMNS": "200"}).invoke(app, whole)
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return ran

    return run


def written(folder: Path, hook: Webhook) -> Path:
    """A routes' file whose webhook has its password from elsewhere."""
    file = folder / "routes.yaml"
    address = hook.url.replace("http://", "http://town:${SECRET_WORD}@")
    file.write_text(
        f"routes:\n  - name: duty\n    language: en\n    channels: [{{webhook: '{address}'}}]\n"
    )
    (folder / "hypervisor.env").write_text("SECRET_WORD=a b\n")
    return file


def test_a_slip_in_the_file_is_told_where_it_is(hypervisor: Type, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        "routes:\n  - {name: duty, when: {domains: [floood]}, channels: [mailto://x]}\n"
    )
    with pytest.raises(RuleError) as told:
        hypervisor("routes", "apply", str(wrong), "--reason", "first")
    assert str(told.value) == (
        f"{wrong}:2:35: 'floood' is not one of the domains; did you mean 'flood'?"
    )
    with pytest.raises(NotifyError, match="no routes are in force"):
        hypervisor("routes", "show")


def test_routes_are_applied_shown_and_asked(
    hypervisor: Type, town: Town, hook: Webhook, tmp_path: Path
) -> None:
    file = str(written(tmp_path, hook))
    assert (
        "--dry-run" in hypervisor("routes", "apply", file, "--reason", "first", "--dry-run").output
    )
    applied = hypervisor("routes", "apply", file, "--reason", "first", "--author", "Ada").output
    again = hypervisor("routes", "apply", file, "--reason", "first").output
    who = hypervisor("routes", "test", "--domain", "flood", "--site", "orge").output
    audited = town.connection.execute("SELECT author, kind, reason FROM audit").fetchall()

    assert applied == "revision 1 is in force: 1 route, no heartbeat (`dead man`)\n"
    assert "already in force" in again
    assert who == "duty: 1 channel, in en, at 2024-10-09T12:00:00Z\n"
    shown = hypervisor("routes", "show").output
    assert f"http://127.0.0.1:{hook.port}/…" in shown
    assert "SECRET_WORD" not in shown
    assert "Ada: first" in hypervisor("routes", "log").output
    assert audited == [("Ada", "routes", "first")]


def test_a_test_goes_the_way_of_alarms(
    hypervisor: Type, hook: Webhook, tmp_path: Path, start: Callable[[], Process]
) -> None:
    hypervisor("routes", "apply", str(written(tmp_path, hook)), "--reason", "first")
    with pytest.raises(NotifyError, match="no notifier is running"):
        hypervisor("test", "duty")
    start().says("routes of revision")
    with pytest.raises(NotifyError, match="did you mean 'duty'"):
        hypervisor("test", "duti")
    tried = hypervisor("test", "duty", "--json").output
    hook.be("fails")
    failed = hypervisor("test", "duty")
    listed = [json.loads(line) for line in hypervisor("list", "--json").output.splitlines()]

    assert json.loads(tried) == {"channel": "1", "state": "sent", "error": None}
    assert hook.got[0][1]["title"] == "EXERCICE - TEST - Essonne"
    assert failed.exit_code == 1
    assert failed.output == "duty/1: waiting (answered 503 Service Unavailable)\n"
    assert [one["state"] for one in listed] == ["sent", "waiting"]
    assert "duty" in hypervisor("list").output


def test_what_waits_and_what_nobody_was_told_of_is_listed(
    hypervisor: Type, town: Town, hook: Webhook
) -> None:
    town.routes(
        "routes: [{name: duty, when: {domains: [weather]}, channels:"
        f" [{{webhook: '{hook.url}'}}]}}]"
    )
    town.raised()
    town.settle()
    town.raised(10, domain="weather")
    untold = json.loads(hypervisor("list", "--untold", "--json").output)
    held = json.loads(hypervisor("list", "--held", "--json").output)

    assert (untold["event"], untold["why"]) == ("raised", "no route matches")
    assert held["title"] == "Orge à Arpajon: river high"
