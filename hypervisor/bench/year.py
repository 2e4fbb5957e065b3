"""A year of the Essonne example: readings as its sensors report them, but less often."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from hypervisor.base.instants import micros
from hypervisor.bench import queries
from hypervisor.bench.servers import BenchError
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_sources
from hypervisor.registry.model import Registry
from sensors._domain import Catalogue
from sensors._quantity import CLOCK_FAULT, Kind, Quantity, Reporting
from sensors._row import ROW, Rows

EXAMPLE = "essonne"
DAYS = 365
_SECOND = 1_000_000
_WEEK = 7 * 86_400
_LAMPS = 0.25  # of the readings; the rest comes from single devices of sites
_HOUR, _DAY = 3_600.0, 86_400.0
_MANY = 100  # devices of one quantity: only some of them get readings

Tick = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class SampledSeries:
    """A series that gets readings, every `every` seconds."""

    id: int
    quantity: Quantity
    every: float


@dataclass(frozen=True, kw_only=True)
class Year:
    """The span and the series that get readings."""

    begins: datetime
    ends: datetime
    sampled: Sequence[SampledSeries]

    @property
    def rows(self) -> int:
        span = (self.ends - self.begins).total_seconds()
        return sum(int(span // series.every) for series in self.sampled)


def plan(connection: Connection, words: Catalogue, *, rows: int, ends: datetime) -> Year:
    """Register the example; choose the series and how often they get readings."""
    begins = ends - timedelta(days=DAYS)
    inventory = read_sources([EXAMPLE], domain_catalogue=words)
    with connection.transaction():
        apply_inventory(connection, inventory, author="bench", now=begins, effective=begins)
    return choose_series(registry_queries.load(connection), words, rows=rows, ends=ends)


def choose_series(
    registry: Registry, words: Catalogue, *, rows: int, ends: datetime, days: int | None = None
) -> Year:
    """The series that get readings, and how often, to make up the rows."""
    begins = ends - timedelta(days=days or DAYS)
    every_series = sorted(registry.series.values(), key=lambda series: series.id or 0)
    counted: dict[str, int] = {}
    few: list[tuple[int, Quantity]] = []
    many: list[tuple[int, Quantity]] = []
    for series in every_series:
        counted[series.quantity] = counted.get(series.quantity, 0) + 1
    for series in every_series:
        quantity = words.quantities.get(series.quantity)
        if quantity is not None and series.quantity != CLOCK_FAULT:
            (many if counted[series.quantity] > _MANY else few).append((series.id or 0, quantity))
    span = (ends - begins).total_seconds()
    sampled = _seldom(few, rows * (1 - _LAMPS), span)
    left = rows - sum(span / series.every for series in sampled)
    return Year(begins=begins, ends=ends, sampled=(*sampled, *_some(many, left, span)))


def _seldom(
    candidates: Sequence[tuple[int, Quantity]], rows: float, span: float
) -> list[SampledSeries]:
    """All of them, as often as their sensors report, or less often to make up `rows`."""
    least, most = 1.0, _DAY
    for _ in range(40):
        middle = (least + most) / 2
        if sum(span / _every(quantity, middle) for _, quantity in candidates) > rows:
            least = middle
        else:
            most = middle
    return [
        SampledSeries(id=number, quantity=quantity, every=_every(quantity, most))
        for number, quantity in candidates
    ]


def _every(quantity: Quantity, least: float) -> float:
    own = quantity.interval.total_seconds()
    if quantity.reporting is Reporting.ON_CHANGE or quantity.kind is Kind.STATE:
        own = max(own, _DAY)
    return max(own, least)


def _some(
    candidates: Sequence[tuple[int, Quantity]], rows: float, span: float
) -> Iterator[SampledSeries]:
    """Of quantities with very many devices, as many series as make up `rows`, hourly."""
    for number, quantity in candidates:
        every = _every(quantity, _HOUR)
        rows -= span / every
        if rows < 0:
            return
        yield SampledSeries(id=number, quantity=quantity, every=every)


def fill(connection: Connection, year: Year, tick: Tick) -> int:
    """Store the readings of a year, week by week; how many."""
    stored = 0
    for rows in make_weeks(year):
        tick(stored, year.rows)
        queries.load(connection, rows)
        stored += len(rows)
    return stored


def make_weeks(year: Year) -> Iterator[Rows]:
    """The readings of a year, week by week."""
    rng = np.random.default_rng(6)
    first, last = micros(year.begins), micros(year.ends)
    totals = np.zeros(len(year.sampled))
    for begins in range(first, last, _WEEK * _SECOND):
        ends = min(begins + _WEEK * _SECOND, last)
        parts = [
            _rows(rng, series, number, totals, (first, begins, ends))
            for number, series in enumerate(year.sampled)
        ]
        yield np.concatenate(parts)


def _rows(
    rng: np.random.Generator,
    series: SampledSeries,
    number: int,
    totals: NDArray[np.float64],
    span: tuple[int, int, int],
) -> Rows:
    """A series within begins <= time < ends; its steps are counted from the year's begin."""
    first, begins, ends = span
    step = round(series.every * _SECOND)
    at = np.arange(-((first - begins) // step), -((first - ends) // step))
    rows = np.empty(len(at), dtype=ROW)
    rows["series"], rows["quality"] = series.id, 0
    rows["time"] = first + at * step
    rows["received"] = rows["time"] + rng.integers(1, 60, len(at)) * _SECOND
    hours = rows["time"] / (3_600 * _SECOND)
    quantity, span_of = series.quantity, series.quantity.high - series.quantity.low
    swing = 0.5 + 0.3 * np.sin(hours * np.pi / 12 + number) + rng.normal(0, 0.02, len(at))
    if quantity.kind is Kind.STATE:
        value = np.full(len(at), max(quantity.low, 0.0))
    elif quantity.kind is Kind.INCREMENT:
        value = np.where(rng.random(len(at)) < 0.1, rng.exponential(0.02, len(at)) * span_of, 0.0)
    elif quantity.kind is Kind.COUNTER:
        value = totals[number] + np.cumsum(np.maximum(swing, 0.0))
        totals[number] = value[-1] if len(at) else totals[number]
    else:
        value = quantity.low + 0.3 * span_of * swing
    rows["value"] = np.round(np.clip(value, quantity.low, quantity.high), 3)
    return rows


def many(text: str) -> int:
    """`5M`, `50M`, `300k` or a plain number. Raises BenchError: it is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kM]?)", text.strip())
    if match is None:
        raise BenchError(f"--rows {text!r}: expected a number such as 5M or 300k")
    return round(float(match[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[match[2]])


def now_of(hours: int = 1) -> datetime:
    """A full hour lately."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
