"""A stop signal is remembered, never thrown out of its handler."""

import os
import signal

import pytest

from hypervisor.stack.run_state import Stopped, handle_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_is_acted_upon_at_the_next_safe_point(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # the suite itself may run under nohup
    try:
        with handle_signals() as stop:
            stop.check()
            os.kill(os.getpid(), number)
            with pytest.raises(Stopped):
                stop.check()
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_nohup_is_respected() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handle_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            stop.check()
    finally:
        signal.signal(signal.SIGHUP, before)
