"""Recorded answers of the official services, with their times moved to now by whole days.

The same recording on the same day gives the same answers, however often it is served again.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from sensors._errors import TerritoryError
from sensors._foreign import ForeignError, read_file
from simulators import _recordings

SHIPPED = Path(__file__).parent / "answers"
_GARONNE = "garonne-2022-01.hubeau.csv.gz"
_SHIPPED_DAY = date(2022, 1, 10)  # of the shipped flood, which counts as today
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)")
_MEASURED = {"level": ("H", 1000.0), "discharge": ("Q", 1000.0)}  # as Hub'Eau writes m and m³/s
_DAY = timedelta(days=1)
_DAY_MICROS = 86_400_000_000
_LARGEST = 256 * 2**20  # bytes of a file, unpacked


class RecordedError(TerritoryError):
    """A folder of recorded answers cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What a gauge said: `times` in µs as recorded, `values` as Hub'Eau has them."""

    station: str
    quantity: str
    times: np.ndarray[Any, np.dtype[np.int64]]
    values: np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Recordings:
    """A folder. `today`: the recorded day that counts as today; None: of each file its last one."""

    folder: Path = SHIPPED
    today: date | None = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def document(self, prefix: str) -> Any:
        """The JSON of the file whose name begins so, times moved to now; None: there is none."""
        text = self.text(prefix, "json")
        return None if text is None else json.loads(text)

    def text(self, prefix: str, ending: str) -> str | None:
        """The same, of any text."""
        text = self._texts.get(prefix)
        if text is None:
            text = self._texts[prefix] = self._read(prefix, ending)
        return self._move(text) if text else None

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {}

    def _read(self, prefix: str, ending: str) -> str:
        folders = [self.folder, *([SHIPPED] if prefix.startswith("communes-") else [])]
        files = [file for folder in folders for file in sorted(folder.glob(f"{prefix}*{ending}*"))]
        file = next(iter(files), None)
        if file is None:
            return ""
        try:
            with file.open("rb") as opened:
                return read_file(opened, _LARGEST).decode()
        except (OSError, ValueError, ForeignError) as error:
            raise RecordedError("{file} cannot be read: {error}", file, error) from error

    def _move(self, text: str) -> str:
        """By as many full days as it takes for nothing issued to lie ahead."""
        issued = re.search(
            r'"(?:vic:)?(?:update_time|DtHrInfoVigiCru|DtProdSimul)"\s*:\s*"([^"]+)"', text
        )
        issued = issued or re.search(r"<publicationTime>([^<]+)<", text)
        times = [issued[1]] if issued else _TIME.findall(text)
        if not times:
            return text
        latest = max(datetime.fromisoformat(each) for each in times)
        days = (self.clock() - latest) // _DAY

        def later(match: re.Match[str]) -> str:
            moved = datetime.fromisoformat(match[0]) + days * _DAY
            return moved.isoformat().replace("+00:00", "Z")

        return _TIME.sub(later, text)

    def list_departements(self) -> str:
        """The numbers of the départements whose communes are recorded."""
        codes = {
            file.name.removeprefix("communes-").partition(".")[0]
            for folder in (self.folder, SHIPPED)
            for file in folder.glob("communes-*json*")
        }
        return ", ".join(sorted(codes)) or "no département"

    @cached_property
    def stations(self) -> Sequence[Mapping[str, Any]]:
        """The gauges; without a list of them, those that were recorded."""
        document = self.document("hubeau-stations")
        if document is not None:
            return list(document["data"])
        rows = {row["code_station"]: row for row in self._rows if row.get("code_station")}
        codes = dict.fromkeys([*rows, *(curve.station for curve in self._recorded)])
        return [
            {
                "code_station": code,
                "code_site": code[:8],
                "libelle_station": code,
                "longitude_station": rows.get(code, {}).get("longitude"),
                "latitude_station": rows.get(code, {}).get("latitude"),
                "en_service": True,
            }
            for code in codes
        ]

    @cached_property
    def _rows(self) -> list[Mapping[str, Any]]:
        """Rows of recorded answers in JSON, as they are."""
        document = self.document("hubeau-observations")
        return [] if document is None else list(document["data"])

    @cached_property
    def _recorded(self) -> list[Curve]:
        files = sorted(self.folder.glob("*.csv*"))
        if self.folder == SHIPPED:
            files = [_recordings.shipped_recordings()[_GARONNE]]
        return [curve for file in files for curve in _read_curves(file)]

    @cached_property
    def curves(self) -> list[Curve]:
        """By station; one that names a `curve` repeats that station's."""
        repeated = {s["code_station"]: s["curve"] for s in self.stations if s.get("curve")}
        if not repeated:
            return self._recorded
        return [
            Curve(station=station, quantity=curve.quantity, times=curve.times, values=curve.values)
            for station, source in repeated.items()
            for curve in self._recorded
            if curve.station == source
        ]

    def observations(
        self, stations: Sequence[str], quantities: str, since: datetime, until: datetime
    ) -> list[Mapping[str, Any]]:
        """Rows of stations (or of sites, or `X*`), ascending; nothing lies ahead of now."""
        until = min(until, self.clock())
        rows = [
            row
            for row in self._rows
            if _is_wanted(stations, str(row.get("code_station") or row.get("code_site")))
            and str(row.get("grandeur_hydro")) in quantities
            and since <= datetime.fromisoformat(str(row["date_obs"])) <= until
        ]
        for curve in self.curves:
            if _is_wanted(stations, curve.station) and curve.quantity in quantities:
                rows += self._list_rows(curve, since, until)
        return sorted(rows, key=lambda row: str(row["date_obs"]))

    def _list_rows(
        self, curve: Curve, since: datetime, until: datetime
    ) -> Iterable[Mapping[str, Any]]:
        shift = self._shift(curve)
        times = curve.times + round(shift.total_seconds() * 1e6)
        first, last = np.searchsorted(times, [since.timestamp() * 1e6, until.timestamp() * 1e6 + 1])
        for at, value in zip(times[first:last], curve.values[first:last], strict=True):
            yield {
                "code_site": curve.station[:8],
                "code_station": curve.station,
                "grandeur_hydro": curve.quantity,
                "date_obs": _format(int(at)),
                "resultat_obs": None if np.isnan(value) else float(value),
                "code_qualification_obs": 16,
                "libelle_qualification_obs": "Non qualifiée",
                "code_statut": 4,
                "libelle_statut": "Brute",
            }

    def _shift(self, curve: Curve) -> timedelta:
        today = self.today or (_SHIPPED_DAY if self.folder == SHIPPED else None)
        if today is None:
            last = datetime.fromtimestamp(int(curve.times[-1]) / 1e6, UTC)
            return (self.clock() - last) // _DAY * _DAY
        return self.clock().date() - today

    def daily_maxima(self, stations: Sequence[str], since: date) -> list[Mapping[str, Any]]:
        """The highest level of each recorded day, all of them before today."""
        rows: list[Mapping[str, Any]] = []
        for curve in self.curves:
            if curve.quantity != "H" or not _is_wanted(stations, curve.station):
                continue
            days = (curve.times // _DAY_MICROS).tolist()
            latest = self.clock().date() - _DAY
            pairs = zip(days, curve.values.tolist(), strict=True)
            for day, own in groupby(pairs, key=lambda pair: pair[0]):
                at = latest - timedelta(days=days[-1] - day)
                if at >= since:
                    rows.append(
                        {
                            "code_station": curve.station,
                            "date_obs_elab": at.isoformat(),
                            "resultat_obs_elab": max(value for _, value in own),
                            "grandeur_hydro_elab": "HIXnJ",
                            "code_qualification": 16,
                        }
                    )
        return rows


def _read_curves(file: Path) -> list[Curve]:
    recording = _recordings.read(file)
    curves = []
    for (station, quantity), rows in recording.rows.groupby(["device", "quantity"], sort=True):
        word, scale = _MEASURED.get(str(quantity), ("", 1.0))
        if word:
            curves.append(
                Curve(
                    station=str(station),
                    quantity=word,
                    times=rows["time"].to_numpy(dtype="int64"),
                    values=np.round(rows["value"].to_numpy(dtype=float) * scale, 3),
                )
            )
    return curves


def _is_wanted(patterns: Sequence[str], code: str) -> bool:
    """Whether a code is among those asked: itself, its site's, or a beginning with `*`."""
    return not patterns or any(
        code == each or (len(each) == 8 and code.startswith(each))
        if not each.endswith("*")
        else code.startswith(each[:-1])
        for each in patterns
    )


def _format(instant: int) -> str:
    return datetime.fromtimestamp(instant / 1e6, UTC).isoformat().replace("+00:00", "Z")
