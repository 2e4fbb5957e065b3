"""The running `up` of a data folder: its lock, its published state, and requests to stop it."""

import errno
import fcntl
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import STATE_FILE
from hypervisor.stack.supervisor import Supervisor

BROKER_ASIDE = "the broker, which left since the disk is nearly full"  # among what is lacking


@dataclass(frozen=True, kw_only=True)
class InstanceState:
    """As last written; of a killed `up` until the next one holds the lock."""

    pid: int
    mode: str
    name: str
    web: str
    ready: bool
    pids: dict[str, int]
    restarts: dict[str, int]
    run_id: str = ""  # what our web answers with in RUN_HEADER
    lacking: list[str] = field(default_factory=list)  # what of it should work and does not

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def read_state(root: Path) -> InstanceState | None:
    """The state last written in this data folder, or None."""
    with suppress(OSError, ValueError, TypeError):
        return InstanceState(**json.loads((root / STATE_FILE).read_text()))
    return None


@dataclass(frozen=True, kw_only=True)
class ServiceManager:
    """Who started us and waits to hear that we are ready: systemd, at the end of a socket."""

    address: str = ""  # empty: started by hand

    @classmethod
    def of_environment(cls) -> "ServiceManager":
        """Taken out of the environment: our children have nothing to tell it."""
        return cls(address=os.environ.pop("NOTIFY_SOCKET", ""))

    def tell(self, *states: str) -> None:
        """Send states such as READY=1; see sd_notify(3)."""
        if self.address:
            address = f"\0{self.address[1:]}" if self.address[0] == "@" else self.address
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto("\n".join(states).encode(), address)


@contextmanager
def hold_lock(file: Path) -> Iterator[None]:
    """Hold the lock of a folder until the end of the block; the kernel frees it after a kill -9.

    Raises StackError: another `up` holds it.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(
                f"the instance in {file.parent} is already up (pid {_pid(file) or 'unknown'});"
                " `hypervisor down` stops it"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        with suppress(FileNotFoundError):  # a killed `up` left it, "ready", maybe with our pid;
            os.truncate(file.with_name(STATE_FILE), 0)  # its presence tells that there was a crash
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def find_holder(file: Path) -> int | None:
    """The pid of the running `up` of a folder; None: there is none.

    Raises StackError: the folder is another user's.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise StackError(f"{file} is not yours to read; act as root or as its owner") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(file)
    finally:
        os.close(descriptor)
    return None


def _pid(file: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(file.read_text())
    return None


class Stopped(Exception):  # noqa: N818 -- no error: it was requested
    """Raised at a safe point once a stop was requested."""


@dataclass(kw_only=True)
class StopRequest:
    """Set by a signal. A handler does not raise: the interrupted code may swallow the exception.

    (At a fork, for example, Python ignores what its callbacks raise.)
    """

    requested: bool = False

    def check(self) -> None:
        """Raise `Stopped` if a stop was requested."""
        if self.requested:
            raise Stopped


@contextmanager
def handle_signals() -> Iterator[StopRequest]:
    """A request set by Ctrl-C, SIGTERM and the end of the terminal."""
    stop = StopRequest()

    def remember(_number: int, _frame: FrameType | None) -> None:
        stop.requested = True

    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else nohup keeps us running
        signals.append(signal.SIGHUP)
    before = {number: signal.signal(number, remember) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stop_in_order(
    root: Path, supervisor: Supervisor, manager: ServiceManager, say: Callable[[str], None]
) -> Iterator[None]:
    """Run until `Stopped` or an error; then stop the children and remove the published state.

    Raises StackError: the disk is full.
    """
    try:
        yield
    except Stopped:
        say("stopping")
        manager.tell("STOPPING=1")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StackError(f"the disk of {root} is full; free some space") from error
    finally:
        supervisor.stop_all()
        (root / STATE_FILE).unlink(missing_ok=True)
    say("stopped")
