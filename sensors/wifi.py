"""Public Wi-Fi: hotspots and the back-haul that feeds them. Counts only, no addresses.

Standard names are those of IEEE 802.11's MIB and of IF-MIB, as controllers and SNMP give them.
"""

from datetime import timedelta

from sensors._domain import DeviceModel, Domain, GroupKind, Threshold
from sensors._quantity import Kind, Quantity, on_off, percentage

POLLED = timedelta(minutes=5)

DOMAIN = Domain(
    name="wifi",
    label_en="Public Wi-Fi",
    label_fr="Wi-Fi public",
    groups=(GroupKind(name="wifi_network", label_en="Wi-Fi network", label_fr="Réseau Wi-Fi"),),
    grouping="commune",
    icon="M2 6.5c3.5-3.5 8.5-3.5 12 0M4.5 9c2-2 5-2 7 0M8 12v.5",
    colour="#4f8f8b",
    event="outage",
    calm={
        "hotspot_reachable": 1.0,
        "wifi_clients": 12.0,
        "wifi_throughput": 8.0,
        "wifi_errors": 4.0,
        "backhaul_up": 1.0,
    },
    quantities=(
        on_off(
            name="hotspot_reachable",
            standard="controller: access point associated",
            interval=POLLED,
            label_en="Hotspot reachable",
            label_fr="Borne joignable",
        ),
        Quantity(
            name="wifi_clients",
            standard="dot11AssociatedStationCount",
            unit="1",
            kind=Kind.GAUGE,
            low=0.0,
            high=5_000.0,
            resolution=1.0,
            interval=POLLED,
            label_en="Terminals connected",
            label_fr="Terminaux connectés",
            nonnegative=True,
        ),
        Quantity(
            name="wifi_throughput",
            standard="ifHCInOctets + ifHCOutOctets",
            unit="Mbit/s",
            kind=Kind.GAUGE,
            low=0.0,
            high=10_000.0,
            resolution=0.1,
            interval=POLLED,
            label_en="Throughput",
            label_fr="Débit",
            nonnegative=True,
        ),
        percentage(
            name="wifi_errors",
            standard="dot11RetryCount / dot11TransmittedFrameCount",
            interval=POLLED,
            label_en="Frames sent again",
            label_fr="Trames réémises",
        ),
        on_off(
            name="backhaul_up",
            standard="ifOperStatus",
            interval=POLLED,
            label_en="Back-haul up",
            label_fr="Lien de collecte actif",
        ),
    ),
    models=(
        DeviceModel(
            name="hotspot",
            quantities=("hotspot_reachable", "wifi_clients", "wifi_throughput", "wifi_errors"),
            description="Access point, reported by its controller",
        ),
        DeviceModel(
            name="backhaul-router",
            quantities=("backhaul_up",),
            description="Router that feeds the hotspots of a place, polled by SNMP",
        ),
    ),
    thresholds=(
        Threshold(
            name="wifi_capacity",
            quantity="wifi_clients",
            unit="1",
            label_en="Terminals that a hotspot can serve",
            label_fr="Terminaux qu'une borne peut servir",
            short_en="capacity",
            short_fr="capacité",
        ),
    ),
)
