"""Ports and passwords: chosen once, kept, and said when they must change."""

import socket
from pathlib import Path

import pytest

from hypervisor.settings import load_settings
from hypervisor.stack.account import current
from hypervisor.stack.errors import StackError
from hypervisor.stack.folder import DataFolder, open_folder
from hypervisor.stack.ports import free_port
from hypervisor.stack.settled import settle


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return open_folder(tmp_path / "data", current())


def test_a_second_time_finds_the_same(folder: DataFolder) -> None:
    said: list[str] = []
    first = settle(folder, free_port(), said.append)
    assert settle(folder, None, said.append) == first
    assert said == []
    read = load_settings(folder.root)
    assert read.database_url == first.lines()["DATABASE_URL"]
    assert (read.broker_port, read.web_port) == (first.broker_port, first.web_port)


def test_the_persons_own_lines_are_kept(folder: DataFolder) -> None:
    settle(folder, free_port(), print)
    with folder.settings_file.open("a") as file:
        file.write("HYPERVISOR_WORKER=ingest-7\n# mine\n")
    assert settle(folder, None, print).worker == "ingest-7"
    text = folder.settings_file.read_text()
    assert "# mine" in text
    assert text.count("HYPERVISOR_BROKER_PORT=") == 1


def test_a_private_port_that_was_taken_meanwhile_changes_and_it_is_said(folder: DataFolder) -> None:
    first = settle(folder, free_port(), print)
    said: list[str] = []
    with socket.create_server(("127.0.0.1", first.broker_port)):
        second = settle(folder, None, said.append)
    assert second.broker_port != first.broker_port
    assert second.database_port == first.database_port
    assert said[0].startswith(f"the broker's port {first.broker_port} is taken by ")


def test_a_wished_web_port_that_is_taken_is_refused(folder: DataFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} is taken by .*pid"):
            settle(folder, port, print)


def test_a_kept_web_port_that_is_taken_gives_way(folder: DataFolder) -> None:
    port = free_port()
    settle(folder, port, print)
    said: list[str] = []
    with socket.create_server(("127.0.0.1", port)):
        assert settle(folder, None, said.append).web_port > port
    assert f"port {port} is taken by" in said[0]


def test_lost_settings_of_a_database_are_not_made_up(folder: DataFolder) -> None:
    folder.database.mkdir()
    with pytest.raises(StackError, match="put the file back"):
        settle(folder, None, print)
