"""The connection by AMQP: deliveries are cut out of a stream, however it comes in pieces."""

import select
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import pytest
from pamqp import body, commands, exceptions, frame, header, heartbeat
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from ingest.amqp import MAIN, AmqpConnection, AmqpError
from ingest.loop import Address

Taken = list[tuple[bytes, int, bool, bytes, bytes, bytes, bytes]]


class Broker:
    """The other end of one connection: answers as it is told to."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self._read = b""
        self.peer: socket.socket

    def let_in(self) -> None:
        self.peer, _ = self._server.accept()
        self.peer.settimeout(10)
        assert self.peer.recv(8, socket.MSG_WAITALL) == b"AMQP\0\0\x09\x01"
        self.say(commands.Connection.Start(mechanisms="PLAIN"), channel=0)
        started = self.hear(commands.Connection.StartOk)
        assert isinstance(started, commands.Connection.StartOk)
        assert started.response == "\0session\0secret"
        self.say(commands.Connection.Tune(10, 131_072, 60), channel=0)
        self.hear(commands.Connection.TuneOk)
        self.hear(commands.Connection.Open)
        self.say(commands.Connection.OpenOk(), channel=0)
        self.hear(commands.Channel.Open)
        self.say(commands.Channel.OpenOk())

    def say(self, method: Frame, *, channel: int = MAIN) -> None:
        self.peer.sendall(frame.marshal(method, channel))

    def hear(self, expected: type[Frame | ContentHeader]) -> object:
        while True:
            try:
                size, _, heard = frame.unmarshal(self._read)
            except exceptions.UnmarshalingException:
                size, heard = 0, None
            if size:
                self._read = self._read[size:]
                assert isinstance(heard, expected)
                return heard
            self._read += self.peer.recv(4096)


@contextmanager
def connected(
    script: Callable[[Broker], None] = lambda _: None,
) -> Iterator[tuple[AmqpConnection, Broker, Taken]]:
    taken: Taken = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        broker = Broker(server)

        def answer() -> None:
            broker.let_in()
            script(broker)

        thread = threading.Thread(target=answer)
        thread.start()
        address = Address(
            host="127.0.0.1", port=server.getsockname()[1], user="session", password="secret"
        )
        connection = AmqpConnection(address, "test", lambda *each: taken.append(each))
        thread.join(10)
        try:
            yield connection, broker, taken
        finally:
            connection.close()
            broker.peer.close()


def delivery(number: int, payload: bytes, *pieces: int, again: bool = False) -> bytes:
    """The frames of a delivery whose body is cut at `pieces`."""
    ends = [0, *pieces, len(payload)]
    parts = [payload[a:b] for a, b in pairwise(ends)] if payload else []
    frames: list[Frame | ContentHeader | ContentBody] = [
        commands.Basic.Deliver("3", number, again, "amq.topic", f"devices.g{number}.readings"),
        header.ContentHeader(0, len(payload), commands.Basic.Properties(delivery_mode=2)),
        *map(body.ContentBody, parts),
    ]
    return b"".join(frame.marshal(each, MAIN) for each in frames)


STREAM = (
    delivery(1, b"one")
    + frame.marshal(heartbeat.Heartbeat(), 0)
    + delivery(2, b"", again=True)
    + delivery(3, b"three" * 100, 7, 450)
)
EXPECTED = [(1, False, b"one"), (2, True, b""), (3, False, b"three" * 100)]


def summary(taken: Taken) -> Sequence[tuple[int, bool, bytes]]:
    for tag, number, _, exchange, key, properties, _ in taken:
        assert (tag, exchange, key) == (b"3", b"amq.topic", b"devices.g%d.readings" % number)
        assert properties == b"\x10\0\x02"
    return [(number, again, payload) for _, number, again, *_, payload in taken]


def read_all(connection: AmqpConnection, taken: Taken, count: int, most: int = 100) -> None:
    while len(taken) < count:
        if not connection.buffered:
            assert select.select([connection], [], [], 10)[0]
        connection.read(most)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_deliveries_in_pieces_of_any_size(size: int) -> None:
    with connected() as (connection, broker, taken):
        for at in range(0, len(STREAM), size):
            broker.peer.sendall(STREAM[at : at + size])
            connection.read(100)
        read_all(connection, taken, 3)
        assert summary(taken) == EXPECTED


def test_no_more_than_there_is_room_for() -> None:
    with connected() as (connection, broker, taken):
        broker.peer.sendall(STREAM)
        for count in (1, 2):
            read_all(connection, taken, count, most=1)
            assert len(taken) == count
        read_all(connection, taken, 3, most=1)
        assert summary(taken) == EXPECTED


def test_what_is_delivered_before_an_answer_is_taken() -> None:
    def script(broker: Broker) -> None:
        broker.peer.sendall(STREAM)
        broker.say(commands.Basic.QosOk())

    with connected(script) as (connection, _, taken):
        connection.call(commands.Basic.Qos(prefetch_count=5))
        assert summary(taken) == EXPECTED


@pytest.mark.parametrize(
    ("said", "because"),
    [
        (commands.Channel.Close(406, "unknown delivery tag", 60, 80), "unknown delivery tag"),
        (commands.Connection.Close(320, "CONNECTION_FORCED", 0, 0), "CONNECTION_FORCED"),
        (commands.Basic.Cancel("3"), "is gone"),
    ],
)
def test_the_end_of_what_we_receive_is_an_error(said: Frame, because: str) -> None:
    with (
        connected(lambda broker: broker.say(said)) as (connection, _, taken),
        pytest.raises(AmqpError, match=because),
    ):
        read_all(connection, taken, 1)


def test_bytes_that_are_no_frame() -> None:
    junk = b"\x01\0\x01\0\0\0\x04\0\x63\0\x63\xce"
    with (
        connected(lambda broker: broker.peer.sendall(junk)) as (connection, _, taken),
        pytest.raises(AmqpError),
    ):
        read_all(connection, taken, 1)


def test_a_queue_that_is_not_there() -> None:
    def script(broker: Broker) -> None:
        broker.say(commands.Channel.OpenOk(), channel=2)
        broker.say(commands.Channel.Close(404, "NOT_FOUND - no queue 'q'", 50, 10), channel=2)
        broker.say(commands.Channel.OpenOk(), channel=2)
        broker.say(commands.Queue.DeclareOk("q", 0, 0), channel=2)
        broker.say(commands.Channel.CloseOk(), channel=2)

    with connected(script) as (connection, _, _):
        assert not connection.exists("q")
        assert connection.exists("q")


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(AmqpError, match="no broker answers"):
        AmqpConnection(
            Address(host="127.0.0.1", port=port, user="a", password="b"), "test", lambda *_: None
        )


def test_an_empty_message_has_no_body() -> None:
    """The broker would end the connection at an empty frame: so an account is paused."""
    with connected() as (connection, broker, _):
        connection.publish("amq.topic", "hypervisor.pause.pump-4", b"")
        connection.send(commands.Connection.CloseOk(), channel=0)
        broker.hear(commands.Basic.Publish)
        broker.hear(ContentHeader)
        broker.hear(commands.Connection.CloseOk)
