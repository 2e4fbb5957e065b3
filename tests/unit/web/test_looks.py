"""Which homes an answer names, however it is cut."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from hypervisor.access import looks
from hypervisor.access.looks import Looker, LookRecorder

HOMES = {b"ta-1": "ta-1", b"ta-12": "ta-12", b"box-1": "ta-1"}


def _seen(
    *parts: bytes,
    kind: str = "application/json",
    status: int = 200,
    path: str = "/x",
    homes: Any = HOMES,
) -> set[str]:
    recorded: list[set[str]] = []
    state = SimpleNamespace()
    if homes:
        setattr(state, looks._STATE, Looker(name="joe", way="page", homes=homes))  # noqa: SLF001

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        scope["state"].update(vars(state))
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for number, part in enumerate(parts, 1):
            more = number < len(parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    async def play() -> None:
        async def send(_message: Any) -> None: ...

        scope = {"type": "http", "method": "GET", "path": path, "query_string": b""}
        await LookRecorder(app)(scope, lambda: None, send)  # type: ignore[arg-type, return-value]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looks._Answer, "_record", lambda own, _: recorded.append(own._seen))  # noqa: SLF001
        asyncio.run(play())
    return recorded[0] if recorded else set()


def test_names_are_found_as_words_in_any_case_and_across_chunks() -> None:
    assert _seen(b'{"site": "TA-1"}') == {"ta-1"}
    assert _seen(b"device/box-1 and ta-12.") == {"ta-1", "ta-12"}
    assert _seen(b"<a href='/sites/t", b"a-12'>") == {"ta-12"}
    assert _seen(b"beta-1 ta-123 ta-1x") == set()
    assert _seen(b"{}", path="/sites/ta-1") == {"ta-1"}


def test_a_file_that_cannot_be_read_is_a_look_at_all_of_them() -> None:
    assert _seen(b"PAR1", kind="application/vnd.apache.parquet") == {"*"}


def test_an_error_and_who_has_no_duty_are_no_look() -> None:
    assert _seen(b"there is no ta-1", status=404) == set()
    assert _seen(b"ta-1", homes=None) == set()
