"""`hypervisor demo`: a flood alarm stands; its folder is its own; nothing else is ever removed."""

import json
import re
import sys
from pathlib import Path

import httpx
import pytest

from hypervisor.cli import main
from hypervisor.exercises import demo
from hypervisor.exercises.story import format_story
from hypervisor.stack import detached
from tests.acceptance.conftest import command

pytestmark = pytest.mark.acceptance


@pytest.mark.long
def test_until_alarm_prints_the_log_and_ends_by_itself(open_tmp: Path) -> None:
    folder = open_tmp / "demo"
    words = ("--until-alarm", "--json", "--speed", "max", "--hours", "60")
    done = command("demo", *words, "--data", str(folder))
    assert done.returncode == 0, done.stderr
    log = [json.loads(line) for line in done.stdout.splitlines()]
    assert {alarm["domain"] for alarm in log} >= {"flood", "weather"}
    assert any(alarm["active"] for alarm in log)
    assert "published" not in done.stdout
    assert not detached.stop(folder)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_demo_stays_up_tells_its_story_and_starts_afresh(open_tmp: Path) -> None:
    folder = open_tmp / "demo"
    said: list[str] = []
    for _ in range(2):
        settings = demo.prepare(folder, said.append)
        spoken = demo.make_messages(settings)
        shown = demo.play(folder, settings, spoken, speed=None, notice=lambda _progress: None)
    assert "the earlier demonstration was stopped" in said
    account = shown.outcome.account
    assert account is not None
    assert account.stored == account.published == len(spoken.rows)
    rules = {alarm.episode.rule for alarm in shown.outcome.alarms}
    assert rules >= {"flood-level", "flood-level-lost-rising", "lighting-leakage", "weather-rain"}
    members = demo.make_accounts(settings)
    told = "\n".join(format_story(shown, members))
    assert "expected alarms were raised" in told
    measured = r"above its attention level: \d\.\d\d m against \d\.\d\d m, major at \d\d:\d\d"
    assert re.search(measured, told), told
    web = f"http://127.0.0.1:{settings.web_port}"
    assert f"Look   {web}" in told
    assert all(f"{member.name} " in told and member.password in told for member in members)
    with httpx.Client(base_url=web) as client:
        signed = {"name": members[0].name, "password": members[0].password}
        assert client.post("/api/v1/auth/login", json=signed).status_code == 204
        assert "flood-level" in client.get("/api/v1/alarms").text
        assert "Permanence crues du département, 01 99 00 10 01" in client.get("/now").text
    assert demo.stop(folder)
    assert not demo.stop(folder)


def test_a_folder_that_no_demo_made_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("years of work")
    for words in ([], ["--stop"]):
        monkeypatch.setattr(sys, "argv", ["hypervisor", "demo", "--data", str(tmp_path), *words])
        with pytest.raises(SystemExit):
            main()
        assert "nothing was changed" in capsys.readouterr().err
    assert precious.read_text() == "years of work"
    assert list(tmp_path.iterdir()) == [precious]
