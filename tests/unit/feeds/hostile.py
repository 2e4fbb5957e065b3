"""A real server on loopback that answers as badly as it is told to."""

import gzip
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
Say = Callable[[bytes], None]
Behaviour = Callable[[Say, str], None]


def body(
    content: bytes, *, kind: bytes = b"application/json", status: bytes = b"200 OK"
) -> Behaviour:
    """A complete answer."""
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return lambda say, _host: say(head % (status, kind, len(content)) + content)


def raw(content: bytes) -> Behaviour:
    """These bytes and nothing else."""
    return lambda say, _host: say(content)


def redirect(target: str, status: bytes = b"302 Found") -> Behaviour:
    def answer(say: Say, host: str) -> None:
        location = target.replace("HOST", host).encode("utf-8", "surrogateescape")
        say(
            b"HTTP/1.1 %s\r\nLocation: %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            % (status, location)
        )

    return answer


def packed(content: bytes, coding: bytes = b"gzip") -> Behaviour:
    return lambda say, _host: say(
        HEAD
        + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(content))
        + content
    )


def bomb(size: int) -> Behaviour:
    """Much in little."""
    return packed(gzip.compress(b" " * size))


def dripping(first: bytes, seconds: float = 3.0) -> Behaviour:
    """A byte now and then, for longer than anybody waits."""

    def answer(say: Say, _host: str) -> None:
        say(first)
        for _ in range(int(seconds / 0.05)):
            time.sleep(0.05)
            say(b" ")

    return answer


def silence(seconds: float = 3.0) -> Behaviour:
    return lambda _say, _host: time.sleep(seconds)


def endless(say: Say, _host: str) -> None:
    say(HEAD + b"\r\n")
    for _ in range(1000):
        say(b"[" * 65_536)


@contextmanager
def answering(behaviour: Behaviour) -> Iterator[str]:
    """The address of a server that behaves so to everyone."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            with suppress(OSError):
                behaviour(self.request.sendall, "127.0.0.1")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
