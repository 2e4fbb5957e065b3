"""Telecare: home-help boxes under pseudonyms. Who lives there is in the service's file, not here.

Standard names are events of EN 50134 (social alarm systems) as SCAIP (CEN/TS 50134-9) carries them.
"""

from datetime import timedelta

from sensors._domain import DeviceModel, Domain, Frame, FrameNumber, Threshold
from sensors._quantity import Kind, Quantity, Reporting

DAILY = timedelta(hours=12)  # CEN/TS 50134-9: a unit reports at least once a day; ours do twice
HOURLY = timedelta(hours=1)

DOMAIN = Domain(
    name="telecare",
    label_en="Telecare",
    label_fr="Téléassistance",
    grouping="site",
    icon="M8 14C3 10 1.5 7.5 1.5 5.2A3.2 3.2 0 0 1 8 4.5a3.2 3.2 0 0 1 6.5.7C14.5 7.5 13 10 8 14z",
    colour="#a0567a",
    event="other",
    personal=True,
    retention_days=30,
    calm={
        "telecare_heartbeat": 1.0,
        "mains_present": 1.0,
        "home_temperature": 20.5,
    },
    quantities=(
        Quantity(
            name="call_button",
            standard="SCAIP stc 0010: personal trigger",
            unit="bool",
            kind=Kind.STATE,
            low=0.0,
            high=1.0,
            resolution=1.0,
            interval=DAILY,
            label_en="Call",
            label_fr="Appel",
            reporting=Reporting.ON_CHANGE,
            nonnegative=True,
        ),
        Quantity(
            name="telecare_heartbeat",
            standard="SCAIP heartbeat (hbo)",
            unit="bool",
            kind=Kind.STATE,
            low=0.0,
            high=1.0,
            resolution=1.0,
            interval=HOURLY,
            label_en="Heartbeat",
            label_fr="Signe de vie du boîtier",
            nonnegative=True,
        ),
        Quantity(
            name="mains_present",
            standard="SCAIP stc 0044/0045: mains failure, restored",
            unit="bool",
            kind=Kind.STATE,
            low=0.0,
            high=1.0,
            resolution=1.0,
            interval=HOURLY,
            label_en="Mains",
            label_fr="Secteur",
            reporting=Reporting.ON_CHANGE,
            nonnegative=True,
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
    models=(),
    thresholds=(
        Threshold(
            name="home_cold",
            quantity="home_temperature",
            unit="Cel",
            label_en="Too cold at home below",
            label_fr="Trop froid au domicile sous",
            usual=16.0,
        ),
    ),
)
