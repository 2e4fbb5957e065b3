"""Routes and commands are as docs/routes.txt and docs/commands.txt list them."""

import difflib
import subprocess
import sys

import pytest

from tests.contract import LISTINGS, ROOT, file, read_parts


@pytest.mark.parametrize("name", LISTINGS)
def test_nothing_changes_unseen(name: str) -> None:
    """In a process of its own: what modules declare as they are imported is part of it."""
    command = [sys.executable, "-m", "tests.contract", name]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    kept = file(name).read_text(encoding="utf-8")
    changes = difflib.unified_diff(
        read_parts(kept), read_parts(built), "listed", "built", "", "", 0
    )
    text = "\n".join(changes)
    assert not text, f"{text}\nIs it meant? Then: python -m tests.generated"


def test_an_entry_is_read_part_by_part() -> None:
    listing = "GET /alarms; ?site: string;\n    200 AlarmsBody\nGET /now\n"
    parts = ["GET /alarms", "GET /alarms; ?site: string", "GET /alarms; 200 AlarmsBody", "GET /now"]
    assert read_parts(listing) == parts
