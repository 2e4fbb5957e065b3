"""The web server: told to stop, it sends those away who listen, for they never go themselves."""

from types import FrameType

import uvicorn

from hypervisor.api.hub import Hub


class Server(uvicorn.Server):
    """Uvicorn, that ends streams of events before it waits for what is being answered."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        """Serve as `config` says."""
        super().__init__(config)
        self._hub = hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by a signal."""
        self._hub.close()
        super().handle_exit(sig, frame)
