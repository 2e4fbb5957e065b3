"""Requests a second that the public page answers from one core, over HTTP on loopback."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx

from hypervisor.bench.servers import BenchError, Ground, run_part
from hypervisor.broker.child import wait_until
from hypervisor.broker.ports import LOOPBACK, free_port
from hypervisor.database.connect import Connection, connect
from hypervisor.publications import queries, queries_messages
from hypervisor.publications.model import (
    FrenchWords,
    MessageKind,
    PublishedArea,
    PublishedMessage,
    WarningContent,
)
from hypervisor.web.schemas import Commune

_ADDRESSES = 5_000  # of telephones, as a proxy names them
_TEXT = "La rivière déborde. Ne descendez pas dans les sous-sols, éloignez-vous des berges. " * 6


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Communes of the territory, warnings in force, connections, and how long is measured."""

    communes: int = 200
    warnings: int = 5
    connections: int = 16
    seconds: float = 10.0


def measure(place: Ground, plan: Plan, tick: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Answers a second of the page and strip of all communes, one in four already known."""
    tick("publishing", 0, 0)
    with connect(place.settings.database_url) as connection:
        codes = publish(connection, plan)
    port = free_port()
    base = f"http://{LOOPBACK}:{port}"
    cores = sorted(os.sched_getaffinity(0))
    log = place.folder / "web.log"
    try:
        with run_part(
            place.settings,
            "web",
            log,
            HYPERVISOR_WEB_PORT=str(port),
            HYPERVISOR_PUBLIC_PAGE="public",
        ) as process:
            if not wait_until(lambda: _answers(base, "Crue"), seconds=60):
                raise BenchError(f"the page does not come: {log.read_text()}")
            _pin(process.pid, cores[:1])
            os.sched_setaffinity(0, set(cores[1:] or cores))
            tick("warming up", 0, 0)
            _run(port, codes, plan, 2.0)
            tick("measuring", 0, 0)
            cpu = _read_cpu(process.pid)
            took = _run(port, codes, plan, plan.seconds)
            cpu = _read_cpu(process.pid) - cpu
    finally:
        os.sched_setaffinity(0, set(cores))
    return {
        "bench": "citizens",
        "communes": plan.communes,
        "load_average": round(os.getloadavg()[0], 1),
        "requests_per_second": round(len(took) / plan.seconds),
        "requests_per_cpu_second": round(len(took) / cpu),
        "median_ms": round(median(took) * 1000, 1),
        "p99_ms": round(quantiles(took, n=100)[98] * 1000, 1),
    }


def publish(connection: Connection, plan: Plan) -> list[str]:
    """Communes, and warnings of all of them."""
    now = datetime.now(UTC).replace(microsecond=0)
    communes = [
        Commune(code=f"91{number:03}", name=f"Commune-sur-Orge {number}")
        for number in range(plan.communes)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO area (code, kind, name) VALUES (%s, 'commune', %s)",
            [(each.code, each.name) for each in communes],
        )
    area = PublishedArea(code="91", kind="departement", name="Essonne", communes=tuple(communes))
    content = WarningContent(
        hazard="flood",
        severity="major",
        response="Avoid",
        areas=("91",),
        expires=now + timedelta(hours=12),
        fr=FrenchWords(headline="Crue", description=_TEXT, instruction="Montez à l'étage."),
        en=FrenchWords(headline="Flood", description=_TEXT, instruction="Go upstairs."),
    )
    codes = [each.code for each in communes]
    for number in range(plan.warnings):
        publication = queries.insert_publication(
            connection, status="Actual", alarm=None, areas=[area]
        )
        message = PublishedMessage(
            id=0,
            publication=publication,
            identifier=f"bench-{number}",
            sender="bench",
            kind=MessageKind.ALERT,
            status="Actual",
            sent=now,
            expires=content.expires,
            content=content,
            areas=(area,),
            communes=tuple(codes),
            concerned=tuple(codes),
        )
        queries_messages.insert_message(connection, message, "<alert/>")
    connection.commit()
    return codes


def _answers(base: str, text: str) -> bool:
    try:
        return text in httpx.get(f"{base}/public").text
    except httpx.HTTPError:
        return False


def _pin(process: int, cores: Sequence[int]) -> None:
    for task in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)


def _read_cpu(process: int) -> float:
    """Seconds of processor time."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _run(port: int, codes: Sequence[str], plan: Plan, seconds: float) -> list[float]:
    """How long each answer took, in s."""
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(plan.connections) as threads:
        runs = [
            threads.submit(_ask, port, codes, until, number) for number in range(plan.connections)
        ]
        return [took for run in runs for took in run.result()]


def _ask(port: int, codes: Sequence[str], until: float, number: int) -> list[float]:
    """Ask over one connection until then."""
    took = []
    tags: dict[str, str] = {}
    with socket.create_connection((LOOPBACK, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (began := time.monotonic()) < until:
            number += 17
            path = "/public" if number % 3 else "/public/strip"
            path = f"{path}?commune={codes[number % len(codes)]}&lang=fr"
            condition = (
                f"If-None-Match: {tags[path]}\r\n" if path in tags and not number % 4 else ""
            )
            address = number % _ADDRESSES
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n"
                f"Accept-Language: fr-FR,fr;q=0.9\r\nUser-Agent: bench\r\n{condition}"
                f"X-Forwarded-For: 10.1.{address // 250}.{address % 250}\r\n\r\n".encode()
            )
            head, body = _receive(connection)
            took.append(time.monotonic() - began)
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304")):
                raise RuntimeError(f"{head.decode()} {body!r}")
            if b"etag: " in head:
                tags[path] = head.partition(b"etag: ")[2].partition(b"\r")[0].decode()
    return took


def _receive(connection: socket.socket) -> tuple[bytes, bytes]:
    """An answer's head and body."""
    data = connection.recv(65_536)
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    lower = head.lower()
    length = 0
    if b"content-length: " in lower:
        length = int(lower.partition(b"content-length: ")[2].partition(b"\r")[0])
    while len(body) < length:
        body += _more(connection)
    return head, body


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data
