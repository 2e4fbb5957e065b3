"""Waste: which containers fill, when each will be full and was last emptied, and what burns."""

from dashboards._colours import FEW_IS_GOOD, GREEN, GREY, NONE_IS_GOOD, ORANGE, RED, YELLOW, scale
from dashboards._describe import Column, Dashboard, Panel, bar, coloured, count_column
from dashboards._lanes import alarm_lanes, fault_lanes
from dashboards._links import site_page
from dashboards._sites_now import open_alarms, site_columns
from dashboards._sql import EVERY, UNTIL, before, latest, readings, series_of, territory
from dashboards._views import Geomap, Stat, Table, TimeSeries
from dashboards._words import Text

FILL = scale(GREEN, (60, YELLOW), (85, ORANGE), (98, RED))  # %
HEAT = scale(GREY, (50, ORANGE), (70, RED))  # Cel
LEFT = scale(RED, (0.5, ORANGE), (1.5, YELLOW), (3, GREY))  # days until full
SINCE_EMPTIED = scale(GREY, (8, YELLOW), (10, ORANGE))  # days

# Of each container: its fill and heat at the end of the time range, what a day adds (the mean of
# the rises of three days), and when a lorry last tipped it.
_NOW = f"""
    WITH fill AS (
        SELECT site.id AS site, max(latest.last) AS fill, max(latest.last_at) AS at
        FROM {latest("container_fill", since=before(UNTIL, "3 days"))} GROUP BY site.id
    ), heat AS (
        SELECT site.id AS site, max(latest.last) AS heat
        FROM {latest("container_temperature", since=before(UNTIL, "6 hours"))} GROUP BY site.id
    ), step AS (
        SELECT site.id AS site, bucket.last
               - lag(bucket.last) OVER (PARTITION BY series.id ORDER BY bucket.time) AS rise
        FROM readings_by({series_of("container_fill")}, {before(UNTIL, "72 hours")}, {UNTIL},
                         interval '1 hour') AS bucket
        JOIN series ON series.id = bucket.series_id AND series.quantity = 'container_fill'
        JOIN device ON device.id = series.device JOIN site ON site.id = device.site
    ), pace AS (
        SELECT site, sum(rise) FILTER (WHERE rise > -20) / 3 AS a_day FROM step GROUP BY site
    ), tipped AS (
        SELECT site.id AS site, max(bucket.time) AS at
        FROM readings_by({series_of("container_tilt")}, {before(UNTIL, "30 days")}, {UNTIL},
                         interval '1 hour') AS bucket
        JOIN series ON series.id = bucket.series_id AND series.quantity = 'container_tilt'
        JOIN device ON device.id = series.device JOIN site ON site.id = device.site
        WHERE bucket.high = 1 GROUP BY site.id
    ), container AS (
        SELECT site.name, site.title, site.lon, site.lat, site.commune, site.properties->>'waste'
               AS waste, fill.fill, fill.at, heat.heat, pace.a_day,
               CASE WHEN pace.a_day > 0.5
                    THEN greatest(100 - fill.fill, 0) / pace.a_day END AS days_left,
               extract(epoch FROM {UNTIL} - tipped.at) / 86400 AS days_since
        FROM site JOIN fill ON fill.site = site.id LEFT JOIN heat ON heat.site = site.id
        LEFT JOIN pace ON pace.site = site.id LEFT JOIN tipped ON tipped.site = site.id
        WHERE {territory()}
    )"""

NOW = Panel(
    key="waste-now",
    title=Text("Now", "Maintenant"),
    about=Text(
        en="Containers by their last reading: 85 % full and more, full within a day at the pace of"
        " the last three days, hotter than 50 °C; silent for a day; and open alarms.",
        fr="Conteneurs d'après leur dernière mesure : pleins à 85 % et plus, pleins d'ici un jour"
        " au rythme des trois derniers jours, à plus de 50 °C ; muets depuis un jour ; alarmes"
        " ouvertes.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    {_NOW}
    SELECT count(*) FILTER (WHERE fill >= 85)::int AS full_now,
           count(*) FILTER (WHERE fill < 85 AND days_left < 1)::int AS full_soon,
           count(*) FILTER (WHERE heat > 50)::int AS hot,
           count(*) FILTER (WHERE at < {before(UNTIL, "1 day")})::int AS silent,
           {open_alarms("waste")} AS alarms
    FROM container
    """,
    columns=(
        count_column("full_now", "full", "pleins", FEW_IS_GOOD),
        count_column("full_soon", "full within a day", "pleins d'ici un jour", FEW_IS_GOOD),
        count_column("hot", "hot", "chauds", NONE_IS_GOOD),
        count_column("silent", "silent for a day", "muets depuis un jour", FEW_IS_GOOD),
        count_column("alarms", "open alarms", "alarmes ouvertes", FEW_IS_GOOD),
    ),
    width=24,
    height=4,
)

CONTAINERS = Panel(
    key="waste-containers",
    title=Text("Containers", "Conteneurs"),
    about=Text(
        en="Each container: fill, days until it is full at the pace of the last three days (rises"
        " only), days since a lorry last tipped it (within 30 days), temperature. Those that will"
        " be full first come first: that is the order of a round.",
        fr="Chaque conteneur : remplissage, jours avant d'être plein au rythme des trois derniers"
        " jours (hausses seules), jours depuis la dernière levée (sur 30 jours), température. Les"
        " premiers pleins d'abord : c'est l'ordre d'une tournée.",
    ),
    view=Table(),
    sql=f"""
    {_NOW}
    SELECT name AS site, title, fill, days_left, days_since, heat, at FROM container
    ORDER BY fill >= 98 DESC, days_left NULLS LAST, title
    """,
    columns=(
        *site_columns(Text("Container", "Conteneur")),
        bar("fill", Text("Fill", "Remplissage"), "%", FILL, low=0, high=100, decimals=0),
        coloured("days_left", Text("Full in", "Plein dans"), "d", LEFT, decimals=1),
        coloured("days_since", Text("Emptied", "Vidé il y a"), "d", SINCE_EMPTIED, decimals=1),
        coloured("heat", Text("Heat", "Température"), "Cel", HEAT, decimals=0),
        Column("at", Text("Measured", "Mesuré"), unit="date"),
    ),
    empty="no container measured in the last three days",
    timeless="the last reading of a container may be older than the time range",
    width=14,
    height=11,
)

MAP = Panel(
    key="waste-map",
    title=Text("Fill", "Remplissage"),
    about=Text(
        en="Each container by its last reading: green, from 60 % on yellow, from 85 % orange, from"
        " 98 % red.",
        fr="Chaque conteneur d'après sa dernière mesure : vert, jaune à partir de 60 %, orange de"
        " 85 %, rouge de 98 %.",
    ),
    view=Geomap(colour_by="fill", size=9),
    sql=f"""
    {_NOW}
    SELECT lat, lon, title, fill, days_left, name AS site FROM container ORDER BY fill
    """,
    columns=(
        Column("fill", Text("Fill", "Remplissage"), unit="%", decimals=0, steps=FILL),
        Column("title", Text("Container", "Conteneur"), links=(site_page(),)),
        Column("days_left", Text("Full in", "Plein dans"), unit="d", decimals=1),
        Column("site", hidden=True),
    ),
    timeless="the last reading of a container may be older than the time range",
    empty="no container measured in the last three days",
    width=10,
    height=11,
)

COURSE = Panel(
    key="waste-fill",
    title=Text("Fill over time", "Remplissage dans le temps"),
    about=Text(
        en="Each container's fill: it climbs, and falls where its round passed.",
        fr="Le remplissage de chaque conteneur : il monte, et retombe au passage de la tournée.",
    ),
    view=TimeSeries(soft_min=0),
    quantity="container_fill",
    steps=FILL,
    sql=f"""
    SELECT bucket.time, site.title AS metric, bucket.last AS value
    FROM {readings("container_fill", every=EVERY)} ORDER BY bucket.time, metric
    """,
    no_value=Text("nothing was measured", "rien n'a été mesuré"),
    empty="no container measured in the time range",
    width=14,
    height=9,
)

WARMTH = Panel(
    key="waste-temperature",
    title=Text("Temperature in the containers", "Température dans les conteneurs"),
    about=Text(
        en="The highest of each piece of time. In summer the sun heats a dark lid to 55 °C within"
        " hours; a fire does more, within minutes.",
        fr="La plus haute de chaque intervalle. L'été, le soleil chauffe un couvercle sombre à"
        " 55 °C en quelques heures ; un feu fait plus, en quelques minutes.",
    ),
    view=TimeSeries(),
    quantity="container_temperature",
    steps=HEAT,
    sql=f"""
    SELECT bucket.time, site.title AS metric, bucket.high AS value
    FROM {readings("container_temperature", every=EVERY)} ORDER BY bucket.time, metric
    """,
    no_value=Text("nothing was measured", "rien n'a été mesuré"),
    empty="no container measured in the time range",
    width=10,
    height=9,
)

DASHBOARD = Dashboard(
    key="waste",
    title=Text("Waste", "Déchets"),
    about=Text(
        en="Containers by the time until they are full, their last emptying, fires, and probes that"
        " fail.",
        fr="Conteneurs selon le temps avant d'être pleins, leur dernière levée, feux et sondes en"
        " défaut.",
    ),
    domains=("waste",),
    since="now-7d",
    panels=(
        NOW,
        CONTAINERS,
        MAP,
        COURSE,
        WARMTH,
        alarm_lanes("waste", height=7),
        fault_lanes("waste", width=24, height=7),
    ),
)
