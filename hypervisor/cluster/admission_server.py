"""The process that tells this machine's RabbitMQ whom to let in.

It has the port and the memory for itself: all devices come at once when a machine is lost, and no
page of the console makes them wait.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qsl

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.base.settings import Settings
from hypervisor.broker import passwords
from hypervisor.broker.ports import LOOPBACK
from hypervisor.cluster.account_follower import Follower
from hypervisor.cluster.admission import Admission
from hypervisor.cluster.management import Management
from hypervisor.cluster.plan import Member
from hypervisor.database.worker import keep_working
from ingest.topics import PAUSES

_BACKLOG = 4096
_LONGEST = 65_536  # bytes of a question
_TICK = 0.2  # s

log = logging.getLogger(__name__)


def run(settings: Settings, member: Member, *, stopping: Callable[[], bool]) -> None:
    """Answer until stopped. Raises OSError: another process has the port."""
    admission = Admission(sparkplug=settings.sparkplug)
    follower = Follower(
        admission=admission,
        management=Management(plan=member.plan),
        needed=frozenset(f"ingest.part-{part}" for part in range(1, member.plan.parts + 1)),
    )
    work = partial(follower.follow, stopping=stopping)
    url = settings.database_url
    thread = threading.Thread(
        target=lambda: keep_working("accounts", url, work, stopping=stopping, say=log.warning),
        name="accounts",
        daemon=True,
    )
    thread.start()
    floods = _listen_for_floods(member, follower.floods)
    try:
        asyncio.run(_serve(admission, member.plan.ports.accounts, stopping))
    finally:
        floods.disconnect()
        floods.loop_stop()


async def _serve(admission: Admission, port: int, stopping: Callable[[], bool]) -> None:
    loop = asyncio.get_running_loop()
    make = partial(_Questions, admission)
    server = await loop.create_server(make, LOOPBACK, port, backlog=_BACKLOG)
    log.info("answering the broker at port %s", port)
    async with server:
        while not stopping():  # noqa: ASYNC110 -- signals set it, and it beats for `up`
            await asyncio.sleep(_TICK)


class _Questions(asyncio.Protocol):
    """HTTP/1.1 as RabbitMQ's client speaks it: GET without a body, one after the other."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport if isinstance(transport, asyncio.Transport) else None

    def data_received(self, data: bytes) -> None:
        self._received += data
        while self._transport and b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            self._answer(self._transport, head)
        if self._transport and len(self._received) > _LONGEST:
            self._transport.close()

    def _answer(self, transport: asyncio.Transport, head: bytes) -> None:
        try:
            method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        except ValueError:
            method, target = "", ""
        if method != "GET":
            transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            transport.close()
            return
        question, _, query = target.partition("?")
        body = answer_query(self._admission, question, query).encode()
        transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        if b"connection: close" in head.lower():
            transport.close()


def answer_query(admission: Admission, path: str, query: str) -> str:
    """`allow` or `deny` to a question as it stands in a URL."""
    values = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=20))
    return admission.answer(path.removeprefix("/"), values)


def _listen_for_floods(member: Member, floods: "queue.SimpleQueue[str]") -> Client:
    """Ingest says on the broker which account floods it (`hypervisor/pause/…`)."""
    name = f"{passwords.KEEPER}.{member.machine.number}"
    client = Client(CallbackAPIVersion.VERSION2, client_id=name)
    client.username_pw_set(passwords.KEEPER, member.plan.secrets.broker)

    def on_message(_client: object, _data: object, message: MQTTMessage) -> None:
        floods.put(message.topic.removeprefix(PAUSES))

    def on_connect(*_: object) -> None:
        client.subscribe(f"{PAUSES}+")

    client.on_connect = on_connect
    client.on_message = on_message
    client.reconnect_delay_set(1, 5)
    client.connect_async(LOOPBACK, member.plan.ports.mqtt_parts)
    client.loop_start()
    return client
