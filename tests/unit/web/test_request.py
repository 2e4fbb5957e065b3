"""Choices of language and appearance are kept, and lead nowhere else."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from hypervisor.web.request import RequestMiddleware


def answered(path: str, query: str, method: str = "GET") -> dict[str, Any]:
    """Status and headers; 200 where it went on to the application."""
    mappings: list[MutableMapping[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        mappings.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [],
    }
    asyncio.run(RequestMiddleware(app)(scope, receive, send))
    headers = [(name.decode(), value.decode()) for name, value in mappings[0]["headers"]]
    return {"status": mappings[0]["status"], "headers": headers}


def test_a_choice_is_kept_and_taken_from_the_address() -> None:
    found = answered("/alarms", "state=open&lang=en&theme=dark")
    assert found["status"] == 303
    assert ("location", "/alarms?state=open") in found["headers"]
    cookies = [value for name, value in found["headers"] if name == "set-cookie"]
    assert [cooky.partition(";")[0] for cooky in cookies] == ["lang=en", "theme=dark"]


@pytest.mark.parametrize(
    ("path", "query", "method"),
    [
        ("/now", "", "GET"),
        ("/now", "lang=de", "GET"),
        ("/now", "lang=fr", "POST"),
        ("/api/v1/alarms", "lang=fr", "GET"),
    ],
)
def test_what_is_no_choice_goes_on(path: str, query: str, method: str) -> None:
    assert answered(path, query, method)["status"] == 200


@pytest.mark.parametrize("path", ["//elsewhere.example", "/\\elsewhere.example", "/a\r\nx: y"])
def test_nobody_is_led_elsewhere(path: str) -> None:
    (address,) = [v for n, v in answered(path, "lang=fr")["headers"] if n == "location"]
    assert address[:1] == "/"
    assert address[1:2] not in {"/", "\\"}
    assert "\n" not in address
    assert "\r" not in address
