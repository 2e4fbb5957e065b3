"""The order of requests: no client takes all connections, one that waits too long is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import pytest

from hypervisor.access.errors import BusyError, TooManyAttemptsError
from hypervisor.access.limiter import RequestLimiter
from hypervisor.database.connect import StoreError
from hypervisor.database.pool import READERS

Play = Callable[[AsyncExitStack, RequestLimiter], Awaitable[None]]


def play(scene: Play, *, patience: float = 0.05) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            await scene(stack, RequestLimiter(4, share=2, waiting=20, patience=patience))

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


def test_a_queue_is_bounded_of_one_and_of_all() -> None:
    async def scene(_stack: AsyncExitStack, _turns: RequestLimiter) -> None:
        turns = RequestLimiter(1, waiting=2, in_line=3)

        async def wait(who: str) -> None:
            async with turns.take(who):
                await asyncio.sleep(10)

        waiting = [asyncio.create_task(wait(who)) for who in ("vera", "vera", "anne")]
        await asyncio.sleep(0)
        with pytest.raises(TooManyAttemptsError, match="2 requests of yours") as refused:
            await wait("vera")
        assert refused.value.seconds > 0
        with pytest.raises(BusyError, match="too many ask"):
            await wait("bruno")
        for each in waiting:
            each.cancel()  # as their clients leave
        await asyncio.wait(waiting)
        async with turns.take("bruno"):
            pass

    play(scene)


def test_two_of_many_accounts_leave_some() -> None:
    async def scene(stack: AsyncExitStack, _turns: RequestLimiter) -> None:
        turns = RequestLimiter(READERS, patience=0.05)
        for who in ("vera", "anne"):
            for _ in range(READERS):
                with suppress(BusyError):
                    await stack.enter_async_context(turns.take(who))
        await stack.enter_async_context(turns.take("bruno"))

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
