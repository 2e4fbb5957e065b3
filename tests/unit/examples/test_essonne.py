"""The Essonne example: how much of everything, what is tied to what, what is said to be made up."""

import math
from collections import Counter
from datetime import UTC, datetime

import pytest

from hypervisor.registry.apply import compare
from hypervisor.registry.changes import apply_changes
from hypervisor.registry.inventory_files import read_sources
from hypervisor.registry.model import Device, Registry, Revision
from hypervisor.registry.revisions import Stamp
from sensors._domain import catalogue

STAMP = Stamp(author="ann", reason="", now=datetime(2026, 1, 1, tzinfo=UTC), effective=None)


@pytest.fixture(scope="module")
def essonne() -> Registry:
    nothing = Registry(areas={}, sites={}, devices={}, series={}, revisions=())
    return apply_changes(nothing, compare(nothing, read_sources(["essonne"]), stamp=STAMP))


def facts(registry: Registry, kind: str) -> dict[str, Revision]:
    return {revision.key: revision for revision in registry.revisions if revision.kind == kind}


def members(registry: Registry) -> dict[str, list[Device]]:
    found: dict[str, list[Device]] = {name: [] for name in registry.groups}
    for key in facts(registry, "member"):
        group, _, device = key.partition("/")
        found[group].append(registry.devices[device])
    return found


def test_it_is_a_whole_territory(essonne: Registry) -> None:
    models = Counter(device.model for device in essonne.devices.values())
    gauges = ("rated-gauge", "radar-gauge", "pressure-probe")
    assert sum(models[model] for model in gauges) == 16
    assert models["pressure-probe"] >= 2
    assert models["basin-probe"] == 2
    stations = ("synoptic-station", "compact-station", "air-probe", "tipping-bucket")
    assert all(models[model] >= 2 for model in stations)
    assert sum(models[model] for model in stations) == 10
    assert models["cabinet-controller"] == 30
    assert models["lamp-node"] + models["lamp-controller"] == 1_200
    assert models["loop-station"] + models["radar-counter"] == 40
    assert models["bicycle-counter"] + models["path-counter"] == 10
    assert len(essonne.assets) == 15
    assert sum(area.kind == "commune" for area in essonne.areas.values()) == 194
    assert {zone.kind for zone in essonne.zones.values()} == {"flood", "lighting"}


def test_nothing_changes_a_second_time(essonne: Registry) -> None:
    assert compare(essonne, read_sources(["essonne"]), stamp=STAMP).lines == ()


def test_half_of_the_cabinets_switch_their_lamps_supply(essonne: Registry) -> None:
    supply = {key: one.value or {} for key, one in facts(essonne, "supply").items()}
    cabinets = {name: found for name, found in members(essonne).items() if name in supply}
    assert len(cabinets) == 30
    assert sum(bool(value["switched"]) for value in supply.values()) == 15
    assert {value["plan"] for value in supply.values()} == set(facts(essonne, "plan"))
    for name, lamps in cabinets.items():
        node = supply[name]["switched"]
        assert {lamp.model for lamp in lamps} == {"lamp-node" if node else "lamp-controller"}
        assert 30 <= len(lamps) <= 50
        assert {lamp.site for lamp in lamps} == {essonne.groups[name].site}
        assert all(_metres(lamp, essonne) < 500 for lamp in lamps)


def _metres(lamp: Device, registry: Registry) -> float:
    site = registry.sites[lamp.site]
    assert None not in (lamp.lon, lamp.lat, site.lon, site.lat)
    east = ((lamp.lon or 0) - (site.lon or 0)) * math.cos(math.radians(site.lat or 0))
    return math.hypot(east, (lamp.lat or 0) - (site.lat or 0)) * 111_000


def test_plans_have_curfews_and_months_without_relighting(essonne: Registry) -> None:
    plans = [fact.value or {} for fact in facts(essonne, "plan").values()]
    spells = [spell for plan in plans for spell in plan["spells"]]
    assert any(plan["no_relighting"] == [5, 6, 7, 8] for plan in plans)
    assert {("01:00", "05:00", 0.0)} <= {(s["begins"], s["ends"], s["level"]) for s in spells}
    assert any(spell["weekdays"] == [4, 5] for spell in spells)
    assert any(plan["on_after_s"] > 0 > plan["off_after_s"] for plan in plans)


def test_every_way_of_speaking_has_its_devices(essonne: Registry) -> None:
    spoken = {
        name: essonne.gateways[device.gateway].protocol
        for name, device in essonne.devices.items()
        if device.gateway
    }
    assert set(spoken.values()) == {"chirpstack", "the-things-stack", "native"}
    lamps = [name for name, each in essonne.devices.items() if each.model == "lamp-controller"]
    assert {spoken[name] for name in lamps if name in spoken} == {"native"}


def test_what_obeys_speaks_for_itself(essonne: Registry) -> None:
    """Beside the cabinets' controllers: a street's lamps, two roads that flood, a basin."""
    obeying = {name for name, model in catalogue().models.items() if model.commands}
    found: dict[str, set[str]] = {}
    for device in essonne.devices.values():
        if device.model in obeying - {"cabinet-controller"} and not device.gateway:
            found.setdefault(device.model or "", set()).add(device.site)
    flooded = {asset.site for asset in essonne.assets.values() if asset.kind == "road"} - {None}
    assert found == {
        "road-barrier": flooded,
        "message-sign": flooded,
        "basin-gate": {"basin-saulx"},
        "pump-controller": {"basin-saulx"},
        "lamp-controller": {"cab-orsay-2"},
    }


def test_deveuis_are_nobody_s(essonne: Registry) -> None:
    lorawan = {name for name, gateway in essonne.gateways.items() if gateway.protocol != "native"}
    found = [
        device.address or "" for device in essonne.devices.values() if device.gateway in lorawan
    ]
    assert len(set(found)) == len(found) > 500
    for address in found:
        first = bytes.fromhex(address)[0]
        assert len(address) == 16
        assert first & 0b11 == 0b10  # locally administered, of one device


def test_sections_run_along_one_road(essonne: Registry) -> None:
    sections = {n: m for n, m in members(essonne).items() if essonne.groups[n].kind == "section"}
    assert len(sections) >= 8
    for devices in sections.values():
        sites = [essonne.sites[device.site] for device in devices]
        assert len(sites) >= 2
        assert len({(site.properties["road"], site.properties["direction"]) for site in sites}) == 1


def test_what_the_water_reaches(essonne: Registry) -> None:
    reach = {key: one.value or {} for key, one in facts(essonne, "reach").items()}
    assert set(reach) == set(essonne.assets)
    levels = facts(essonne, "threshold")
    for value in reach.values():
        attention = levels[f"{value['gauge']}/attention"].value or {}
        danger = levels[f"{value['gauge']}/danger"].value or {}
        assert attention["value"] < value["level"] < danger["value"] * 1.25
    ours = {asset.site: asset.kind for asset in essonne.assets.values() if asset.site}
    assert Counter(ours.values()) == {"cabinet": 3, "road": 2}
    assert {essonne.sites[site].domain for site in ours} == {"lighting", "mobility"}


def test_what_was_made_up_says_so(essonne: Registry) -> None:
    assert [site.name for site in essonne.sites.values() if not site.illustrative] == [
        "seine-corbeil"
    ]
    assert all(zone.illustrative for zone in essonne.zones.values())
    assert all(asset.illustrative for asset in essonne.assets.values())
    for kind in ("threshold", "link", "plan", "reach"):
        assert all(fact.illustrative for fact in facts(essonne, kind).values()), kind


def test_it_stays_light(essonne: Registry) -> None:
    """A lamp tells once an hour, whatever it tells."""
    lamps = {name for name, one in essonne.devices.items() if one.model in LAMPS}
    for key, one in facts(essonne, "series").items():
        device, _, quantity = key.partition("/")
        if device in lamps and quantity != "clock_fault":
            assert (one.value or {})["interval_s"] == 3600


LAMPS = ("lamp-node", "lamp-controller")
