"""Processes that a killed `hypervisor up` has left running."""

import signal
from collections.abc import Callable, Mapping

from hypervisor.broker.child import command_line, find_processes, stop_pid


def stop_orphans(
    ours: Mapping[str, tuple[Callable[[list[str]], bool], signal.Signals]],
    say: Callable[[str], None],
) -> int:
    """Stop each process that one of `ours` recognises (name, test, signal); how many there were."""
    count = 0
    for name, (is_mine, by) in ours.items():
        for pid in find_processes(is_mine):
            if not is_mine(command_line(pid)):  # ended with a sibling meanwhile
                continue
            count += 1
            ended = stop_pid(pid, by, seconds=30)
            how = "stopped" if ended else "killed"
            say(f"{name} of an earlier run was still running (pid {pid}): {how}")
    return count
