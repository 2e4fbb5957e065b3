"""The sites upstream that a pack's test gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from rules._duration import parse_duration
from rules._errors import RuleError
from rules._inputs import Device, Upstream
from rules._pack_reader import Reader
from rules._readings import Sent


class Above:
    """A site upstream in a test: its lag, its thresholds and its readings."""

    def __init__(self, reader: Reader, site: str, written: Mapping[str, Any]) -> None:
        if "lag" not in written:
            raise RuleError(reader.place, "site {site} upstream needs a `lag`, as 2 h", site)
        self.site = site
        self._reader = reader
        self._lag = parse_duration(str(written["lag"]), reader.place)
        self._thresholds = reader.limits(written.get("thresholds", {}))
        series = {key: text for key, text in written.items() if key not in ("lag", "thresholds")}
        self.rows = reader.rows(series, "a site upstream")

    def upstream(self, sent: Sequence[Sent], device: Device, every: int) -> Upstream:
        """The site with what has arrived of it, expected every so many µs."""
        return Upstream(
            site=self.site,
            lag=self._lag,
            series={
                name: self._reader.columns(f"{name}@{self.site}", sent, every) for name in self.rows
            },
            devices={self.site: device},
            thresholds=self._thresholds,
        )
