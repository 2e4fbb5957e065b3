"""A session with the primary of several servers, which are all asked at once.

Asked one after the other, a machine that is lost would cost every new session its time-out.
"""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Generic, Self, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

_Session = TypeVar("_Session", bound=psycopg.Connection[TupleRow])
# s until a server is asked again that was not the primary. Every part of three machines asks, each
# time with TLS and a password: ten times a second would take what promotes the next one its time.
_AGAIN = 0.4
_LONGEST = 60.0  # s until one of them says something, more than any time-out of a connection
_WAIT = 2.0  # s in which one of them may become it


class PrimaryConnection(psycopg.Connection[TupleRow]):
    """As psycopg's; of several hosts the first that says it is the primary."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Raises psycopg.OperationalError: none is, or became it, with what each of them said."""
        hosts = list_hosts(conninfo)
        if len(hosts) < 2:
            return super().connect(conninfo, **options)
        return _Race(
            lambda host, port: cls.connect(make_conninfo(conninfo, host=host, port=port), **options)
        ).run(hosts)


class _Race(Generic[_Session]):
    """Asks all hosts, each again and again, until one of them is the primary.

    Or until each has failed: one that is lost takes its time-out, in which another may be promoted.
    """

    def __init__(self, ask: Callable[[str, str], _Session]) -> None:
        self._ask = ask
        self._answers: SimpleQueue[tuple[str, _Session | psycopg.Error]] = SimpleQueue()
        self._taken = threading.Lock()
        self._over = threading.Event()
        self._until = time.monotonic() + _WAIT

    def run(self, hosts: list[tuple[str, str]]) -> _Session:
        for host, port in hosts:
            threading.Thread(target=self._insist, args=(host, port), daemon=True).start()
        errors: dict[str, str] = {}
        while True:
            try:
                address, answer = self._answers.get(timeout=_LONGEST)
            except Empty as error:
                self._over.set()
                raise psycopg.OperationalError(f"none said anything in {_LONGEST:g} s") from error
            if not isinstance(answer, psycopg.Error):
                self._over.set()
                return answer
            errors[address] = str(answer).strip()
            failed = len(errors) == len(hosts) and time.monotonic() > self._until
            if failed and self._taken.acquire(blocking=False):  # else a session is on its way
                self._over.set()
                raise psycopg.OperationalError("; ".join(errors.values()))

    def _insist(self, host: str, port: str) -> None:
        while not self._over.is_set():
            try:
                session = self._ask(host, port)
            except psycopg.Error as error:
                self._answers.put((f"{host}:{port}", error))
                self._over.wait(_AGAIN)
            else:
                if self._taken.acquire(blocking=False):
                    self._answers.put((f"{host}:{port}", session))
                else:
                    session.close()  # two were primaries just then, or it came too late
                return


def list_hosts(conninfo: str) -> list[tuple[str, str]]:
    """The hosts it names, each with its port."""
    written = conninfo_to_dict(conninfo)
    hosts = str(written.get("host") or "localhost").split(",")
    ports = str(written.get("port") or 5432).split(",")
    return list(zip(hosts, ports if len(ports) > 1 else ports * len(hosts), strict=True))


def narrow(conninfo: str) -> str:
    """The same with the primary as its only host. Raises psycopg.OperationalError: see above."""
    if len(list_hosts(conninfo)) < 2:
        return conninfo
    with PrimaryConnection.connect(conninfo) as session:
        return make_conninfo(conninfo, host=session.info.host, port=session.info.port)
