"""Data folders that can be used, and those that are refused in so many words."""

import os
from pathlib import Path

import pytest

from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder, open_folder
from hypervisor.broker.server_account import Account, current_account
from tests import command_line

OTHER = Account(name="other", uid=54321, gid=54321, demotes=False)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")


def test_it_is_made_and_closed_to_others(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "a" / "b", current_account())
    assert folder.root.stat().st_mode & 0o777 == 0o700
    assert (folder.root / "log").is_dir()
    assert folder.root.parent.stat().st_mode & 0o777 == 0o755


def test_a_part_that_runs_alone_makes_what_is_missing_above_its_folder(tmp_path: Path) -> None:
    folder = DataFolder(root=tmp_path / "new", account=current_account())
    made = folder.folder(folder.root / "sparkplug")
    assert made.stat().st_mode & 0o777 == 0o700


def test_a_file_is_replaced_whole_and_closed_to_others(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "a", current_account())
    folder.write(folder.settings_file, "A=1\n")
    folder.write(folder.settings_file, "B=2\n")
    assert folder.settings_file.read_text() == "B=2\n"
    assert folder.settings_file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in folder.root.iterdir() if entry.is_file()] == ["hypervisor.env"]


def test_another_ones_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    with pytest.raises(StackError, match=r"belongs to .*, not to 'other'"):
        open_folder(tmp_path / "theirs", OTHER)


def test_a_folder_that_holds_other_things_is_refused_and_left_alone(open_tmp: Path) -> None:
    (open_tmp / "letter").touch()
    (open_tmp / "log").mkdir()
    before = open_tmp.stat()
    for account in (current_account(), Account(name="x", uid=54321, gid=54321, demotes=True)):
        with pytest.raises(StackError, match=r"other things than an instance .such as 'letter'"):
            open_folder(open_tmp, account)
    after = open_tmp.stat()
    assert (before.st_mode, before.st_uid) == (after.st_mode, after.st_uid)


def test_what_a_killed_first_start_left_is_taken_up(tmp_path: Path) -> None:
    open_folder(tmp_path / "a", current_account())
    (tmp_path / "a" / "up.lock").touch()
    assert open_folder(tmp_path / "a", current_account()).root == tmp_path / "a"


@needs_root
def test_a_folder_of_somebody_else_is_not_taken_from_them(open_tmp: Path) -> None:
    os.chown(open_tmp, 12345, 12345)
    with pytest.raises(StackError, match=r"belongs to user number 12345, not to 'x'"):
        open_folder(open_tmp, Account(name="x", uid=54321, gid=54321, demotes=True))


@needs_root
def test_an_unreachable_folder_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    demoted = Account(name="x", uid=54321, gid=54321, demotes=True)
    with pytest.raises(StackError, match=r"'x' who runs the servers cannot enter /"):
        open_folder(closed / "data", demoted)


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"is full: .* MB free, at least"):
        open_folder(tmp_path / "a", current_account(), least_free=2**60)


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(StackError, match="cannot use the data folder"):
        open_folder(tmp_path / "a", current_account())


def test_down_wants_an_instance_that_was_up(tmp_path: Path) -> None:
    """A slip in --data is an error; an instance that is down already is not."""
    with pytest.raises(StackError, match="no instance was ever up in"):
        command_line.run("--data", tmp_path / "typo", "down")
    (tmp_path / "up.lock").touch()
    assert "no instance is up in" in command_line.run("--data", tmp_path, "down").stdout
