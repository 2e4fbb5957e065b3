"""Forecasts as they were issued, as a table that others can verify."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import pyarrow as pa  # type: ignore[import-untyped]

from hypervisor.database.connect import Connection
from hypervisor.forecast import queries_issued
from hypervisor.forecast.queries_issued import IssuedForecast, Selection
from hypervisor.web.table_files import TIME, WORD, Table
from rules._forecast import LEVELS

_PIECE = timedelta(days=10)  # of a site's forecasts at a time
_QUANTILES: Mapping[float, str] = {level: f"q{100 * level:02.0f}" for level in LEVELS}
SCHEMA = pa.schema(
    {
        **dict.fromkeys(("site", "quantity", "unit"), WORD),
        **dict.fromkeys(("issued", "valid"), TIME),
        "horizon_s": pa.int32(),
        "measured": pa.float64(),
        **dict.fromkeys(_QUANTILES.values(), pa.float64()),
        "created_at": TIME,
        "model": pa.int64(),
        "model_effective": TIME,
        "model_author": WORD,
        "inputs": WORD,
    }.items()
)


def make_table(
    connection: Connection,
    span: tuple[datetime, datetime],
    *,
    sites: Sequence[str] = (),
    newest: bool = False,
    facts: Mapping[str, str],
) -> Table:
    """A row a forecast and horizon: issue time, valid time, quantiles, model.

    Of each issue time what was stored first, as people saw it; `newest`: what was stored last.
    """
    names = sites or queries_issued.list_issued_sites(connection, *span)
    pieces = (
        pa.RecordBatch.from_pylist([row for each in issued for row in _rows(each)], schema=SCHEMA)
        for name in names
        for issued in _read(connection, name, span, newest=newest)
    )
    return Table(name="forecasts", schema=SCHEMA, pieces=pieces, facts=facts)


def _read(
    connection: Connection, site: str, span: tuple[datetime, datetime], *, newest: bool
) -> Iterator[list[IssuedForecast]]:
    """A site's forecasts in pieces; both ends count."""
    begin, until = span
    while begin <= until:
        end = min(begin + _PIECE - timedelta(microseconds=1), until)
        selection = Selection(since=begin, until=end, first=not newest)
        if issued := queries_issued.list_issued(connection, site, selection):
            yield issued
        begin = end + timedelta(microseconds=1)


def _rows(forecast: IssuedForecast) -> Iterator[dict[str, object]]:
    for horizon, quantiles in forecast.by_horizon.items():
        if forecast.tier < 0 or all(value is None for value in quantiles.values()):
            continue  # withdrawn, or not issued for this horizon
        yield {
            "site": forecast.site,
            "quantity": forecast.quantity,
            "unit": forecast.unit,
            "issued": forecast.issued,
            "valid": forecast.issued + timedelta(seconds=horizon),
            "horizon_s": horizon,
            "measured": forecast.value,
            **{name: quantiles.get(level) for level, name in _QUANTILES.items()},
            "created_at": forecast.created_at,
            "model": forecast.revision,
            "model_effective": forecast.model_effective,
            "model_author": forecast.model_author,
            "inputs": forecast.tier_name,
        }
