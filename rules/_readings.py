"""Readings written as text, `00:05=3.1? 00:10=3.2^@01:00`, and what a store makes of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rules._duration import HOUR, SECOND
from rules._errors import RuleError
from rules._inputs import SeriesColumns, Steps
from sensors._errors import Place
from sensors._quality import Quality
from sensors._quantity import Kind, Reporting

DAY_ZERO = 1_704_067_200 * SECOND  # the day that HH:MM are of: 2024-01-01
_TIME = re.compile(r"(?:([0-9]{1,3})d)?([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_READING = re.compile(
    r"(?P<time>[\dd:]+)=(?P<value>null|true|false|[-+]?(?:\d++(?:\.\d++)?|\.\d++)(?:[eE][-+]?\d+)?)"
    r"(?P<marks>[?^]*)(?:@(?P<received>[\dd:]+))?"
)

_WORDS = {"null": float("nan"), "true": 1.0, "false": 0.0}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One arrival of a reading; `value` nan: a row without one."""

    series: str
    time: int
    value: float
    quality: int
    received_at: int


def read_time(text: str, place: Place) -> int:
    """`HH:MM`, of the next day `1dHH:MM`, in µs.

    Raises:
        RuleError: it is not written so.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise RuleError(place, "{text!r} is not a time; expected HH:MM or 1dHH:MM", text)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return DAY_ZERO + (days * 24 + hours) * HOUR + (minutes * 60 + seconds) * SECOND


def time_text(time: int) -> str:
    """A time as `read_time` reads it."""
    seconds = (time - DAY_ZERO) // SECOND
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    text = f"{hours:02d}:{minutes:02d}" + (f":{rest:02d}" if rest else "")
    return f"{days}d{text}" if days else text


def read_readings(series: str, text: str, place: Place) -> list[Sent]:
    """The arrivals of one series, in the order written.

    Raises:
        RuleError: one is not understood.
    """
    messages: list[Sent] = []
    for word in text.split():
        match = _READING.fullmatch(word)
        if match is None:
            raise RuleError(
                place,
                "{word!r} is not a reading; expected time=value, then ? or ^, then @time",
                word,
            )
        time = read_time(match["time"], place)
        quality = Quality.OUT_OF_RANGE if "?" in match["marks"] else Quality.GOOD
        if match["value"] == "null":
            quality = Quality.SENSOR_FAULT
        if "^" in match["marks"]:
            quality |= Quality.SATURATED
        received = read_time(match["received"], place) if match["received"] else time
        value = _WORDS.get(match["value"])
        value = float(match["value"]) if value is None else value
        messages.append(
            Sent(
                series=series,
                time=time,
                value=value,
                quality=int(quality),
                received_at=received,
            )
        )
    return messages


def standing(sent: Iterable[Sent]) -> list[Sent]:
    """What a store holds of one series: one row a time, ascending.

    Equal value and quality again is ignored; of the distinct ones, the one whose first arrival is
    latest stands.
    """
    versions: dict[int, dict[tuple[str, int], Sent]] = {}
    for reading in sent:
        seen = versions.setdefault(reading.time, {})
        version = (repr(reading.value), reading.quality)
        if version not in seen or reading.received_at < seen[version].received_at:
            seen[version] = reading
    # Of equal first arrivals the later written stands.
    return [
        max(enumerate(seen.values()), key=lambda pair: (pair[1].received_at, pair[0]))[1]
        for _, seen in sorted(versions.items())
    ]


@dataclass(frozen=True, kw_only=True)
class Reported:
    """How a series is reported; its stale limit is three intervals (µs)."""

    device: str
    kind: Kind
    reporting: Reporting
    nonnegative: bool
    interval: int


def columns(rows: Iterable[Sent], reported: Reported) -> SeriesColumns:
    """Stored rows of one series as columns."""
    stored = list(rows)
    always = np.array([DAY_ZERO], dtype=np.int64)
    return SeriesColumns(
        time=np.array([row.time for row in stored], dtype=np.int64),
        value=np.array([row.value for row in stored], dtype=np.float64),
        quality=np.array([row.quality for row in stored], dtype=np.int16),
        received_at=np.array([row.received_at for row in stored], dtype=np.int64),
        device=reported.device,
        kind=reported.kind,
        reporting=reported.reporting,
        nonnegative=reported.nonnegative,
        interval=Steps(at=always, value=np.array([float(reported.interval)])),
        stale_after=Steps(at=always, value=np.array([3.0 * reported.interval])),
    )
