"""The order of requests: no client takes all connections, one that waits too long is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from hypervisor.access.limiter import RequestLimiter
from hypervisor.database.connect import StoreError

Play = Callable[[AsyncExitStack, RequestLimiter], Awaitable[None]]


def play(scene: Play, *, patience: float = 0.05) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            await scene(stack, RequestLimiter(4, patience=patience))

    asyncio.run(run())


def test_of_one_account_half_may_be_at_work() -> None:
    async def scene(stack: AsyncExitStack, turns: RequestLimiter) -> None:
        for _ in range(2):
            await stack.enter_async_context(turns.take("vera"))
        with pytest.raises(StoreError, match="too many ask at once"):
            await stack.enter_async_context(turns.take("vera"))
        for _ in range(2):
            await stack.enter_async_context(turns.take("anne"))
        with pytest.raises(StoreError, match="too many ask at once"):
            await stack.enter_async_context(turns.take("bruno"))

    play(scene)


def test_sessions_of_one_account_count_together_once_they_are_known() -> None:
    async def scene(stack: AsyncExitStack, turns: RequestLimiter) -> None:
        for session in ("one", "two", "three"):
            turns.know(session, 7)
        await stack.enter_async_context(turns.take("one"))
        await stack.enter_async_context(turns.take("two"))
        with pytest.raises(StoreError):
            await stack.enter_async_context(turns.take("three"))
        await stack.enter_async_context(turns.take("another"))

    play(scene)


def test_a_turn_that_is_over_is_the_next_ones() -> None:
    async def scene(_stack: AsyncExitStack, turns: RequestLimiter) -> None:
        async def ask(order: list[int], number: int) -> None:
            async with turns.take("vera"):
                order.append(number)
                await asyncio.sleep(0)

        order: list[int] = []
        await asyncio.gather(*(ask(order, number) for number in range(20)))
        assert order == list(range(20))
        async with turns.take("vera"), turns.take("vera"):
            pass

    play(scene, patience=5.0)  # a busy machine may pause for longer than the others wait
