"""Floods, now: the room's six figures, rivers from the source down, assets, official colours."""

from dashboards._colours import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    VIGILANCE,
    VIOLET,
    YELLOW,
    State,
    Step,
)
from dashboards._describe import Column, Panel, Query, Section
from dashboards._links import site_page
from dashboards._sql import EVERY, SINCE, UNTIL, series_of, territory
from dashboards._views import Stat, Table, Timeline
from dashboards._words import Text

BASIN_FILLING, BASIN_FULL = 80.0, 95.0  # %; those of the rule flood-basin-full (a test holds them)
BASIN_STEPS = (
    Step(at=None, colour=BLUE),
    Step(at=BASIN_FILLING, colour=ORANGE),
    Step(at=BASIN_FULL, colour=RED),
)
LEVELS = (
    State(value="danger", text=Text(en="danger", fr="danger"), colour=RED, symbol="■"),
    State(value="alert", text=Text(en="alert", fr="alerte"), colour=ORANGE, symbol="◆"),
    State(value="attention", text=Text(en="attention", fr="attention"), colour=YELLOW, symbol="▲"),
    State(value="below", text=Text(en="below", fr="sous les seuils"), colour=GREEN, symbol="●"),
    State(value="silent", text=Text(en="silent", fr="muette"), colour=VIOLET, symbol="✕"),
    State(value="unknown", text=Text(en="no threshold", fr="sans seuil"), colour=GREY, symbol="?"),
)
MOVES = (
    State(value="rising", text="↗", colour=RED),
    State(value="falling", text="↘", colour=BLUE),
    State(value="steady", text="→", colour=GREY),
)
REACHING = (
    State(value="reached", text=Text(en="in the water", fr="atteint"), colour=RED, symbol="■"),
    State(value="rising", text=Text(en="rising", fr="montée"), colour=ORANGE, symbol="↗"),
    State(value="steady", text=Text(en="steady", fr="stable"), colour=GREY, symbol="→"),
    State(value="falling", text=Text(en="falling", fr="baisse"), colour=BLUE, symbol="↘"),
    State(value="unknown", text=Text(en="not known", fr="inconnu"), colour=VIOLET, symbol="?"),
)
KINDS = tuple(
    State(value=value, text=Text(en=en, fr=fr), colour=GREY)
    for value, en, fr in (
        ("road", "road", "voie"),
        ("school", "school", "école"),
        ("cabinet", "lighting cabinet", "armoire d'éclairage"),
        ("hospital", "hospital", "hôpital"),
        ("pumping", "pumping station", "poste de refoulement"),
        ("other", "other", "autre"),
    )
)

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
       extract(epoch FROM {UNTIL} - c.time)::float8 / 60 AS age, c.value + g.zero AS elevation
FROM gauges_at({UNTIL}) g
LEFT JOIN LATERAL course_at(g.series, {UNTIL}, 0.001) c ON true
LEFT JOIN LATERAL (
    SELECT coalesce(stale_s, 3 * interval_s, 2700) AS stale_s
    FROM cadence_at(g.device, 'level', {UNTIL})) k ON true
WHERE {territory("g")}
"""

_OVER = Panel(
    key="flood-over",
    title=Text(en="Gauges above alert", fr="Stations au-dessus de l'alerte"),
    about=Text(
        en="How many gauges stand above their alert level at the end of the time shown.",
        fr="Nombre de stations au-dessus de leur niveau d'alerte à la fin de la période affichée.",
    ),
    view=Stat(colour="background"),
    queries=(Query(sql=f"SELECT count(*) FILTER (WHERE margin > 0) AS over FROM ({GAUGES}) g"),),
    unit="count",
    steps=(Step(at=None, colour=GREEN), Step(at=1, colour=ORANGE)),
    width=4,
    height=4,
)
_NEAREST = Panel(
    key="flood-nearest",
    title=Text(en="Highest level minus alert", fr="Hauteur moins seuil d'alerte, la plus forte"),
    about=Text(
        en="Of all gauges the one nearest to its alert level from below, or farthest above it:"
        " level minus alert threshold. Positive: the threshold is exceeded.",
        fr="La station la plus proche de son niveau d'alerte, ou celle qui le dépasse le plus :"
        " hauteur moins seuil d'alerte. Positif : le seuil est dépassé.",
    ),
    view=Stat(colour="value", rows=True, text="value_and_name"),
    queries=(
        Query(
            sql=f"SELECT station, margin FROM ({GAUGES}) g WHERE margin IS NOT NULL"
            " ORDER BY margin DESC LIMIT 1"
        ),
    ),
    unit="m",
    decimals=2,
    steps=(Step(at=None, colour=BLUE), Step(at=0, colour=ORANGE)),
    no_value=Text(en="no reading", fr="aucune mesure"),
    width=4,
    height=4,
)
_REACHES = f"""
SELECT r.gauge AS site, r.title AS asset, r.kind, r.gauge_title AS station, r.state,
       r.due_h, r.earliest_h, r.latest_h, r.margin, r.per_hour * 100 AS trend
FROM reaches_at({UNTIL}) r JOIN site g ON g.name = r.gauge WHERE {territory("g")}
"""
_NEXT = Panel(
    key="flood-next-asset",
    title=Text(en="Next asset in the water in", fr="Prochain enjeu atteint dans"),
    about=Text(
        en="Hours until the water reaches the next asset if the gauge goes on rising as in its last"
        " three hours. Nothing: none is reached within 24 h at today's rates.",
        fr="Heures avant que l'eau n'atteigne le prochain enjeu si la montée des trois dernières"
        " heures se poursuit. Rien : aucun enjeu atteint sous 24 h à ce rythme.",
    ),
    view=Stat(rows=True, text="value_and_name"),
    queries=(
        Query(
            sql=f"SELECT asset, due_h FROM ({_REACHES}) r WHERE due_h IS NOT NULL"
            " ORDER BY due_h LIMIT 1"
        ),
    ),
    unit="h",
    decimals=1,
    steps=(Step(at=None, colour=RED), Step(at=2, colour=ORANGE), Step(at=6, colour=YELLOW)),
    no_value=Text(en="none in 24 h", fr="aucun sous 24 h"),
    empty="no asset is about to be reached",
    width=4,
    height=4,
)
_REACHED = Panel(
    key="flood-reached",
    title=Text(en="Assets in the water", fr="Enjeux atteints"),
    about=Text(
        en="How many roads, schools, cabinets and other assets have their level at the gauge"
        " exceeded.",
        fr="Nombre d'enjeux (voies, écoles, armoires…) dont la cote à la station est dépassée.",
    ),
    view=Stat(colour="background"),
    queries=(
        Query(
            sql=f"SELECT count(*) FILTER (WHERE state = 'reached') AS reached FROM ({_REACHES}) r"
        ),
    ),
    unit="count",
    steps=(Step(at=None, colour=GREEN), Step(at=1, colour=RED)),
    width=4,
    height=4,
)
_FULLEST = Panel(
    key="flood-fullest",
    title=Text(en="Fullest retention basin", fr="Bassin de retenue le plus rempli"),
    about=Text(
        en="The fill of the fullest retention basin. From 95 % it holds nothing back any more.",
        fr="Remplissage du bassin de retenue le plus plein. À partir de 95 %, il n'écrête plus.",
    ),
    view=Stat(rows=True, text="value_and_name"),
    queries=(
        Query(
            sql=f"""
            SELECT site.title AS basin, r.value AS fill
            FROM unnest({series_of("basin_fill")}) AS basin (id)
            JOIN series ON series.id = basin.id JOIN device ON device.id = series.device
            JOIN site ON site.id = device.site
            CROSS JOIN LATERAL last_reading(series.id, {UNTIL}) r ORDER BY r.value DESC LIMIT 1
            """
        ),
    ),
    quantity="basin_fill",
    steps=BASIN_STEPS,
    no_value=Text(en="no basin", fr="aucun bassin"),
    width=4,
    height=4,
)
_SILENT = Panel(
    key="flood-silent",
    title=Text(en="Silent gauges", fr="Stations muettes"),
    about=Text(
        en="Gauges that have not told their level for longer than their own limit: there we are"
        " blind.",
        fr="Stations sans mesure depuis plus longtemps que leur propre délai : nous y sommes"
        " aveugles.",
    ),
    view=Stat(colour="background"),
    queries=(
        Query(sql=f"SELECT count(*) FILTER (WHERE state = 'silent') AS silent FROM ({GAUGES}) g"),
    ),
    unit="count",
    steps=(Step(at=None, colour=GREEN), Step(at=1, colour=VIOLET)),
    width=4,
    height=4,
)
_STRIP = Panel(
    key="flood-rivers",
    title=Text(en="Rivers, from the source down", fr="Cours d'eau, de l'amont vers l'aval"),
    about=Text(
        en="Each river's gauges in flow order. Bar: level minus alert threshold; right of zero the"
        " alert level is exceeded. Trend: straight line through the last three hours; the arrow"
        " tells whether it is more than noise. Age: of the last reading, at the end of the time"
        " shown. NGF: elevation of the water. A click leads to the site.",
        fr="Les stations de chaque cours d'eau dans le sens de l'écoulement. Barre : hauteur moins"
        " seuil d'alerte ; à droite de zéro, le niveau d'alerte est dépassé. Tendance : droite"
        " ajustée sur les trois dernières heures ; la flèche dit si elle dépasse le bruit. Âge :"
        " de la dernière mesure, à la fin de la période. NGF : cote du plan d'eau. Un clic mène au"
        " site.",
    ),
    view=Table(),
    queries=(Query(sql=f"{GAUGES} ORDER BY g.river, g.river_order, g.name"),),
    columns=(
        Column(name="site", hidden=True),
        Column(name="river_order", hidden=True),
        Column(name="river", title=Text(en="River", fr="Cours d'eau"), width=100),
        Column(
            name="station", title=Text(en="Gauge", fr="Station"), links=(site_page(),), width=215
        ),
        Column(
            name="margin",
            title=Text(en="Level minus alert", fr="Hauteur moins seuil d'alerte"),
            unit="m",
            decimals=2,
            low=-1.5,
            high=1.0,
            cell="gauge",
            steps=(Step(at=None, colour=BLUE), Step(at=0, colour=ORANGE)),
        ),
        Column(
            name="trend",
            title=Text(en="3 h trend", fr="Tendance 3 h"),
            unit="cm/h",
            decimals=1,
            width=105,
        ),
        Column(name="moves", title=" ", states=MOVES, cell="text", width=40),
        Column(
            name="state",
            title=Text(en="State", fr="État"),
            states=LEVELS,
            cell="background",
            width=125,
        ),
        Column(name="age", title=Text(en="Age", fr="Âge"), unit="min", decimals=0, width=80),
        Column(name="elevation", title="NGF", unit="m", decimals=2, width=85),
    ),
    width=14,
    height=17,
    timeless="what each gauge last said",
)
_ASSETS = Panel(
    key="flood-assets",
    title=Text(en="Assets, by the time that is left", fr="Enjeux, par délai avant l'eau"),
    about=Text(
        en="What the water reaches at which gauge: first what stands in it, then by the hours that"
        " are left if the gauge goes on rising as in its last three hours (with earliest and"
        " latest), then by what is missing. No forecast: a straight line, at most 24 h ahead.",
        fr="Ce que l'eau atteint, par station : d'abord ce qui l'est déjà, puis par heures"
        " restantes si la montée des trois dernières heures se poursuit (au plus tôt, au plus"
        " tard), puis par hauteur manquante. Ce n'est pas une prévision : une droite, 24 h au"
        " plus.",
    ),
    view=Table(),
    queries=(
        Query(
            sql=f"SELECT * FROM ({_REACHES}) r ORDER BY state <> 'reached', due_h NULLS LAST,"
            " margin DESC NULLS LAST, asset"
        ),
    ),
    columns=(
        Column(name="site", hidden=True),
        Column(name="asset", title=Text(en="Asset", fr="Enjeu")),
        Column(name="kind", title=Text(en="Kind", fr="Nature"), states=KINDS, width=110),
        Column(name="station", hidden=True),
        Column(
            name="state",
            title=Text(en="State", fr="État"),
            states=REACHING,
            cell="background",
            links=(site_page(),),
            width=115,
        ),
        Column(name="due_h", title=Text(en="in", fr="dans"), unit="h", decimals=1, width=75),
        Column(
            name="earliest_h",
            title=Text(en="earliest", fr="au plus tôt"),
            unit="h",
            decimals=1,
            width=85,
        ),
        Column(
            name="latest_h",
            title=Text(en="latest", fr="au plus tard"),
            unit="h",
            decimals=1,
            width=90,
        ),
        Column(
            name="margin",
            title=Text(en="Level minus asset", fr="Hauteur moins enjeu"),
            unit="m",
            decimals=2,
            cell="text",
            steps=(Step(at=None, colour=BLUE), Step(at=0, colour=RED)),
            width=95,
        ),
        Column(name="trend", hidden=True),
    ),
    no_value=Text(en="no asset is tied to a gauge", fr="aucun enjeu rattaché à une station"),
    width=10,
    height=17,
    timeless="what stands by the water",
)
_OFFICIAL = Panel(
    key="flood-vigilance",
    title=Text(en="Official vigilance", fr="Vigilance officielle"),
    about=Text(
        en="The colour that the official forecaster gave each reach, as received: green, yellow,"
        " orange, red. Ours may differ; theirs commits the authorities.",
        fr="La couleur donnée à chaque tronçon par le service officiel, telle que reçue : vert,"
        " jaune, orange, rouge. La nôtre peut différer ; la leur engage les autorités.",
    ),
    view=Timeline(lane="site"),
    queries=(
        Query(
            sql=f"""
            SELECT bucket.time AS time, coalesce(site.river, site.title) AS site,
                   bucket.last AS state
            FROM readings_by({series_of("vigilance")},
                             {SINCE} - INTERVAL '1 day', {UNTIL}, {EVERY}) AS bucket
            JOIN series ON series.id = bucket.series_id JOIN device ON device.id = series.device
            JOIN site ON site.id = device.site ORDER BY 1, 2
            """
        ),
    ),
    quantity="vigilance",
    columns=(Column(name="state", states=VIGILANCE),),
    no_value=Text(en="no bulletin is received here", fr="aucun bulletin reçu ici"),
    empty="no official bulletin is connected",
    width=24,
    height=5,
)
SECTION = Section(
    key="flood-now",
    title=Text(en="The situation", fr="La situation"),
    panels=(_OVER, _NEAREST, _REACHED, _NEXT, _FULLEST, _SILENT, _STRIP, _ASSETS, _OFFICIAL),
)
