"""The turns that requests wait for: a check of a password, a connection."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from hypervisor.access.identity import digest_credential, get_address
from hypervisor.access.limiter import RequestLimiter
from hypervisor.access.passwords import PASSWORD_CHECKS
from hypervisor.access.throttle import network
from hypervisor.database.pool import READERS


async def acquire_password_check(request: Request) -> AsyncIterator[None]:
    """A turn to have a password checked: one of an address at a time.

    A request that waits holds neither a thread nor a connection: all others need them.

    Raises:
        StoreError: the queue is too long.
    """
    state = request.app.state
    if not hasattr(state, "password_checks"):
        state.password_checks = RequestLimiter(PASSWORD_CHECKS)
    checks: RequestLimiter = state.password_checks
    async with checks.take(network(get_address(request))):
        yield


PasswordCheck = Annotated[None, Depends(acquire_password_check)]


async def acquire_slot(request: Request) -> AsyncIterator[None]:
    """A connection's turn, of its account's share.

    Raises:
        StoreError: the queue is too long.
    """
    async with get_limiter(request).take(digest_credential(request)):
        yield


def get_limiter(request: Request) -> RequestLimiter:
    """One an application."""
    state = request.app.state
    if not hasattr(state, "turns"):
        state.turns = RequestLimiter(READERS)
    turns: RequestLimiter = state.turns
    return turns


RequestSlot = Annotated[None, Depends(acquire_slot)]
