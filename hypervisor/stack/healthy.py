"""`python -m hypervisor.stack.healthy PART`: a container's health check; exit status 0 or 1.

Asked every few seconds by each container, so it imports nothing that takes long.
"""

import http.client
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hypervisor.base.process import PULSE
from hypervisor.broker.probe import SILENT, connack

LOOPBACK = "127.0.0.1"
LATE_SECONDS = 120.0  # a part goes round every second or so, but one step may take a while


def broker(env: Mapping[str, str]) -> str:
    """Why the broker of this container is not well; "" if it is."""
    port = int(env.get("HYPERVISOR_BROKER_PARTS_PORT") or env.get("HYPERVISOR_BROKER_PORT", "1883"))
    return "" if connack(LOOPBACK, port) != SILENT else f"nobody answers at {LOOPBACK}:{port}"


def web(env: Mapping[str, str]) -> str:
    """The same of the web, which is not well without its database either."""
    port = int(env.get("HYPERVISOR_WEB_PORT", "8000"))
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", "/login")
        status = connection.getresponse().status
    except OSError as error:
        return f"{LOOPBACK}:{port} does not answer: {error}"
    finally:
        connection.close()
    return "" if status < 500 else f"it answers {status}"


def going_round(env: Mapping[str, str]) -> str:
    """The same of a part that runs in rounds: it touches the file that the environment names."""
    file = env.get(PULSE)
    if not file:
        return f"{PULSE} names no file"
    try:
        age = time.time() - Path(file).stat().st_mtime
    except OSError as error:
        return f"it never went round: {error}"
    return "" if age < LATE_SECONDS else f"it did not go round for {age:.0f} s"


WAYS: Mapping[str, Callable[[Mapping[str, str]], str]] = {"broker": broker, "web": web}


def main(part: str, env: Mapping[str, str]) -> int:
    """Look once, and say what is wrong where it is seen: in `docker inspect`."""
    wrong = WAYS.get(part, going_round)(env)
    if wrong:
        print(f"{part}: {wrong}")  # noqa: T201 -- a container's engine keeps what it says
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], os.environ))
