"""The web server: told to stop, it sends those away who listen, for they never go themselves."""

from collections.abc import Callable
from types import FrameType

import uvicorn

from hypervisor.web.hub import Hub


class Server(uvicorn.Server):
    """Uvicorn, that ends streams of events before it waits for what is being answered."""

    def __init__(
        self, config: uvicorn.Config, hub: Hub, turn: Callable[[], None] = lambda: None
    ) -> None:
        """Serve as `config` says; `turn` is called ten times a second by the event loop."""
        super().__init__(config)
        self._hub, self._turn = hub, turn

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn's main loop."""
        self._turn()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by a signal."""
        self._hub.close()
        super().handle_exit(sig, frame)
