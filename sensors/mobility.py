"""Mobility: traffic on roads, bicycles and pedestrians.

Standard names are DATEX II's. Flow is of all lanes that a sensor watches: a site narrows the range.
"""

from datetime import timedelta

from sensors._domain import DeviceModel, Domain, Frame, FrameNumber, Threshold
from sensors._quantity import Kind, Quantity

DOMAIN = Domain(
    name="mobility",
    label_en="Mobility",
    label_fr="Mobilité",
    icon="M4.5 1.5 2 14.5M11.5 1.5 14 14.5M8 2v2.5M8 7v2.5M8 12v2.5",
    colour="#6f9a78",
    quantities=(
        Quantity(
            name="traffic_flow",
            standard="vehicleFlowRate",
            unit="{veh}/h",
            kind=Kind.GAUGE,
            low=0.0,
            high=12000.0,
            resolution=1.0,
            interval=timedelta(minutes=6),
            label_en="Traffic flow",
            label_fr="Débit de véhicules",
            nonnegative=True,
        ),
        Quantity(
            name="traffic_speed",
            standard="averageVehicleSpeed",
            unit="km/h",
            kind=Kind.GAUGE,
            low=0.0,
            high=200.0,
            resolution=1.0,
            interval=timedelta(minutes=6),
            label_en="Mean speed",
            label_fr="Vitesse moyenne",
            nonnegative=True,
        ),
        Quantity(
            name="occupancy",
            standard="occupancy",
            unit="%",
            kind=Kind.GAUGE,
            low=0.0,
            high=100.0,
            resolution=0.1,
            interval=timedelta(minutes=6),
            label_en="Occupancy",
            label_fr="Taux d'occupation",
            nonnegative=True,
        ),
        Quantity(
            name="heavy_share",
            standard="vehicleFlowRate by class",
            unit="%",
            kind=Kind.GAUGE,
            low=0.0,
            high=100.0,
            resolution=0.1,
            interval=timedelta(minutes=6),
            label_en="Share of heavy vehicles",
            label_fr="Part de poids lourds",
            nonnegative=True,
        ),
        Quantity(
            name="bicycles",
            standard="roadUserNumber",
            unit="1",
            kind=Kind.INCREMENT,
            low=0.0,
            high=2000.0,
            resolution=1.0,
            interval=timedelta(minutes=15),
            label_en="Bicycles",
            label_fr="Vélos",
            nonnegative=True,
        ),
        Quantity(
            name="pedestrians",
            standard="roadUserNumber",
            unit="1",
            kind=Kind.INCREMENT,
            low=0.0,
            high=2000.0,
            resolution=1.0,
            interval=timedelta(minutes=15),
            label_en="Pedestrians",
            label_fr="Piétons",
            nonnegative=True,
        ),
    ),
    models=(
        DeviceModel(
            name="loop-station",
            vendor="generic",
            quantities=(
                "traffic_flow",
                "traffic_speed",
                "occupancy",
                "heavy_share",
            ),
            description="Inductive double loops in the lanes of a road",
        ),
        DeviceModel(
            name="radar-counter",
            vendor="generic",
            quantities=(
                "traffic_flow",
                "traffic_speed",
                "occupancy",
                "battery",
            ),
            description="Radar at the roadside, over LoRaWAN",
            frame=Frame(
                port=3,
                numbers=(
                    FrameNumber(quantity="traffic_flow", size=2),
                    FrameNumber(quantity="traffic_speed", size=1),
                    FrameNumber(quantity="occupancy", size=2, scale=10),
                    FrameNumber(quantity="battery", size=1),
                ),
            ),
        ),
        DeviceModel(
            name="bicycle-counter",
            vendor="generic",
            quantities=(
                "bicycles",
                "battery",
            ),
            description="Loop in a bicycle track",
        ),
        DeviceModel(
            name="path-counter",
            vendor="generic",
            quantities=(
                "bicycles",
                "pedestrians",
                "battery",
            ),
            description="Infrared counter of a shared path, over LoRaWAN",
            frame=Frame(
                port=4,
                numbers=(
                    FrameNumber(quantity="bicycles", size=2),
                    FrameNumber(quantity="pedestrians", size=2),
                    FrameNumber(quantity="battery", size=1),
                ),
            ),
        ),
    ),
    thresholds=(
        Threshold(
            name="free_speed",
            quantity="traffic_speed",
            unit="km/h",
            label_en="Speed of free traffic",
            label_fr="Vitesse à vide",
        ),
        Threshold(
            name="jam_speed",
            quantity="traffic_speed",
            unit="km/h",
            label_en="Speed below which traffic is jammed",
            label_fr="Vitesse de congestion",
        ),
        Threshold(
            name="jam_occupancy",
            quantity="occupancy",
            unit="%",
            label_en="Occupancy above which traffic is jammed",
            label_fr="Taux d'occupation de congestion",
        ),
        Threshold(
            name="capacity",
            quantity="traffic_flow",
            unit="{veh}/h",
            label_en="Capacity of the road",
            label_fr="Capacité de la route",
        ),
    ),
)
