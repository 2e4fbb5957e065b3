"""Start the private broker and database of a data folder and wait until they answer."""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from hypervisor.broker.child import stop
from hypervisor.broker.errors import PortLostError, StackError
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.ports import is_free
from hypervisor.database import databases
from hypervisor.stack.postgres import STOP_SIGNAL, Database

START_SECONDS = 60.0  # recovery from a kill -9 under load takes a while
LEFT_OVER_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that answers, and how to stop it."""

    child: subprocess.Popen[bytes]
    halt: Callable[[], bool]


def _never_stop() -> None:
    """The default check: no stop is requested."""


def start_broker(
    broker: Broker,
    check: Callable[[], None] = _never_stop,
    *,
    answers: Callable[[], bool] | None = None,
) -> Running:
    """Start the broker and wait until it answers; `answers` proves that it is this one.

    Raises StackError: it ended, or never answered; PortLostError: another process has its port.
    """
    broker.create()
    child = broker.start()
    server = StartingServer(
        name="broker",
        ports=(broker.port, broker.parts_port),
        child=child,
        last_words=broker.last_words,
    )
    await_answer(server, answers or broker.answers, check)
    return Running(child=child, halt=lambda: stop(child))


def start_database(database: Database, check: Callable[[], None] = _never_stop) -> Running:
    """Start the database server (its cluster is made if missing) and wait until it answers.

    After a kill, backends of the previous server may take a moment to end. Raises as
    `start_broker`.
    """
    database.create()
    url = database.url("postgres")
    end = time.monotonic() + LEFT_OVER_SECONDS
    while True:
        child = database.start()
        server = StartingServer(
            name="database", ports=(database.port,), child=child, last_words=database.last_words
        )
        try:
            await_answer(server, lambda: databases.answers(url), check)
            return Running(child=child, halt=partial(stop, child, STOP_SIGNAL))
        except PortLostError:
            raise
        except StackError:
            if not database.is_still_held() or time.monotonic() > end:
                raise
        time.sleep(0.2)


@dataclass(frozen=True, kw_only=True)
class StartingServer:
    """A server that was started and has not answered yet."""

    name: str
    ports: Sequence[int]
    child: subprocess.Popen[bytes]
    last_words: Callable[[], str]


def await_answer(
    server: StartingServer, answers: Callable[[], bool], check: Callable[[], None] = _never_stop
) -> None:
    """Wait until a server answers; an exception of `check` stops the server.

    Raises as `start_broker`, with the end of its log.
    """
    name, child = server.name, server.child
    end = time.monotonic() + START_SECONDS
    while not answers():
        try:
            check()
        except BaseException:
            stop(child, signal.SIGINT)
            raise
        if child.poll() is not None:
            lost = not all(map(is_free, server.ports))
            raise (PortLostError if lost else StackError)(
                f"the {name} ended at once (exit {child.returncode}); the end of its log:"
                f"\n{server.last_words()}"
            )
        if time.monotonic() > end:
            stop(child)
            raise StackError(
                f"the {name} did not answer within {START_SECONDS:.0f} s; the end of its log:"
                f"\n{server.last_words()}"
            )
        time.sleep(0.02)
