"""What a pack's test writes of a subject or of a site upstream: readings and thresholds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rules._bounds import bounded_number
from rules._duration import parse_duration
from rules._errors import RuleError
from rules._inputs import Device, SeriesColumns, Steps, Upstream
from rules._readings import Reported, Sent, columns, standing
from rules._units import converted
from sensors._domain import Catalogue
from sensors._errors import Place
from sensors._nearest import did_you_mean

_QUANTITY = re.compile(r"([-+]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++))\s*((?![0-9.])\S+)?")


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads it by the catalogue. `place`: of the test; `origin` (µs): when it begins."""

    place: Place
    catalogue: Catalogue
    origin: int

    def rows(
        self, written: Mapping[str, Any], what: str, others: Sequence[str] = ()
    ) -> dict[str, str]:
        """Readings by series of the catalogue. `others`: words that might have been meant.

        Raises:
            RuleError: an unknown series, of `what`.
        """
        for name in written:
            if name not in self.catalogue.quantities:
                hint = did_you_mean(name, (*others, *self.catalogue.quantities))
                raise RuleError(self.place, "{what} has no {name!r}{hint}", what, name, hint)
        return {name: str(text) for name, text in written.items()}

    def limits(self, written: Mapping[str, Any]) -> dict[str, Steps]:
        """Thresholds as they are written, from the beginning on.

        Raises:
            RuleError: an unknown one, or no quantity.
        """
        thresholds: dict[str, Steps] = {}
        for name, text in written.items():
            if name not in self.catalogue.thresholds:
                hint = did_you_mean(name, self.catalogue.thresholds)
                raise RuleError(self.place, "unknown threshold {name!r}{hint}", name, hint)
            match = _QUANTITY.fullmatch(str(text))
            unit = self.catalogue.thresholds[name].unit
            if match is None or (match[2] is None and unit != "1"):
                raise RuleError(
                    self.place, "{text!r} is not a threshold; expected a value such as 3.1 m", text
                )
            scale, offset = converted(match[2] or unit, unit, self.place)
            value = bounded_number(float(match[1]) * scale + offset, str(text), self.place)
            thresholds[name] = Steps.of([(self.origin, value)])
        return thresholds

    def columns(self, key: str, sent: Sequence[Sent], every: int) -> SeriesColumns:
        """One series as a store holds it; its interval in µs; `key`: quantity@device."""
        name, _, device = key.partition("@")
        quantity = self.catalogue.quantities[name]
        return columns(
            standing(reading for reading in sent if reading.series == key),
            Reported(
                device=device or "device",
                kind=quantity.kind,
                reporting=quantity.reporting,
                nonnegative=quantity.nonnegative,
                interval=every,
            ),
        )


class Above:
    """A site upstream in a test: its lag, its thresholds and its readings."""

    def __init__(self, reader: Reader, site: str, written: Mapping[str, Any]) -> None:
        if "lag" not in written:
            raise RuleError(reader.place, "site {site} upstream needs a `lag`, such as 2 h", site)
        self.site = site
        self._reader = reader
        self._lag = parse_duration(str(written["lag"]), reader.place)
        self._thresholds = reader.limits(written.get("thresholds", {}))
        series = {key: text for key, text in written.items() if key not in ("lag", "thresholds")}
        self.rows = reader.rows(series, "a site upstream")

    def upstream(self, sent: Sequence[Sent], device: Device, every: int) -> Upstream:
        """The site with what has arrived of it; the interval in µs."""
        return Upstream(
            site=self.site,
            lag=self._lag,
            series={
                name: self._reader.columns(f"{name}@{self.site}", sent, every) for name in self.rows
            },
            devices={self.site: device},
            thresholds=self._thresholds,
        )
