"""A past to learn from: storms by a seed, and what gauges would have measured, as a recording."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simulators._field import Field, Place, SimulatorError
from simulators._past import past_rows, past_story
from simulators._recordings import read, write

ENDS = datetime(2024, 10, 7, tzinfo=UTC)
CENTRE = (2.25, 48.6)


def gauge(name: str, *quantities: str, upstream: tuple[tuple[str, float], ...] = ()) -> Place:
    return Place(
        device=name,
        site=name,
        domain="flood",
        river="Yvette",
        lon=2.2,
        lat=48.6,
        quantities=dict.fromkeys(quantities, 3600.0),
        properties={"catchment_km2": 100.0},
        upstream=upstream,
    )


FIELD = Field(
    places=(
        gauge("top", "level", "discharge", "catchment_rain", "battery"),
        gauge("low", "discharge", upstream=(("top", 7200.0),)),
        gauge("bare", "battery"),
        Place(device="basin", site="basin", domain="flood", quantities={"basin_fill": 3600.0}),
    )
)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return past_rows(FIELD, 7, ENDS, days=120)


def test_what_a_recording_holds(rows: pd.DataFrame) -> None:
    """No discharge beside the level that it is computed from, and nothing but rivers and rain."""
    held = {tuple(pair) for pair in rows[["device", "quantity"]].drop_duplicates().to_numpy()}
    assert held == {("top", "level"), ("top", "catchment_rain"), ("low", "discharge")}
    assert rows["time"].min() == pd.Timestamp("2024-06-09", tz="UTC")
    assert rows["time"].max() == pd.Timestamp(ENDS)


def test_what_other_functions_add_does_not_move_the_storms(rows: pd.DataFrame) -> None:
    lamps = [
        Place(device=name, site=name, domain="lighting", lon=2.6, lat=48.3, quantities={})
        for name in "abcdef"
    ]
    field = Field(places=(*FIELD.places, *lamps))
    assert rows.equals(past_rows(field, 7, ENDS, days=120))


def test_a_seed_is_a_past(rows: pd.DataFrame) -> None:
    assert rows.equals(past_rows(FIELD, 7, ENDS, days=120))
    assert past_story(7, ENDS, CENTRE) == past_story(7, ENDS, CENTRE)
    assert past_story(7, ENDS, CENTRE).weather != past_story(8, ENDS, CENTRE).weather


def test_the_rain_of_a_year() -> None:
    """Some hundred systems, most of them small, a few of more than 30 mm."""
    for seed in range(5):
        storms = past_story(seed, ENDS, CENTRE).weather.storms
        totals = np.array([storm.total for storm in storms])
        assert 60 < len(storms) < 180
        assert 2 <= (totals > 30).sum() < 25
        assert np.median(totals) < 15
        assert 0 <= storms[0].at < storms[-1].at < 24 * 365


def test_a_recording_reads_as_it_was_written(rows: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "past.csv.gz"
    write(rows, file)
    again = read(file)
    key = ["time", "device", "quantity"]
    pd.testing.assert_frame_equal(
        again.rows[[*key, "unit", "value"]].sort_values(key, ignore_index=True),
        rows[[*key, "unit", "value"]].sort_values(key, ignore_index=True),
        check_dtype=False,
    )
    assert again.notes == ()
    plain = tmp_path / "past.csv"
    write(rows, plain)
    assert gzip.decompress(file.read_bytes()) == plain.read_bytes()


def test_a_territory_without_rivers_has_no_past() -> None:
    with pytest.raises(SimulatorError, match="apply an inventory first"):
        past_rows(Field(places=(gauge("bare", "battery"),)), 7, ENDS, days=5)
