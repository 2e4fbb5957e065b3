"""A small field of every kind, and shorthands to read and compare inventories."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from hypervisor.registry.apply import compare
from hypervisor.registry.changes import Changes, apply_changes
from hypervisor.registry.inventory import Inventory, join
from hypervisor.registry.inventory_files import read_text
from hypervisor.registry.model import Registry
from hypervisor.registry.revisions import Stamp
from hypervisor.registry.tree import InventoryError
from sensors._domain import catalogue

CATALOGUE = catalogue()
NOTHING = Registry(areas={}, sites={}, devices={}, series={}, revisions=())
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIELD = """
gateways:
  - {name: lora, title: The network server, protocol: chirpstack, lon: 2.4, lat: 48.6}
  - {name: box, protocol: native}
plans:
  - name: dark
    title: Residential streets
    on: sunset + 10 min
    off: sunrise - 10 min
    spells:
      - {from: "01:00", to: "05:00", level: 0 %}
      - {from: "22:30", to: "01:00", level: 50 %, weekdays: [lun, mar, mer, jeu, ven]}
    no_relighting: [mai, june, 7, 08]
sites:
  - name: cab
    lon: 2.18
    lat: 48.70
    devices:
      - {name: cab-box, model: cabinet-controller, commissioned: 2020-01-01}
      - {name: lamp-1, model: lamp-node, commissioned: 2021-01-01, gateway: lora,
         address: 70-B3-D5-7E-D0-00-00-01, lon: 2.181, lat: 48.701,
         properties: {pole: 12}, thresholds: {lamp_rated_power: 0.06 kW}}
      - {name: lamp-2, model: lamp-controller, commissioned: 2022-01-01, gateway: box}
  - name: gif
    datum: 48.61 m
    thresholds: {attention: 1.5 m, alert: {value: 2 m, illustrative: true}, rise: 4 cm/h}
    devices:
      - name: gauge
        model: radar-gauge
        commissioned: 2015-01-01
        series:
          level: {interval: 5 min, low: -1 m, high: 4 m, saturates: 3.5 m}
          battery: 1 h
groups:
  - name: cab
    kind: cabinet
    site: cab
    members: [lamp-1, lamp-2]
    supply: {plan: dark, switched: true}
zones:
  - name: yvette
    kind: flood
    geometry:
      type: Polygon
      coordinates: [[[2.1, 48.6], [2.2, 48.6], [2.2, 48.7], [2.1, 48.6]]]
assets:
  - name: rd188
    title: RD 188 under the railway bridge
    kind: road
    lon: 2.18
    lat: 48.70
    reach: {gauge: gif, level: 190 cm}
works:
  - {name: cable, begins: 2024-11-04T08:00+01:00, ends: 2024-11-05, groups: [cab], reason: cable}
"""


def read(text: str, file: str = "town.yaml") -> Inventory:
    return read_text(text, file=file, catalogue=CATALOGUE)


def change(
    *inventories: Inventory | str, registry: Registry = NOTHING, now: datetime | None = NOW
) -> Changes:
    parts = [
        read(inventory) if isinstance(inventory, str) else inventory for inventory in inventories
    ]
    stamp = Stamp(author="ann", reason="why", now=now)
    return compare(registry, join(parts), stamp=stamp, domain_catalogue=CATALOGUE)


def built(*inventories: Inventory | str, registry: Registry = NOTHING) -> Registry:
    return apply_changes(registry, change(*inventories, registry=registry))


def told(*inventories: Inventory | str, registry: Registry = NOTHING) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        change(*inventories, registry=registry)
    return [str(problem) for problem in caught.value.problems]


def values(registry: Registry, kind: str) -> Mapping[str, Mapping[str, Any] | None]:
    """The value of each fact of a kind that stands last."""
    return {
        revision.key: revision.value for revision in registry.revisions if revision.kind == kind
    }


def starts(registry: Registry, kind: str) -> Mapping[str, datetime]:
    """From when it holds."""
    return {
        revision.key: revision.effective for revision in registry.revisions if revision.kind == kind
    }
