"""Peaks: observed in the time shown, expected from upstream, and past floods aligned at theirs."""

from grafana_foundation_sdk.models import dashboard as sdk

from dashboards._colours import BLUE, GREY, ORANGE, RED, State, scale
from dashboards._describe import Builder, Column, Panel, Section, coloured
from dashboards._flood_course import urgent
from dashboards._gaps import FIT
from dashboards._links import site_page
from dashboards._sites_now import state_column
from dashboards._sql import EVER, SINCE, UNTIL, before, hours, territory
from dashboards._views import Scatter, Table
from dashboards._words import Text

# Peaks at least five days apart; the last ten days may hold one that is not over.
_BEFORE_PEAK = "peak.begins - INTERVAL '1 microsecond'"
_ALIGNED = f"""
WITH {urgent("g.alert IS NOT NULL")}, day AS (
    SELECT urgent.series, urgent.site, urgent.title, urgent.river, urgent.alert,
           day.time AS begins, day.high AS max,
           day.high > urgent.attention AS high,
           max(day.high) OVER (ORDER BY day.time RANGE BETWEEN INTERVAL '5 days' PRECEDING
                               AND INTERVAL '5 days' FOLLOWING) AS around
    FROM urgent CROSS JOIN readings_by(ARRAY(SELECT series FROM urgent), {EVER}, {UNTIL},
                                       interval '1 day') AS day
), peak AS (
    SELECT day.*, day.begins > {UNTIL} - INTERVAL '10 days' AS latest,
           day.begins + INTERVAL '25 hours' AS ends FROM day
    WHERE day.max = day.around AND (day.high OR day.begins > {UNTIL} - INTERVAL '10 days')
    ORDER BY day.begins > {UNTIL} - INTERVAL '10 days' DESC, day.max DESC
    LIMIT 6
), flood AS MATERIALIZED (
    SELECT peak.series, peak.alert, peak.latest, top.begins AS at,
           top.begins - INTERVAL '3 days' AS first,
           top.begins + INTERVAL '3 days' AS last,
           CASE WHEN NOT peak.latest THEN '' WHEN {{{{lang}}}} = 'fr' THEN 'dernière · '
                ELSE 'latest · ' END
           || peak.title || ' · '
           || to_char(top.begins AT TIME ZONE (SELECT timezone FROM instance),
                      CASE {{{{lang}}}} WHEN 'fr' THEN 'DD/MM/YYYY' ELSE 'YYYY-MM-DD' END)
           || coalesce(' · ' || (
               SELECT CASE {{{{lang}}}} WHEN 'fr' THEN 'notée' ELSE 'noted' END
                      || coalesce(' ' || noted.peak || ' ' || noted.unit, '')
               FROM past_event noted
               WHERE (noted.site = peak.site OR noted.river = peak.river)
                AND noted.kind IN ('flood', 'overflow') AND noted.withdrawn_at IS NULL
                AND top.begins BETWEEN noted.begins - INTERVAL '1 day'
                    AND noted.ends + INTERVAL '1 day' ORDER BY noted.site NULLS LAST LIMIT 1), '')
               AS flood
    FROM peak CROSS JOIN LATERAL (
        SELECT hour.begins
        FROM {hours("ARRAY[peak.series]", _BEFORE_PEAK, f"least(peak.ends, {UNTIL})")} AS hour
        WHERE hour.begins < peak.ends ORDER BY hour.max DESC, hour.begins LIMIT 1) top
)
SELECT flood.flood, extract(epoch FROM hour.begins - flood.at)::float8 / 3600 AS hours,
       hour.max - flood.alert AS margin
FROM flood CROSS JOIN LATERAL
    {hours("ARRAY[flood.series]", "flood.first", f"least(flood.last, {UNTIL})")} AS hour
ORDER BY flood.latest DESC, 1, 2
"""


_MINUS = Text("level minus alert", "hauteur moins alerte")


def _bold(builder: Builder) -> Builder:
    """Lines that are seen from afar."""
    return builder.override_by_regexp(
        "/margin/", [sdk.DynamicConfigValue(id_val="custom.lineWidth", value=2)]
    )


_PAST = Panel(
    key="flood-past",
    title=Text(
        "This flood and past ones, aligned at their peaks",
        "Cette crue et les crues passées, calées sur le pic",
    ),
    about=Text(
        en="The gauge of the hydrograph with rain: its five highest floods above the attention"
        " level (“noted”: observed by people, with the level measured on site), hour by hour"
        " around their peak (hour 0), level minus today's alert threshold. While the latest flood"
        " rises, its last hour is at 0. How fast and how long did earlier floods rise?",
        fr="La station de l'hydrogramme avec pluie : ses cinq plus fortes crues au-dessus du"
        " niveau d'attention (« notée » : crue vue sur place, avec la cote relevée), heure par"
        " heure de part et d'autre du pic (heure 0), hauteur moins seuil d'alerte actuel. Tant que"
        " la dernière monte, son heure la plus récente est à 0. À quelle vitesse, et combien de"
        " temps, montait-elle alors ?",
    ),
    view=Scatter(x="hours", y="margin", by="flood", show="lines"),
    sql=_ALIGNED,
    columns=(
        Column(
            "hours",
            Text("hours from the peak", "heures par rapport au pic"),
            unit="number",
            decimals=1,
        ),
        Column("/margin/", "${__series.name}", unit="m", decimals=2, axis_label=_MINUS),
    ),
    no_value=Text("no flood on record here", "aucune crue connue ici"),
    refine=_bold,
    width=24,
    height=10,
)

_PEAKS = f"""
WITH gauge AS MATERIALIZED (
    SELECT g.*, c.value, c.time, c.per_hour, c.error, c.per_hour < -2 * c.error AS falls,
           c.per_hour > 2 * c.error AS rises
    FROM gauges_at({UNTIL}) g CROSS JOIN LATERAL course_at(g.series, {UNTIL}, 0.001) c
), observed AS (
    SELECT DISTINCT ON (bucket.series_id) bucket.series_id, bucket.high, bucket.time,
           bucket.time + {FIT} AS ends
    FROM readings_by(ARRAY(SELECT series FROM gauge), {SINCE}, {UNTIL},
                     {FIT}) bucket
    ORDER BY bucket.series_id, bucket.high DESC, bucket.time
), lately AS (
    SELECT DISTINCT ON (hour.series_id) hour.series_id, hour.begins, hour.max,
           hour.begins + INTERVAL '1 hour' AS ends
    FROM {hours("ARRAY(SELECT series FROM gauge)", before(UNTIL, "24 hours"))} AS hour
    ORDER BY hour.series_id, hour.max DESC, hour.begins
), way AS (
    SELECT DISTINCT ON (key) split_part(key, '>', 1) AS above, split_part(key, '>', 2) AS below,
           make_interval(secs => (value->>'travel_s')::float8) AS travel
    FROM revision WHERE kind = 'link' AND effective <= {UNTIL} ORDER BY key, effective DESC, id DESC
), coming AS (
    SELECT DISTINCT ON (way.below) way.below, gauge.title AS above,
           lately.max - gauge.alert AS margin,
           coalesce(exact.time, lately.begins) + way.travel AS due
    FROM way JOIN gauge ON gauge.name = way.above AND gauge.falls
    JOIN lately ON lately.series_id = gauge.series
    LEFT JOIN LATERAL (
        SELECT reading.time FROM reading WHERE reading.series_id = lately.series_id
         AND reading.time >= lately.begins AND reading.time < lately.ends
         AND reading.value IS NOT NULL AND reading.quality & 7 = 0
        ORDER BY reading.value DESC, reading.time LIMIT 1) exact ON true
    WHERE coalesce(exact.time, lately.begins) + way.travel > {UNTIL}
    ORDER BY way.below, due DESC
)
SELECT g.name AS site, g.river, g.title AS station, coalesce(exact.time, observed.time) AS peak_at,
       observed.high - g.alert AS peak,
       CASE WHEN g.rises THEN 'rising' WHEN observed.high - g.value >= 0.02 THEN 'passed'
            ELSE 'steady' END AS state,
       coming.due AS due_at, coming.above, coming.margin AS above_peak
FROM gauge g LEFT JOIN observed ON observed.series_id = g.series
LEFT JOIN LATERAL (
    SELECT reading.time FROM reading WHERE reading.series_id = observed.series_id
     AND reading.time >= observed.time
     AND reading.time < observed.ends
     AND reading.value IS NOT NULL AND reading.quality & 7 = 0
    ORDER BY reading.value DESC, reading.time LIMIT 1) exact ON true
LEFT JOIN coming ON coming.below = g.name
WHERE {territory("g")} ORDER BY g.river, g.river_order, g.name
"""

_STATES = (
    State("rising", Text("still rising", "monte encore"), RED, "↗"),
    State("passed", Text("passed", "passé"), BLUE, "↘"),
    State("steady", Text("level", "étale"), GREY, "→"),
)
_ABOVE_ALERT = scale(BLUE, (0, ORANGE))
_TABLE = Panel(
    key="flood-peaks",
    title=Text("Peaks, observed and expected", "Pics observés et attendus"),
    about=Text(
        en="Observed: the highest level in the time shown, when, and minus today's alert"
        " threshold; whether it has passed or the river still rises. Expected: where a gauge"
        " upstream now falls, when its peak of the last 24 h gets here by the registered travel"
        " time, and how high it was there above its own alert level. What rain and tributaries add"
        " in between is not in it.",
        fr="Observé : niveau maximal de la période affichée, son heure, et l'écart au seuil"
        " d'alerte actuel ; pic passé ou montée en cours. Attendu : quand une station d'amont est"
        " en décrue, heure à laquelle son pic des dernières 24 h arrive ici selon le temps de"
        " propagation de l'inventaire, et écart de ce pic à l'alerte là-bas. Ni la pluie ni les"
        " affluents intermédiaires n'y sont.",
    ),
    view=Table(),
    sql=_PEAKS,
    columns=(
        Column("site", hidden=True),
        Column("river", Text("River", "Cours d'eau")),
        Column("station", Text("Gauge", "Station"), links=(site_page(),)),
        Column("peak_at", Text("Peak at", "Pic à"), unit="date"),
        coloured("peak", Text("minus alert", "moins alerte"), "m", _ABOVE_ALERT, decimals=2),
        state_column(_STATES),
        Column("due_at", Text("Expected at", "Attendu à"), unit="date"),
        Column("above", Text("from", "depuis")),
        coloured("above_peak", Text("peak there", "pic amont"), "m", _ABOVE_ALERT, decimals=2),
    ),
    width=24,
    height=18,
)
SECTION = Section(
    key="flood-peaks-section", title=Text("Peaks", "Pics de crue"), panels=(_TABLE, _PAST)
)
