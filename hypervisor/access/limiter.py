"""As many requests at once as there are connections to read with; of one account half of them."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from hypervisor.database.connect import StoreError

PATIENCE = 15.0  # s
_REMEMBERED = 10_000  # sessions and tokens whose account is known


class RequestLimiter:
    """Queues the requests of each client: one that sends many delays only its own."""

    def __init__(self, most: int, *, patience: float = PATIENCE) -> None:
        """Let in `most` at once; who waits longer than `patience` s is sent away."""
        self._patience = patience
        self._of_one = max(1, most // 2)
        self._all = asyncio.Semaphore(most)
        self._own: dict[Hashable, asyncio.Semaphore] = {}
        self._waiting: Counter[Hashable] = Counter()
        self._accounts: OrderedDict[Hashable, int] = OrderedDict()

    def know(self, shown: Hashable, account: int) -> None:
        """From now on this session or token counts as its account's."""
        self._accounts[shown] = account
        self._accounts.move_to_end(shown)
        while len(self._accounts) > _REMEMBERED:
            self._accounts.popitem(last=False)

    @asynccontextmanager
    async def take(self, shown: Hashable) -> AsyncIterator[None]:
        """A turn for the client that showed this.

        Requests wait here, where they hold no thread: those at work need one to finish.
        Raises StoreError: the queue is too long.
        """
        who = self._accounts.get(shown, shown)
        own = self._own.setdefault(who, asyncio.Semaphore(self._of_one))
        self._waiting[who] += 1
        try:
            async with self._in_time(own), self._in_time(self._all):
                yield
        finally:
            self._waiting[who] -= 1
            if not self._waiting[who]:
                del self._waiting[who], self._own[who]

    @asynccontextmanager
    async def _in_time(self, semaphore: asyncio.Semaphore) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                await semaphore.acquire()
        except TimeoutError as error:
            raise StoreError("too many ask at once: try again in a moment") from error
        try:
            yield
        finally:
            semaphore.release()
