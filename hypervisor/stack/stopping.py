"""Somebody says stop: remembered by the signal handler, acted upon where it is safe."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


class Stopped(Exception):  # noqa: N818 -- no error: what was asked for
    """Raised at a safe point once somebody has said stop."""


@dataclass(kw_only=True)
class Stop:
    """A signal only sets it: an exception out of a handler may be swallowed by whom it interrupts.

    (At a fork, for one, Python ignores whatever its callbacks raise.)
    """

    wished: bool = False

    def check(self) -> None:
        """Go no further if somebody has said stop.

        Raises:
            Stopped: somebody has.
        """
        if self.wished:
            raise Stopped


@contextmanager
def on_signals() -> Iterator[Stop]:
    """Ctrl-C, SIGTERM and the end of the terminal set it, once or again."""
    stop = Stop()

    def remember(_number: int, _frame: FrameType | None) -> None:
        stop.wished = True

    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else nohup wants us to stay
        signals.append(signal.SIGHUP)
    before = {each: signal.signal(each, remember) for each in signals}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
