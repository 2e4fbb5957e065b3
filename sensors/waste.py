"""Waste: what containers for glass, paper and household waste tell of themselves.

Standard names are those of the Smart Data Models' WasteContainer.
"""

from datetime import timedelta

from sensors._domain import DeviceModel, Domain, Frame, FrameNumber, Threshold
from sensors._quantity import Kind, Quantity, on_off

HALF_HOUR = timedelta(minutes=30)

DOMAIN = Domain(
    name="waste",
    label_en="Waste",
    label_fr="Déchets",
    grouping="commune",
    icon="M3 4.5h10M6 4.5V3h4v1.5M4 4.5l.8 9h6.4l.8-9M6.7 7v4M9.3 7v4",
    colour="#7c8c4a",
    event="other",
    calm={"container_fill": 35.0, "container_temperature": 18.0, "container_tilt": 0.0},
    quantities=(
        Quantity(
            name="container_fill",
            standard="fillingLevel",
            unit="%",
            kind=Kind.GAUGE,
            low=-5.0,  # an empty container of another shape than its sensor was set to
            high=110.0,
            resolution=0.1,
            interval=HALF_HOUR,
            label_en="Container fill",
            label_fr="Remplissage du conteneur",
        ),
        Quantity(
            name="container_temperature",
            standard="temperature",
            unit="Cel",
            kind=Kind.GAUGE,
            low=-40.0,
            high=120.0,
            resolution=0.1,
            interval=HALF_HOUR,
            label_en="Temperature in the container",
            label_fr="Température du conteneur",
        ),
        on_off(
            name="container_tilt",
            standard="status (tipped over)",
            interval=HALF_HOUR,
            label_en="Container tipped",
            label_fr="Conteneur basculé",
        ),
    ),
    models=(
        DeviceModel(
            name="container-probe",
            vendor="Milesight",
            quantities=("container_fill", "container_temperature", "container_tilt", "battery"),
            description="Ultrasonic probe in a container's lid, over LoRaWAN (EM400-MUD)",
            frame=Frame(
                port=85,
                little_endian=True,
                numbers=(
                    FrameNumber(quantity="battery", size=1, prefix=b"\x01\x75"),
                    FrameNumber(
                        quantity="container_temperature",
                        size=2,
                        scale=10,
                        signed=True,
                        prefix=b"\x03\x67",
                    ),
                    # mm above the waste: 1,500 of an empty container, 250 of a full one
                    FrameNumber(
                        quantity="container_fill",
                        size=2,
                        scale=-12.5,
                        offset=1500,
                        prefix=b"\x04\x82",
                    ),
                    FrameNumber(quantity="container_tilt", size=1, prefix=b"\x05\x00"),
                ),
            ),
        ),
    ),
    thresholds=(
        Threshold(
            name="container_full",
            quantity="container_fill",
            unit="%",
            label_en="Fill at which a container is to be emptied",
            label_fr="Remplissage à partir duquel vider",
            short_en="full",
            short_fr="plein",
            usual=85.0,
        ),
    ),
)
