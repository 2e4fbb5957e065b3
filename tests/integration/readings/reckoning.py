"""The slow, obvious way of reckoning what series said by pieces of time, and the database's."""

from contextlib import closing
from datetime import datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from hypervisor.database.connect import Connection, connect
from hypervisor.readings import rollup
from sensors._domain import catalogue
from sensors._quality import Quality

ZONE = ZoneInfo("Europe/Paris")
PIECES = ("00:10", "01:00", "06:00", "05:00", "1 day", "7 days", "1 month")
COUNTER = "lamp_energy"

Told = dict[tuple[int, datetime], tuple[float, ...]]


def roll(url: str) -> int:
    """Do what is to be done; how many hours were made again."""
    with closing(connect(url, autocommit=True)) as own:
        return rollup.catch_up(own, catalogue())


def told(connection: Connection, every: str, span: tuple[datetime, datetime]) -> Told:
    """As the function has it, of all series."""
    rows = connection.execute(
        "SELECT series_id, time, count, mean, low, high, last, total, increase"
        " FROM readings_by(ARRAY(SELECT id FROM series), %s, %s, %s::interval)",
        [*span, every],
    ).fetchall()
    connection.commit()
    assert rows == sorted(rows, key=lambda row: row[:2])
    return {
        (series, time): tuple(float("nan") if each is None else float(each) for each in figures)
        for series, time, *figures in rows
    }


def begins(times: "pd.Series[pd.Timestamp]", every: str) -> "pd.Series[pd.Timestamp]":
    """When the piece begins that a reading lies in."""
    local = times.dt.tz_convert(ZONE)
    midnight = local.dt.normalize()
    if every == "1 day":
        return midnight
    if every == "7 days":
        return (midnight.dt.tz_localize(None).dt.to_period("W").dt.start_time).dt.tz_localize(ZONE)
    if every == "1 month":
        return (midnight.dt.tz_localize(None).dt.to_period("M").dt.start_time).dt.tz_localize(ZONE)
    step = pd.Timedelta(f"{every}:00")
    if step <= pd.Timedelta(hours=1):
        return times.dt.floor(step)
    return midnight + ((local - midnight) // step) * step


def expected(connection: Connection, every: str, span: tuple[datetime, datetime]) -> Told:
    """By pandas over the raw readings."""
    rows = connection.execute(
        "SELECT r.series_id, s.quantity, r.time, r.value FROM reading r"
        " JOIN series s ON s.id = r.series_id WHERE r.value IS NOT NULL AND r.quality & %s = 0"
        " ORDER BY 1, 3",
        [int(Quality.SUSPECT)],
    ).fetchall()
    connection.commit()
    frame = pd.DataFrame(rows, columns=["series", "quantity", "time", "value"])
    if frame.empty:
        return {}
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    before = frame.groupby("series")["value"].shift()
    rise = frame["value"] - before
    frame["rise"] = rise.where(rise >= 0, frame["value"]).where(before.notna(), 0.0)
    frame["piece"] = begins(frame["time"], every).dt.tz_convert("UTC")
    frame = frame[(frame["piece"] >= span[0]) & (frame["piece"] < span[1])]
    found = {}
    for (series, piece), one in frame.groupby(["series", "piece"]):
        counter = one["quantity"].iloc[0] == COUNTER
        key = (int(str(series)), pd.Timestamp(str(piece)).to_pydatetime())
        found[key] = (
            float(len(one)),
            *(float(one["value"].agg(how)) for how in ("mean", "min", "max")),
            float(one["value"].iloc[-1]),
            float(one["value"].sum()),
            float(one["rise"].sum()) if counter else float("nan"),
        )
    return found


def require_equal(connection: Connection, span: tuple[datetime, datetime]) -> None:
    """Both ways say the same, by every piece."""
    for every in PIECES:
        found, wanted = told(connection, every, span), expected(connection, every, span)
        assert found.keys() == wanted.keys(), every
        for key, figures in wanted.items():
            assert found[key] == pytest.approx(figures, rel=1e-9, abs=1e-9, nan_ok=True), (
                every,
                key,
            )
