"""The parts in Python: how they are started, and as which user."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import hypervisor
from hypervisor.base.instance import Mode
from hypervisor.base.process import LIFE, RUN_ID, WEB_SOCKET
from hypervisor.base.settings import Settings
from hypervisor.broker.child import run_as, spawn
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.server_account import Account, current_account
from hypervisor.stack.liveness import PipePulse
from hypervisor.stack.supervisor import Job

# In the order of starting.
PARTS = ("ingest", "watch", "notify", "web", "rollup", "housekeeping", "commands")
COLLECTOR = "collect"  # live instances only: an exercise reads no real service
EVALUATOR = "watch"  # where the settings say so, several: watch, watch-2, …
OBSERVER = "observations"  # where the settings say so
MAILER = "mailing"  # live instances only, where the settings say so
ADMITTER = "admit"  # of a cluster only: its broker asks there whom to let in
BRIDGE = "sparkplug"  # live instances only, where the settings say so
CONDUCTOR = "conduct"  # exercises only: nothing is played into a live instance
# Where a part is started otherwise than by its name.
_WORDS = {"commands": ("commands", "send"), ADMITTER: ("cluster", ADMITTER)}
_CODE = Path(hypervisor.__file__).parent.parent
# Servers are named by the folder's own file, whatever the environment says.
_SERVER_KEYS = (
    *("DATABASE_URL", "BROKER_", "PLAYER_PASSWORD", "WEB_", "WORKER", "DATA", "RUN_ID", "LIFE"),
)


@dataclass(frozen=True, kw_only=True)
class WebListener:
    """The web's listening socket, which `up` holds until it ends, and the run's identity."""

    listener: socket.socket
    run_id: str

    def close(self) -> None:
        self.listener.close()

    def environment(self) -> dict[str, str]:
        return {WEB_SOCKET: str(self.listener.fileno()), RUN_ID: self.run_id}


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """Starts parts of one instance as one account."""

    folder: DataFolder
    account: Account

    def start(
        self, part: str, bound: WebListener | None, pulse: PipePulse
    ) -> subprocess.Popen[bytes]:
        """Start a part, which reports to `pulse` from now on."""
        env = {**part_environment(), **(bound.environment() if bound else {})}
        with pulse.renewed() as pipe:
            return spawn(
                [*interpreter_command(), "--data", self.folder.root, *get_words(part)],
                account=self.account,
                log=self.folder.log(part),
                env={**env, LIFE: str(pipe)},
                inherited=[pipe, *([bound.listener.fileno()] if bound else [])],
            )

    def job(self, part: str, bound: WebListener | None = None) -> Job:
        """A part as it is kept running."""
        pulse = PipePulse()
        return Job(
            name=part,
            start=lambda: self.start(part, bound, pulse),
            log=self.folder.log(part),
            lives=pulse.lives,
        )

    def is_mine(self, words: list[str]) -> bool:
        """Whether a command line is a part of this instance."""
        started = "hypervisor" in words and str(self.folder.root) in words
        parts = (*PARTS, COLLECTOR, CONDUCTOR, ADMITTER, OBSERVER, MAILER, BRIDGE)
        return started and words[-1] in {get_words(part)[-1] for part in parts}


def get_words(part: str) -> tuple[str, ...]:
    """What follows `hypervisor` where a part is started."""
    name = EVALUATOR if part.startswith(f"{EVALUATOR}-") else part
    return _WORDS.get(name, (name,))


def parts_of(settings: Settings, mode: Mode) -> tuple[str, ...]:
    """The parts that an instance of these settings has, in the order of starting.

    No exercise warns citizens or has a bridge from Sparkplug B.
    """
    live = mode is Mode.LIVE
    mails = bool(settings.citizens_mail) or settings.citizens_push not in ("", "off")
    optional = {
        ADMITTER: settings.machine is not None,
        OBSERVER: settings.sensorthings_mqtt,
        MAILER: mails and live,
        BRIDGE: settings.sparkplug and live,
    }
    own = COLLECTOR if live else CONDUCTOR
    more = (f"{EVALUATOR}-{number}" for number in range(2, settings.evaluators + 1))
    return (*PARTS, own, *(part for part, runs in optional.items() if runs), *more)


def interpreter_command() -> list[str]:
    """The command that starts our own command line."""
    return [sys.executable, "-P", "-m", "hypervisor"]


def part_environment() -> dict[str, str]:
    """Our environment without other servers' names, plus the path of the code."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(tuple(f"HYPERVISOR_{name}" for name in _SERVER_KEYS))
    }
    paths = [str(_CODE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def make_launcher(folder: DataFolder) -> Launcher:
    """Parts run as the servers' user if it can read the interpreter and the code, else as ours.

    (A clone or an interpreter below /root is not readable.)
    """
    account = folder.account
    if account.demotes and not reaches_code(account):
        account = current_account()
    return Launcher(folder=folder, account=account)


def reaches_code(account: Account) -> bool:
    """Whether this user can run the parts: it reads the interpreter, the code and libraries."""
    if not account.reads(Path(sys.executable)) or not account.reads(_CODE / "sensors/_errors.py"):
        return False
    tried = run_as([sys.executable, "-P", "-c", "import numpy, psycopg, typer, uvicorn"], account)
    return tried.returncode == 0
