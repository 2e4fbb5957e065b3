"""Ports and passwords: chosen once, kept, and said when they must change."""

import socket
from pathlib import Path

import pytest

from hypervisor.base.settings import load_settings
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder, open_folder
from hypervisor.broker.server_account import current_account
from hypervisor.stack.instance_settings import choose_settings
from tests.ports import reserve_port


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return open_folder(tmp_path / "data", current_account())


def test_a_second_time_finds_the_same(folder: DataFolder) -> None:
    said: list[str] = []
    first = choose_settings(folder, reserve_port(), said.append)
    assert choose_settings(folder, None, said.append) == first
    assert said == []
    read = load_settings(folder.root)
    assert read.database_url == first.lines()["DATABASE_URL"]
    assert (read.broker_port, read.web_port) == (first.broker_port, first.web_port)


def test_the_persons_own_lines_are_kept(folder: DataFolder) -> None:
    choose_settings(folder, reserve_port(), print)
    with folder.settings_file.open("a") as file:
        file.write("HYPERVISOR_WORKER=ingest-7\n# mine\n")
    assert choose_settings(folder, None, print).worker == "ingest-7"
    text = folder.settings_file.read_text()
    assert "# mine" in text
    assert text.count("HYPERVISOR_BROKER_PORT=") == 1


def test_a_private_port_that_was_taken_meanwhile_changes_and_it_is_said(folder: DataFolder) -> None:
    first = choose_settings(folder, reserve_port(), print)
    said: list[str] = []
    with socket.create_server(("127.0.0.1", first.broker_port)):
        second = choose_settings(folder, None, said.append)
    assert second.broker_port != first.broker_port
    assert second.database_port == first.database_port
    assert said[0].startswith(f"the broker's port {first.broker_port} is taken by ")


def test_a_wished_web_port_that_is_taken_is_refused(folder: DataFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} is taken by .*pid"):
            choose_settings(folder, port, print)


def test_a_kept_web_port_that_is_taken_gives_way(folder: DataFolder) -> None:
    port = reserve_port()
    choose_settings(folder, port, print)
    said: list[str] = []
    with socket.create_server(("127.0.0.1", port)):
        assert choose_settings(folder, None, said.append).web_port > port
    assert f"port {port} is taken by" in said[0]


@pytest.mark.parametrize("first", [True, False])
def test_what_the_environment_asks_for_is_taken_up_and_kept(
    folder: DataFolder, *, first: bool
) -> None:
    if not first:
        choose_settings(folder, reserve_port(), print)
    web, broker, parts = reserve_port(), reserve_port(), reserve_port()
    asked = {
        "HYPERVISOR_BROKER_PARTS_PORT": str(parts),
        "HYPERVISOR_WEB_PORT": str(web),
        "HYPERVISOR_WEB_HOST": "0.0.0.0",  # noqa: S104
        "HYPERVISOR_BROKER_PORT": str(broker),
        "HYPERVISOR_BROKER_PASSWORD": "chosen-by-hand",
        "HYPERVISOR_PLAYER_PASSWORD": "of.the.player",
        "HYPERVISOR_WORKER": "ingest-7",
        "HYPERVISOR_BROKER_TLS_PORT": "8884",
    }
    choose_settings(folder, None, print, asked)
    choose_settings(folder, None, print)
    read = load_settings(folder.root)
    assert (read.web_port, read.web_host) == (web, "0.0.0.0")  # noqa: S104
    assert (read.broker_port, read.broker_password) == (broker, "chosen-by-hand")
    assert read.parts_port == parts
    assert (read.player_password, read.worker) == ("of.the.player", "ingest-7")
    assert read.broker_tls_port == 8884
    assert folder.settings_file.read_text().count("HYPERVISOR_WORKER=") == 1


def test_two_servers_are_never_given_the_same_port(folder: DataFolder) -> None:
    first = choose_settings(folder, reserve_port(), print)
    again = choose_settings(folder, first.broker_port, print)
    ports = (again.web_port, again.broker_port, again.broker_parts_port, again.database_port)
    assert again.web_port == first.broker_port
    assert len(set(ports)) == len(ports)


def test_a_command_line_wins_over_the_environment(folder: DataFolder) -> None:
    port = reserve_port()
    asked = {"HYPERVISOR_WEB_PORT": str(reserve_port())}
    assert choose_settings(folder, port, print, asked).web_port == port


@pytest.mark.parametrize("key", ["WEB_PORT", "BROKER_PORT", "BROKER_PARTS_PORT"])
def test_a_port_asked_for_that_is_taken_is_refused(folder: DataFolder, key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} is taken .*HYPERVISOR_{key}"):
            choose_settings(folder, None, print, {f"HYPERVISOR_{key}": str(port)})
    assert not folder.settings_file.exists()


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("WEB_PORT", "80a", "expected a port from 1 to 65535, got '80a'"),
        ("BROKER_PORT", "70000", "expected a port from 1 to 65535, got '70000'"),
        ("BROKER_PASSWORD", "a b", "quotes, blanks, # and"),
    ],
)
def test_nonsense_in_the_environment_is_refused(
    folder: DataFolder, key: str, value: str, sentence: str
) -> None:
    with pytest.raises(StackError, match=f"HYPERVISOR_{key}: {sentence}"):
        choose_settings(folder, None, print, {f"HYPERVISOR_{key}": value})


def test_servers_of_somebody_else_are_ignored_aloud(folder: DataFolder) -> None:
    said: list[str] = []
    asked = {"HYPERVISOR_DATABASE_URL": "postgresql://a:b@elsewhere/c"}
    choose_settings(folder, reserve_port(), said.append, asked)
    assert len(said) == 1
    assert said[0].startswith("HYPERVISOR_DATABASE_URL is ignored:")
    assert "elsewhere" not in folder.settings_file.read_text()


def test_lost_settings_of_a_database_are_not_made_up(folder: DataFolder) -> None:
    folder.database.mkdir()
    with pytest.raises(StackError, match="put the file back"):
        choose_settings(folder, None, print)
