"""Forecasts of others: files read, their gauges found, stored as issued; what they say."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from hypervisor.base.instants import micros, text
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.forecast import queries_experts
from hypervisor.forecast.expected import Arrival
from hypervisor.forecast.experts import (
    LARGEST,
    QUANTITIES,
    ExpertFile,
    ExpertFileError,
    ExpertForecast,
)
from hypervisor.forecast.experts_prv import read_prv
from hypervisor.forecast.experts_xml import read_xml
from hypervisor.forecast.queries_experts import ExpertRow, StandingExpert
from sensors._errors import Message

_ENSEMBLE = 5  # members, from which on quantiles say something
_RANGE = (0.1, 0.5, 0.9)


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of a file: forecasts stored, and stored already; why others were left out."""

    issuer: str
    stored: int
    same: int
    notes: Sequence[Message] = ()


def read_file(data: bytes, name: str) -> ExpertFile:
    """Read a `.prv` or a Sandre XML, by its content. Raises ExpertFileError: it is neither."""
    begin = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if not begin:
        raise ExpertFileError("the file is empty")
    if begin == b"<":
        return replace(read_xml(data), name=name)
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        content = data.decode("cp1252", "replace")
    return replace(read_prv(content), name=name)


def place_file(
    connection: Connection, file: ExpertFile, *, issuer: str = "", author: str
) -> tuple[list[ExpertRow], list[Message]]:
    """Its forecasts of gauges that the inventory has, and why others are left out.

    `issuer` "": the one that the file names. Raises ExpertFileError: there is none.
    """
    by = issuer or file.issuer
    if not by:
        raise ExpertFileError("the file does not say whose forecast it is: name the issuer")
    notes = list(file.notes)
    rows: list[ExpertRow] = []
    for forecast in file.forecasts:
        gauges = queries_experts.list_gauges(
            connection, forecast.code, QUANTITIES[forecast.grandeur]
        )
        gauges = gauges[:1] if len({site for site, _quantity in gauges}) == 1 else gauges
        if len(gauges) == 1:
            rows.append(_row(forecast, gauges[0], by, file.name, author))
        else:
            notes.append(_explain(forecast, gauges))
    return rows, notes


def store_file(
    connection: Connection, file: ExpertFile, *, issuer: str = "", author: str
) -> Imported:
    """Place the forecasts and store them, in the caller's transaction. Raises as `place_file`."""
    rows, notes = place_file(connection, file, issuer=issuer, author=author)
    stored = sum(queries_experts.add(connection, row) for row in rows)
    return Imported(
        issuer=issuer or file.issuer, stored=stored, same=len(rows) - stored, notes=notes
    )


def import_rows(connection: Connection, rows: Sequence[ExpertRow], *, file: str) -> int:
    """Store what somebody hands in, with an act of theirs in the audit; how many are new."""
    stored = [row for row in rows if queries_experts.add(connection, row)]
    if stored:
        audit.record(
            connection,
            kind="forecast-import",
            subject=file,
            reason=Message("forecasts of {issuer}: {count}", stored[0].issuer, len(stored)),
            author=stored[0].author,
            details={
                "issuer": stored[0].issuer,
                "sites": sorted({row.site for row in stored}),
                "issued": sorted({text(micros(row.issued)) for row in stored}),
            },
        )
    return len(stored)


def _explain(forecast: ExpertForecast, gauges: Sequence[tuple[str, str]]) -> Message:
    if gauges:
        sites = ", ".join(sorted({site for site, _quantity in gauges}))
        return Message("{code} is of several sites ({sites}): left out", forecast.code, sites)
    return Message(
        "no device of the inventory with code {code} measures {name}: left out",
        forecast.code,
        QUANTITIES[forecast.grandeur][0],
    )


def _row(
    forecast: ExpertForecast, gauge: tuple[str, str], issuer: str, name: str, author: str
) -> ExpertRow:
    return ExpertRow(
        site=gauge[0],
        quantity=gauge[1],
        issuer=issuer,
        model=forecast.model,
        issued=forecast.issued,
        produced=forecast.produced,
        labels=list(forecast.labels),
        levels=list(forecast.levels),
        times=list(forecast.times),
        courses=[math.nan if value is None else value for row in forecast.values for value in row],
        comment=forecast.comment,
        code=forecast.code,
        file=name,
        author=author,
    )


@dataclass(frozen=True, kw_only=True)
class Range:
    """What a forecast says, in its own words or from its members: quantiles at its times.

    `levels`: ascending; of a single run 0.5 alone, which is then no median.
    """

    times: Sequence[datetime]
    levels: Sequence[float]
    rows: Sequence[Sequence[float | None]]

    def course(self, level: float) -> list[tuple[datetime, float]]:
        """The times and values of one level."""
        place = self.levels.index(level)
        return [
            (at, value)
            for at, row in zip(self.times, self.rows, strict=True)
            if (value := row[place]) is not None
        ]


def summarize(forecast: ExpertRow) -> Range:
    """The quantiles that it gives, those of its members, or its single run."""
    given = [n for n, level in enumerate(forecast.levels) if level is not None]
    if given:
        order = sorted(given, key=lambda n: forecast.levels[n] or 0.0)
        levels = [round(forecast.levels[n] or 0.0, 4) for n in order]
        rows = [[row[n] for n in order] for row in forecast.rows]
        return Range(times=forecast.times, levels=levels, rows=rows)
    if len(forecast.labels) >= _ENSEMBLE:
        members = [[v for v in row if v is not None] for row in forecast.rows]
        rows = [
            np.quantile(row, _RANGE).tolist() if len(row) >= _ENSEMBLE else [None] * len(_RANGE)
            for row in members
        ]
        return Range(times=forecast.times, levels=_RANGE, rows=rows)
    return Range(times=forecast.times, levels=(0.5,), rows=[row[:1] for row in forecast.rows])


def find_crest(forecast: ExpertRow, level: float) -> tuple[datetime, float] | None:
    """When and how high a course is highest; None: it has no such course."""
    courses = summarize(forecast)
    course = courses.course(level) if level in courses.levels else []
    return max(course, key=lambda point: point[1], default=None)


def find_arrivals(
    forecasts: Iterable[StandingExpert], level: float, now: datetime
) -> list[Arrival]:
    """When the water rises above a level: by each issuer, its soonest; the soonest first."""
    arrivals = (find_arrival(forecast, level, now) for forecast in forecasts)
    coming = sorted(filter(None, arrivals), key=lambda arrival: arrival.due, reverse=True)
    soonest = {arrival.issuer: arrival for arrival in coming}
    return sorted(soonest.values(), key=lambda arrival: arrival.due)


def find_arrival(forecast: StandingExpert, level: float, now: datetime) -> Arrival | None:
    """When it takes the water above a level: by its middle course, between 10 % and 90 %.

    None: no course of it gets there, or it is there from the beginning.
    """
    courses = summarize(forecast)
    crossings = {
        each: find_crossing(courses.course(each), level, now)
        for each in _RANGE
        if each in courses.levels
    }
    middle, soonest = crossings.get(0.5), crossings.get(0.9)
    earliest = soonest or middle
    if earliest is None:
        return None
    return Arrival(
        at=middle,
        earliest=min(earliest, middle or earliest),
        latest=crossings.get(0.1) if 0.1 in courses.levels else middle,
        until=None if middle else forecast.times[-1],
        issued=forecast.produced or forecast.issued,
        issuer=forecast.issuer,
    )


def find_crossing(
    course: Sequence[tuple[datetime, float]], level: float, now: datetime
) -> datetime | None:
    """When a course, straight between its values, rises above a level after now."""
    before: tuple[datetime, float] | None = None
    for at, value in course:
        if value > level and before is not None and before[1] <= level and at > now:
            share = (level - before[1]) / (value - before[1])
            return max(now, before[0] + share * (at - before[0]))
        before = (at, value)
    return None


def load(file: Path) -> bytes:
    """A file's content, bounded. Raises ExpertFileError: it cannot be read, or is too large."""
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise ExpertFileError("{file} cannot be read: {error}", file, error.strerror) from error
    if len(data) > LARGEST:
        raise ExpertFileError("the file has more than {count} bytes", LARGEST)
    return data
