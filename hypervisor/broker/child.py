"""Child processes that never outlive us; processes found by their command line."""

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hypervisor.broker.server_account import Account

_PR_SET_PDEATHSIG = 1
_LONGEST_LOG = 20 * 1024**2  # bytes
_KILLED_SECONDS = 5.0  # that a killed process may take to be gone
_LIBC = ctypes.CDLL(None, use_errno=True)


def spawn(  # noqa: PLR0913 -- each is needed by some child
    command: Sequence[str | Path],
    *,
    account: Account,
    log: Path,
    dies_by: signal.Signals = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    inherited: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` as `account` in its own group; the kernel sends it `dies_by` if we die.

    So Ctrl-C in a terminal reaches only us, and we stop the children in order. `inherited`:
    descriptors that it inherits under the same numbers.
    """
    parent = os.getpid()

    def in_child() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(dies_by))
        if os.getppid() != parent:  # we died before the line above
            os._exit(1)

    with log.open("ab") as output:
        account.own(log)
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=None if env is None else dict(env),
            start_new_session=True,
            preexec_fn=in_child,  # noqa: PLW1509 -- spawned by one thread, before any other starts
            umask=0o077,
            user=account.uid if account.demotes else None,
            group=account.gid if account.demotes else None,
            extra_groups=[] if account.demotes else None,
            pass_fds=inherited,
        )


def run_as(
    command: Sequence[str | Path], account: Account, *, seconds: float = 600.0
) -> subprocess.CompletedProcess[str]:
    """Run a short command as `account` to its end; its output is text for people.

    One that does not end is killed; its exit status is then 124, as with timeout(1).
    """
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            umask=0o077,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            user=account.uid if account.demotes else None,
            group=account.gid if account.demotes else None,
            extra_groups=[] if account.demotes else None,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        sentence = f"{Path(words[0]).name} did not end within {seconds:.0f} s and was killed"
        return subprocess.CompletedProcess(words, 124, stdout="", stderr=sentence)


def command_line(pid: int) -> list[str]:
    """The words `pid` was started with; empty when it has ended (a zombie has none either)."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    return []


def find_processes(is_ours: Callable[[list[str]], bool]) -> list[int]:
    """The processes, not ourselves, whose command line `is_ours` recognises."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in sorted(pids) if pid != os.getpid() and is_ours(command_line(pid))]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/…/stat after the name: state, parent, …; empty when it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def is_stopped(pid: int) -> bool:
    """Whether a signal has stopped it (state T)."""
    return _stat(pid)[:1] == ["T"]


def count_switches(pid: int) -> int:
    """Context switches of its first thread; 0 when it has ended."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return 0


def descendants(pid: int) -> list[int]:
    """Its descendants, each after its parent."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    below = [pid]
    for parent in below:
        below += children.get(parent, [])
    return below[1:]


def signal_all(pid: int, by: signal.Signals) -> None:
    """Send `by` to it and its descendants."""
    for process in (*descendants(pid), pid):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, by)


def stop_pid(pid: int, by: signal.Signals, *, seconds: float) -> bool:
    """Ask `pid` to end with `by`, kill it after `seconds`; whether it ended when asked."""
    was = command_line(pid)
    if not was:
        return True
    with suppress(ProcessLookupError):
        os.kill(pid, by)
    signal_all(pid, signal.SIGCONT)  # a stopped process handles no signal
    if wait_until(lambda: command_line(pid) != was, seconds=seconds):
        return True
    signal_all(pid, signal.SIGKILL)
    wait_until(lambda: command_line(pid) != was, seconds=_KILLED_SECONDS)
    return False


def stop(
    child: subprocess.Popen[bytes], by: signal.Signals = signal.SIGTERM, *, seconds: float = 20
) -> bool:
    """Ask our child to end with `by`, kill it after `seconds`; whether it ended when asked."""
    if child.poll() is not None:
        return True
    child.send_signal(by)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        signal_all(child.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # the kernel ends it when its disk answers
            child.wait(_KILLED_SECONDS)
        return False
    return True


def wait_until(true: Callable[[], bool], *, seconds: float, every: float | None = None) -> bool:
    """Wait until `true()`, at most `seconds`; whether it became true.

    `every`: how often it is asked (s); None: after 20 ms, later after a tenth of the time waited.
    """
    began = time.monotonic()
    while not true():
        waited = time.monotonic() - began
        if waited > seconds:
            return False
        time.sleep(every or min(max(0.02, waited / 10), 0.5))
    return True


def last_lines(file: Path, count: int = 5) -> str:
    """The end of a log, for a message."""
    with suppress(OSError):
        return "\n".join(file.read_text(errors="replace").splitlines()[-count:])
    return ""


def trim_log(file: Path) -> None:
    """Move a long log aside; writers (appending) continue in an empty file."""
    if file.stat().st_size > _LONGEST_LOG:
        aside = file.with_suffix(".log.1")
        try:
            shutil.copy2(file, aside)
        except OSError:  # a full disk: room is worth more than what was logged
            aside.unlink(missing_ok=True)
        os.truncate(file, 0)
