"""Start an instance in the background, and stop it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings, load_settings
from hypervisor.broker.child import command_line, wait_until
from hypervisor.broker.child import stop as stop_child
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import LOCK_FILE, PLAN_FILE, open_folder
from hypervisor.broker.server_account import server_account
from hypervisor.stack.instance_settings import up_settings
from hypervisor.stack.parts import interpreter_command, part_environment
from hypervisor.stack.run_state import find_holder, read_state

START_SECONDS = 120.0
STOP_SECONDS = 120.0


def start(  # noqa: PLR0913  the options of `up`
    data: Path,
    *,
    mode: Mode | None = None,
    name: str | None = None,
    timezone: str | None = None,
    web_port: int | None = None,
    say: Callable[[str], None] = print,
) -> Settings:
    """Start an instance that outlives us; return once its parts are ready.

    A machine of a cluster may wait longer for the others than we for it: it goes on.
    Raises StackError: it ended (with its error), was not ready in time, or was up already.
    """
    folder = open_folder(data, server_account())
    pid = find_holder(folder.lock)
    if pid is not None:
        raise StackError(
            f"the instance in {folder.root} is already up (pid {pid}); `hypervisor down` stops it"
        )
    words = [*interpreter_command(), "--data", str(folder.root), "up"]
    words += ["--exercise"] if mode is Mode.EXERCISE else []
    words += ["--name", name] if name is not None else []
    words += ["--timezone", timezone] if timezone is not None else []
    words += ["--web-port", str(web_port)] if web_port is not None else []
    log = folder.log("up")
    with log.open("ab") as output:
        seen = output.tell()
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={**part_environment(), **up_settings(os.environ)},
            start_new_session=True,
        )
    seen = _follow(child, log, seen, folder.root, say)
    child.returncode = 0  # it continues by itself
    return load_settings(folder.root)


def _follow(
    child: subprocess.Popen[bytes], log: Path, seen: int, root: Path, say: Callable[[str], None]
) -> int:
    """Pass on its messages until it is ready."""
    end = time.monotonic() + START_SECONDS
    errors: list[str] = []
    while True:
        instance = read_state(root)
        ready = instance is not None and instance.ready and instance.pid == child.pid
        ended = child.poll() is not None
        with log.open("rb") as file:
            file.seek(seen)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        seen += len(complete)
        lines = complete.decode(errors="replace").splitlines()
        errors += [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        for line in lines:
            if not line.startswith("error: "):
                say(line)
        if ended:
            raise StackError(f"the instance did not start: {' '.join(errors) or f'see {log}'}")
        if ready:
            return seen
        if time.monotonic() > end and (root / PLAN_FILE).exists() and instance is not None:
            say(f"not ready within {START_SECONDS:.0f} s; it goes on in the background: see {log}")
            return seen
        if time.monotonic() > end:
            stop_child(child, seconds=STOP_SECONDS)
            raise StackError(f"the instance was not ready within {START_SECONDS:.0f} s; see {log}")
        time.sleep(0.05)


def stop(data: Path) -> bool:
    """Stop the instance of this folder and wait until it has stopped; False: it was not up.

    Raises StackError: we may not stop it, or it does not stop.
    """
    file = data.absolute() / LOCK_FILE
    pid = find_holder(file)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)  # a stopped process handles no signal
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise StackError(f"the instance (pid {pid}) is not yours to stop") from error
    if not wait_until(lambda: not command_line(pid), seconds=STOP_SECONDS, every=0.05):
        raise StackError(f"the instance (pid {pid}) did not stop within {STOP_SECONDS:.0f} s")
    return True
