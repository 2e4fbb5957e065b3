"""Processes that answer requests of caller-chosen cost, and can be ended at any instruction.

They are forks of one that was forked from the web before it did anything: it has imported all, so
that a worker is there within milliseconds, and shares its memory until it writes.
"""

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import Scope, Send

from hypervisor.web.budget import Budget, OverspentError
from hypervisor.web.frames import END, HELLO, MORE, ORDER, START, read_frame, write_frame

log = logging.getLogger(__name__)
_MIB = 1024**2
_PACE = 256 * 1024  # bytes/s; a client that takes its answer more slowly is given up
_LOOK = 0.2  # s between looks at a worker's memory
_LEFT = 96  # MiB that a worker may have grown and still be kept
_IDLE = 60.0  # s after which a worker ends
_PLAIN = ("method", "path", "root_path", "scheme", "http_version", "client", "server")


class WorkerEndedError(Exception):
    """A worker ended before its answer did."""


@dataclass(kw_only=True, eq=False)
class _Worker:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    pid: int
    handle: int  # a pidfd: no other process is meant by it
    small: int  # MiB, when it began
    ended_by: str = ""
    rested: float = 0.0

    def memory(self) -> int:
        """MiB that it has grown."""
        return _resident(self.pid) - self.small

    def end(self) -> None:
        if self.handle >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)
            os.close(self.handle)
            self.handle = -1
            self.writer.close()


class Workers:
    """The workers of one web process: started when needed, ended when they rest."""

    def __init__(self, control: socket.socket) -> None:
        """Have workers forked by who listens at `control`."""
        self._control = control
        self._idle: list[_Worker] = []

    @classmethod
    def begin(cls, serve: Callable[[socket.socket], None]) -> "Workers":
        """Fork what forks them, before any thread begins; `serve` answers at a socket."""
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            try:
                ours.close()
                _fork_workers(theirs, serve)
            finally:
                os._exit(1)
        theirs.close()
        return cls(ours)

    def close(self) -> None:
        """End them all."""
        self._control.close()
        for worker in self._idle:
            worker.end()

    async def answer(self, scope: Scope, body: bytes, send: Send, budget: Budget) -> None:
        """Have a worker answer a request.

        Raises OverspentError: it took more than its budget, and nothing was sent yet.
        """
        worker = await self._take()
        watching = asyncio.create_task(_watch_memory(worker, budget))
        try:
            await _ask(worker, scope, body, send, budget)
        except BaseException:
            worker.end()
            raise
        finally:
            watching.cancel()
        if worker.memory() > _LEFT:
            worker.end()
            return
        worker.rested = time.monotonic()
        self._idle.append(worker)
        asyncio.get_running_loop().call_later(_IDLE + 1, self._end_idle)

    def _end_idle(self) -> None:
        for worker in [w for w in self._idle if time.monotonic() - w.rested > _IDLE]:
            self._idle.remove(worker)
            worker.end()

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if not worker.reader.at_eof():
                return worker
            worker.end()
        return await self._start()

    async def _start(self) -> _Worker:
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"w"], [theirs.fileno()])
        except OSError:
            log.exception("who forks workers ended: the web ends, so that it is started again")
            signal.raise_signal(signal.SIGTERM)
            raise
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        kind, number = await read_frame(reader)
        if kind != HELLO:
            raise WorkerEndedError("a worker said something else than its number")
        pid = int(number)
        return _Worker(
            reader=reader,
            writer=writer,
            pid=pid,
            handle=os.pidfd_open(pid),
            small=_resident(pid),
        )


async def _ask(worker: _Worker, scope: Scope, body: bytes, send: Send, budget: Budget) -> None:
    begun, sent = False, 0
    try:
        async with asyncio.timeout(budget.seconds) as limit:
            await write_frame(worker.writer, ORDER, json.dumps(_describe(scope)).encode())
            await write_frame(worker.writer, MORE, body)
            while True:
                kind, content = await read_frame(worker.reader)
                if kind == END:
                    break
                if kind == START:
                    head = json.loads(content)
                    headers = [[a.encode("latin-1"), b.encode("latin-1")] for a, b in head[1]]
                    start = {"type": "http.response.start", "status": head[0], "headers": headers}
                    begun = True
                    await send(start)
                    continue
                sent += len(content)
                _require_room(sent, budget)
                await send({"type": "http.response.body", "body": content, "more_body": True})
                limit.reschedule((limit.when() or 0) + len(content) / _PACE)
            await send({"type": "http.response.body", "body": b""})
    except (TimeoutError, OverspentError, asyncio.IncompleteReadError, ConnectionError) as error:
        overspent = _explain(error, worker, budget)
        if begun:
            raise WorkerEndedError(str(overspent)) from error  # which cuts the answer short
        raise overspent from error


def _require_room(sent: int, budget: Budget) -> None:
    if sent > budget.answer * _MIB:
        raise OverspentError("the answer is larger than {size} MiB: ask for less", budget.answer)


def _explain(
    error: Exception, worker: _Worker, budget: Budget
) -> OverspentError | WorkerEndedError:
    if isinstance(error, OverspentError):
        return error
    if isinstance(error, TimeoutError):
        return OverspentError("this takes longer than {seconds:g} s: ask for less", budget.seconds)
    if worker.ended_by:
        return OverspentError(
            "this takes more than {size} MiB of memory: ask for less", budget.memory
        )
    return WorkerEndedError("a worker ended during a request")


async def _watch_memory(worker: _Worker, budget: Budget) -> None:
    while True:
        await asyncio.sleep(_LOOK)
        if worker.memory() > budget.memory:
            worker.ended_by = "memory"
            worker.end()
            return


def _resident(pid: int) -> int:
    """MiB that a process holds; 0: it ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // _MIB


def _describe(scope: Scope) -> dict[str, Any]:
    return {
        **{name: scope.get(name) for name in _PLAIN},
        "raw_path": scope.get("raw_path", b"").decode("latin-1"),
        "query_string": scope["query_string"].decode("latin-1"),
        "headers": [[a.decode("latin-1"), b.decode("latin-1")] for a, b in scope["headers"]],
        "position": scope.get("state", {}).get("position", ""),
    }


def _fork_workers(control: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    """Fork a worker for each socket that comes; end with who asks for them."""
    keep = {0, 1, 2, control.fileno()}
    for number in [int(file.name) for file in Path("/proc/self/fd").iterdir()]:
        if number not in keep:
            with suppress(OSError):
                os.close(number)  # the web's listening socket, the supervisor's pipe
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the web ends us
    gc.collect()
    gc.freeze()  # a collection would write to all that is shared
    while True:
        word, sockets, _, _ = socket.recv_fds(control, 1, 1)
        if not word:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            serve(socket.socket(fileno=sockets[0]))
            os._exit(0)
        os.close(sockets[0])
