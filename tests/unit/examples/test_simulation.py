"""The example's own devices, as simulators see them and as they then tell."""

from dataclasses import replace

import numpy as np

from benchmarks.hydrographs import describe
from hypervisor.backtest.sources import RecordedSource
from hypervisor.exercises.territory import describe_field
from hypervisor.forecast.record import make_record
from sensors._domain import catalogue
from simulators._field import Field
from simulators._past import past_rows
from simulators._scenarios import load_scenario, scenario_files
from simulators._selection import select_names
from simulators._world import World
from tests.unit.packs.judging import registry_of

FLOOD = load_scenario("october-flood")


def test_the_example_is_described_whole_and_its_rivers_flood_in_order() -> None:
    essonne = describe_field(registry_of("essonne"), catalogue(), FLOOD.begins)
    known = catalogue()
    assert {place.domain for place in essonne.places} == set(known.domains)
    everything(essonne)
    flood = essonne.of("flood")
    savigny = next(place for place in flood if place.site == "orge-savigny")
    assert dict(savigny.upstream) == {"orge-arpajon": 7 * 3600.0, "yvette-villebon": 4 * 3600.0}
    assert savigny.quantities["level"] == 900
    assert savigny.thresholds["alert"] == 2.1
    for seed in range(3):
        world = World(FLOOD, essonne, seed)
        peak = {site: int(np.argmax(course.discharge)) for site, course in world.courses.items()}
        for place in flood:
            if place.site in peak:
                assert all(peak[place.site] > peak[above] for above, _ in place.upstream)
        rises = {
            site: float(np.diff(course.level[::12]).max()) for site, course in world.courses.items()
        }
        for site in ("orge-arpajon", "orge-savigny", "yvette-gif", "yerres-brunoy"):
            assert 0.04 < rises[site] < 0.25, site  # m an hour
        assert rises["seine-corbeil"] < 0.01
        assert world.courses["orge-savigny"].level.max() > savigny.thresholds["attention"]
        at = world.air.grid
        assert any(world.flooded(asset.name, at).any() for asset in essonne.assets)
        assert not all(world.flooded(asset.name, at).any() for asset in essonne.assets)


def test_rivers_are_no_smoother_than_measured_ones() -> None:
    """Of an hour's increments those three hours before say little; a straight line errs a lot.

    On the Cance at 107 km² they are alike by 0.2, and two hours on the line errs 1.1 times as much
    as the last value.
    """
    registry = registry_of("essonne")
    essonne = describe_field(registry, catalogue(), FLOOD.begins)
    sites = {"yvette-gif", "yvette-villebon"}
    part = replace(essonne, places=tuple(each for each in essonne.places if each.site in sites))
    rows = past_rows(part, 7, FLOOD.begins, days=150)
    source = RecordedSource.of(rows, registry, catalogue())
    for river in describe(make_record(registry, source.by_series, catalogue())):
        assert river.floods >= 3
        assert 4 <= river.rise <= 16
        assert river.again[1] < 0.75
        assert river.line[0] > 0.5
        assert 0 <= river.rain_lag <= 4


def test_every_scenario_meets_something_in_the_example() -> None:
    """Else an event or an expected alarm would be left out without a word."""
    essonne = describe_field(registry_of("essonne"), catalogue(), FLOOD.begins)
    missed = []
    for name in scenario_files():
        story = load_scenario(name)
        chosen = [each.where for each in (*story.events, *story.faults)]
        chosen += [each.where for each in story.truth]
        missed += [
            (name, where) for where in chosen if where.any and not select_names(where, essonne, 1)
        ]
    assert missed == []


def everything(field: Field) -> None:
    """Lamps hang at their cabinet's plan, gateways speak for those that have no account."""
    nodes = [place for place in field.places if place.model == "lamp-node"]
    assert len(nodes) > 300
    assert all(place.plan and place.switched and place.groups for place in nodes)
    assert {place.protocol for place in nodes} == {"chirpstack"}
    assert len({place.address for place in nodes}) == len(nodes)
    assert {place.protocol for place in field.places} == {
        "",
        "chirpstack",
        "native",
        "the-things-stack",
    }
    cabinets = {group.name for group in field.groups if group.kind == "cabinet"}
    assert {group for place in nodes for group in place.groups} <= cabinets
    bucket = next(place for place in field.places if place.model == "tipping-bucket")
    assert "rain" in bucket.on_change
    assert all(asset.gauge and asset.level for asset in field.assets)
    assert all(asset.lon and asset.lat for asset in field.assets)
