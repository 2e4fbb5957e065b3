"""Change accounts on a running broker; the change is in force on return."""

import fcntl
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hypervisor.broker import password_file, passwords
from hypervisor.broker.child import find_processes, wait_until
from hypervisor.broker.errors import StackError
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.probe import ACCEPTED, connack


def change(
    broker: Broker, *, put: Mapping[str, str] | None = None, drop: frozenset[str] = frozenset()
) -> bool:
    """Set and remove accounts; whether a running broker reloaded (False: none is running).

    The broker checks who is connected when it reloads: the connection of a removed account, or of
    one whose password changed, is closed. Raises StackError: we may not signal the broker, or it
    did not reload.
    """
    with _exclusive(broker):
        proof = passwords.new_password()
        passwords.change(
            broker.folder, broker.programs, put={**(put or {}), passwords.PROBE: proof}, drop=drop
        )
        pids = find_processes(broker.is_mine)
        for pid in pids:
            _reload(pid)
        if pids and not _is_reloaded(broker, proof):
            raise StackError(
                "the broker did not reload its accounts within 10 s; see"
                f" {broker.folder.log('broker')}"
            )
        return bool(pids)


def pause(broker: Broker, names: frozenset[str]) -> None:
    """Refuse these accounts and admit all others; a running broker reloads at once.

    Raises StackError: we may not signal the broker.
    """
    with _exclusive(broker):
        password_file.pause(broker.folder, names)
        for pid in find_processes(broker.is_mine):
            _reload(pid)


@contextmanager
def _exclusive(broker: Broker) -> Iterator[None]:
    """One change at a time: the file is read, changed and replaced."""
    descriptor = os.open(broker.folder.broker, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _reload(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:  # it has just ended; its next start reads the file
        return
    except PermissionError as error:
        raise StackError(
            f"the broker (pid {pid}) is not yours to reload; act as root or as its owner"
        ) from error


def _is_reloaded(broker: Broker, proof: str) -> bool:
    def accepted() -> bool:
        return connack(broker.own_host, broker.parts_port, passwords.PROBE, proof) == ACCEPTED

    return wait_until(accepted, seconds=10)
