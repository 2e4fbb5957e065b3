"""What a start of the command line costs: every part of an instance pays it, and every command."""

import subprocess
import sys

HEAVY = {
    "psycopg",
    "pydantic",
    "numpy",
    "pandas",
    "fastapi",
    "yaml",
    "rules",
    "simulators",
    "ingest",
}
_BUILD = "import sys; from hypervisor import cli; cli.build(); print(*sys.modules)"


def test_no_library_is_imported_before_a_command_needs_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BUILD], check=True, capture_output=True, text=True
    )
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert "typer" in imported
    assert imported & HEAVY == set()


def test_an_argument_that_is_not_utf8_is_refused_with_a_sentence() -> None:
    """It ended in a traceback wherever a library had to encode it."""
    done = subprocess.run(
        [sys.executable, "-m", "hypervisor", "import", b"/absent/\xff.csv"],
        check=False,
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert (
        done.stderr
        == b"error: /absent/\\udcff.csv is not UTF-8: rename the file, or type it again\n"
    )
