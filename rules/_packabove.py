"""The sites upstream that a pack's test gives."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rules._duration import parse_duration
from rules._errors import RuleError
from rules._inputs import Device, Upstream
from rules._readings import Sent

if TYPE_CHECKING:
    from rules._packtable import Table


class Above:
    """A site upstream in a test: its lag, its thresholds and its readings."""

    def __init__(self, table: "Table", site: str, written: Mapping[str, Any]) -> None:
        if "lag" not in written:
            raise RuleError(table.place, f"site {site} upstream needs a `lag`, as 2 h")
        self.site = site
        self._table = table
        self._lag = parse_duration(str(written["lag"]), table.place)
        self._thresholds = table.limits(written.get("thresholds", {}))
        series = {key: text for key, text in written.items() if key not in ("lag", "thresholds")}
        self.rows = table.rows(series, "a site upstream")

    def upstream(self, sent: Sequence[Sent], device: Device) -> Upstream:
        """The site with what has arrived of it."""
        return Upstream(
            site=self.site,
            lag=self._lag,
            series={name: self._table.columns(f"{name}@{self.site}", sent) for name in self.rows},
            devices={self.site: device},
            thresholds=self._thresholds,
        )
