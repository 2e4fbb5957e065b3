"""Passwords are kept as ever, only with less work: tests hash many."""

import pytest
from argon2 import PasswordHasher

from hypervisor.access import passwords

_QUICK = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
_NOBODYS = _QUICK.hash("nobody's")


@pytest.fixture(autouse=True)
def _little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", _QUICK)
    monkeypatch.setattr(passwords, "DUMMY_HASH", _NOBODYS)
