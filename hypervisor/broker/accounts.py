"""Accounts changed on a running broker: the change holds when this returns."""

import fcntl
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hypervisor.broker import password_file, passwords
from hypervisor.broker.child import running, wait_until
from hypervisor.broker.errors import StackError
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.probe import ACCEPTED, connack


def change(
    broker: Broker, *, put: Mapping[str, str] | None = None, drop: frozenset[str] = frozenset()
) -> bool:
    """Set and remove accounts; whether a running broker took it up (False: none is running).

    The broker checks who is connected when it reloads: the connection of a removed account, or of
    one whose password changed, is closed.

    Raises:
        StackError: the broker runs but may not be told, or did not reload.
    """
    with _alone(broker):
        proof = passwords.new_password()
        passwords.change(
            broker.folder, broker.programs, put={**(put or {}), passwords.PROBE: proof}, drop=drop
        )
        pids = running(broker.is_mine)
        for pid in pids:
            _reload(pid)
        if pids and not _taken_up(broker, proof):
            raise StackError(
                "the broker did not take up the changed accounts within 10 s; see"
                f" {broker.folder.log('broker')}"
            )
        return bool(pids)


def pause(broker: Broker, names: frozenset[str]) -> None:
    """Let these accounts not in, and all others: a running broker takes it up at once.

    Raises:
        StackError: the broker runs but may not be told.
    """
    with _alone(broker):
        password_file.pause(broker.folder, names)
        for pid in running(broker.is_mine):
            _reload(pid)


@contextmanager
def _alone(broker: Broker) -> Iterator[None]:
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


def _taken_up(broker: Broker, proof: str) -> bool:
    def accepted() -> bool:
        return connack(broker.own_host, broker.parts_port, passwords.PROBE, proof) == ACCEPTED

    return wait_until(accepted, seconds=10)
