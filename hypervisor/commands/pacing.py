"""How fast a gateway is given commands: its radio may send only a part of the time.

EU868: the base station's own channel (RX2, 869.525 MHz) may be used 10 % of the time (ETSI EN 300
220-2, table B.1, band P). A frame of 10 bytes of ours lasts 0.19 s at SF9, the data
rate of The Things Network's RX2, so that one base station sends 0.54 of them a second; at SF12,
the standard's own RX2, 1.5 s and one every 15 s.
"""

import math
from collections.abc import Callable

PER_SECOND = 0.5  # of one base station
_RESERVE = 1.0  # kept for a command to a single device while a group is under way


class Pacer:
    """A token bucket for each gateway; `ticks` is a steady clock in seconds."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._tokens: dict[str, float] = {}
        self._filled: dict[str, float] = {}  # when

    def count_free(self, gateway: str, per_second: float, *, grouped: bool) -> int:
        """How many commands may go now; those of a group leave one for a single device."""
        self._fill(gateway, per_second)
        return max(0, math.floor(self._tokens[gateway] - (_RESERVE if grouped else 0.0)))

    def spend(self, gateway: str) -> None:
        """A command has gone."""
        self._tokens[gateway] -= 1.0

    def _fill(self, gateway: str, per_second: float) -> None:
        now = self._ticks()
        gone = now - self._filled.get(gateway, now)
        most = _RESERVE + max(1.0, per_second)
        tokens = self._tokens.get(gateway, _RESERVE) + gone * per_second
        self._tokens[gateway], self._filled[gateway] = min(most, tokens), now
