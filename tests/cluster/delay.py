"""A slow wire: `python -m tests.cluster.delay INTERFACE SECONDS` sends each packet back later.

The kernel routes packets into the TUN interface, and those that come out of it to where they go.
"""

import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_LARGEST = 65536  # bytes of a packet


def open_tun(interface: str) -> int:
    """Its descriptor; the interface is there as long as it is open."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH", interface.encode(), _IFF_TUN | _IFF_NO_PI))
    return tun


def forward(tun: int, seconds: float) -> None:
    """Hold each packet for so long, until we are killed. All wait equally: the order stays."""
    waiting: deque[tuple[float, bytes]] = deque()
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([tun], [], [], timeout)
        if ready:
            waiting.append((time.monotonic() + seconds, os.read(tun, _LARGEST)))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(tun, waiting.popleft()[1])


if __name__ == "__main__":
    descriptor = open_tun(sys.argv[1])
    os.write(sys.stdout.fileno(), b"ready\n")
    forward(descriptor, float(sys.argv[2]))
