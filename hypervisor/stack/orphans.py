"""What a killed `up` left running in this data folder: found by what it runs, and stopped."""

import signal
from collections.abc import Callable, Mapping

from hypervisor.broker.child import command_line, running, stop_pid


def stop_orphans(
    ours: Mapping[str, tuple[Callable[[list[str]], bool], signal.Signals]],
    say: Callable[[str], None],
) -> int:
    """Stop each process that one of `ours` recognises (name, test, signal); how many there were."""
    found = 0
    for name, (is_mine, by) in ours.items():
        for pid in running(is_mine):
            if not is_mine(command_line(pid)):  # ended with a sibling meanwhile
                continue
            found += 1
            asked = stop_pid(pid, by, seconds=30)
            how = "stopped" if asked else "killed"
            say(f"{name} of an earlier run was still there (pid {pid}): {how}")
    return found
