"""As many requests at once as there are connections to read with; of one account half of them."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from hypervisor.access.errors import BusyError, TooManyAttemptsError

PATIENCE = 15.0  # s
_WAITING, _IN_LINE = 100, 1_000  # requests of one client, of all
_RETRY = 5.0  # s
_REMEMBERED = 10_000  # sessions and tokens whose account is known


class RequestLimiter:
    """Queues the requests of each client: one that sends many delays only its own."""

    def __init__(
        self,
        most: int,
        *,
        share: int | None = None,
        waiting: int = _WAITING,
        in_line: int = _IN_LINE,
        patience: float = PATIENCE,
    ) -> None:
        """Let in `most` at once, `share` of one client; who waits longer than `patience` s leaves.

        `waiting`: with those at work, requests of one client; `in_line`: of all.
        """
        self._patience = patience
        self._of_one = share or max(1, most * 3 // 8)  # so that two clients leave some
        self._longest, self._in_line = waiting, in_line
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

    def find(self, shown: Hashable) -> int | None:
        """The account whose session or token this is; None: nobody said."""
        return self._accounts.get(shown)

    @asynccontextmanager
    async def take(self, shown: Hashable) -> AsyncIterator[None]:
        """A turn for the client that showed this.

        Requests wait here, where they hold no thread: those at work need one to finish.
        Raises BusyError: the queue is too long. TooManyAttemptsError: this client's own is.
        """
        who = self._accounts.get(shown, shown)
        if self._waiting[who] >= self._longest:
            raise TooManyAttemptsError(
                "{count} requests of yours wait already: try again when they have ended",
                self._longest,
                seconds=_RETRY,
            )
        if self._waiting.total() >= self._in_line:
            raise BusyError("too many ask at once: try again in a moment")
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
            raise BusyError("too many ask at once: try again in a moment") from error
        try:
            yield
        finally:
            semaphore.release()
