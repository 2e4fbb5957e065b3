"""What devices of every domain tell of themselves: their battery, their clock."""

from datetime import timedelta

from sensors._quantity import CLOCK_FAULT, Kind, Quantity, Reporting

COMMON = (
    Quantity(
        name="battery",
        standard="batteryLevel",
        unit="%",
        kind=Kind.GAUGE,
        low=0.0,
        high=100.0,
        resolution=1.0,
        interval=timedelta(hours=1),
        label_en="Battery",
        label_fr="Batterie",
        nonnegative=True,
    ),
    Quantity(
        name=CLOCK_FAULT,
        standard="ours",
        unit="1",
        kind=Kind.INCREMENT,
        low=0.0,
        high=1.0,
        resolution=1.0,
        interval=timedelta(hours=1),
        label_en="Message whose time cannot be believed",
        label_fr="Message dont l'heure est invraisemblable",
        reporting=Reporting.ON_CHANGE,
        nonnegative=True,
    ),
)
