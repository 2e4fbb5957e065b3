"""The session with a real broker: how it is made, kept, lost and left, and what is sent over it."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from hypervisor.broker import passwords
from hypervisor.broker.child import wait_until
from hypervisor.broker.mosquitto import Broker
from ingest.link import Link
from ingest.loop import Address
from tests.ports import reserve_port

pytestmark = pytest.mark.integration

CLOCK = 1_641_881_700_000_000  # 2022-01-11 06:15 UTC
TOPIC = "devices/gauge/readings"
REFUSED = "Not authorized"
HERE, AWAY = ("hypervisor/ingest", b"here"), ("hypervisor/ingest", b"away")
PAUSE = ("hypervisor/pause/flooder", b"")


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def linked(
    broker: Broker | None,
    *,
    user: str = passwords.SESSION,
    password: str | None = None,
    exercise: bool = False,
    ticks: Callable[[], float] = time.monotonic,
) -> Iterator[Link]:
    """Without a broker: to a port at which nobody answers."""
    link = Link(
        address=Address(
            host="127.0.0.1",
            port=reserve_port() if broker is None else broker.parts_port,
            user=user,
            password=password or (broker.password if broker else ""),
        ),
        worker="ingest-1",
        exercise=exercise,
        clock=lambda: CLOCK,
        ticks=ticks,
    )
    try:
        yield link
    finally:
        link.close()
        link.end()


def turned(link: Link, until: Callable[[], object]) -> bool:
    """Turn until something is so."""

    def so() -> bool:
        link.turn(0.02, room=100)
        return bool(until())

    return wait_until(so, seconds=30)


@contextmanager
def hearing(broker: Broker) -> Iterator[list[tuple[str, bytes]]]:
    """What the broker's keeper hears: whether ingest is there, and whom it wants put out."""
    heard: list[tuple[str, bytes]] = []
    granted: list[object] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id=passwords.KEEPER)
    client.username_pw_set(passwords.KEEPER, broker.password)

    def on_message(_client: object, _data: object, message: MQTTMessage) -> None:
        heard.append((message.topic, bytes(message.payload)))

    client.on_message = on_message
    client.on_subscribe = lambda *answer: granted.append(answer)
    client.connect(broker.own_host, broker.parts_port)
    client.subscribe([("hypervisor/pause/+", 1), ("hypervisor/ingest", 1)])
    client.loop_start()
    assert wait_until(lambda: bool(granted), seconds=30)
    yield heard
    client.disconnect()
    client.loop_stop()


@contextmanager
def sending(broker: Broker, name: str, password: str) -> Iterator[Callable[[bytes], None]]:
    """As a device; each message acknowledged when it returns."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=name)
    client.username_pw_set(name, password)
    client.connect(broker.own_host, broker.port)
    client.loop_start()
    yield lambda payload: client.publish(TOPIC, payload, qos=1).wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


def test_whoever_keeps_the_broker_hears_that_we_are_there_and_whom_to_put_out(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ingest.link")
    with hearing(broker) as heard, linked(broker) as link:
        assert (link.up, link.subscribed, link.connection) == (False, False, 0)
        assert turned(link, lambda: link.subscribed)
        assert (link.up, link.connection) == (True, 1)
        link.pause("flooder")
        assert turned(link, lambda: {HERE, PAUSE} <= set(heard))
        link.close()
        assert not link.up
        assert wait_until(lambda: AWAY in heard, seconds=30)
        assert turned(link, lambda: link.up)
        link._client.socket().shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]  # noqa: SLF001
        assert turned(link, lambda: not link.up)
        assert turned(link, lambda: link.up)
    assert caplog.messages[:3] == [
        "ingest-1: connected to the broker, which kept our queue",
        "ingest-1: flooder floods the broker",
        "ingest-1: connected to the broker, which kept our queue",
    ]
    (lost, back) = caplog.messages[3:]
    assert lost.startswith("ingest-1: the connection to the broker ended (")
    assert back == "ingest-1: connected to the broker, which kept our queue"


def test_when_we_are_back_the_last_word_is_that_we_are_here(broker: Broker) -> None:
    """A farewell that is sent again behind it had the broker save for nobody from then on."""
    with hearing(broker) as heard, linked(broker) as link:
        for _ in range(3):
            heard.clear()
            assert turned(link, lambda: HERE in heard)
            link.pause("flooder")  # what comes behind all that was to be sent
            assert turned(link, lambda: PAUSE in heard)
            assert [each for each in heard if each != PAUSE][-1] == HERE
            link.close()
            assert wait_until(lambda: heard[-1] == AWAY, seconds=30)


def test_a_heartbeat_comes_round_and_what_is_not_acknowledged_comes_again(
    broker: Broker, add_device: Callable[[str], str]
) -> None:
    password = add_device("gauge")
    with linked(broker) as link, sending(broker, "gauge", password) as send:
        inbox = link.inbox
        assert turned(link, lambda: link.subscribed)
        link.beat()
        assert inbox.behind == 0, "the clock stands"
        send(b"first")
        send(b"second")
        assert turned(link, lambda: len(inbox.arrivals) == 2)
        parcel = inbox.take()
        assert [beat.clock for beat in parcel.beats if not beat.session_made] == [CLOCK]
        assert [each.payload for each in parcel.arrivals] == [b"first", b"second"]
        link.close()
        link.acknowledge(parcel)  # too late: this connection is gone
        assert turned(link, lambda: len(inbox.arrivals) == 2)
        again = inbox.take()
        assert [(each.payload, each.again) for each in again.arrivals] == [
            (b"first", True),
            (b"second", True),
        ]
        assert (again.connection, link.connection) == (2, 2)
        link.acknowledge(parcel)  # of another connection
        link.close()
        assert turned(link, lambda: len(inbox.arrivals) == 2)
        link.acknowledge(inbox.take())
        link.beat()  # it comes round behind them: the broker has heard them
        assert turned(link, lambda: any(not beat.session_made for beat in inbox._beats))  # noqa: SLF001
        send(b"third")
        assert turned(link, lambda: inbox.arrivals)
        link.close()
        assert turned(link, lambda: len(inbox.arrivals) == 2)
        assert [each.payload for each in inbox.take().arrivals] == [b"third", b"third"]


def test_nothing_is_read_without_room(broker: Broker, add_device: Callable[[str], str]) -> None:
    password = add_device("gauge")
    with linked(broker) as link, sending(broker, "gauge", password) as send:
        assert turned(link, lambda: link.subscribed and link.inbox.waiting)
        link.inbox.take()
        for number in range(5):
            send(b"%d" % number)
        for _ in range(3):
            link.turn(0.02, room=0)
        assert link.inbox.waiting == 0
        while link.inbox.waiting < 5:
            before = link.inbox.waiting
            link.turn(20, room=2)
            assert link.inbox.waiting - before <= 2


def test_an_exercises_session_outlives_its_connection(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ingest.link")
    with linked(broker, exercise=True) as link:
        assert turned(link, lambda: link.subscribed)
        assert [beat.session_made for beat in link.inbox.take().beats] in ([True], [])
        link.close()
        assert turned(link, lambda: link.up)
        assert caplog.messages[-1].endswith("which kept our queue")


def test_a_broker_that_had_no_session_for_us_is_told_and_noted(
    broker: Broker, caplog: pytest.LogCaptureFixture, add_device: Callable[[str], str]
) -> None:
    with linked(broker, user="stranger", password=add_device("stranger")) as link:
        assert turned(link, lambda: link.up)
        (beat,) = link.inbox.take().beats
        assert beat.session_made
    assert caplog.messages == ["ingest-1: connected to the broker, which has no queue for us"]


def test_a_subscription_that_is_refused_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """As the client tells of it: our own broker grants every one, and lets nothing through."""
    codes = {name: ReasonCode(PacketTypes.SUBACK, name) for name in ("Granted QoS 1", REFUSED)}
    with linked(None) as link:
        held = []
        for names in (("Granted QoS 1", REFUSED), ("Granted QoS 1", "Granted QoS 1")):
            link._on_subscribe(None, None, 1, [codes[name] for name in names], None)  # noqa: SLF001
            held.append(link.subscribed)
    assert held == [False, True]
    assert caplog.messages == ["ingest-1: the broker refuses a subscription: Not authorized"]


def test_a_broker_that_refuses_us_is_told(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    with linked(broker, password="wrong") as link:
        assert turned(link, lambda: caplog.messages)
        assert (link.up, link.connection) == (False, 0)
        link.beat()
        assert link.inbox.behind == 0, "nothing is on its way"
    assert caplog.messages == ["ingest-1: the broker refuses us: Not authorized"]


def test_a_broker_that_is_not_there_is_tried_less_and_less_often(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ticks = Ticks()
    with linked(None, ticks=ticks) as link:
        link.turn(0, room=1)
        assert len(caplog.messages) == 1
        for tries, wait in enumerate((0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5), 1):
            ticks.now += wait - 0.01
            link.turn(0, room=1)
            assert len(caplog.messages) == tries
            ticks.now += 0.02
            link.turn(0, room=1)
            assert len(caplog.messages) == tries + 1
        assert not link.up
    assert caplog.messages[0].startswith("ingest-1: no broker answers at 127.0.0.1:")
    assert caplog.messages[0].endswith("); trying again")


def test_a_connected_link_tries_soon_when_it_is_lost_again(broker: Broker) -> None:
    ticks = Ticks()
    with linked(broker, ticks=ticks) as link:
        assert turned(link, lambda: link.up)
        for connection in (2, 3):
            link.close()
            assert turned(link, lambda: link.up), "no time has passed"
            assert link.connection == connection


def test_the_kernel_notices_a_peer_that_is_gone(broker: Broker) -> None:
    with linked(broker) as link:
        assert turned(link, lambda: link.up)
        sock = link._client.socket()  # noqa: SLF001
        assert isinstance(sock, socket.socket)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        probes = {
            name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        }
    assert probes == {
        "TCP_KEEPIDLE": 5,
        "TCP_KEEPINTVL": 3,
        "TCP_KEEPCNT": 5,
        "TCP_USER_TIMEOUT": 20_000,
    }


def test_a_bell_ends_a_turn_or_a_rest_at_once_and_only_once() -> None:
    ticks = Ticks()
    with linked(None, ticks=ticks) as link:
        waits: list[Callable[[], None]] = [lambda: link.turn(600, room=0), lambda: link.rest(600)]
        for wait in waits:
            for _ in range(10_000):  # more than a socket holds: nobody waits to ring
                link.wake()
            for _ in range(3):  # what is rung before is heard as one
                with suppress(BlockingIOError):
                    while True:
                        link._bell.hush()  # noqa: SLF001
                link.wake()
                wait()
    link.wake()  # nobody is left to hear it
