"""Video protection: which cameras see nothing, which recorders fill or keep too long. No images."""

from dashboards._colours import FEW_IS_GOOD, GREEN, GREY, NONE_IS_GOOD, ORANGE, RED, YELLOW, scale
from dashboards._describe import Column, Dashboard, Panel, bar, coloured, count_column
from dashboards._lanes import alarm_lanes, fault_lanes
from dashboards._links import site_page
from dashboards._sql import BAR, EVERY, UNTIL, before, latest, readings, territory
from dashboards._views import Stat, Table, TimeSeries
from dashboards._words import Text

REACHED = scale(RED, (1, GREEN))
AGE = scale(GREEN, (60, YELLOW), (300, RED))  # s
DISK = scale(GREEN, (80, YELLOW), (90, ORANGE), (98, RED))  # %
OVER = scale(GREY, (100, ORANGE), (103, RED))  # % of the days that are authorised

_SEEN = ("camera_reachable", "frame_age", "camera_tampering")

# Each camera by its last readings in the six hours before the end of the time range.
_CAMERAS = f"""
    WITH camera AS (
        SELECT site.id, site.name, site.title,
               max(latest.last) FILTER (WHERE series.quantity = 'camera_reachable') AS reached,
               max(latest.last) FILTER (WHERE series.quantity = 'frame_age') AS age,
               max(latest.last) FILTER (WHERE series.quantity = 'camera_tampering') AS tampered
        FROM {latest(*_SEEN, since=before(UNTIL, "6 hours"))}
        WHERE {territory()} GROUP BY site.id, site.name, site.title
    )"""

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
    {_CAMERAS}
    SELECT count(*) FILTER (WHERE reached = 0)::int AS down,
           count(*) FILTER (WHERE reached = 1 AND age > 300)::int AS blind,
           count(*) FILTER (WHERE tampered = 1)::int AS tampered,
           (SELECT count(*) FROM alarm JOIN site ON site.id = alarm.site
            WHERE alarm.domain = 'cameras' AND alarm.withdrawn IS NULL AND alarm.began <= {UNTIL}
              AND (alarm.ended IS NULL OR alarm.ended > {UNTIL}) AND {territory()})::int AS alarms
    FROM camera
    """,
    columns=(
        count_column("down", "not reachable", "injoignables", NONE_IS_GOOD),
        count_column("blind", "without image", "sans image", NONE_IS_GOOD),
        count_column("tampered", "covered or turned", "masquées", NONE_IS_GOOD),
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
    {_CAMERAS}
    SELECT name AS site, title, reached, age, tampered FROM camera
    ORDER BY reached, tampered DESC NULLS LAST, age DESC NULLS LAST, title
    """,
    columns=(
        Column("site", hidden=True),
        Column("title", Text("Camera", "Caméra"), links=(site_page(),)),
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
    WITH recorder AS (
        SELECT site.id, site.name, site.title,
               max(latest.last) FILTER (WHERE series.quantity = 'recorder_disk') AS disk,
               max(latest.last) FILTER (WHERE series.quantity = 'recording_age') AS oldest
        FROM {latest("recorder_disk", "recording_age", since=before(UNTIL, "6 hours"))}
        WHERE {territory()} GROUP BY site.id, site.name, site.title
    ), allowed AS (
        SELECT t.site, max(t.value) AS days FROM threshold_spans() t
        WHERE t.name = 'retention_limit' AND t.begins <= {UNTIL} AND {UNTIL} < t.ends
        GROUP BY t.site
    )
    SELECT recorder.name AS site, recorder.title, recorder.disk, recorder.oldest,
           100 * recorder.oldest / nullif(allowed.days, 0) AS against
    FROM recorder LEFT JOIN allowed ON allowed.site = recorder.name
    ORDER BY against DESC NULLS LAST, disk DESC NULLS LAST, title
    """,
    columns=(
        Column("site", hidden=True),
        Column("title", Text("Recorder", "Enregistreur"), links=(site_page(),)),
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
