"""Floods, now: rivers from the source down, assets by the time that is left, official colours."""

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
    scale,
)
from dashboards._describe import Column, Panel, Section, bar, coloured
from dashboards._flood_figures import FIGURES, GAUGES, REACHES
from dashboards._gaps import FIT
from dashboards._links import dashboard_of, site_page
from dashboards._sql import SINCE, UNTIL, series_of
from dashboards._views import Table, Timeline
from dashboards._words import Text

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
        en="Each river's gauges in flow order. Bar: level minus alert threshold; right of zero the"
        " alert level is exceeded. Trend: straight line through the last three hours; the arrow"
        " tells whether it is more than noise. Age: of the last reading, at the end of the time"
        " shown. A click leads to the site or its hydrograph.",
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
        Column("river", Text("River", "Cours d'eau"), width=104),
        Column("station", Text("Gauge", "Station"), links=(site_page(), HYDROGRAPH)),
        bar(
            "margin",
            Text("Minus alert", "Écart à l'alerte"),
            "m",
            scale(BLUE, (0, ORANGE)),
            low=-1.5,
            high=1.0,
            decimals=2,
            width=136,
        ),
        Column("trend", Text("Trend", "Tendance"), unit="cm/h", decimals=1, width=88),
        Column("moves", " ", states=MOVES, cell="text", width=50),
        Column("state", Text("State", "État"), states=LEVELS, cell="background", width=118),
        Column("age", Text("Age", "Âge"), unit="min", decimals=0, width=66),
        Column("elevation", hidden=True),
    ),
    width=14,
    height=18,
    timeless="what each gauge last said",
)
_ASSETS = Panel(
    key="flood-assets",
    title=Text("Assets, by the time that is left", "Enjeux, par délai d'atteinte"),
    about=Text(
        en="What the water reaches at which gauge: first what stands in it, then by the hours that"
        " are left if the gauge goes on rising as in its last three hours (between which hours:"
        " its error), then by what is missing. No forecast: a straight line, at most 24 h ahead.",
        fr="Ce que l'eau atteint, par station : d'abord ce qui l'est déjà, puis par heures"
        " restantes si la montée des trois dernières heures se poursuit (entre : sa marge"
        " d'erreur), puis par hauteur manquante. Ce n'est pas une prévision : une droite, 24 h au"
        " plus.",
    ),
    view=Table(),
    sql=f"""
            SELECT r.site, r.asset, r.state, r.due_h,
                   to_char(r.earliest_h, 'FM990') || '-'
                   || coalesce(to_char(ceil(r.latest_h), 'FM990'), '?') || ' h' AS between,
                   r.margin, r.station
            FROM ({REACHES}) r ORDER BY r.state <> 'reached', r.due_h NULLS LAST,
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
            width=112,
        ),
        Column("due_h", Text("in", "dans"), unit="h", decimals=1, width=66),
        Column("between", Text("between", "entre"), width=78),
        coloured(
            "margin", Text("Margin", "Écart"), "m", scale(BLUE, (0, RED)), decimals=2, width=80
        ),
        Column("station", hidden=True),
    ),
    no_value=Text("no asset is tied to a gauge", "aucun enjeu rattaché à une station"),
    width=10,
    height=18,
    timeless="what stands by the water",
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
