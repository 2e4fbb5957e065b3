"""Whether a change lies in a territory: where things were, and where they will be."""

import pytest

from hypervisor.base.person import EVERYWHERE, Territory
from hypervisor.registry.changes import apply_changes
from hypervisor.registry.reach import is_within
from tests.unit.registry.field import built, change

TRIANGLE = "{type: Polygon, coordinates: [[[2.1, 48.6], [2.2, 48.6], [2.2, 48.7], [2.1, 48.6]]]}"
LASTS = "begins: 2024-01-01, ends: 2024-02-01"
WORLD = built("""
areas:
  - {code: "91001", kind: commune, name: North}
  - {code: "91002", kind: commune, name: South}
plans: [{name: dark, title: Dark}]
sites:
  - name: north
    domain: lighting
    commune: "91001"
    lon: 2.2
    lat: 48.6
    devices:
      - {name: n-1, model: lamp-controller, commissioned: 2020-01-01}
      - {name: n-2, model: radar-gauge, commissioned: 2020-01-01}
  - name: south
    domain: lighting
    commune: "91002"
    devices:
      - {name: s-1, model: lamp-controller, commissioned: 2020-01-01}
      - {name: s-2, model: radar-gauge, commissioned: 2020-01-01}
  - name: nowhere
    domain: flood
    devices: [{name: x-1, model: radar-gauge, commissioned: 2020-01-01}]
groups:
  - {name: g-north, kind: cabinet, site: north}
  - {name: g-free, kind: other}
gateways: [{name: lora, protocol: native}]
assets:
  - {name: a-south, kind: road, commune: "91002"}
  - {name: a-site, kind: cabinet, site: north}
""")
NORTH = Territory(communes=frozenset({"91001"}))
UNPLACED = Territory(communes=frozenset({"91001"}), unplaced=True)


def within(held: Territory, text: str) -> bool:
    changes = change(text, registry=WORLD)
    assert changes
    return is_within(held, WORLD, apply_changes(WORLD, changes), changes)


@pytest.mark.parametrize(
    "text",
    [
        "sites: [{name: north, title: N}]",
        'sites: [{name: new, domain: flood, commune: "91001"}]',
        "sites: [{name: north, devices: [{name: n-1, model: lamp-node, codec: x}]}]",
        "sites: [{name: north, thresholds: {lamp_rated_power: 60 W}}]",
        "sites: [{name: north, devices: [{name: n-1, thresholds: {lamp_rated_power: 60 W}}]}]",
        "sites: [{name: north, datum: 40 m}]",
        "groups: [{name: g-north, members: [n-1]}]",
        "groups: [{name: g-north, supply: {plan: dark, switched: true}}]",
        "assets: [{name: a-site, title: A, reach: {gauge: nowhere, level: 1 m}}]",
        f"works: [{{name: w, {LASTS}, sites: [north], devices: [n-1], groups: [g-north]}}]",
    ],
)
def test_ones_own_is_within(text: str) -> None:
    assert within(NORTH, text)
    assert within(EVERYWHERE, text)


@pytest.mark.parametrize(
    "text",
    [
        "sites: [{name: south, title: S}]",
        'sites: [{name: south, commune: "91001"}]',
        'sites: [{name: north, commune: "91002"}]',
        "sites: [{name: north, commune: null}]",
        "sites: [{name: nowhere, title: X}]",
        "sites: [{name: new, domain: flood}]",
        "sites: [{name: south, devices: [{name: s-1, codec: x}]}]",
        "sites: [{name: south, devices: [{name: s-1, series: {lamp_power: 10 min}}]}]",
        "sites: [{name: south, thresholds: {lamp_rated_power: 60 W}}]",
        "sites: [{name: south, devices: [{name: s-1, thresholds: {lamp_rated_power: 60 W}}]}]",
        "sites: [{name: south, datum: 40 m}]",
        "links: [{from: north, to: south, travel: 1 h}]",
        "groups: [{name: g-north, members: [s-1]}]",
        "groups: [{name: g-free, title: F}]",
        "groups: [{name: g-north, site: south}]",
        "assets: [{name: a-south, title: A}]",
        "assets: [{name: a-south, reach: {gauge: north, level: 1 m}}]",
        'areas: [{code: "91001", name: Other}]',
        "gateways: [{name: lora, title: L}]",
        "plans: [{name: dark, title: Other}]",
        f"zones: [{{name: z, kind: flood, geometry: {TRIANGLE}}}]",
        f"works: [{{name: w, {LASTS}, sites: [north, south]}}]",
        f"works: [{{name: w, {LASTS}, devices: [s-1]}}]",
        f"works: [{{name: w, {LASTS}, groups: [g-free]}}]",
    ],
)
def test_what_is_anothers_or_everybodys_is_not(text: str) -> None:
    assert not within(NORTH, text)
    assert within(EVERYWHERE, text)


def test_what_lies_in_no_commune_is_of_the_departement() -> None:
    assert within(UNPLACED, "sites: [{name: nowhere, title: X}]")
    assert not within(UNPLACED, "sites: [{name: south, title: X}]")
