"""Stop requests: the signal handler remembers them, `check` raises at a safe point."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


class Stopped(Exception):  # noqa: N818 -- no error: what was asked for
    """Raised at a safe point once a stop was requested."""


@dataclass(kw_only=True)
class StopRequest:
    """Set by a signal. A handler does not raise: the interrupted code may swallow the exception.

    (At a fork, for example, Python ignores what its callbacks raise.)
    """

    requested: bool = False

    def check(self) -> None:
        """Raise if a stop was requested. Raises Stopped: it was."""
        if self.requested:
            raise Stopped


@contextmanager
def handle_signals() -> Iterator[StopRequest]:
    """A request set by Ctrl-C, SIGTERM and the end of the terminal."""
    stop = StopRequest()

    def remember(_number: int, _frame: FrameType | None) -> None:
        stop.requested = True

    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else nohup wants us to stay
        signals.append(signal.SIGHUP)
    before = {number: signal.signal(number, remember) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
