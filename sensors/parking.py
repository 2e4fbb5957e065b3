"""Parking: car parks behind barriers, their spaces, and the signs that guide to them.

Standard names are those of DATEX II's parking publications.
"""

from datetime import timedelta

from sensors._domain import DeviceModel, Domain, Frame, FrameNumber, GroupKind, Threshold
from sensors._quantity import Kind, Quantity, Reporting, on_off

DOMAIN = Domain(
    name="parking",
    label_en="Parking",
    label_fr="Stationnement",
    groups=(
        GroupKind(
            name="car_park", label_en="Car park", label_fr="Parc de stationnement", alike=True
        ),
    ),
    grouping="site",
    icon="M2.5 1.5h11v13h-11ZM6 12V4.5h2.6a2.2 2.2 0 0 1 0 4.4H6",
    colour="#7f7fb0",
    event="other",
    calm={"vehicles_present": 60.0, "parking_entries": 3.0, "spaces_shown": 40.0},
    quantities=(
        Quantity(
            name="vehicles_present",
            standard="parkingNumberOfOccupiedSpaces",
            unit="{veh}",
            kind=Kind.GAUGE,
            low=0.0,
            high=5000.0,
            resolution=1.0,
            interval=timedelta(minutes=5),
            label_en="Vehicles by the barriers' count",
            label_fr="Véhicules comptés aux barrières",
            nonnegative=True,
        ),
        Quantity(
            name="parking_entries",
            standard="parkingEntryRate",
            unit="{veh}",
            kind=Kind.INCREMENT,
            low=0.0,
            high=500.0,
            resolution=1.0,
            interval=timedelta(minutes=5),
            label_en="Entries",
            label_fr="Entrées",
            nonnegative=True,
        ),
        Quantity(
            name="parking_exits",
            standard="parkingExitRate",
            unit="{veh}",
            kind=Kind.INCREMENT,
            low=0.0,
            high=500.0,
            resolution=1.0,
            interval=timedelta(minutes=5),
            label_en="Exits",
            label_fr="Sorties",
            nonnegative=True,
        ),
        Quantity(
            name="barrier_fault",
            standard="parkingEquipmentStatus",
            unit="code",
            kind=Kind.STATE,
            low=0.0,
            high=3.0,
            resolution=1.0,
            interval=timedelta(hours=1),
            label_en="Barrier fault",
            label_fr="Défaut de barrière",
            reporting=Reporting.ON_CHANGE,
            nonnegative=True,
            codes={0: "none", 1: "entry_barrier", 2: "exit_barrier", 3: "payment_machine"},
        ),
        Quantity(
            name="spaces_shown",
            standard="parkingNumberOfVacantSpaces",
            unit="{veh}",
            kind=Kind.GAUGE,
            low=0.0,
            high=5000.0,
            resolution=1.0,
            interval=timedelta(minutes=5),
            label_en="Free spaces on the sign",
            label_fr="Places libres affichées",
            nonnegative=True,
        ),
        on_off(
            name="space_occupied",
            standard="parkingSpaceOccupied",
            interval=timedelta(hours=1),
            label_en="Space occupied",
            label_fr="Place occupée",
        ),
    ),
    models=(
        DeviceModel(
            name="parking-sensor",
            quantities=("space_occupied", "battery"),
            description="Magnetometer or radar in a space, over LoRaWAN",
            frame=Frame(
                port=1,
                numbers=(
                    FrameNumber(quantity="space_occupied", size=1),
                    FrameNumber(quantity="battery", size=1),
                ),
            ),
        ),
        DeviceModel(
            name="barrier-controller",
            quantities=("vehicles_present", "parking_entries", "parking_exits", "barrier_fault"),
            description="Controller of a car park's barriers, which counts in and out",
        ),
        DeviceModel(
            name="guidance-sign",
            quantities=("spaces_shown",),
            description="Variable sign of a car park, which tells how many free spaces it shows",
        ),
    ),
    thresholds=(
        Threshold(
            name="spaces",
            quantity="vehicles_present",
            unit="{veh}",
            label_en="Spaces of the car park",
            label_fr="Places du parc",
            short_en="spaces",
            short_fr="places",
            usual=100.0,
        ),
    ),
)
