"""The commands as a person types them, beside a notify that runs."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker import passwords
from hypervisor.broker.mosquitto import Broker
from hypervisor.database import audit
from hypervisor.notifications import channel_mqtt
from hypervisor.notifications.kinds import Broker as Address
from hypervisor.notifications.model import ChannelError, Message, NotifyError
from rules._errors import RuleError
from tests import command_line
from tests.command_line import Outcome
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.test_mqtt import Listener
from tests.integration.notifications.test_process import Process, start
from tests.integration.notifications.town import Town
from tests.integration.web.served import server, signed_in
from tests.postings import posting

__all__ = ["start"]
pytestmark = pytest.mark.integration

Type = Callable[..., Outcome]


@pytest.fixture
def hypervisor(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", town.url)
    return partial(command_line.run, "--data", tmp_path, "notify")


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


def test_what_was_given_up_is_sent_again_by_its_number_or_all_of_it(
    hypervisor: Type, town: Town, hook: Webhook
) -> None:
    town.settings = town.settings.model_copy(update={"notify_give_up_hours": 0.0})
    town.routes(f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]")
    hook.be("fails")
    for subject in ("orge", "mill", "ford"):
        town.raised(subject=subject)
    town.settle()
    dead = [row.id for row in town.rows() if row.state == "dead"]
    listed = [
        json.loads(line) for line in hypervisor("list", "--dead", "--json").output.splitlines()
    ]
    assert sorted(row["id"] for row in listed) == sorted(dead)
    for words in ((), (str(dead[0]), "--all")):
        refused = hypervisor("retry", *words)
        assert (refused.exit_code, "give ids, or --all" in refused.output) == (2, True)
    assert len([row for row in town.rows() if row.state == "dead"]) == 3

    one = hypervisor("retry", str(dead[0])).output
    assert [row.id for row in town.waiting()] == [dead[0]]
    rest = hypervisor("retry", "--all").output
    none = hypervisor("retry", "--all").output
    assert (one, rest, none) == (
        "deliveries to be sent again: 1\n",
        "deliveries to be sent again: 2\n",
        "deliveries to be sent again: 0\n",
    )
    hook.be("well")
    town.settle()
    assert sorted(body["alarm"]["subject"] for _, body in hook.got) == ["ford", "mill", "orge"]


def test_a_siren_gets_an_account_and_loses_it(instance_settings: Settings, broker: Broker) -> None:
    run = partial(command_line.run, "--data", instance_settings.data, "notify", "mqtt-account")

    made = run("siren")
    assert made.exit_code == 0, made.output
    lines = [line.split() for line in made.output.splitlines()]
    assert [words[0] for words in lines] == ["account", "password", "topics"]
    assert (lines[0][1], lines[2][1]) == ("alarms.siren", "hypervisor/alarms/#")

    def sign_in(password: str) -> str:
        account = Address(
            host="127.0.0.1", port=broker.port, user="alarms.siren", password=password
        )
        data = {"event": "test"}
        message = Message(title="t", text="b", kind="info", data=data)
        with pytest.raises(ChannelError) as refused:
            channel_mqtt.send(
                {"target": "hypervisor/alarms"}, posting(message, seconds=30, broker=account)
            )
        return str(refused.value)

    assert sign_in(lines[1][1]) == "the broker refused it: Not authorized", "it may only read"
    assert sign_in("guessed") == "the broker refused the connection: Not authorized"
    listener = Listener(broker, passwords.reader_account("siren"))
    listener.close()
    again = run("siren").output.splitlines()[1].split()[1]
    assert again != lines[1][1]
    assert sign_in(lines[1][1]) == "the broker refused the connection: Not authorized"
    assert run("siren", "--remove").output == "account alarms.siren removed\n"
    assert sign_in(again) == "the broker refused the connection: Not authorized"


def test_a_test_is_sent_from_the_page(
    hypervisor: Type, town: Town, hook: Webhook, tmp_path: Path, start: Callable[[], Process]
) -> None:
    file = written(tmp_path, hook)
    narrow = "language: en\n    when: {domains: [flood], categories: [hazard]}"
    file.write_text(file.read_text().replace("language: en", narrow))
    hypervisor("routes", "apply", str(file), "--reason", "first")
    page = "/admin/notifications"
    with server(town.url, settings=town.settings) as base, signed_in(base, town.url) as anne:
        anne.cookies.set("lang", "en")
        alone = anne.post(f"{page}/test", data={"route": "duty"})
        assert alone.status_code == 422
        assert "no notifier is running" in alone.text
        start().says("routes of revision")
        nothing = anne.post(f"{page}/test", data={"route": "duti"})
        assert nothing.status_code == 422
        assert "there is no route &#39;duti&#39;; did you mean &#39;duty&#39;?" in nothing.text
        sent = anne.post(f"{page}/test", data={"route": "duty"})
        assert sent.status_code == 303
        [(event,)] = town.connection.execute("SELECT outbox FROM delivery").fetchall()
        assert sent.headers["location"] == f"{page}?tried={event}#tried"
        shown = anne.get(sent.headers["location"]).text
        assert "Test of the route duty" in shown
        assert "<b>1</b> was sent" in shown
        assert "Floods, hazards</span>" in shown, "filters are named as the reader names them"
        assert [body["title"] for _, body in hook.got] == ["EXERCICE - TEST - Essonne"]
        acts = audit.list_acts(town.connection, kind="notification-test")
        assert [(act.subject, act.author) for act in acts] == [("duty", "anne")], "what was sent"
