"""Real rivers: what the packs say of recorded floods, and of a river that was no flood."""

import os
from pathlib import Path

import pytest

from hypervisor.backtest.model import Evaluation, RaisedAlarm
from hypervisor.base.instants import parse
from simulators._recordings import shipped_recordings
from tests.unit.packs.judging import recorded

ROOT = Path(__file__).parents[3]
FLOODS = Path(os.environ.get("HYPERVISOR_SHARED", ROOT.parent / "shared")) / "data" / "floods"
RISING = ("flood-level-rising", "flood-discharge-rising")
JUMPS = ("flood-level-jump", "flood-discharge-jump")


def judgement(inventory: str, name: str) -> Evaluation:
    file = shipped_recordings().get(name, FLOODS / name)
    if not file.exists():
        pytest.skip(f"{file} is not beside this checkout (set HYPERVISOR_SHARED)")
    return recorded(inventory, file)


def of(found: Evaluation, *rules: str, subject: str | None = None) -> list[RaisedAlarm]:
    return [
        one
        for one in found.alarms
        if one.episode.rule in rules and subject in (None, one.episode.subject)
    ]


def test_bompas_is_a_jump_and_no_flood() -> None:
    """18 January 2022: after a fall of 1.2 m, 0.19 to 1.18 m in 25 minutes; Foix stayed flat."""
    january = judgement("garonne", "garonne-2022-01.hubeau.csv.gz")
    assert january.rows > 100_000
    begins, ends = parse("2022-01-18T00:00Z"), parse("2022-01-19T00:00Z")
    that_day = [
        one
        for one in january.alarms
        if one.episode.subject in ("bompas", "foix") and begins <= one.episode.began < ends
    ]
    assert [one.episode.rule for one in that_day] == ["flood-level-jump"]
    assert that_day[0].category == "maintenance"
    assert of(january, *JUMPS) == that_day
    rising = of(january, *RISING)
    assert "toulouse-pont-neuf" in {one.episode.subject for one in rising}
    flood = parse("2022-01-09T12:00Z"), parse("2022-01-11T12:00Z")
    assert all(flood[0] <= one.episode.began <= flood[1] for one in rising)


def test_poyo_rises_in_time_and_its_lost_sensor_stays() -> None:
    poyo = judgement("poyo", "poyo-2024-10.csv")
    again, lost = parse("2024-10-29T16:25Z"), parse("2024-10-29T17:55Z")
    standing = [
        one
        for one in of(poyo, *RISING)
        if one.episode.began < again and (one.episode.ended or again) >= again
    ]
    assert len(standing) == 1
    (gone,) = of(poyo, "flood-discharge-lost-rising")
    assert gone.episode.began > lost
    assert gone.highest == "critical"
    assert gone.episode.ended is None
    (flood,) = of(poyo, "flood-discharge")
    assert flood.highest == "critical"
    assert flood.episode.ended is None
    assert of(poyo, *JUMPS) == []


def test_the_cance_doubles_before_its_floods_and_jumps_hardly_ever() -> None:
    cance = judgement("cance", "cance-2006-2012.hubeau.csv.gz")
    gauges, years = 3, 7
    doubled = of(cance, "flood-discharge-doubled")
    assert 0 < len(doubled) < 1.5 * gauges * years
    began = {one.episode.began for one in doubled if one.episode.subject == "sarras"}
    # An hour before 40 m3/s were crossed, with it, and on the way to the 168 of February 2009.
    floods = ("2006-11-17T17:00Z", "2008-11-02T02:00Z", "2009-02-06T15:00Z")
    assert {parse(flood) for flood in floods} <= began
    assert len(began) <= len(floods) + 4
    assert len(of(cance, *JUMPS)) <= 1
