"""The broker's password file: damaged in every way, it loses no account in silence."""

import base64
import os
from pathlib import Path

import pytest

from hypervisor.broker import password_file
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder, open_folder
from hypervisor.broker.server_account import current_account


def made_hash() -> str:
    salt, digest = (base64.b64encode(os.urandom(size)).decode() for size in (12, 64))
    return f"$7$101${salt}${digest}"


ACCOUNTS = {name: made_hash() for name in ("ingest", "lamp-1", "lamp-2", "poyo")}


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = open_folder(tmp_path / "data", current_account())
    made.folder(made.broker)
    password_file.write(made, ACCOUNTS)
    return made


def damaged(how: str) -> bytes:
    lines = [f"{name}:{hashed}" for name, hashed in ACCOUNTS.items()]
    whole = "\n".join([*lines, ""]).encode()
    return {
        "emptied": b"",
        "cut within a line": whole[:-20],
        "cut after a line": "\n".join([*lines[:2], ""]).encode(),
        "zeros": bytes(len(whole)),
        "garbage in the middle": b"\n".join([lines[0].encode(), b"\xff\xfe\x00;", *[]]) + b"\n",
        "a colon lost": whole.replace(b"poyo:", b"poyo"),
        "twice": whole.replace(b"lamp-2:", b"lamp-1:"),
    }[how]


HOWS = (
    "emptied",
    "cut within a line",
    "cut after a line",
    "zeros",
    "garbage in the middle",
    "a colon lost",
    "twice",
)


@pytest.mark.parametrize("how", HOWS)
def test_damage_is_refused_and_mended_with_every_account(folder: DataFolder, how: str) -> None:
    path = password_file.path_of(folder)
    path.write_bytes(damaged(how))
    with pytest.raises(StackError, match="is damaged"):
        password_file.read(folder)
    assert path.read_bytes() == damaged(how)
    sentence = password_file.restore(folder)
    assert "restored from its backup, 4 accounts" in sentence
    assert password_file.read(folder) == ACCOUNTS
    (aside,) = folder.broker.glob("passwords.damaged-*")
    assert aside.read_bytes() == damaged(how)
    assert str(aside) in sentence
    assert password_file.restore(folder) == ""


def test_a_file_that_is_gone_comes_back(folder: DataFolder) -> None:
    password_file.path_of(folder).unlink()
    assert "it is missing" in password_file.restore(folder)
    assert password_file.read(folder) == ACCOUNTS


def test_what_another_hand_added_and_changed_is_kept(folder: DataFolder) -> None:
    added, changed = made_hash(), made_hash()
    path = password_file.path_of(folder)
    with path.open("a") as file:
        file.write(f"pump:{added}\nbroken line\n")
    path.write_text(path.read_text().replace(ACCOUNTS["poyo"], changed))
    assert "no account on line 6" in password_file.restore(folder)
    assert password_file.read(folder) == {**ACCOUNTS, "pump": added, "poyo": changed}


def test_without_a_backup_nothing_is_made_up(folder: DataFolder) -> None:
    """An instance of before there were backups."""
    password_file.backup_of(folder).unlink()
    path = password_file.path_of(folder)
    path.write_bytes(damaged("cut within a line"))
    with pytest.raises(StackError, match=r"no account on line 4.* has no backup"):
        password_file.restore(folder)
    assert path.read_bytes() == damaged("cut within a line")


def test_a_whole_file_without_a_backup_gets_one(folder: DataFolder) -> None:
    backup = password_file.backup_of(folder)
    backup.unlink()
    assert password_file.restore(folder) == ""
    assert backup.read_bytes() == password_file.path_of(folder).read_bytes()
    assert backup.stat().st_mode & 0o777 == 0o600


def test_an_account_that_was_removed_does_not_come_back(folder: DataFolder) -> None:
    password_file.write(folder, {k: v for k, v in ACCOUNTS.items() if k != "poyo"})
    password_file.path_of(folder).write_bytes(b"")
    password_file.restore(folder)
    assert "poyo" not in password_file.read(folder)
