"""The example's own devices, as simulators see them and as they then tell."""

import numpy as np

from hypervisor.exercises.territory import describe_field
from sensors._domain import catalogue
from simulators._field import Field
from simulators._scenarios import load_scenario
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
            assert 0.01 < rises[site] < 0.08, site  # m an hour
        assert rises["seine-corbeil"] < 0.01
        assert world.courses["orge-savigny"].level.max() > savigny.thresholds["attention"]
        at = world.air.grid
        assert any(world.flooded(asset.name, at).any() for asset in essonne.assets)
        assert not all(world.flooded(asset.name, at).any() for asset in essonne.assets)


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
