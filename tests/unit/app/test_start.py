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
