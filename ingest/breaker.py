"""How much of a worker's processor time a codec may waste before its messages are set aside.

Two measures. A device whose messages its codec cannot get through, or that wastes a third of what
the codec may, is set aside alone: the codec may be right for all others, and no device is to have
theirs set aside. And a codec as a whole may waste a number of seconds, given back slowly: beyond
that everything of it is set aside until they are back. What is set aside is a dead letter,
to be replayed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sensors._errors import Message

_STRIKES = 3  # messages of a device in a row that ran out of time or memory
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0  # seconds; doubled each time
_ALLOWED = 1.0  # seconds of waste, at most
_GIVEN_BACK = 0.02  # of every second
_SHARE = 0.3  # of that, what one device may waste
_FREE = 0.05  # seconds a message, which are work and no waste
_MOST = 10_000  # devices remembered


@dataclass(kw_only=True)
class _Device:
    strikes: int = 0
    pauses: int = 0
    until: float = 0.0
    left: float = _ALLOWED * _SHARE
    at: float = 0.0


class Breaker:
    """Of one codec; `ticks` is a steady clock in seconds."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._left = _ALLOWED
        self._at = ticks()
        self._tripped = False
        self._devices: dict[str, _Device] = {}

    def objection(self, device: str) -> Message | None:
        """Why this device's message is not tried now; None: it may be."""
        now = self._ticks()
        self._give_back(now)
        if self._tripped:
            left = (_ALLOWED - self._left) / _GIVEN_BACK
            return Message(
                "this codec has wasted too much time; it is tried again in {count:.0f} s", left
            )
        state = self._devices.get(device)
        if state is not None and now < state.until:
            return Message(
                "this codec does not get through what {device!r} sends; it is tried again in"
                " {count:.0f} s",
                device,
                state.until - now,
            )
        return None

    def spent(self, device: str, seconds: float, *, in_vain: bool) -> None:
        """A message took so much processor time; `in_vain`: and ran out of time or memory."""
        waste = seconds if in_vain else seconds - _FREE
        if waste > 0:
            self._give_back(self._ticks())
            self._left -= waste
            self._tripped = self._tripped or self._left <= 0
            self._charge(self._device(device), waste)
        if in_vain:
            self._strike(self._device(device))
        elif device in self._devices:
            self._devices[device].strikes = self._devices[device].pauses = 0

    def _give_back(self, now: float) -> None:
        self._left = min(_ALLOWED, self._left + (now - self._at) * _GIVEN_BACK)
        self._at = now
        if self._left >= _ALLOWED:
            self._tripped = False

    def _device(self, device: str) -> _Device:
        if len(self._devices) >= _MOST and device not in self._devices:
            self._devices.clear()
        return self._devices.setdefault(device, _Device(at=self._ticks()))

    def _charge(self, state: _Device, waste: float) -> None:
        now, allowed, back = self._ticks(), _ALLOWED * _SHARE, _GIVEN_BACK * _SHARE
        state.left = min(allowed, state.left + (now - state.at) * back) - waste
        state.at = now
        if state.left <= 0:
            state.until = max(state.until, now + (allowed - state.left) / back)

    def _strike(self, state: _Device) -> None:
        state.strikes += 1
        if state.strikes >= _STRIKES:
            pause = min(_FIRST_PAUSE * 2**state.pauses, _LONGEST_PAUSE)
            state.until = max(state.until, self._ticks() + pause)
            state.pauses += 1
            state.strikes = _STRIKES - 1  # the next one that fails sets it aside at once
