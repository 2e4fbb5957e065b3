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
    Step,
)
from dashboards._describe import Column, Panel, Query, Section
from dashboards._flood_figures import FIGURES, GAUGES, REACHES
from dashboards._gaps import FIT
from dashboards._links import dashboard_of, site_page
from dashboards._sql import SINCE, UNTIL, series_of
from dashboards._views import Table, Timeline
from dashboards._words import Text

HYDROGRAPH = dashboard_of("flood", Text(en="Its hydrograph", fr="Son hydrogramme"))
LEVELS = (
    State(value="danger", text=Text(en="danger", fr="danger"), colour=RED, symbol="■"),
    State(value="alert", text=Text(en="alert", fr="alerte"), colour=ORANGE, symbol="◆"),
    State(value="attention", text=Text(en="attention", fr="attention"), colour=YELLOW, symbol="▲"),
    State(value="below", text=Text(en="below", fr="sous seuils"), colour=GREEN, symbol="●"),
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

_STRIP = Panel(
    key="flood-rivers",
    title=Text(en="Rivers, from the source down", fr="Cours d'eau, de l'amont vers l'aval"),
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
    queries=(Query(sql=f"{GAUGES} ORDER BY g.river, g.river_order, g.name"),),
    columns=(
        Column(name="site", hidden=True),
        Column(name="river_order", hidden=True),
        Column(name="river", title=Text(en="River", fr="Cours d'eau"), width=104),
        Column(
            name="station", title=Text(en="Gauge", fr="Station"), links=(site_page(), HYDROGRAPH)
        ),
        Column(
            name="margin",
            title=Text(en="Minus alert", fr="Écart à l'alerte"),
            unit="m",
            decimals=2,
            low=-1.5,
            high=1.0,
            cell="gauge",
            steps=(Step(at=None, colour=BLUE), Step(at=0, colour=ORANGE)),
            width=136,
        ),
        Column(
            name="trend",
            title=Text(en="Trend", fr="Tendance"),
            unit="cm/h",
            decimals=1,
            width=88,
        ),
        Column(name="moves", title=" ", states=MOVES, cell="text", width=50),
        Column(
            name="state",
            title=Text(en="State", fr="État"),
            states=LEVELS,
            cell="background",
            width=118,
        ),
        Column(name="age", title=Text(en="Age", fr="Âge"), unit="min", decimals=0, width=66),
        Column(name="elevation", hidden=True),
    ),
    width=14,
    height=18,
    timeless="what each gauge last said",
)
_ASSETS = Panel(
    key="flood-assets",
    title=Text(en="Assets, by the time that is left", fr="Enjeux, par délai d'atteinte"),
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
    queries=(
        Query(
            sql=f"""
            SELECT r.site, r.asset, r.state, r.due_h,
                   to_char(r.earliest_h, 'FM990') || '-'
                   || coalesce(to_char(ceil(r.latest_h), 'FM990'), '?') || ' h' AS between,
                   r.margin, r.station
            FROM ({REACHES}) r ORDER BY r.state <> 'reached', r.due_h NULLS LAST,
                 r.margin DESC NULLS LAST, r.asset
            """
        ),
    ),
    columns=(
        Column(name="site", hidden=True),
        Column(name="asset", title=Text(en="Asset", fr="Enjeu")),
        Column(
            name="state",
            title=Text(en="State", fr="État"),
            states=REACHING,
            cell="background",
            links=(site_page(),),
            width=112,
        ),
        Column(name="due_h", title=Text(en="in", fr="dans"), unit="h", decimals=1, width=66),
        Column(name="between", title=Text(en="between", fr="entre"), width=78),
        Column(
            name="margin",
            title=Text(en="Margin", fr="Écart"),
            unit="m",
            decimals=2,
            cell="text",
            steps=(Step(at=None, colour=BLUE), Step(at=0, colour=RED)),
            width=80,
        ),
        Column(name="station", hidden=True),
    ),
    no_value=Text(en="no asset is tied to a gauge", fr="aucun enjeu rattaché à une station"),
    width=10,
    height=18,
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
            SELECT DISTINCT ON (1, 2) greatest(bucket.time, {SINCE}) AS time,
                   coalesce(site.river, site.title) AS site, bucket.last AS state
            FROM readings_by({series_of("vigilance")},
                             {SINCE} - INTERVAL '1 day', {UNTIL}, {FIT}) AS bucket
            JOIN series ON series.id = bucket.series_id AND series.quantity = 'vigilance'
            JOIN device ON device.id = series.device
            JOIN site ON site.id = device.site ORDER BY 1, 2, bucket.time DESC
            """
        ),
    ),
    quantity="vigilance",
    states=VIGILANCE,
    no_value=Text(en="no bulletin is received here", fr="aucun bulletin reçu ici"),
    empty="no official bulletin is connected",
    width=24,
    height=6,
)
SECTION = Section(
    key="flood-now",
    title=Text(en="The situation", fr="La situation"),
    panels=(*FIGURES, _STRIP, _ASSETS, _OFFICIAL),
)
