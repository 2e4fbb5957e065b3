"""Panels of floods and weather say what a hydrologist or a forecaster would, of what we tell."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboards.flood import DASHBOARD as FLOOD
from dashboards.weather import DASHBOARD as WEATHER
from hypervisor.database.connect import Connection
from tests.integration.dashboards.telling import line, roll, shown, tell

pytestmark = pytest.mark.integration
HOUR = timedelta(hours=1)
STATIONS = ("bretigny", "etampes", "orsay", "evry", "chamarande", "draveil", "dourdan", "gif")


def day(month: int, hour: int = 12) -> datetime:
    """Each test has a month of its own."""
    return datetime(2023, month, 15, hour, tzinfo=UTC)


def test_a_peak_upstream_is_expected_below(essonne: Connection) -> None:
    now = day(1)
    peak = now - 2 * HOUR
    tell(essonne, "orge-saint-cheron", "level", line(1.8, 0.1, until=peak))
    tell(essonne, "orge-saint-cheron", "level", line(1.6, -0.1, hours=1.75, until=now))
    tell(essonne, "orge-arpajon", "level", line(1.5, 0.05, until=now))
    roll(essonne)
    rows = {row["site"]: row for row in shown(essonne, FLOOD, "flood-peaks", now)}
    above, below = rows["orge-saint-cheron"], rows["orge-arpajon"]
    assert (above["peak_at"], above["state"]) == (peak, "passed")
    assert above["peak"] == pytest.approx(0.2)
    assert above["due_at"] is None
    assert below["state"] == "rising"
    assert below["due_at"] == peak + 5 * HOUR
    assert below["above_peak"] == pytest.approx(0.2)


def test_a_silence_breaks_the_line(essonne: Connection) -> None:
    now = day(2)
    tell(essonne, "juine-etampes", "level", line(0.8, 0.0, hours=2, until=now))
    tell(essonne, "juine-etampes", "level", line(0.8, 0.0, hours=2, until=now - 5 * HOUR))
    roll(essonne)
    rows = shown(essonne, FLOOD, "flood-hydrographs", now + timedelta(minutes=1), hours=12)
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    values = [row["value"] for row in rows]
    assert len(values) == 19
    assert values.index(None) == 9
    assert [value for value in values if value is not None] == pytest.approx(
        [-0.1] * 18, abs=0.0011
    )


def test_the_rarest_of_the_durations_counts(essonne: Connection) -> None:
    now = day(3)
    hours = {0: 14.0, 1: 13.0, 2: 12.0}  # 39 mm in 3 h, of 38 once in ten years; no other is
    tell(
        essonne,
        "orge-arpajon",
        "catchment_rain",
        [(now - back * HOUR, hours.get(back, 0.0)) for back in range(24)],
    )
    rows = {row["site"]: row for row in shown(essonne, FLOOD, "flood-rain", now)}
    row = rows["orge-arpajon"]
    assert [row[f"mm_{hours}h"] for hours in (1, 3, 6, 24)] == [14, 39, 39, 39]
    assert (row["rarity"], row["rare"]) == ("10", pytest.approx(39 / 38))
    assert rows["yvette-gif"]["rarity"] == "unknown"  # it told nothing


def test_floods_are_aligned_at_their_peaks(essonne: Connection) -> None:
    now = day(4)
    for peak, level in ((now - timedelta(days=20), 3.2), (now - 6 * HOUR, 2.9)):
        tell(essonne, "yerres-brunoy", "level", line(level, 0.1, hours=20, until=peak))
        after = line(level - 0.3, -0.05, hours=5.75, until=peak + 6 * HOUR)
        tell(essonne, "yerres-brunoy", "level", after)
    roll(essonne)
    essonne.execute(
        "INSERT INTO past_event (river, kind, begins, ends, peak, unit, note, author)"
        " VALUES ('Yerres', 'flood', %s, %s, 3.25, 'm', 'the school was closed', 'test')",
        [now - timedelta(days=21), now - timedelta(days=19)],
    )
    rows = shown(essonne, FLOOD, "flood-past", now)
    tops = {row["flood"]: row["margin"] for row in rows if row["hours"] == 0}
    assert tops == {
        "latest · L'Yerres à Brunoy · 2023-04-15": pytest.approx(0.3),
        "L'Yerres à Brunoy · 2023-03-26 · noted 3.25 m": pytest.approx(0.6),
    }
    assert all(row["margin"] <= tops[row["flood"]] for row in rows)


def test_a_dry_gauge_among_wet_ones_is_blocked(essonne: Connection) -> None:
    now = day(5)
    for name in STATIONS:
        each = {"gif": 0.0, "dourdan": 0.1}.get(name, 1.0)
        told = [(now - back * HOUR, each) for back in range(12)]
        tell(essonne, f"weather-{name}", "rain", told)
    verdicts = {
        row["site"].removeprefix("weather-"): row["verdict"]
        for row in shown(essonne, WEATHER, "weather-blocked", now)
    }
    expected = dict.fromkeys(STATIONS, "agrees") | {"gif": "blocked", "dourdan": "low"}
    assert verdicts == expected


def test_frost_is_judged_by_the_wet_bulb(essonne: Connection) -> None:
    now = day(12, hour=19)
    times = [now - timedelta(minutes=6 * back) for back in range(10)]
    tell(essonne, "weather-etampes", "air_temperature", [(at, 0.5) for at in times])
    tell(essonne, "weather-etampes", "humidity", [(at, 45.0) for at in times])
    roll(essonne)
    row = next(iter(shown(essonne, WEATHER, "weather-growers", now)))
    assert row["site"] == "weather-etampes"
    assert row["air"] > row["threshold"] == -1
    assert row["margin"] < -1.5
    assert row["dew"] < row["wet"] < row["air"]
    drawn = shown(essonne, WEATHER, "weather-frost", now, hours=2)
    assert {round(one["value"], 3) for one in drawn} == {round(row["margin"], 3)}


def test_heat_is_the_mean_of_three_whole_days(essonne: Connection) -> None:
    now = day(7)
    for name, lowest in (("evry", 21.0), ("bretigny", 18.0)):
        told = [
            (now - hours * HOUR, 35.0 if (now - hours * HOUR).hour == 15 else lowest)
            for hours in range(24 * 5)
        ]
        tell(essonne, f"weather-{name}", "air_temperature", told)
    roll(essonne)
    rows = {row["site"]: row for row in shown(essonne, WEATHER, "weather-heat", now)}
    evry, bretigny = rows["weather-evry"], rows["weather-bretigny"]
    assert (evry["night"], evry["day"], evry["days"], evry["state"]) == (21, 35, 3, "heat")
    assert (bretigny["night"], bretigny["state"]) == (18, "one")
