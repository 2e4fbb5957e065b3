"""Video protection: which cameras see nothing, which recorders fill or keep too long. No images."""

from dashboards._colours import FEW_IS_GOOD, GREEN, GREY, NONE_IS_GOOD, ORANGE, RED, YELLOW, scale
from dashboards._describe import Column, Dashboard, Panel, bar, coloured, count_column
from dashboards._lanes import alarm_lanes, fault_lanes
from dashboards._sites_now import Last, limits, open_alarms, site_columns, site_values
from dashboards._sql import BAR, EVERY, UNTIL, before, readings
from dashboards._views import Stat, Table, TimeSeries
from dashboards._words import Text

REACHED = scale(RED, (1, GREEN))
AGE = scale(GREEN, (60, YELLOW), (300, RED))  # s
DISK = scale(GREEN, (80, YELLOW), (90, ORANGE), (98, RED))  # %
OVER = scale(GREY, (100, ORANGE), (103, RED))  # % of the days that are authorised

# Each camera and recorder by its last readings in the six hours before the end of the time range.
_CAMERAS = site_values(
    reached=Last("camera_reachable", "6 hours"),
    age=Last("frame_age", "6 hours"),
    tampered=Last("camera_tampering", "6 hours"),
)
_RECORDERS = site_values(
    disk=Last("recorder_disk", "6 hours"), oldest=Last("recording_age", "6 hours")
)
_HEARD = f"heard > {before(UNTIL, '6 hours')}"

NOW = Panel(
    key="cameras-now",
    title=Text("Now", "Maintenant"),
    about=Text(
        en="Cameras that are not reachable, that answer without a new image for five minutes, that"
        " are covered or turned; and open alarms, at the end of the time range.",
        fr="Caméras injoignables, caméras sans nouvelle image depuis cinq minutes, masquées ou"
        " déplacées ; et alarmes ouvertes, à la fin de la période.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    SELECT count(*) FILTER (WHERE reached = 0)::int AS down,
           count(*) FILTER (WHERE reached = 1 AND age > 300)::int AS blind,
           count(*) FILTER (WHERE tampered = 1)::int AS tampered,
           count(*) FILTER (WHERE reached IS NULL)::int AS silent,
           {open_alarms("cameras")} AS alarms
    FROM ({_CAMERAS}) camera
    """,
    columns=(
        count_column("down", "not reachable", "injoignables", NONE_IS_GOOD),
        count_column("blind", "without image", "sans image", NONE_IS_GOOD),
        count_column("tampered", "covered or turned", "masquées", NONE_IS_GOOD),
        count_column("silent", "without a report", "sans nouvelles", FEW_IS_GOOD),
        count_column("alarms", "open alarms", "alarmes ouvertes", FEW_IS_GOOD),
    ),
    width=24,
    height=4,
)

CAMERAS = Panel(
    key="cameras-list",
    title=Text("Cameras", "Caméras"),
    about=Text(
        en="Each camera: whether it answers, the age of its newest recorded image, whether it is"
        " covered, turned or out of focus. Those in trouble first.",
        fr="Chaque caméra : répond-elle, âge de la dernière image enregistrée, masquée, déplacée ou"
        " floue. Celles en défaut d'abord.",
    ),
    view=Table(),
    sql=f"""
    SELECT name AS site, title, reached, age, tampered FROM ({_CAMERAS}) camera WHERE {_HEARD}
    ORDER BY reached, tampered DESC NULLS LAST, age DESC NULLS LAST, title
    """,
    columns=(
        *site_columns(Text("Camera", "Caméra")),
        coloured("reached", Text("Reachable", "Joignable"), "bool", REACHED),
        coloured("age", Text("Newest image", "Dernière image"), "s", AGE, decimals=0),
        coloured("tampered", Text("Covered", "Masquée"), "bool", NONE_IS_GOOD),
    ),
    empty="no camera told anything in the last six hours",
    timeless="the last reading of a camera may be older than the time range",
    width=12,
    height=9,
)

RECORDERS = Panel(
    key="cameras-recorders",
    title=Text("Recorders", "Enregistreurs"),
    about=Text(
        en="Each recorder: disk in use, age of its oldest recording and that age as a share of what"
        " its authorisation allows (a month at most by law).",
        fr="Chaque enregistreur : disque occupé, âge du plus ancien enregistrement, et cet âge"
        " rapporté à la durée autorisée (un mois au plus selon la loi).",
    ),
    view=Table(),
    sql=f"""
    SELECT recorder.name AS site, recorder.title, recorder.disk, recorder.oldest,
           100 * recorder.oldest / nullif(allowed.days, 0) AS against
    FROM ({_RECORDERS}) recorder
    LEFT JOIN {limits(days="retention_limit")} allowed ON allowed.site = recorder.name
    WHERE {_HEARD}
    ORDER BY against DESC NULLS LAST, disk DESC NULLS LAST, title
    """,
    columns=(
        *site_columns(Text("Recorder", "Enregistreur")),
        bar("disk", Text("Disk", "Disque"), "%", DISK, low=0, high=100, decimals=0),
        Column("oldest", Text("Oldest", "Plus ancien"), unit="d", decimals=1),
        coloured("against", Text("Of allowed", "De l'autorisé"), "%", OVER, decimals=0),
    ),
    empty="no recorder told anything in the last six hours",
    timeless="the last reading of a recorder may be older than the time range",
    width=12,
    height=9,
)

COURSE = Panel(
    key="cameras-disk",
    title=Text("Recorder disks", "Disques des enregistreurs"),
    about=Text(
        en="A recorder that erases its oldest images stays level; one that climbs erases no more.",
        fr="Un enregistreur qui efface ses plus anciennes images reste stable ; s'il monte, il"
        " n'efface plus.",
    ),
    view=TimeSeries(soft_min=0),
    quantity="recorder_disk",
    steps=DISK,
    sql=f"""
    SELECT bucket.time, site.title AS metric, bucket.last AS value
    FROM {readings("recorder_disk", every=EVERY)} ORDER BY bucket.time, metric
    """,
    no_value=Text("nothing was measured", "rien n'a été mesuré"),
    empty="no recorder measured in the time range",
    width=12,
    height=9,
)

LINES = Panel(
    key="cameras-lines",
    title=Text("Line crossings", "Passages comptés"),
    about=Text(
        en="Who crossed the lines of counting cameras, both ways: numbers only.",
        fr="Passages aux lignes des caméras de comptage, dans chaque sens : des nombres seulement.",
    ),
    view=TimeSeries(draw="bars", soft_min=0),
    quantity="crossings_in",
    sql=f"""
    SELECT bucket.time, site.title || CASE series.quantity WHEN 'crossings_in' THEN ' +'
           ELSE ' −' END AS metric, bucket.total AS value
    FROM {readings("crossings_in", "crossings_out", every=BAR)} ORDER BY bucket.time, metric
    """,  # noqa: RUF001  the minus sign is meant
    no_value=Text("nothing was counted", "rien n'a été compté"),
    empty="no line counted in the time range",
    width=12,
    height=9,
)

DASHBOARD = Dashboard(
    key="cameras",
    title=Text("Video protection", "Vidéoprotection"),
    about=Text(
        en="Cameras that do not answer or see, recorders that fill or keep too long, lines that"
        " miscount. No images.",
        fr="Caméras injoignables ou aveugles, enregistreurs pleins ou qui gardent trop longtemps,"
        " comptages en défaut. Aucune image.",
    ),
    domains=("cameras",),
    since="now-48h",
    panels=(
        NOW,
        CAMERAS,
        RECORDERS,
        COURSE,
        LINES,
        alarm_lanes("cameras", height=7),
        fault_lanes("cameras", width=24, height=7),
    ),
)
