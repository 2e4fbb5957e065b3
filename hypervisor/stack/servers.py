"""The two private servers of one data folder, started together and awaited."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from hypervisor.stack.broker import Broker
from hypervisor.stack.database import STOP_SIGNAL, Database
from hypervisor.stack.errors import StackError
from hypervisor.stack.process import stop
from hypervisor.store import databases

START_SECONDS = 60.0  # a database that recovers from a kill -9 under load takes its time


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that answers, and how to stop it."""

    child: subprocess.Popen[bytes]
    halt: Callable[[], bool]


def _go_on() -> None:
    """Nobody says stop."""


def start_broker(broker: Broker, check: Callable[[], None] = _go_on) -> Running:
    """Start the broker and wait until it answers.

    Raises:
        StackError: it ended, or never answered; with its last words.
    """
    broker.create()
    child = broker.start()
    await_answer("broker", child, broker.answers, broker.last_words, check)
    return Running(child=child, halt=lambda: stop(child))


def start_database(database: Database, check: Callable[[], None] = _go_on) -> Running:
    """Start the database server, made first if need be, and wait until it answers.

    Raises:
        StackError: it ended, or never answered; with its last words.
    """
    database.create()
    child = database.start()
    url = database.url("postgres")
    await_answer("database", child, lambda: databases.answers(url), database.last_words, check)
    return Running(child=child, halt=lambda: stop(child, STOP_SIGNAL))


def await_answer(
    name: str,
    child: subprocess.Popen[bytes],
    answers: Callable[[], bool],
    last_words: Callable[[], str],
    check: Callable[[], None] = _go_on,
) -> None:
    """Wait until a server answers; what `check` raises ends server and waiting.

    Raises:
        StackError: it ended or stayed silent.
    """
    end = time.monotonic() + START_SECONDS
    while not answers():
        try:
            check()
        except BaseException:
            stop(child, signal.SIGINT)
            raise
        if child.poll() is not None:
            raise StackError(
                f"the {name} ended at once (exit {child.returncode}); it said:\n{last_words()}"
            )
        if time.monotonic() > end:
            stop(child)
            raise StackError(
                f"the {name} did not answer within {START_SECONDS:.0f} s; it said:\n{last_words()}"
            )
        time.sleep(0.02)
