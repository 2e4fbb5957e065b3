"""Columns of a panel's answer as its JSON says they read: title, words, colour of a value."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from hypervisor.grafana.boards import Json, Piece
from hypervisor.grafana.frames import METRIC, TIME, Frame

PALETTE = (
    "#4c7fb8",
    "#d1812c",
    "#5f9d58",
    "#b4504f",
    "#8467b0",
    "#9a7250",
    "#c873a8",
    "#6e7a84",
    "#a89f2e",
    "#3a9ea5",
)
INK = "var(--ink)"
_NAMED = {"text": INK, "transparent": "none", "green": "#7fbf6a", "red": "#e2202c"}
_SUFFIXES = {
    "percent": "%",
    "celsius": " °C",
    "velocitykmh": " km/h",
    "pressurehpa": " hPa",
    "degree": "°",
    "lux": " lx",
    "Wm2": " W/m²",
    "humidity": "%H",
    "s": " s",
    "bytes": " B",
}


@dataclass(frozen=True, kw_only=True)
class Reader:
    """In whose language and clock values are told, and what time it is in the picture."""

    lang: str
    zone: tzinfo
    now: datetime

    def number(self, value: float, places: int) -> str:
        told = f"{value:,.{places}f}"
        if self.lang == "fr":
            told = told.replace(",", "\N{NARROW NO-BREAK SPACE}").replace(".", ",")
        return told.replace("-", "\N{MINUS SIGN}")

    def moment(self, value: datetime) -> str:
        return value.astimezone(self.zone).strftime("%d/%m %H:%M")


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column, or one line of a time series. `config`: defaults with the overrides put in."""

    name: str
    title: str
    kind: str
    values: Sequence[Any]
    config: Json
    number: int = 0  # its place among the numbers: the palette's colour

    @property
    def custom(self) -> Json:
        return dict(self.config.get("custom") or {})

    @property
    def hidden(self) -> bool:
        custom = self.custom
        return bool(custom.get("hidden") or (custom.get("hideFrom") or {}).get("viz"))

    @property
    def colour(self) -> str:
        """Of its line."""
        said = self.config.get("color") or {}
        if said.get("mode") == "fixed" and said.get("fixedColor"):
            return colour(said["fixedColor"])
        return PALETTE[self.number % len(PALETTE)]

    @property
    def stated(self) -> bool:
        """Whether its values are states with words of their own."""
        return any(one.get("type") != "special" for one in self.config.get("mappings") or [])

    def steps(self) -> list[tuple[float, str]]:
        """Thresholds and their colours, upwards."""
        rows = (self.config.get("thresholds") or {}).get("steps") or []
        return [
            (-math.inf if row.get("value") is None else float(row["value"]), colour(row["color"]))
            for row in rows
        ]

    def told(self, value: Any, reader: Reader) -> tuple[str, str]:
        """The words of a value and its colour."""
        mapped = self._mapped(value)
        if mapped is not None:
            return str(mapped.get("text") or self._plain(value, reader)), colour(
                mapped.get("color") or "text"
            )
        if value is None:
            return str(self.config.get("noValue") or "\N{EN DASH}"), INK
        return self._plain(value, reader), self._stepped(value)

    def _mapped(self, value: Any) -> Json | None:
        for mapping in self.config.get("mappings") or []:
            options = mapping.get("options") or {}
            if mapping.get("type") == "special":
                if value is None and "null" in str(options.get("match")):
                    return dict(options.get("result") or {})
            elif value is not None and _key(value) in options:
                return dict(options[_key(value)])
        return None

    def _stepped(self, value: Any) -> str:
        mode = (self.config.get("color") or {}).get("mode")
        if mode == "fixed":
            return self.colour
        if mode != "thresholds" or not is_number(value):
            return INK
        found = [shade for at, shade in self.steps() if value >= at]
        return found[-1] if found else INK

    def _plain(self, value: Any, reader: Reader) -> str:
        if value is None:
            return "\N{EN DASH}"
        if isinstance(value, datetime):
            return reader.moment(value)
        if not is_number(value):
            return _words(value)
        return written(float(value), self.config.get("unit") or "", self._places(value), reader)

    def _places(self, value: float) -> int:
        places = self.config.get("decimals")
        if places is not None:
            return int(places)
        return (
            0 if float(value).is_integer() or abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
        )


def written(value: float, unit: str, places: int, reader: Reader) -> str:
    """A number with its unit."""
    if unit == "dthms":
        minutes, seconds = divmod(round(value), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if unit == "percentunit":
        return f"{reader.number(value * 100, places)} %"
    form, _, word = unit.partition(":")
    suffix = f" {word}" if form == "suffix" else _SUFFIXES.get(unit, "")
    return reader.number(value, places) + suffix


def is_number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool)


def colour(name: str) -> str:
    """A colour of the JSON as CSS has it."""
    return _NAMED.get(name, name)


def on(ground: str) -> str:
    """Ink that is read on a coloured ground."""
    match = re.fullmatch(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", ground.lower())
    if match is None:
        return INK
    red, green, blue = (int(part, 16) for part in match.groups())
    return "#14181b" if 0.3 * red + 0.59 * green + 0.11 * blue > 110 else "#ffffff"


def fields(piece: Piece, frames: Sequence[Frame]) -> list[Field]:
    """The columns of all answers of a panel; of a time series its lines, with the times first."""
    found: list[Field] = []
    numbers = 0
    for query, frame in zip(piece.queries, frames, strict=True):
        lines = query.get("format") == "time_series"
        for name, kind, values in _lines(frame) if lines else _columns(frame):
            config = config_of(piece.panel, name)
            title = str(config.get("displayName") or name)
            if "${" in title:
                title = name
            found.append(
                Field(
                    name=name,
                    title=title,
                    kind=kind,
                    values=values,
                    config=config,
                    number=numbers,
                )
            )
            numbers += kind == "number"
    return found


def _columns(frame: Frame) -> Iterator[tuple[str, str, list[Any]]]:
    for name, kind in zip(frame.names, frame.kinds, strict=True):
        yield name, kind, list(frame.column(name))


def _lines(frame: Frame) -> Iterator[tuple[str, str, list[Any]]]:
    """The times, then each line's values beside them: `metric`, or any word, parts the lines."""
    times = sorted(set(frame.times()))
    words = [name for name in frame.names if frame.kind(name) == "string"]
    if not words:
        yield from _columns(frame)
        return
    yield TIME, TIME, list(times)
    place = {time: index for index, time in enumerate(times)}
    numbers = [name for name in frame.names if frame.kind(name) == "number"]
    for number in numbers:
        parted: dict[str, list[Any]] = {}
        heads = zip(*(frame.column(word) for word in words), strict=True)
        for head, time, value in zip(heads, frame.times(), frame.column(number), strict=True):
            label = " ".join(str(part) for part in head)
            name = label if len(numbers) == 1 or words == [METRIC] else f"{number} {label}"
            parted.setdefault(name, [None] * len(times))[place[time]] = value
        for name in sorted(parted):
            yield name, "number", parted[name]


def config_of(panel: Json, name: str) -> Json:
    """A field's configuration: the panel's defaults with the overrides that mean it put in."""
    said = panel.get("fieldConfig") or {}
    config: Json = deepcopy(said.get("defaults") or {})
    config["custom"] = dict(config.get("custom") or {})
    for override in said.get("overrides") or []:
        if not _meant(override["matcher"], name):
            continue
        for each in override["properties"]:
            place, _, key = each["id"].rpartition(".")
            (config["custom"] if place == "custom" else config)[key] = each.get("value")
    return config


def _meant(matcher: Json, name: str) -> bool:
    options = str(matcher.get("options", ""))
    if matcher.get("id") == "byRegexp":
        return re.search(options.strip("/"), name) is not None
    return matcher.get("id") == "byName" and options == name


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return str(int(value)) if float(value).is_integer() else str(value)
    return str(value)


def _words(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
