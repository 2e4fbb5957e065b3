"""Passwords are kept as ever, only with less work: tests hash many."""

import pytest
from argon2 import PasswordHasher

from hypervisor.access import passwords


@pytest.fixture(autouse=True)
def _little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", quick)
    monkeypatch.setattr(passwords, "_DUMMY_HASH", quick.hash("nobody's"))
