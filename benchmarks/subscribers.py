"""A warning to thousands of subscribers, by a sender that is killed in between (SIGKILL).

The mail server (aiosmtpd) and the push service (HTTPS) run here, on loopback, and count what they
took: each subscriber must have it once, and twice only what was on its way when the sender died.
"""

import asyncio
import base64
import os
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.citizens import Plan as CitizensPlan
from benchmarks.citizens import publish
from hypervisor.bench.servers import BenchError, Ground, settings_environment
from hypervisor.broker.child import wait_until
from hypervisor.broker.ports import LOOPBACK, free_port
from hypervisor.citizens import push_key
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.channels import MailChannel, PushChannel
from hypervisor.citizens.push_service import Browser
from hypervisor.database.connect import Connection, connect

SECRET = "a secret of forty letters, and not less!"  # noqa: S105  of a bench
_PATIENCE = 900.0  # s
_FAST = "1000000"  # a minute: the pace is not what is measured
COMMUNE = "91000"  # the first that the bench of citizens publishes for
_SENDERS = {"mail": MailChannel.senders, "push": PushChannel.senders}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many subscribers by which channel, and how often the sender is killed."""

    channel: Literal["mail", "push"] = "mail"
    subscribers: int = 10_000
    kills: int = 5


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that counts by recipient what it took. `environment`: how the sender finds it."""

    port: int
    taken: Counter[str]
    environment: dict[str, str]


def measure(place: Ground, plan: Plan, tick: Callable[[str, int, int], None]) -> dict[str, Any]:
    """How many a second; how many subscribers have the warning never, and how many twice."""
    serve = _serve_mail if plan.channel == "mail" else _serve_push
    with serve(place.folder) as server:
        with connect(place.settings.database_url) as connection:
            _subscribe(connection, plan, server.port)
            publish(connection, CitizensPlan(communes=1, warnings=1))
        began = time.monotonic()
        for number in range(plan.kills + 1):
            until = plan.subscribers * (number + 1) // (plan.kills + 1)
            tick("sending", len(server.taken), plan.subscribers)
            _send(place, server, until, last=number == plan.kills)
        seconds = time.monotonic() - began
        with connect(place.settings.database_url) as connection:
            waiting = _count_waiting(connection)
    return {
        "bench": "subscribers",
        "channel": plan.channel,
        "subscribers": plan.subscribers,
        "kills": plan.kills,
        "load_average": round(os.getloadavg()[0], 1),
        "per_second": round(plan.subscribers / seconds),
        "never": plan.subscribers - len(server.taken),
        "twice": server.taken.total() - len(server.taken),
        "on_their_way": plan.kills * _SENDERS[plan.channel],
        "waiting": waiting,
    }


def _send(place: Ground, server: Server, until: int, *, last: bool) -> None:
    """Run the sender until the server has taken so many, and kill it; the last one ends well."""
    log = place.folder / "mailing.log"
    with log.open("a") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hypervisor", "--data", str(place.settings.data), "mailing"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=settings_environment(place.settings) | _ENVIRONMENT | server.environment,
        )
    try:
        if not wait_until(lambda: len(server.taken) >= until, seconds=_PATIENCE, every=0.002):
            output_end = log.read_text()[-2000:]
            raise BenchError(f"{len(server.taken)} of {until} were taken: {output_end}")
        if last:
            process.terminate()  # it notes what it was handing over
            process.wait(30)
    finally:
        process.kill()
        process.wait()


_ENVIRONMENT = {
    "HYPERVISOR_PUBLIC_PAGE": "public",
    "HYPERVISOR_PUBLIC_URL": "https://alerte.example",
    "HYPERVISOR_CITIZENS_KEY": SECRET,
    "HYPERVISOR_CITIZENS_MAILS_PER_MINUTE": _FAST,
    "HYPERVISOR_CITIZENS_PUSHES_PER_MINUTE": _FAST,
}


def _subscribe(connection: Connection, plan: Plan, port: int) -> None:
    """Confirmed subscribers, as citizens would have made them."""
    key = AddressKey(secret=SECRET)
    push_key.make(connection, key, author="bench", replace=True)
    point = make_point()
    rows = []
    for number in range(plan.subscribers):
        name = address = f"citizen-{number}@town.example"
        if plan.channel == "push":
            name = f"https://{LOOPBACK}:{port}/{number}"
            address = Browser(endpoint=name, p256dh=point, auth="A" * 22).write()
        rows.append((plan.channel, key.digest(name), key.encrypt(address), COMMUNE))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO subscription (channel, digest, address, commune, language, confirmed_at)"
            " VALUES (%s, %s, %s, %s, 'fr', now())",
            rows,
        )


def make_point() -> str:
    """A browser's public key (base64url)."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


def _count_waiting(connection: Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM subscription_delivery WHERE sent_at IS NULL"
    ).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _serve_mail(_folder: Path) -> Iterator[Server]:
    """An SMTP server."""
    taken: Counter[str] = Counter()

    class Handler:
        async def handle_DATA(  # noqa: N802  as the library has it
            self, _server: SMTP, _session: Session, mail: Envelope
        ) -> str:
            taken.update(mail.rcpt_tos)
            return "250 taken"

    port = free_port()
    controller = Controller(Handler(), hostname=LOOPBACK, port=port)
    controller.start()
    target = f"mailto://{LOOPBACK}:{port}?from=alerte@town.example"
    try:
        yield Server(port=port, taken=taken, environment={"HYPERVISOR_CITIZENS_MAIL": target})
    finally:
        controller.stop()


@contextmanager
def _serve_push(folder: Path) -> Iterator[Server]:
    """An HTTPS server; its recipients are paths."""
    certificate, key = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    taken: Counter[str] = Counter()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            await reader.readexactly(length)
            taken[head.split(b" ", 2)[1].decode()] += 1
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the sender was killed
        finally:
            writer.close()

    port = free_port()
    loop = asyncio.new_event_loop()
    started = loop.create_task(asyncio.start_server(answer, LOOPBACK, port, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    hosts = f"{LOOPBACK}:{port}"
    try:
        if not wait_until(started.done, seconds=10):
            raise BenchError("the push service does not start")
        environment = {"HYPERVISOR_CITIZENS_PUSH": hosts, "SSL_CERT_FILE": str(certificate)}
        yield Server(port=port, taken=taken, environment=environment)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of this address, and its key."""
    certificate, key = folder / "push.crt", folder / "push.key"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1")
    names = ("-subj", "/CN=push", "-addext", f"subjectAltName=IP:{LOOPBACK}")
    subprocess.run(
        ["openssl", "req", "-x509", *curve, *names, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key
