"""Floods, now: key figures, rivers from the source down, assets, official colours."""

from dashboards._colours import (
    BLUE,
    FEW_IS_GOOD,
    GREEN,
    GREY,
    NONE_IS_GOOD,
    ORANGE,
    RED,
    VIGILANCE,
    VIOLET,
    YELLOW,
    State,
    scale,
)
from dashboards._describe import Column, Panel, Section, bar, coloured
from dashboards._gaps import FIT
from dashboards._links import dashboard_of, site_page
from dashboards._sql import SINCE, UNTIL, series_of, territory
from dashboards._views import Stat, Table, Timeline
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
    title=Text("Above alert", "En alerte"),
    about=Text(
        en="Number of gauges above their alert level at the end of the time range.",
        fr="Nombre de stations au-dessus de leur niveau d'alerte à la fin de la période affichée.",
    ),
    view=Stat(colour="background"),
    sql=f"""
    SELECT CASE WHEN bool_or(margin > 0) OR NOT bool_or(state = 'silent')
               THEN count(*) FILTER (WHERE margin > 0) END AS over FROM ({GAUGES}) g
    """,
    unit="count",
    steps=FEW_IS_GOOD,
    empty="not assessable: a gauge says nothing",
    width=4,
    height=4,
)
_NEAREST = Panel(
    key="flood-nearest",
    title=Text("Over alert", "Écart max."),
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
NONE_DUE = -1  # hours, where no asset is about to be reached
REACHES = f"""
SELECT r.gauge AS site, r.title AS asset, r.kind, r.gauge_title AS station,
       CASE WHEN r.known THEN r.state ELSE 'unknown' END AS state,
       CASE WHEN r.known THEN r.due_h END AS due_h,
       CASE WHEN r.known THEN r.earliest_h END AS earliest_h,
       CASE WHEN r.known THEN r.latest_h END AS latest_h,
       CASE WHEN r.known THEN coalesce(r.due_h, r.until_h) END AS order_h, r.by_forecast,
       CASE WHEN r.known THEN r.margin END AS margin
FROM (SELECT reach.*, reach.read_at > {RECENT} AS known FROM reaches_at({UNTIL}) reach) r
JOIN site g ON g.name = r.gauge WHERE {territory("g")}
"""
# How many are reached; none only if every gauge says so.
REACHED = """CASE WHEN bool_or(r.state = 'reached') OR NOT bool_or(r.state = 'unknown')
       THEN count(*) FILTER (WHERE r.state = 'reached') END AS reached"""
BETWEEN = """to_char(greatest(r.earliest_h, 0), 'FM990') || '-'
       || coalesce(to_char(ceil(r.latest_h), 'FM990'), '?') || ' h' AS between"""
BASIS = "CASE WHEN r.by_forecast THEN 'forecast' WHEN NOT r.by_forecast THEN 'line' END AS basis"
ARRIVAL = (
    Column("between", Text("Between", "Entre"), unit="short"),
    Column(
        "basis",
        Text("By", "Par"),
        states=(
            State("forecast", Text("forecast", "prévision"), BLUE),
            State("line", Text("straight line", "droite"), GREY),
        ),
        cell="text",
    ),
)
_NEXT = Panel(
    key="flood-next-asset",
    title=Text("Next asset", "Prochain"),
    about=Text(
        en="Hours until the water reaches the next asset: by the forecast (experimental, Vigicrues"
        " is the authority), or if the rise of the last three hours goes on. Grey: not"
        " assessable, a gauge says nothing.",
        fr="Heures avant que l'eau n'atteigne le prochain enjeu : d'après la prévision"
        " (expérimentale, Vigicrues fait autorité), ou si la montée des trois dernières heures se"
        " poursuit. Gris : non évaluable, une station ne dit rien.",
    ),
    view=Stat(rows=True, text="value_and_name"),
    sql=f"""
    WITH r AS MATERIALIZED ({REACHES})
    SELECT coalesce(soonest.asset, '') AS asset, CASE WHEN soonest.due_h IS NOT NULL
               THEN soonest.due_h WHEN NOT r.blind THEN {NONE_DUE} END AS due_h
    FROM (SELECT bool_or(r.state = 'unknown') AS blind FROM r) r LEFT JOIN
        (SELECT asset, due_h FROM r WHERE due_h IS NOT NULL ORDER BY due_h LIMIT 1) soonest ON true
    """,
    unit="h",
    decimals=1,
    steps=scale(RED, (2, ORANGE), (6, BLUE)),
    states=(State(NONE_DUE, Text("none in 24 h", "aucun sous 24 h"), BLUE),),
    calm=True,
    empty="not assessable: a gauge says nothing",
    width=4,
    height=4,
)
_REACHED = Panel(
    key="flood-reached",
    title=Text("Reached", "Atteints"),
    about=Text(
        en="How many roads, schools, cabinets and other assets have their level at the gauge"
        " exceeded.",
        fr="Nombre d'enjeux (voies, écoles, armoires…) dont la cote à la station est dépassée.",
    ),
    view=Stat(colour="background"),
    sql=f"SELECT {REACHED} FROM ({REACHES}) r",
    unit="count",
    steps=NONE_IS_GOOD,
    empty="not assessable: a gauge says nothing",
    width=4,
    height=4,
)
_FULLEST = Panel(
    key="flood-fullest",
    title=Text("Fullest", "Bassin"),
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
    title=Text("Silent", "Muettes"),
    about=Text(
        en="Gauges without a reading for longer than their own limit: no alarm can be raised"
        " there.",
        fr="Stations sans mesure depuis plus longtemps que leur délai : aucune alarme ne peut y"
        " être levée.",
    ),
    view=Stat(colour="background"),
    sql=f"SELECT count(*) FILTER (WHERE state = 'silent') AS silent FROM ({GAUGES}) g",
    unit="count",
    steps=scale(GREEN, (1, VIOLET)),
    width=4,
    height=4,
)
FIGURES = (_OVER, _NEAREST, _REACHED, _NEXT, _FULLEST, _SILENT)


HYDROGRAPH = dashboard_of("flood", Text("Its hydrograph", "Son hydrogramme"))
LEVELS = (
    State("danger", Text("danger", "danger"), RED, "■"),
    State("alert", Text("alert", "alerte"), ORANGE, "◆"),
    State("attention", Text("attention", "attention"), YELLOW, "▲"),
    State("below", Text("below", "sous seuils"), GREEN, "●"),
    State("silent", Text("silent", "muette"), VIOLET, "✕"),
    State("unknown", Text("no threshold", "sans seuil"), GREY, "?"),
)
MOVES = (State("rising", "↗", RED), State("falling", "↘", BLUE), State("steady", "→", GREY))
REACHING = (
    State("reached", Text("in the water", "atteint"), RED, "■"),
    State("rising", Text("rising", "montée"), ORANGE, "↗"),
    State("steady", Text("steady", "stable"), GREY, "→"),
    State("falling", Text("falling", "baisse"), BLUE, "↘"),
    State("unknown", Text("not known", "inconnu"), VIOLET, "?"),
)

_STRIP = Panel(
    key="flood-rivers",
    title=Text("Rivers, from the source down", "Cours d'eau, de l'amont vers l'aval"),
    about=Text(
        en="The gauges of each river in flow order. Bar: level minus alert threshold; right of"
        " zero the alert level is exceeded. Trend: straight line through the last three hours; the"
        " arrow shows whether it exceeds the noise. Age: of the last reading, at the end of the"
        " time range. Click a gauge for its site or hydrograph.",
        fr="Les stations de chaque cours d'eau dans le sens de l'écoulement. Barre : hauteur moins"
        " seuil d'alerte ; à droite de zéro, le niveau d'alerte est dépassé. Tendance : droite"
        " ajustée sur les trois dernières heures ; la flèche dit si elle dépasse le bruit. Âge :"
        " de la dernière mesure, à la fin de la période. Un clic mène au site ou à son"
        " hydrogramme.",
    ),
    view=Table(),
    sql=f"{GAUGES} ORDER BY g.river, g.river_order, g.name",
    columns=(
        Column("site", hidden=True),
        Column("river_order", hidden=True),
        Column("river", Text("River", "Cours d'eau")),
        Column("station", Text("Gauge", "Station"), links=(site_page(), HYDROGRAPH)),
        bar(
            "margin",
            Text("Minus alert", "Écart à l'alerte"),
            "m",
            scale(BLUE, (0, ORANGE)),
            low=-1.5,
            high=1.0,
            decimals=2,
        ),
        Column("trend", Text("Trend", "Tendance"), unit="cm/h", decimals=1),
        Column("moves", " ", states=MOVES, cell="text"),
        Column("state", Text("State", "État"), states=LEVELS, cell="background"),
        Column("age", Text("Age", "Âge"), unit="min", decimals=0, low=0),
        Column("elevation", hidden=True),
    ),
    width=24,
    height=15,
)
_ASSETS = Panel(
    key="flood-assets",
    title=Text("Assets, by the time that is left", "Enjeux, par délai d'atteinte"),
    about=Text(
        en="Assets by gauge: those already reached, then by remaining hours, then by remaining"
        " height. By: the forecast (experimental, Vigicrues is the authority), within its 80 %"
        " range; only “between”: possible, more likely not. Straight line: no forecast is current"
        " or shown, or it ends before; the trend of the last three hours, 24 h at most.",
        fr="Enjeux par station : d'abord ceux déjà atteints, puis par heures restantes, puis par"
        " hauteur restante. Par : la prévision (expérimentale, Vigicrues fait autorité), dans sa"
        " fourchette à 80 % ; « entre » seul : possible, plutôt non. Droite : aucune prévision à"
        " jour ou affichée, ou elle finit avant ; la tendance des trois dernières heures, 24 h au"
        " plus.",
    ),
    view=Table(),
    sql=f"""
            SELECT r.site, r.asset, r.state, r.due_h, {BETWEEN}, {BASIS}, r.margin, r.station
            FROM ({REACHES}) r ORDER BY r.state <> 'reached', r.order_h NULLS LAST,
                 r.margin DESC NULLS LAST, r.asset
            """,
    columns=(
        Column("site", hidden=True),
        Column("asset", Text("Asset", "Enjeu")),
        Column(
            "state",
            Text("State", "État"),
            states=REACHING,
            cell="background",
            links=(site_page(),),
        ),
        Column("due_h", Text("Reached in", "Atteint dans"), unit="h", decimals=1),
        *ARRIVAL,
        coloured("margin", Text("Margin", "Écart"), "m", scale(BLUE, (0, RED)), decimals=2),
        Column("station", Text("Gauge", "Station"), links=(site_page(), HYDROGRAPH)),
    ),
    no_value=Text("no asset is tied to a gauge", "aucun enjeu rattaché à une station"),
    width=24,
    height=10,
)
_OFFICIAL = Panel(
    key="flood-vigilance",
    title=Text("Official vigilance", "Vigilance officielle"),
    about=Text(
        en="The colour that the official forecaster gave each reach, as received: green, yellow,"
        " orange, red. Ours may differ; theirs commits the authorities.",
        fr="La couleur donnée à chaque tronçon par le service officiel, telle que reçue : vert,"
        " jaune, orange, rouge. La nôtre peut différer ; la leur engage les autorités.",
    ),
    view=Timeline(lane="site"),
    sql=f"""
    SELECT DISTINCT ON (1, 2) greatest(bucket.time, {SINCE}) AS time,
           coalesce(site.river, site.title) AS site, bucket.last AS state
    FROM readings_by({series_of("vigilance")},
                     {SINCE} - INTERVAL '1 day', {UNTIL}, {FIT}) AS bucket
    JOIN series ON series.id = bucket.series_id AND series.quantity = 'vigilance'
    JOIN device ON device.id = series.device
    JOIN site ON site.id = device.site ORDER BY 1, 2, bucket.time DESC
    """,
    quantity="vigilance",
    states=VIGILANCE,
    no_value=Text("no bulletin is received here", "aucun bulletin reçu ici"),
    empty="no official bulletin is connected",
    width=24,
    height=6,
)
SECTION = Section(
    key="flood-now",
    title=Text("The situation", "La situation"),
    panels=(*FIGURES, _STRIP, _ASSETS, _OFFICIAL),
)
