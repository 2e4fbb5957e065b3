"""The room's six figures of a flood, and the two questions they share with the tables."""

from dashboards._colours import BLUE, FEW_IS_GOOD, GREEN, NONE_IS_GOOD, ORANGE, RED, VIOLET, scale
from dashboards._describe import Panel
from dashboards._sql import UNTIL, series_of, territory
from dashboards._views import Stat
from dashboards._words import Text

BASIN_FILLING, BASIN_FULL = 80.0, 95.0  # %; those of the rule flood-basin-full (a test holds them)
BASIN_STEPS = scale(BLUE, (BASIN_FILLING, ORANGE), (BASIN_FULL, RED))
# A level that is older says nothing of now.
RECENT = f"{UNTIL} - INTERVAL '1 day'"
# Silent: no reading for longer than the series' own limit, or three times its interval.
GAUGES = f"""
SELECT g.name AS site, g.river, g.river_order, g.title AS station, c.value - g.alert AS margin,
       c.per_hour * 100 AS trend,
       CASE WHEN c.per_hour IS NULL THEN NULL WHEN c.per_hour > 2 * c.error THEN 'rising'
            WHEN -c.per_hour > 2 * c.error THEN 'falling' ELSE 'steady' END AS moves,
       CASE WHEN c.time IS NULL
              OR {UNTIL} - c.time > make_interval(secs => k.stale_s)
              THEN 'silent'
            WHEN g.alert IS NULL THEN 'unknown'
            WHEN c.value > g.danger THEN 'danger' WHEN c.value > g.alert THEN 'alert'
            WHEN c.value > g.attention THEN 'attention' ELSE 'below' END AS state,
       extract(epoch FROM {UNTIL} - newest.time)::float8 / 60 AS age, c.value + g.zero AS elevation
FROM gauges_at({UNTIL}) g
LEFT JOIN LATERAL last_reading(g.series, {UNTIL}) newest ON true
LEFT JOIN LATERAL course_at(g.series, {UNTIL}, 0.001) c ON c.time > {RECENT}
LEFT JOIN LATERAL (
    SELECT coalesce(stale_s, 3 * interval_s, 2700) AS stale_s
    FROM cadence_at(g.device, 'level', {UNTIL})) k ON true
WHERE {territory("g")}
"""

_OVER = Panel(
    key="flood-over",
    title=Text("Gauges above alert", "Stations en alerte"),
    about=Text(
        "How many gauges stand above their alert level at the end of the time shown.",
        "Nombre de stations au-dessus de leur niveau d'alerte à la fin de la période affichée.",
    ),
    view=Stat(colour="background"),
    sql=f"SELECT count(*) FILTER (WHERE margin > 0) AS over FROM ({GAUGES}) g",
    unit="count",
    steps=FEW_IS_GOOD,
    width=4,
    height=4,
)
_NEAREST = Panel(
    key="flood-nearest",
    title=Text("Level minus alert, highest", "Hauteur moins alerte"),
    about=Text(
        en="Of all gauges the one nearest to its alert level from below, or farthest above it:"
        " level minus alert threshold. Positive: the threshold is exceeded.",
        fr="La station la plus proche de son niveau d'alerte, ou celle qui le dépasse le plus :"
        " hauteur moins seuil d'alerte. Positif : le seuil est dépassé.",
    ),
    view=Stat(colour="value", rows=True, text="value_and_name"),
    sql=f"SELECT station, margin FROM ({GAUGES}) g WHERE margin IS NOT NULL"
    " ORDER BY margin DESC LIMIT 1",
    unit="m",
    decimals=2,
    steps=scale(BLUE, (0, ORANGE)),
    no_value=Text("no reading", "aucune mesure"),
    width=4,
    height=4,
)
REACHES = f"""
SELECT r.gauge AS site, r.title AS asset, r.kind, r.gauge_title AS station,
       CASE WHEN r.known THEN r.state ELSE 'unknown' END AS state,
       CASE WHEN r.known THEN r.due_h END AS due_h,
       CASE WHEN r.known THEN r.earliest_h END AS earliest_h,
       CASE WHEN r.known THEN r.latest_h END AS latest_h,
       CASE WHEN r.known THEN r.margin END AS margin
FROM (SELECT reach.*, reach.read_at > {RECENT} AS known FROM reaches_at({UNTIL}) reach) r
JOIN site g ON g.name = r.gauge WHERE {territory("g")}
"""
_NEXT = Panel(
    key="flood-next-asset",
    title=Text("Next asset in the water in", "Prochain enjeu dans"),
    about=Text(
        en="Hours until the water reaches the next asset if the gauge goes on rising as in its last"
        " three hours. Nothing: none is reached within 24 h at today's rates.",
        fr="Heures avant que l'eau n'atteigne le prochain enjeu si la montée des trois dernières"
        " heures se poursuit. Rien : aucun enjeu atteint sous 24 h à ce rythme.",
    ),
    view=Stat(rows=True, text="value_and_name"),
    sql=f"SELECT asset, due_h FROM ({REACHES}) r WHERE due_h IS NOT NULL ORDER BY due_h LIMIT 1",
    unit="h",
    decimals=1,
    steps=scale(RED, (2, ORANGE), (6, BLUE)),
    no_value=Text("none in 24 h", "aucun sous 24 h"),
    empty="no asset is about to be reached",
    width=4,
    height=4,
)
_REACHED = Panel(
    key="flood-reached",
    title=Text("Assets in the water", "Enjeux atteints"),
    about=Text(
        en="How many roads, schools, cabinets and other assets have their level at the gauge"
        " exceeded.",
        fr="Nombre d'enjeux (voies, écoles, armoires…) dont la cote à la station est dépassée.",
    ),
    view=Stat(colour="background"),
    sql=f"SELECT count(*) FILTER (WHERE state = 'reached') AS reached FROM ({REACHES}) r",
    unit="count",
    steps=NONE_IS_GOOD,
    width=4,
    height=4,
)
_FULLEST = Panel(
    key="flood-fullest",
    title=Text("Fullest retention basin", "Bassin le plus rempli"),
    about=Text(
        "The fill of the fullest retention basin. From 95 % it holds nothing back any more.",
        "Remplissage du bassin de retenue le plus plein. À partir de 95 %, il n'écrête plus.",
    ),
    view=Stat(rows=True, text="value_and_name"),
    sql=f"""
    SELECT site.title AS basin, r.value AS fill
    FROM unnest({series_of("basin_fill")}) AS basin (id)
    JOIN series ON series.id = basin.id JOIN device ON device.id = series.device
    JOIN site ON site.id = device.site
    CROSS JOIN LATERAL last_reading(series.id, {UNTIL}) r ORDER BY r.value DESC LIMIT 1
    """,
    quantity="basin_fill",
    steps=BASIN_STEPS,
    no_value=Text("no basin", "aucun bassin"),
    width=4,
    height=4,
)
_SILENT = Panel(
    key="flood-silent",
    title=Text("Silent gauges", "Stations muettes"),
    about=Text(
        en="Gauges that have not told their level for longer than their own limit: there we are"
        " blind.",
        fr="Stations sans mesure depuis plus longtemps que leur propre délai : nous y sommes"
        " aveugles.",
    ),
    view=Stat(colour="background"),
    sql=f"SELECT count(*) FILTER (WHERE state = 'silent') AS silent FROM ({GAUGES}) g",
    unit="count",
    steps=scale(GREEN, (1, VIOLET)),
    width=4,
    height=4,
)
FIGURES = (_OVER, _NEAREST, _REACHED, _NEXT, _FULLEST, _SILENT)
