"""Mobility: bicycles and pedestrians by day, against the same weekday."""

from dashboards._colours import BLUE, GREEN, GREY, ORANGE, RED, State, scale
from dashboards._describe import Column, Panel, Section, coloured
from dashboards._field_alarms import QUIET
from dashboards._links import site_page
from dashboards._mobility_words import ZONE
from dashboards._sql import SINCE, UNTIL, readings, series_of
from dashboards._views import Table, TimeSeries
from dashboards._words import Text

_PIECE = (
    f"CASE WHEN {UNTIL} - {SINCE} <= interval '3 days' THEN interval '1 hour'"
    " ELSE interval '1 day' END"
)
_LAST_DAY = f"date_trunc('day', date_trunc('day', {UNTIL}, {ZONE}) - interval '12 hours', {ZONE})"
_COUNTED = (
    State("bicycles", Text("bicycles", "vélos"), GREEN),
    State("pedestrians", Text("pedestrians", "piétons"), BLUE),
)
_CHECK = (
    State(
        "zero", Text("zero: look at it", "zéro : à vérifier"), RED,
        "■",
    ),
    State("silent", Text("silent", "muet"), GREY, "✕"),
    State("counts", Text("counts", "compte"), QUIET, "●"),
)  # fmt: skip

_DAYS = Panel(
    key="mobility-bicycles",
    title=Text("Bicycles", "Vélos"),
    about=Text(
        en="Bicycles counted, by counter, an hour in a bar (over more than three days: a local"
        " day).",
        fr="Vélos comptés, par compteur ; une barre par heure (au-delà de trois jours : par jour).",
    ),
    view=TimeSeries(draw="bars", stacked=True, legend="table", legend_calcs=("sum", "max")),
    quantity="bicycles",
    sql=f"""
    SELECT bucket.time, site.title AS metric, sum(bucket.total) AS value
    FROM {readings("bicycles", every=_PIECE)}
    GROUP BY bucket.time, site.title ORDER BY bucket.time, site.title
    """,
    width=12,
    height=12,
)

_WEEKDAY = Panel(
    key="mobility-weekday",
    title=Text("The last whole day against its weekday", "Dernier jour entier et même jour"),
    about=Text(
        en="Totals of the last local day that is over, of the same weekday a week before, and the"
        " mean of the same weekday over the four weeks before. A counter at zero against a weekday"
        " that counts is broken or blocked; rain and holidays explain the rest.",
        fr="Totaux du dernier jour échu, du même jour de la semaine précédente, et moyenne du même"
        " jour sur les quatre semaines précédentes. Un compteur à zéro quand ce jour compte"
        " d'habitude est en panne ou masqué ; pluie et vacances expliquent le reste.",
    ),
    view=Table(),
    sql=f"""
    WITH day AS (
        SELECT {_LAST_DAY} AS last, ({_LAST_DAY} AT TIME ZONE {ZONE})::date AS date
    ),
    said AS (
        SELECT bucket.series_id, bucket.total,
               (bucket.time AT TIME ZONE {ZONE})::date AS date
        FROM readings_by({series_of("bicycles", "pedestrians")},
                         (SELECT last - interval '29 days' FROM day),
                         (SELECT last + interval '12 hours' FROM day),
                         interval '1 day') bucket
    ),
    held AS (
        SELECT series.id, site.name AS site, site.title, series.quantity AS counted,
               sum(said.total) FILTER (WHERE said.date = day.date) AS last,
               sum(said.total) FILTER (WHERE said.date = day.date - 7) AS before,
               avg(said.total) FILTER (WHERE said.date < day.date
                   AND (day.date - said.date) % 7 = 0) AS usual
        FROM series JOIN device ON device.id = series.device
        JOIN site ON site.id = device.site CROSS JOIN day
        LEFT JOIN said ON said.series_id = series.id
        WHERE series.id = ANY ({series_of("bicycles", "pedestrians")})
        GROUP BY series.id, site.name, site.title, series.quantity
    )
    SELECT site, title, counted, last, before, usual,
           100 * (last / nullif(usual, 0) - 1) AS change,
           CASE WHEN last IS NULL THEN 'silent'
                WHEN last = 0 AND coalesce(usual, 1) > 0 THEN 'zero' ELSE 'counts' END
               AS check
    FROM held ORDER BY counted, title
    """,
    columns=(
        Column("site", hidden=True),
        Column("title", Text("Counter", "Compteur"), links=(site_page(),)),
        Column("counted", Text("Of", "Usagers"), states=_COUNTED, width=90),
        Column("last", Text("Day", "Jour"), quantity="bicycles", width=80),
        Column("before", Text("D-7", "J-7"), quantity="bicycles", width=80),
        Column("usual", Text("Usual", "Habituel"), quantity="bicycles", decimals=0, width=80),
        coloured(
            "change",
            Text("Change", "Écart"),
            "%",
            scale(GREY, (-100, RED), (-60, ORANGE), (-30, GREY), (30, BLUE)),
            decimals=0,
            width=75,
        ),
        Column("check", Text("Check", "Contrôle"), states=_CHECK, cell="text", width=110),
    ),
    timeless="whole days before the end of the time asked",
    width=12,
    height=12,
)

SECTION = Section(
    key="mobility-active-section",
    title=Text("Bicycles and pedestrians", "Vélos et piétons"),
    panels=(_DAYS, _WEEKDAY),
)
