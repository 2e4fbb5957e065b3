"""Visitors: people in protected or crowded places, counted at gates and in areas.

Standard names are those of the Smart Data Models' CrowdFlowObserved. Nothing here tells who.
"""

from datetime import timedelta

from sensors._domain import DeviceModel, Domain, Frame, FrameNumber, Threshold
from sensors._quantity import Kind, Quantity

DOMAIN = Domain(
    name="visitors",
    label_en="Visitors",
    label_fr="Fréquentation",
    grouping="site",
    icon="M5.5 3a2 2 0 1 0 0 4 2 2 0 0 0 0-4M2 13.5c0-5 7-5 7 0M11 4v3M9.5 5.5h3",
    colour="#8f7bb8",
    event="other",
    calm={"visitors": 40.0, "visitors_in": 12.0, "visitors_out": 12.0},
    quantities=(
        Quantity(
            name="visitors",
            standard="peopleCount",
            unit="1",
            kind=Kind.GAUGE,
            low=0.0,
            high=100_000.0,
            resolution=1.0,
            interval=timedelta(minutes=5),
            label_en="Visitors present",
            label_fr="Visiteurs présents",
            nonnegative=True,
        ),
        Quantity(
            name="visitors_in",
            standard="peopleCountTowards",
            unit="1",
            kind=Kind.INCREMENT,
            low=0.0,
            high=20_000.0,
            resolution=1.0,
            interval=timedelta(minutes=15),
            label_en="Visitors entering",
            label_fr="Entrées",
            nonnegative=True,
        ),
        Quantity(
            name="visitors_out",
            standard="peopleCountAway",
            unit="1",
            kind=Kind.INCREMENT,
            low=0.0,
            high=20_000.0,
            resolution=1.0,
            interval=timedelta(minutes=15),
            label_en="Visitors leaving",
            label_fr="Sorties",
            nonnegative=True,
        ),
    ),
    models=(
        DeviceModel(
            name="passage-counter",
            vendor="Milesight",
            quantities=("visitors_in", "visitors_out", "battery"),
            description="Counter at a gate, both ways, over LoRaWAN (VS350)",
            frame=Frame(
                port=85,
                little_endian=True,
                numbers=(
                    FrameNumber(quantity="battery", size=1, prefix=b"\x01\x75"),
                    FrameNumber(quantity="visitors_in", size=2, prefix=b"\x05\xcc"),
                    FrameNumber(quantity="visitors_out", size=2),
                ),
            ),
        ),
        DeviceModel(
            name="area-counter",
            quantities=("visitors",),
            description="Optical counter of the people in an area; sends numbers, no images",
        ),
    ),
    thresholds=(
        Threshold(
            name="visitor_capacity",
            quantity="visitors",
            unit="1",
            label_en="Visitors that the place can hold",
            label_fr="Capacité d'accueil",
            short_en="capacity",
            short_fr="capacité",
        ),
        Threshold(
            name="hourly_entries",
            quantity="visitors_in",
            unit="1",
            label_en="Entries in an hour that the place can bear",
            label_fr="Entrées supportables en une heure",
            short_en="entries",
            short_fr="entrées",
        ),
    ),
)
