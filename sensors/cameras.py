"""Video protection: whether cameras see, and what their recorders keep. No images, no persons.

Standard names are those of ONVIF (events, recording search, counters) and of HOST-RESOURCES-MIB.
"""

from datetime import timedelta

from sensors._domain import DeviceModel, Domain, GroupKind, Threshold
from sensors._quantity import Kind, Quantity, on_off, percentage

POLLED = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
SEES = ("camera_reachable", "frame_age", "camera_tampering")

DOMAIN = Domain(
    name="cameras",
    label_en="Video protection",
    label_fr="Vidéoprotection",
    groups=(GroupKind(name="video_system", label_en="Video system", label_fr="Système vidéo"),),
    grouping="group",
    icon="M2 5h8l2 2v3H4L2 8zM12 8h2M5 10v3M3 13h4",
    colour="#5f7f95",
    event="outage",
    calm={
        "camera_reachable": 1.0,
        "frame_age": 4.0,
        "camera_tampering": 0.0,
        "recorder_disk": 70.0,
        "recording_age": 14.0,
    },
    quantities=(
        on_off(
            name="camera_reachable",
            standard="ONVIF GetDeviceInformation answered",
            interval=POLLED,
            label_en="Camera reachable",
            label_fr="Caméra joignable",
        ),
        Quantity(
            name="frame_age",
            standard="ONVIF RecordingSummary DataUntil",
            unit="s",
            kind=Kind.GAUGE,
            low=0.0,
            high=10_000_000.0,
            resolution=1.0,
            interval=POLLED,
            label_en="Age of the newest recorded image",
            label_fr="Âge de la dernière image enregistrée",
            nonnegative=True,
        ),
        on_off(
            name="camera_tampering",
            standard="ONVIF VideoSource/GlobalSceneChange",
            interval=HOUR,
            label_en="Camera covered, turned or out of focus",
            label_fr="Caméra masquée, déplacée ou floue",
        ),
        Quantity(
            name="crossings_in",
            standard="ONVIF CountAggregation/Counter",
            unit="1",
            kind=Kind.INCREMENT,
            low=0.0,
            high=20_000.0,
            resolution=1.0,
            interval=QUARTER,
            label_en="Line crossings inwards",
            label_fr="Passages entrants",
            nonnegative=True,
        ),
        Quantity(
            name="crossings_out",
            standard="ONVIF CountAggregation/Counter",
            unit="1",
            kind=Kind.INCREMENT,
            low=0.0,
            high=20_000.0,
            resolution=1.0,
            interval=QUARTER,
            label_en="Line crossings outwards",
            label_fr="Passages sortants",
            nonnegative=True,
        ),
        percentage(
            name="recorder_disk",
            standard="hrStorageUsed / hrStorageSize",
            interval=QUARTER,
            label_en="Recorder disk used",
            label_fr="Disque de l'enregistreur",
        ),
        Quantity(
            name="recording_age",
            standard="ONVIF RecordingSummary DataFrom",
            unit="d",
            kind=Kind.GAUGE,
            low=0.0,
            high=3_650.0,
            resolution=0.01,
            interval=HOUR,
            label_en="Age of the oldest recording",
            label_fr="Âge du plus ancien enregistrement",
            nonnegative=True,
        ),
    ),
    models=(
        DeviceModel(
            name="video-camera",
            quantities=SEES,
            description="Camera with ONVIF, polled by a gateway",
        ),
        DeviceModel(
            name="counting-camera",
            quantities=(*SEES, "crossings_in", "crossings_out"),
            description="Camera that counts who crosses a line, both ways; sends numbers only",
        ),
        DeviceModel(
            name="video-recorder",
            quantities=("recorder_disk", "recording_age"),
            description="Network video recorder, polled by SNMP and ONVIF",
        ),
    ),
    thresholds=(
        Threshold(
            name="recorder_full",
            quantity="recorder_disk",
            unit="%",
            label_en="Disk use at which a recorder is full",
            label_fr="Occupation à partir de laquelle un enregistreur est plein",
            short_en="full",
            short_fr="plein",
            usual=90.0,
        ),
        Threshold(
            name="retention_limit",
            quantity="recording_age",
            unit="d",
            label_en="Days that recordings may be kept",
            label_fr="Durée de conservation autorisée",
            short_en="retention",
            short_fr="conservation",
            usual=30.0,
        ),
    ),
)
