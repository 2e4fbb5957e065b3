"""What a running `up` does all the time: tend its children, publish its state, mind the disk."""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from hypervisor.broker.child import trim_log
from hypervisor.broker.folder import SCARCE_BYTES, STATE_FILE, DataFolder
from hypervisor.stack.run_state import InstanceState
from hypervisor.stack.supervisor import Supervisor

TICK_SECONDS = 0.1
CHORES_SECONDS = 60.0


@dataclass(kw_only=True)
class Upkeep:
    """Of one folder. `tend` is called several times a second.

    `awaited`: what has not worked yet though it had its time.
    """

    folder: DataFolder
    supervisor: Supervisor
    state: InstanceState
    say: Callable[[str], None]
    awaited: list[str] = field(default_factory=list)
    _next: float = float("-inf")
    _warned: bool = False

    def tend(self) -> None:
        """Restart what died; now and then look at the disk and at the logs' size."""
        if self.supervisor.tend():
            self.publish()
            self._warn_of_full_disk()
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + CHORES_SECONDS
            self._warn_of_full_disk()
            for log in (self.folder.root / "log").glob("*.log"):
                trim_log(log)

    def publish(self, *, ready: bool | None = None) -> None:
        """Write the state, so that other commands find the run."""
        self.state = replace(
            self.state,
            ready=self.state.ready if ready is None else ready,
            pids=self.supervisor.pids(),
            restarts=self.supervisor.restarts(),
            lacking=self.list_lacking(),
        )
        with suppress(OSError):  # a full disk must not end what still runs
            self.folder.write(self.folder.root / STATE_FILE, self.state.text())

    def list_lacking(self) -> list[str]:
        """What should work by now and does not."""
        return list(dict.fromkeys([*self.awaited, *self.supervisor.list_down()]))

    def _warn_of_full_disk(self) -> None:
        free = shutil.disk_usage(self.folder.root).free
        if free < SCARCE_BYTES and not self._warned:
            self.say(f"the disk of {self.folder.root} is nearly full: {free // 1024**2} MB free")
        self._warned = free < SCARCE_BYTES
