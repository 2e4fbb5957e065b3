"""`python -m hypervisor.stack.health_check PART`: a container's health check; exit status 0 or 1.

Run every few seconds in each container, so it imports nothing slow.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hypervisor.base.process import PULSE
from hypervisor.broker.probe import SILENT, connack, get_login

LOOPBACK = "127.0.0.1"
LATE_SECONDS = 120.0  # a part's loop takes a second or so, but one step may take a while


def check_broker(env: Mapping[str, str]) -> str:
    """What is wrong with the broker of this container; "" if nothing is."""
    port = int(env.get("HYPERVISOR_BROKER_PARTS_PORT") or env.get("HYPERVISOR_BROKER_PORT", "1883"))
    return "" if connack(LOOPBACK, port) != SILENT else f"no answer at {LOOPBACK}:{port}"


def check_web(env: Mapping[str, str]) -> str:
    """The same of the web, which needs its database."""
    port = int(env.get("HYPERVISOR_WEB_PORT", "8000"))
    answer = get_login(LOOPBACK, port, timeout=10)
    if answer is None:
        return f"no answer at {LOOPBACK}:{port}"
    return "" if answer.status < 500 else f"it answers {answer.status}"


def check_loop(env: Mapping[str, str]) -> str:
    """The same of a part with a loop: it touches the file that the environment names."""
    file = env.get(PULSE)
    if not file:
        return f"{PULSE} names no file"
    try:
        age = time.time() - Path(file).stat().st_mtime
    except OSError as error:
        return f"its loop never ran: {error}"
    return "" if age < LATE_SECONDS else f"its loop has not run for {age:.0f} s"


CHECKS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "broker": check_broker,
    "web": check_web,
}


def main(part: str, env: Mapping[str, str]) -> int:
    """Check once; the message shows in `docker inspect`."""
    wrong = CHECKS.get(part, check_loop)(env)
    if wrong:
        print(f"{part}: {wrong}")  # noqa: T201 -- a container's engine keeps what it says
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], os.environ))
