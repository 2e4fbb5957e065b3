"""A server of a cluster's machine, as its supervisor needs it."""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Server:
    """How to start, ask and stop it. `is_mine`: whether a command line is this very server's."""

    name: str
    start: Callable[[], "subprocess.Popen[bytes]"]
    answers: Callable[[], bool]
    is_mine: Callable[[list[str]], bool]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 30.0  # s it may take to stop before it is killed


def environment(options: tuple[str, ...], **ours: str) -> dict[str, str]:
    """Ours without the variables that the server would take for options, by their beginnings."""
    return {key: value for key, value in os.environ.items() if not key.startswith(options)} | ours


def prefer(child: "subprocess.Popen[bytes]", nice: int) -> "subprocess.Popen[bytes]":
    """Give it processor time before others: a lease that is renewed late costs a failover."""
    with suppress(OSError):  # only root may
        os.setpriority(os.PRIO_PGRP, child.pid, nice)
        # Where the kernel shares time out among sessions, niceness counts only within one.
        Path(f"/proc/{child.pid}/autogroup").write_text(str(nice))
    return child
