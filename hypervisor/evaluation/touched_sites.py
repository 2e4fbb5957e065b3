"""The sites of which readings came, announced to open pages about once a second."""

import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np

from hypervisor.database import events
from hypervisor.database.connect import Connection
from hypervisor.evaluation.shards import ALL, shard_of
from hypervisor.registry.model import Registry
from sensors._row import Rows

_EVERY = 1.0  # s
_NAMES = 100  # of more sites none is named: pages reload all


@dataclass(kw_only=True)
class TouchedSites:
    """What was not announced yet; at first everything, since an earlier process may not have.

    Only sites of `shards`: another process announces the others.
    """

    shards: AbstractSet[int] = ALL
    series: set[int] | None = None
    announced_at: float = float("-inf")
    places: dict[int, str] = field(default_factory=dict)  # series -> site
    registry: Registry | None = None  # from which `places` were made

    def add(self, rows: Rows) -> None:
        """Add the sites of these readings, which are sorted by series."""
        if self.series is not None and len(rows):
            first = np.flatnonzero(np.diff(rows["series"], prepend=-1))
            self.series.update(rows["series"][first].tolist())

    def announce(self, connection: Connection, registry: Registry | None) -> None:
        """Log an event in the caller's transaction, if the last one is a second ago."""
        now = time.monotonic()
        if self.series == set() or now - self.announced_at < _EVERY:
            return
        sites = self._sites(registry)
        if sites is None or sites:
            events.record(connection, "reading", "", sites=sites)
        self.series, self.announced_at = set(), now

    def _sites(self, registry: Registry | None) -> list[str] | None:
        """Names, sorted; None: too many to list."""
        if self.series is None or registry is None:
            return None
        if registry is not self.registry:
            self.registry = registry
            self.places = {
                series.id: registry.devices[series.device].site
                for series in registry.series.values()
                if series.id is not None
                and shard_of(registry.devices[series.device].site) in self.shards
            }
        sites = {self.places[series] for series in self.series if series in self.places}
        return sorted(sites) if len(sites) <= _NAMES else None
