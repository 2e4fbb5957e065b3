"""The most memory that this process took within a span."""

import re
from pathlib import Path

_PROCESS = Path("/proc/self")


def reset_peak() -> int:
    """Begin a span; what the process holds now, in bytes."""
    (_PROCESS / "clear_refs").write_text("5")
    return measure_peak()


def measure_peak() -> int:
    """The most that it held since then, in bytes."""
    peak = re.search(r"VmHWM:\s+(\d+)", (_PROCESS / "status").read_text())
    assert peak is not None
    return int(peak[1]) * 1024
