"""Accounts changed on a running broker: the change holds when this returns."""

import os
import signal
from collections.abc import Mapping

from hypervisor.stack import passwords
from hypervisor.stack.broker import Broker
from hypervisor.stack.errors import StackError
from hypervisor.stack.ports import LOOPBACK
from hypervisor.stack.probe import ACCEPTED, connack
from hypervisor.stack.process import running, wait_until


def change(
    broker: Broker, *, put: Mapping[str, str] | None = None, drop: frozenset[str] = frozenset()
) -> bool:
    """Set and remove accounts; whether a running broker took it up (False: none is running).

    The broker checks who is connected when it reloads: the connection of a removed account, or of
    one whose password changed, is closed.

    Raises:
        StackError: the broker runs but may not be told, or did not reload.
    """
    proof = passwords.new_password()
    passwords.change(
        broker.folder, broker.binaries, put={**(put or {}), passwords.PROBE: proof}, drop=drop
    )
    pids = running(broker.is_mine)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGHUP)
        except PermissionError as error:
            raise StackError(
                f"the broker (pid {pid}) is not yours to reload; act as root or as its owner"
            ) from error
    if not pids:
        return False
    told = wait_until(
        lambda: connack(LOOPBACK, broker.port, passwords.PROBE, proof) == ACCEPTED, seconds=10
    )
    if not told:
        raise StackError(
            "the broker did not take up the changed accounts within 10 s; see"
            f" {broker.folder.log('broker')}"
        )
    return True
