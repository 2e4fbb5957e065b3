"""Every example of the documents runs, in its page's order, and shows what the page says.

CONTRIBUTING.md says how an example is marked. Those of `make test` share one live instance of the
Essonne with the sites of docs/inventory.md and a flood of October 2024; long ones start their own.
"""

import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.broker.child import stop, wait_until
from hypervisor.broker.ports import is_free
from hypervisor.database import databases
from hypervisor.database.connect import connect
from hypervisor.stack import detached
from hypervisor.stack.parts import part_environment
from tests import documents
from tests.acceptance.conftest import REPOSITORY, Exercise
from tests.command_server import write_client
from tests.conftest import TEMPLATE, Stack, _settings, begin_broker
from tests.documents import Example
from tests.integration.notifications.servers import MailServer

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

INVENTORY = REPOSITORY / "docs" / "inventory.md"
PARTS = ("ingest", "watch", "web", "notify")
SERVED = "localhost:8000"  # as the pages call the console of the shared instance
MACHINE = ("/var/tmp/", "/var/lib/", "/srv/")  # noqa: S108  a reader's; here the page's folder
MINUTES_20 = 1200
SOON, PATIENCE = 30.0, 120.0  # s
READERS = ("charts", "charts_cps", "grafana")  # roles of the server, which outlive a database
MAIL = "mailtos://alarms:${SMTP_PASSWORD}@smtp.town.example?"

# What pages need that a reader does not see: `field NAME` prints a field of the last JSON line.
_FIELD = "import json, sys; print(json.loads(list(sys.stdin)[-1])[sys.argv[1]])"


def _pages(*, long: bool) -> list[object]:
    """The pages that have commands of this kind, by their path."""
    return [
        pytest.param(page, id=str(page.relative_to(REPOSITORY)))
        for page in documents.pages()
        if not documents.is_translation(page)
        and any(each.long is long and each.how == "run" for each in documents.examples(page))
    ]


@pytest.fixture(scope="module")
def programs(shared_folder: Path) -> Iterator[Path]:
    """The folder of `hypervisor`, `make` and, where Debian's is missing, `mosquitto_pub`."""
    folder, path = shared_folder / "programs", shared_folder / "commands"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.command_server", str(path)],
        cwd=REPOSITORY,
        env=part_environment() | {"PYTHONUTF8": "1"},
    )
    write_client(folder / "hypervisor", path)
    _write_program(folder / "field", f'exec {sys.executable} -c "{_FIELD}" "$@"')
    _write_program(folder / "make", f'exec /usr/bin/make -C {REPOSITORY} --dry-run "$@"')
    if shutil.which("mosquitto_pub") is None:
        publish = REPOSITORY / "tests" / "mosquitto_pub.py"
        _write_program(folder / "mosquitto_pub", f'exec {sys.executable} {publish} "$@"')
    try:
        assert wait_until(lambda: path.exists() or server.poll() is not None, seconds=PATIENCE)
        assert path.exists()
        yield folder
    finally:
        stop(server)


def _write_program(program: Path, command: str) -> None:
    program.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    program.chmod(0o755)


@pytest.fixture(scope="module")
def live(stack: Stack, shared_folder: Path, programs: Path) -> Iterator[Exercise]:
    """The instance that the pages share, with its parts."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    broker, server = begin_broker(shared_folder)
    what = Instance(mode=Mode.LIVE, name="Essonne")
    made = Exercise(settings=_settings(stack.database.url(name), broker, what))
    try:
        for part in PARTS:
            made.start(part)
        made.apply("essonne", *_save_inventory(shared_folder))
        _import(made, programs, shared_folder, _flood())
        assert wait_until(lambda: len(made.log()) > 1, seconds=PATIENCE)
        _import(made, programs, shared_folder, _year())
        assert wait_until(lambda: not is_free(made.settings.web_port), seconds=PATIENCE)
        yield made
    finally:
        made.stop()
        server.halt()
        databases.drop(stack.maintenance_url, name)
        with connect(stack.maintenance_url) as connection:
            for reader in READERS:
                connection.execute(f"DROP ROLE IF EXISTS reader_{reader}")


def _save_inventory(folder: Path) -> Iterator[str]:
    """The paths of the inventory files that docs/inventory.md shows."""
    for example in documents.examples(INVENTORY):
        if example.how == "file" and example.name != "slips.yaml":  # which is refused
            (folder / example.name).write_text(example.text, encoding="utf-8")
            yield str(folder / example.name)


def _flood() -> Iterator[str]:
    """Three days at the mill bridge, with the flood of 9 October 2024."""
    yield "time_utc,H_m_orge-mill"
    for quarter in range(4 * 72):
        level = 1.0 + 1.3 * math.exp(-(((quarter / 4 - 38) / 8) ** 2))
        yield f"{datetime(2024, 10, 8, tzinfo=UTC) + quarter * timedelta(minutes=15)},{level:.3f}"


def _year() -> Iterator[str]:
    """Thirteen months at the lower weir, hour by hour: a flood a month, every third a greater."""
    yield "time_utc,H_m_orge-weir"
    for hour in range(13 * 730):
        month, within = divmod(hour, 730)
        height = (0.4, 0.7, 1.3)[month % 3] + 0.02 * month
        level = 0.8 + height * math.exp(-(((within - 300) / 20) ** 2))
        yield f"{datetime(2023, 6, 1, tzinfo=UTC) + hour * timedelta(hours=1)},{level:.3f}"


def _import(live: Exercise, programs: Path, folder: Path, lines: Iterable[str]) -> None:
    file = folder / "recording.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    hypervisor = (str(programs / "hypervisor"), "--data", str(live.settings.data))
    done = subprocess.run(
        [*hypervisor, "import", str(file)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(kw_only=True)
class Shell:
    """A bash that keeps its variables from one command to the next."""

    folder: Path
    process: "subprocess.Popen[str]"

    @classmethod
    def start(cls, folder: Path, programs: Path, **environment: str) -> "Shell":
        beside = folder / ".venv"  # as the README calls it
        beside.mkdir()
        (beside / "bin").symlink_to(programs)
        process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-s"],
            cwd=folder,
            env=part_environment()
            | {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder)}
            | {"COLUMNS": "200", "LC_ALL": "C.UTF-8"}
            | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return cls(folder=folder, process=process)

    def run(self, command: str) -> tuple[int, str]:
        """Its exit status and what it printed."""
        file, output = self.folder / ".command", self.folder / ".output"
        file.write_text(command + "\n", encoding="utf-8")
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(f". {file} >{output} 2>&1 </dev/null; echo $?", file=self.process.stdin, flush=True)
        status = self.process.stdout.readline()
        assert status, f"the shell has left: {command}"
        return int(status), output.read_text(encoding="utf-8")

    def leave(self) -> None:
        with self.process:  # closes what it reads: it ends
            pass


@dataclass(kw_only=True)
class Run:
    """A page's examples, run one after another; `problems` collects what differs."""

    shell: Shell
    replace: dict[str, str]
    problems: list[str]
    printed: str = ""  # by the commands of the example before
    last: str = ""

    def play(self, examples: Sequence[Example]) -> None:
        """Save the files and run the commands in the order of the page, as its reader does."""
        for example, after in zip(examples, [*examples[1:], None], strict=True):
            shown = after.text if after is not None and after.how == "output" else ""
            if example.how in {"file", "more"}:
                file = self.shell.folder / example.name
                with file.open("w" if example.how == "file" else "a", encoding="utf-8") as text:
                    text.write(self._on_this_machine(example.text))
            elif example.how == "run":
                self._execute(example, documents.split_commands(example.text), shown)
            elif example.how == "output":
                self._compare(example)

    def _execute(self, example: Example, commands: Sequence[str], shown: str) -> None:
        self.printed = ""
        for number, command in enumerate(commands, start=1):
            word = re.compile(rf"(?<![\w-]){re.escape(example.word)}(?![\w-])")
            if example.word and word.search(command):
                command = word.sub(self.shell.run(example.value)[1].strip(), command)  # noqa: PLW2901
            self.last = self._on_this_machine(command)
            status, output = self.shell.run(self.last)
            refused = shown.startswith("error:") and number == len(commands)
            if bool(status) is not refused:
                self.problems.append(f"{example.place}: {command}\nexit {status}: {output}")
            self.printed += output

    def _compare(self, example: Example) -> None:
        """What a message or an event brings takes a moment: the last command may say it later."""
        text = self._on_this_machine(example.text)
        if not documents.matches(text, self.printed) and not wait_until(
            lambda: documents.matches(text, self.shell.run(self.last)[1]), seconds=SOON
        ):
            self.problems.append(f"{example.place}: it printed\n{self.printed}")

    def _on_this_machine(self, text: str) -> str:
        for name, value in self.replace.items():
            text = text.replace(name, value)
        return text


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("page", _pages(long=False))
def test_examples_run(
    page: Path, live: Exercise, mail: MailServer, programs: Path, open_tmp: Path
) -> None:
    settings = live.settings
    shell = Shell.start(open_tmp, programs, HYPERVISOR_DATA=str(settings.data))
    replace = {path: f"{open_tmp}{path}" for path in MACHINE}
    replace[SERVED] = f"127.0.0.1:{settings.web_port}"
    replace[MAIL] = f"mailto://127.0.0.1:{mail.port}?"
    run = Run(shell=shell, replace=replace, problems=[])
    run.play([each for each in documents.examples(page) if not each.long])
    shell.leave()
    assert not run.problems, "\n\n".join(run.problems)


@pytest.mark.long
@pytest.mark.timeout(MINUTES_20)
@pytest.mark.parametrize("page", _pages(long=True))
def test_long_examples_run(page: Path, programs: Path, open_tmp: Path) -> None:
    data = open_tmp / "live"
    shell = Shell.start(open_tmp, programs, HYPERVISOR_DATA=str(data))
    replace = {path: f"{open_tmp}{path}" for path in MACHINE}
    run = Run(shell=shell, replace=replace, problems=[])
    try:
        run.play([each for each in documents.examples(page) if each.long or each.how == "file"])
    finally:
        shell.leave()
        for file in open_tmp.rglob("hypervisor.env"):
            detached.stop(file.parent)
    assert not run.problems, "\n\n".join(run.problems)
