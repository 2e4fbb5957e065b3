"""`.prv`: courses in columns, as GRP, EXPRESSO and the other tools of SCHAPI write them.

# TZ ; UTC
# Q ; m3/s
Stations;K1180010;K1180010;K1180010
Grandeurs;Q;Q;Q
IdSeries;45hEXPtt00_basse_10;45hEXPtt00_centrale_50;45hEXPtt00_haute_90
# Tendances;basse_10;centrale_50;haute_90
# DtDerObs;11-12-2024 06:00;11-12-2024 06:00;11-12-2024 06:00
11-12-2024 07:00;96.5315;109.0;120.3889
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from hypervisor.forecast.experts import (
    QUANTITIES,
    ExpertFile,
    ExpertFileError,
    ExpertForecast,
    level_of,
)
from sensors._errors import Message

_HEADS = {
    "station": "stations",
    "stations": "stations",
    "grandeur": "grandeurs",
    "grandeurs": "grandeurs",
    "idserie": "series",
    "idseries": "series",
    "modeles": "models",
    "tendances": "tendencies",
    "scenarios": "scenarios",
    "dtderobs": "observed",
}
_REQUIRED = {"stations": "Stations", "grandeurs": "Grandeurs"}
_MISSING = frozenset({-99.9, -999.999, -9999.0})
_TIME = re.compile(r"(\d\d)[-/](\d\d)[-/](\d{4})[ T](\d\d):(\d\d)(?::(\d\d))?")
_OFFSET = re.compile(r"(?:UTC|GMT|TU)\s*([+-]\d{1,2})(?::?00)?", re.IGNORECASE)
_UNITS = {"Q": {"m3/s": 1.0, "l/s": 0.001}, "H": {"m": 1.0, "cm": 0.01, "mm": 0.001}}
_CODE = re.compile(r"[A-Z0-9]{8}(?:[A-Z0-9]{2})?")
_MOST_COLUMNS, _MOST_ROWS = 20_000, 20_000


@dataclass(kw_only=True)
class _Head:
    """What stands above the rows."""

    comments: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)  # TZ, and the unit of each quantity
    columns: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)  # of each column's row and each setting

    def at(self, name: str, place: int) -> str:
        cells = self.columns.get(name, ())
        return cells[place] if place < len(cells) else ""


def read_prv(text: str) -> ExpertFile:
    """Read a file. Raises ExpertFileError: with the line and what was expected there."""
    head, rows = _Head(), []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        if not line.strip():
            continue
        if not _read_head(head, line, number):
            rows.append((number, line))
            if len(rows) > _MOST_ROWS:
                raise ExpertFileError("more than {count} rows", _MOST_ROWS)
    width = _require_columns(head)
    zone = _find_zone(head)
    times, values = _read_rows(rows, width, zone)
    forecasts, notes = [], []
    for key, places in _group(head, width, zone).items():
        forecasts.append(_make(head, key, places, times, values))
    ignored = sorted({head.at("grandeurs", n) for n in range(width)} - set(QUANTITIES))
    if ignored:
        notes.append(Message("left out: quantities {names}", ", ".join(ignored)))
    return ExpertFile(issuer=_find_issuer(head), forecasts=forecasts, notes=notes)


def _read_head(head: _Head, line: str, number: int) -> bool:
    """Take a line over if it belongs to the head."""
    commented = line.lstrip().startswith("#")
    cells = [cell.strip() for cell in line.strip().lstrip("#").split(";")]
    name = _HEADS.get(cells[0].casefold().replace("è", "e").replace("é", "e"))
    if name is not None:
        head.columns[name], head.lines[name] = cells[1:], number
    elif commented and len(cells) == 2 and cells[0].upper() in {"TZ", *_UNITS}:
        setting = cells[0].casefold()
        head.settings[setting], head.lines[setting] = cells[1], number
    elif commented:
        head.comments.append(line.strip().lstrip("# "))
    return name is not None or commented


def _require_columns(head: _Head) -> int:
    for name, title in _REQUIRED.items():
        if name not in head.columns:
            raise ExpertFileError("no line begins with {name!r}: this is no .prv file", title)
    stations = head.columns["stations"]
    while stations and not stations[-1]:
        stations.pop()  # lines may end with a semicolon
    if not stations or len(stations) > _MOST_COLUMNS:
        raise ExpertFileError("{count} stations: from 1 to {most}", len(stations), _MOST_COLUMNS)
    for name in ("grandeurs", "observed", "tendencies", "scenarios"):
        cells = [cell for cell in head.columns.get(name, stations) if cell]
        if len(cells) != len(stations):
            raise ExpertFileError(
                "line {number}: {name} has {count} columns, Stations {expected}",
                head.lines[name],
                next(title for title, each in reversed(_HEADS.items()) if each == name),
                len(cells),
                len(stations),
            )
    return len(stations)


def _find_zone(head: _Head) -> tzinfo:
    name = head.settings.get("tz", "UTC").strip()
    if name.upper() in {"UTC", "TU", "GMT", "Z"}:
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset:
        return timezone(timedelta(hours=int(offset[1])))
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ExpertFileError(
            "line {number}: time zone {name!r} is unknown: UTC, UTC+1 or Europe/Paris, for example",
            head.lines["tz"],
            name[:40],
        ) from error


def _read_time(written: str, zone: tzinfo) -> datetime | None:
    match = _TIME.fullmatch(written.strip())
    if match is None:
        return None
    day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None


def _read_rows(
    rows: Sequence[tuple[int, str]], width: int, zone: tzinfo
) -> tuple[list[datetime], list[list[float | None]]]:
    times: list[datetime] = []
    values: list[list[float | None]] = []
    for number, line in rows:
        cells = line.strip().split(";")
        time = _read_time(cells[0], zone)
        if time is None:
            raise ExpertFileError(
                "line {number}: {text!r} is no time such as 11-12-2024 07:00",
                number,
                cells[0][:40],
            )
        if times and time <= times[-1]:
            raise ExpertFileError("line {number}: its time is not after the one above", number)
        own = cells[1 : width + 1]
        if len(own) < width or any(cell.strip() for cell in cells[width + 1 :]):
            raise ExpertFileError(
                "line {number} has {count} values, the head {expected} columns",
                number,
                len(cells) - 1,
                width,
            )
        times.append(time)
        values.append([_read_value(cell, number) for cell in own])
    if not times:
        raise ExpertFileError("no row of values")
    return times, values


def _read_value(written: str, number: int) -> float | None:
    cell = written.strip().replace(",", ".")
    if not cell or cell.casefold() == "nan":
        return None
    try:
        value = float(cell)
    except ValueError as error:
        raise ExpertFileError(
            "line {number}: {text!r} is no number", number, written[:40]
        ) from error
    if value in _MISSING or abs(value) == float("inf"):
        return None
    return value


_Key = tuple[str, str, str, datetime]


def _group(head: _Head, width: int, zone: tzinfo) -> Mapping[_Key, list[int]]:
    """The columns of each forecast: of a station, a quantity, a model and an issue time."""
    groups: dict[_Key, list[int]] = {}
    for place in range(width):
        grandeur = head.at("grandeurs", place).upper()
        if grandeur not in QUANTITIES:
            continue
        code = head.at("stations", place).upper()
        if not _CODE.fullmatch(code):
            raise ExpertFileError(
                "line {number}, column {column}: {text!r} is no code of a hydrometric site"
                " (8 characters) or station (10)",
                head.lines["stations"],
                place + 2,
                code[:40],
            )
        key = (code, grandeur, _find_model(head, place), _find_issue(head, place, zone))
        groups.setdefault(key, []).append(place)
    if not groups:
        raise ExpertFileError("no column of H or Q")
    return groups


def _find_model(head: _Head, place: int) -> str:
    """As the file names it, else what the series' name has before its tendency or member."""
    return head.at("models", place) or head.at("series", place).partition("_")[0]


def _find_issue(head: _Head, place: int, zone: tzinfo) -> datetime:
    time = _read_time(head.at("observed", place), zone) or next(_find_times(head, zone), None)
    if time is None:
        raise ExpertFileError(
            "no issue time: neither a line '# DtDerObs' nor a time in the comments above"
        )
    return time


def _find_times(head: _Head, zone: tzinfo) -> Iterator[datetime]:
    """Times in comments such as `# Sorties de GRP du 11/12/2024 10:23 (UTC)`."""
    for comment in head.comments:
        for match in _TIME.finditer(comment):
            time = _read_time(match[0], zone)
            if time is not None:
                yield time


def _find_issuer(head: _Head) -> str:
    """The tool, where a comment names it."""
    words = " ".join(head.comments)
    return next((tool for tool in ("EXPRESSO", "GRP") if tool in words), "")


def _make(
    head: _Head,
    key: _Key,
    places: Sequence[int],
    times: Sequence[datetime],
    values: Sequence[Sequence[float | None]],
) -> ExpertForecast:
    code, grandeur, model, issued = key
    written = head.settings.get(grandeur.casefold(), "m3/s" if grandeur == "Q" else "m")
    factor = _UNITS[grandeur].get(written.casefold().replace(" ", ""))
    if factor is None:
        raise ExpertFileError(
            "line {number}: unit {unit!r} of {name}; expected {expected}",
            head.lines[grandeur.casefold()],
            written[:40],
            grandeur,
            ", ".join(_UNITS[grandeur]),
        )
    labels = [
        head.at("tendencies", place)
        or head.at("scenarios", place)
        or head.at("series", place).partition("_")[2]
        for place in places
    ]
    tendencies = "tendencies" in head.columns or "scenarios" not in head.columns
    levels = [level_of(label) if tendencies else None for label in labels]
    kept = [n for n, row in enumerate(values) if any(row[place] is not None for place in places)]
    return ExpertForecast(
        code=code,
        grandeur=grandeur,
        model=model,
        issued=issued,
        produced=None,
        labels=labels,
        levels=levels if None not in levels else [None] * len(levels),
        times=[times[n] for n in kept],
        values=[
            [None if (v := values[n][place]) is None else v * factor for place in places]
            for n in kept
        ],
        comment=" ".join(head.comments[:2])[:500],
    )
