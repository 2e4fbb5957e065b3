"""`hypervisor device` against the real broker and registry."""

import json
import re

import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker.errors import StackError
from hypervisor.broker.probe import ACCEPTED, REFUSED, connack
from hypervisor.database.connect import connect
from tests import command_line

pytestmark = pytest.mark.integration


@pytest.fixture
def registered(instance_settings: Settings) -> Settings:
    """Three gauges, one of them retired."""
    with connect(instance_settings.database_url) as connection:
        connection.execute("INSERT INTO site (name, title, domain) VALUES ('s', 'S', 'flood')")
        connection.execute(
            "INSERT INTO device (name, site, commissioned, retired) VALUES"
            " ('poyo', 1, '2020-01-01Z', NULL), ('magre', 1, '2020-01-01Z', NULL),"
            " ('old', 1, '2020-01-01Z', '2021-01-01Z')"
        )
    return instance_settings


def command(settings: Settings, *words: str) -> str:
    """Run `hypervisor device …`; its standard output, or why the words are refused."""
    result = command_line.run("--data", settings.data, "device", *words)
    return result.stdout or result.stderr


def test_add_rotate_remove(registered: Settings) -> None:
    def enters(password: str) -> int:
        return connack(registered.broker_host, registered.broker_port, "poyo", password)

    first = command(registered, "add", "poyo").strip()
    assert enters(first) == ACCEPTED
    second = command(registered, "rotate", "poyo").strip()
    assert (enters(first) in REFUSED, enters(second)) == (True, ACCEPTED)
    told = ("--author", "A. Martin", "--reason", "stolen")
    assert "'poyo' is deleted" in command(registered, "remove", "poyo", *told)
    assert enters(second) in REFUSED
    with connect(registered.database_url) as connection:
        acts = connection.execute(
            "SELECT kind, subject, reason FROM audit WHERE kind LIKE 'device-%' ORDER BY id"
        ).fetchall()
        (author,) = connection.execute("SELECT author FROM audit ORDER BY id DESC").fetchone()  # type: ignore[misc]
    assert acts == [
        ("device-add", "poyo", "first password"),
        ("device-rotate", "poyo", "new password"),
        ("device-remove", "poyo", "stolen"),
    ]
    assert author == "A. Martin"


def test_all_that_lack_one(registered: Settings) -> None:
    command(registered, "add", "poyo")
    lines = command(registered, "add", "--all").splitlines()
    assert [line.split(",")[0] for line in lines] == ["device", "magre"]
    password = lines[1].split(",")[1]
    assert connack(registered.broker_host, registered.broker_port, "magre", password) == ACCEPTED
    assert command(registered, "add", "--all").splitlines() == ["device,password"]
    rows = [json.loads(line) for line in command(registered, "list", "--json").splitlines()]
    assert rows == [
        {"device": "magre", "registered": True, "account": True},
        {"device": "poyo", "registered": True, "account": True},
    ]


def test_the_table_of_those_with_an_account_and_without(registered: Settings) -> None:
    with connect(registered.database_url) as connection:
        connection.execute(
            "INSERT INTO gateway (name, title, protocol) VALUES ('lora', '', 'the-things-stack')"
        )
        connection.execute("UPDATE device SET gateway = 'lora' WHERE name = 'magre'")
    assert json.loads(command(registered, "add", "poyo", "--json"))["device"] == "poyo"
    password = command(registered, "add", "lora").strip()
    with connect(registered.database_url) as connection:
        connection.execute("UPDATE device SET retired = '2021-01-01Z' WHERE name = 'poyo'")
    lines = command(registered, "list").splitlines()
    assert [re.split(" {2,}", line.strip()) for line in lines if line.strip()] == [
        ["device", "registered", "account"],
        ["lora", "yes", "yes"],
        ["magre", "yes", "publishes through lora"],
        ["poyo", "no", "yes"],
    ]
    sends = ("publish", "lora", "--password", password)
    assert "'level'" in command(registered, *sends, "level")
    assert "the broker has it" in command(registered, *sends, "level=1.25")
    with pytest.raises(StackError):
        command(registered, "publish", "lora", "--password", "another", "level=1.25")


def test_a_password_is_void_while_the_database_is_away(
    registered: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(registered, "add", "poyo")
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    assert "done, but not recorded in the audit" in command(registered, "remove", "poyo")
    monkeypatch.delenv("HYPERVISOR_DATABASE_URL")
    assert command(registered, "list", "--json").count('"account": true') == 0


def test_what_is_refused(registered: Settings) -> None:
    refusals = {
        ("add", "stranger"): "no device 'stranger' in service",
        ("add", "old"): "no device 'old' in service",
        ("add", "a/b"): "cannot be a device's account",
        ("add", "ingest"): "the hypervisor's own",
        ("add",): "expected the name of one device or gateway, or --all",
        ("rotate", "magre"): "'magre' has no account",
        ("remove", "magre"): "'magre' has no account",
        ("remove", "ingest"): "the hypervisor's own",
    }
    for words, why in refusals.items():
        with pytest.raises(StackError, match=why):
            command(registered, *words)


def test_a_second_account_is_refused(registered: Settings) -> None:
    command(registered, "add", "poyo")
    with pytest.raises(StackError, match="device rotate poyo"):
        command(registered, "add", "poyo")
