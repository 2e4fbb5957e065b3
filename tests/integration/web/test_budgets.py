"""A flood of costly requests leaves the others their turns, and a request ends with its client."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
import pytest

from hypervisor.broker.child import wait_until
from tests.conftest import Stack
from tests.expensive_packs import pack
from tests.integration.web.conftest import fresh_towns
from tests.integration.web.web_process import WebProcess, web_process

pytestmark = pytest.mark.integration
# As much as the budget of a check lets through: half a second of computing, or some.
WORST = {"text": pack("silent", 1, tests=16, readings=99), "domain": "flood"}
CHECK = "/api/v1/rules/check"


@pytest.fixture(scope="module")
def web(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    with (
        fresh_towns(stack) as world,
        web_process(world.url, tmp_path_factory.mktemp("data")) as process,
    ):
        yield process


def test_a_flood_from_two_accounts_leaves_a_third_its_turns(web: WebProcess) -> None:
    statuses: list[int] = []
    over = threading.Event()

    def flood(client: httpx.Client) -> None:
        while not over.is_set():
            with suppress(httpx.TransportError):  # who is tired of waiting leaves
                statuses.append(client.post(CHECK, json=WORST, timeout=4).status_code)

    with ExitStack() as stack:
        ada, bob, eve = (stack.enter_context(web.sign_in(name)) for name in ("ada", "bob", "eve"))
        before = web.memory()
        floods = [threading.Thread(target=flood, args=[who]) for who in (ada, bob) * 8]
        for each in floods:
            stack.callback(each.join)
        stack.callback(over.set)
        for each in floods:
            each.start()
        assert wait_until(lambda: HTTPStatus.TOO_MANY_REQUESTS in statuses, seconds=60)
        for address in ("/api/v1/alarms", "/alarms", "/sites", "/now") * 3:
            assert eve.get(address).status_code == HTTPStatus.OK, address
        small = {"text": pack("mean", 1, readings=5), "domain": "flood"}
        checked = eve.post(CHECK, json=small, timeout=100)  # a turn is left for her
        assert checked.status_code == HTTPStatus.OK
    assert set(statuses) <= {HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY, 429}
    assert wait_until(lambda: web.memory() < before + 200, seconds=20)


def test_a_request_ends_when_its_client_leaves(web: WebProcess) -> None:
    with web.sign_in("ada") as ada:
        assert ada.get("/api/v1/alarms").status_code == HTTPStatus.OK
        headers = {**ada.headers, "cookie": "; ".join(f"{n}={v}" for n, v in ada.cookies.items())}
    body = json.dumps(WORST).encode()
    headers |= {"content-length": str(len(body)), "content-type": "application/json"}
    lines = [f"POST {CHECK} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    where = urlsplit(web.base)
    before = set(web.workers())
    with socket.create_connection((where.hostname or "", where.port or 0)) as client:
        lines.append(f"host: {where.netloc}")
        client.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        computing: set[int] = set()

        def note_computing() -> bool:
            computing.update(filter(_computes, web.workers()))
            return bool(computing)

        assert wait_until(note_computing, seconds=30)
    assert wait_until(lambda: bool(computing - set(web.workers())), seconds=20), before


def _computes(pid: int) -> bool:
    """Whether it uses a processor."""
    used = _ticks(pid)
    time.sleep(0.05)  # the request is there for half a second
    return _ticks(pid) > used


def _ticks(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123  of a process
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
