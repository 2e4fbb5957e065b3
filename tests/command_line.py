"""`hypervisor` as a person types it, in this process; the command line is built once."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from typer.testing import CliRunner

from hypervisor import cli

WIDTH = "200"  # columns, so that no table is cut


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a command ended; what it printed, on both streams in `output`."""

    exit_code: int
    stdout: str
    stderr: str
    output: str


@cache
def command() -> Any:
    """The whole command line."""
    return cli.build()


def run(*words: object, typed: str = "", environment: Mapping[str, str] | None = None) -> Outcome:
    """Run `hypervisor WORDS`. `typed`: its standard input.

    An error is raised as it is, with a note of what was printed.
    """
    runner, code = CliRunner(env={"COLUMNS": WIDTH, **(environment or {})}), 0
    with runner.isolation(input=typed) as (stdout, stderr, output):
        try:
            command()(args=[str(word) for word in words], prog_name="hypervisor")
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        except Exception as error:
            error.add_note(output.getvalue().decode())
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        texts = [stream.getvalue().decode() for stream in (stdout, stderr, output)]
    return Outcome(exit_code=code, stdout=texts[0], stderr=texts[1], output=texts[2])
