"""Telecare: home-help boxes under pseudonyms. Who lives there is in the service's file, not here.

Standard names are those of SCAIP (CEN/TS 50134-9), which boxes speak to an alarm receiver.
"""

from datetime import timedelta

from sensors._domain import DeviceModel, Domain, Frame, FrameNumber, Threshold
from sensors._quantity import Kind, Quantity, Reporting, on_off

HOURLY = timedelta(hours=1)

DOMAIN = Domain(
    name="telecare",
    label_en="Telecare",
    label_fr="Téléassistance",
    grouping="site",
    icon="M8 14C3.5 10.5 1.5 8 1.5 5.5a3 3 0 0 1 6.5-1 3 3 0 0 1 6.5 1C14.5 8 12.5 10.5 8 14z",
    colour="#a0567a",
    event="other",
    personal=True,
    retention_days=30,
    calm={
        "telecare_calls": 0.0,
        "box_heartbeat": 1.0,
        "mains_present": 1.0,
        "home_temperature": 20.5,
    },
    quantities=(
        Quantity(
            name="telecare_calls",
            standard="SCAIP personal trigger",
            unit="1",
            kind=Kind.INCREMENT,
            low=0.0,
            high=100.0,
            resolution=1.0,
            interval=HOURLY,
            label_en="Calls",
            label_fr="Appels",
            reporting=Reporting.ON_CHANGE,
            nonnegative=True,
        ),
        on_off(
            name="box_heartbeat",
            standard="SCAIP heartbeat",
            interval=HOURLY,
            label_en="Heartbeat of the box",
            label_fr="Signe de vie du boîtier",
            reporting=Reporting.PERIODIC,
        ),
        on_off(
            name="mains_present",
            standard="SCAIP mains failure, mains restored",
            interval=HOURLY,
            label_en="Mains",
            label_fr="Secteur",
        ),
        Quantity(
            name="home_temperature",
            standard="indoor air temperature",
            unit="Cel",
            kind=Kind.GAUGE,
            low=-20.0,
            high=60.0,
            resolution=0.1,
            interval=HOURLY,
            label_en="Temperature at home",
            label_fr="Température au domicile",
        ),
    ),
    models=(
        DeviceModel(
            name="telecare-box",
            quantities=(
                *("telecare_calls", "box_heartbeat", "mains_present", "home_temperature"),
                "battery",
            ),
            description="Home-help box, by the gateway of an alarm receiver",
        ),
        DeviceModel(
            name="telecare-button",
            vendor="Milesight",
            quantities=("telecare_calls", "battery"),
            description="Button over LoRaWAN (WS101), for who has no box",
            frame=Frame(
                port=85,
                numbers=(
                    FrameNumber(quantity="battery", size=1, prefix=b"\x01\x75"),
                    FrameNumber(quantity="telecare_calls", size=1, prefix=b"\xff\x2e"),
                ),
            ),
        ),
    ),
    thresholds=(
        Threshold(
            name="home_cold",
            quantity="home_temperature",
            unit="Cel",
            label_en="Too cold at home below",
            label_fr="Trop froid au domicile sous",
            short_en="cold",
            short_fr="froid",
            usual=16.0,
        ),
    ),
)
