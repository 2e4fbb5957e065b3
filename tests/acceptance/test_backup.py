"""A flood half played, kept in a file, and played on in another place as if nothing had been."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings, load_settings
from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.probe import ACCEPTED, connack
from hypervisor.stack import detached, queries_backup
from tests.acceptance.conftest import GARONNE, alarm_log, command

pytestmark = [pytest.mark.acceptance, pytest.mark.long]

BEFORE = ("--from", "2022-01-10T00:00Z", "--to", "2022-01-10T18:00Z")
AFTER = ("--from", "2022-01-10T18:00Z", "--to", "2022-01-11T12:00Z")
UNCHANGED = (
    "reading",
    "reading_version",
    "alarm",
    "transition",
    "rule_state",
    "revision",
    "series",
)


@pytest.fixture
def folders(open_tmp: Path) -> Iterator[tuple[Path, Path]]:
    """Where an instance lives, and where it is restored to."""
    pair = open_tmp / "old", open_tmp / "new"
    yield pair
    for folder in pair:
        if folder.exists():
            detached.stop(folder)


def hypervisor(folder: Path, *words: str) -> str:
    done = command("--data", str(folder), *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def play(folder: Path, *words: str) -> None:
    hypervisor(folder, "replay", str(GARONNE), "--speed", "max", "--json", *words)


def up(folder: Path, mode: Mode | None = None) -> Settings:
    return detached.start(folder, mode=mode, say=lambda _: None)


def counts(settings: Settings) -> dict[str, int]:
    found = queries_backup.count_rows(settings.database_url)
    return {table: found[table] for table in UNCHANGED}


def test_a_flood_goes_on_where_it_was_kept(folders: tuple[Path, Path], open_tmp: Path) -> None:
    old, new = folders
    file = open_tmp / "garonne.backup"
    settings = up(old, Mode.EXERCISE)
    hypervisor(old, "inventory", "apply", "garonne")
    added = json.loads(hypervisor(old, "device", "add", "O200004001", "--json"))
    play(old, *BEFORE)
    said = hypervisor(old, "backup", str(file))
    assert "exercise 'old'" in said
    assert file.stat().st_mode & 0o077 == 0
    before, log = counts(settings), alarm_log(settings.database_url)
    assert log
    play(old, *AFTER)
    whole = alarm_log(settings.database_url)
    assert whole != log
    detached.stop(old)

    hypervisor(new, "restore", str(file), "--reason", "the machine burnt down")
    restored = up(new)
    assert counts(restored) == before
    assert alarm_log(restored.database_url) == log
    assert connack(LOOPBACK, restored.broker_port, "O200004001", added["password"]) == ACCEPTED
    play(new, *AFTER)
    assert alarm_log(restored.database_url) == whole
    acts = [json.loads(line) for line in hypervisor(new, "audit", "--json").splitlines()]
    assert ("restore", "the machine burnt down") in [(act["kind"], act["reason"]) for act in acts]


def test_a_live_instance_hears_again_and_accuses_nobody_of_the_time_away(
    folders: tuple[Path, Path], open_tmp: Path
) -> None:
    old, new = folders
    file = open_tmp / "live.backup"
    up(old, Mode.LIVE)
    with (old / "hypervisor.env").open("a") as lines:
        lines.write("HYPERVISOR_RAW_RETENTION_DAYS=1000\nHYPERVISOR_FEEDS=false\n")
    hypervisor(old, "inventory", "apply", "garonne")
    hypervisor(old, "backup", str(file))
    detached.stop(old)
    hypervisor(new, "restore", str(file))
    assert load_settings(new).raw_retention_days == 1000
    restored = up(new)
    assert hypervisor(new, "doctor")
    assert alarm_log(restored.database_url) == []
    refused = command("--data", str(new), "restore", str(file))
    assert refused.returncode == 2
    assert "holds an instance already" in refused.stderr
