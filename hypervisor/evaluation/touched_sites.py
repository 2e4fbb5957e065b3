"""Of which sites readings came: told to those who look on, about once a second."""

import time
from dataclasses import dataclass, field

import numpy as np

from hypervisor.database import events
from hypervisor.database.connect import Connection
from hypervisor.registry.model import Registry
from sensors._row import Rows

_EVERY = 1.0  # s
_NAMES = 100  # more sites than these are not named: whoever looks on asks for all


@dataclass(kw_only=True)
class TouchedSites:
    """What was not told yet. At first anything may have changed: what came last told nobody."""

    series: set[int] | None = None
    announced_at: float = float("-inf")
    places: dict[int, str] = field(default_factory=dict)  # series -> site
    registry: Registry | None = None  # that `places` is of

    def take(self, rows: Rows) -> None:
        """Readings that were judged."""
        if self.series is not None and len(rows):
            self.series.update(np.unique(rows["series"]).tolist())

    def tell(self, connection: Connection, registry: Registry | None) -> None:
        """Tell it in the caller's transaction, if the last time is long enough ago."""
        now = time.monotonic()
        if self.series == set() or now - self.announced_at < _EVERY:
            return
        events.tell(connection, "reading", "", sites=self._sites(registry))
        self.series, self.announced_at = set(), now

    def _sites(self, registry: Registry | None) -> list[str] | None:
        if self.series is None or registry is None:
            return None
        if registry is not self.registry:
            self.registry = registry
            self.places = {
                series.id: registry.devices[series.device].site
                for series in registry.series.values()
                if series.id is not None
            }
        sites = {self.places[series] for series in self.series if series in self.places}
        return sorted(sites) if len(sites) <= _NAMES else None
