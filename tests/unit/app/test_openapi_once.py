"""The OpenAPI document is built once, however many ask for it at the same time."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from fastapi import FastAPI

from hypervisor.app import openapi


def test_who_asks_meanwhile_waits_for_the_one_who_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    both, built = Barrier(2), []

    def describe(app: FastAPI) -> dict[str, Any]:
        built.append(app)
        with suppress(BrokenBarrierError):
            both.wait(0.3)  # long enough for the other to come in, if it may
        return {"openapi": "3.1.0"}

    monkeypatch.setattr(openapi, "describe", describe)
    app = FastAPI(openapi_url=None)
    openapi.install(app)
    with ThreadPoolExecutor(2) as pool:
        documents = [pool.submit(app.openapi) for _ in "12"]
    assert [each.result() for each in documents] == 2 * [{"openapi": "3.1.0"}]
    assert len(built) == 1
