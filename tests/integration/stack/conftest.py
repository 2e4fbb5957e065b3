"""Instances that a test starts, and that end with it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hypervisor.broker.child import wait_until
from tests.integration.stack.ups import Up


@pytest.fixture
def start(open_tmp: Path) -> Iterator[Callable[..., Up]]:
    """Start `up` in a folder named by its first word; all are ended with the test."""
    started: list[Up] = []

    def begin(name: str, *words: str) -> Up:
        started.append(Up(open_tmp / name, *words))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            each.stop()
        assert wait_until(each.is_gone, seconds=30)
