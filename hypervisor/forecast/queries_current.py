"""The forecasts that are current at a time: not too old, and of a model in force."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection

Quantiles = dict[int, dict[float, float | None]]  # by horizon (s), then by level


@dataclass(frozen=True, kw_only=True)
class CurrentForecast:
    """A gauge that a fit was tried on. `issued` and what follows None: no forecast is current.

    `open`: a model is in force. `coverage`: of each horizon (s, as text) the share of what came in
    floods that lay within the 80 % range. `quantiles`: by horizon (s), then by level.
    """

    site: int
    name: str
    quantity: str
    open: bool
    coverage: Mapping[str, float]
    issued: datetime | None
    value: float | None
    horizons: list[int] | None
    levels: list[float] | None
    quantiles: list[float] | None

    @property
    def by_horizon(self) -> Quantiles:
        """Of each horizon (s) the quantile by level; empty: no forecast is current."""
        return split_by_horizon(self.horizons or (), self.levels or (), self.quantiles or ())


def split_by_horizon(
    horizons: Sequence[int], levels: Sequence[float], quantiles: Sequence[float]
) -> Quantiles:
    """The quantiles as stored, a row of all levels for each horizon (s); None: not issued."""
    width = len(levels)
    return {
        horizon: {
            level: None if math.isnan(value) else value
            for level, value in zip(
                levels, quantiles[place * width : (place + 1) * width], strict=True
            )
        }
        for place, horizon in enumerate(horizons)
    }


def list_current(
    connection: Connection, at: datetime, sites: Sequence[str] | None = None
) -> dict[tuple[str, str], CurrentForecast]:
    """By site and quantity; of all sites, or of these."""
    cursor = connection.cursor(row_factory=class_row(CurrentForecast))
    rows = cursor.execute(
        "SELECT * FROM forecasts_at(%(at)s)"
        " WHERE %(sites)s::text[] IS NULL OR name = ANY(%(sites)s)",
        {"at": at, "sites": None if sites is None else list(sites)},
    ).fetchall()
    return {(row.name, row.quantity): row for row in rows}
