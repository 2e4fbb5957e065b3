"""A session with the primary of several servers, which are all asked at once.

Asked one after the other, a machine that is lost would cost every new session its time-out.
"""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, Self, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

_Session = TypeVar("_Session", bound=psycopg.Connection[TupleRow])
_AGAIN = 0.1  # s until a server is asked again that was not the primary
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
    """Asks all hosts, each again and again, until one of them is the primary."""

    def __init__(self, ask: Callable[[str, str], _Session]) -> None:
        self._ask = ask
        self._answers: SimpleQueue[_Session | psycopg.Error] = SimpleQueue()
        self._taken = threading.Lock()
        self._over = threading.Event()
        self._until = time.monotonic() + _WAIT

    def run(self, hosts: list[tuple[str, str]]) -> _Session:
        for host, port in hosts:
            threading.Thread(target=self._insist, args=(host, port), daemon=True).start()
        errors = []
        for _ in hosts:
            answer = self._answers.get()
            if not isinstance(answer, psycopg.Error):
                self._over.set()
                return answer
            errors.append(str(answer).strip())
        raise psycopg.OperationalError("; ".join(errors))

    def _insist(self, host: str, port: str) -> None:
        while True:
            try:
                session = self._ask(host, port)
            except psycopg.Error as error:
                if time.monotonic() > self._until or self._over.wait(_AGAIN):
                    self._answers.put(error)
                    return
            else:
                break
        if self._taken.acquire(blocking=False):
            self._answers.put(session)
        else:
            session.close()  # two were primaries just then


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
