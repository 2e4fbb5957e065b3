"""The territory now: key figures, map, active alarms, official colours, threatened assets."""

from dataclasses import replace

from dashboards import _alarms_now
from dashboards._colours import (
    BLUE,
    GREEN,
    GREY,
    NONE_IS_GOOD,
    ORANGE,
    PRIORITIES,
    RED,
    VIGILANCE,
    VIOLET,
    State,
    scale,
)
from dashboards._describe import Column, Panel, Section
from dashboards._flood_now import NONE_DUE, REACHED, REACHES, REACHING
from dashboards._links import dashboard_of, site_page
from dashboards._quality_now import DEVICES
from dashboards._sql import EVALUATED, EVER, UNTIL, before, latest, territory
from dashboards._views import Geomap, Stat, Table
from dashboards._words import Text

SITE_STATES = (
    *PRIORITIES,
    State("silent", Text("silent", "muet"), VIOLET, "✕"),
    State("unknown", Text("not assessable", "non évaluable"), GREY, "?"),
    State("normal", Text("normal", "normal"), GREEN, "·"),
)
# Each selected site: its highest active priority, else whether all its devices are silent; normal
# only if all of them report and alarms are evaluated.
SITES = f"""
{DEVICES}, worst AS (
    SELECT site, min(rank) AS rank, count(*) AS alarms FROM alarms_at({UNTIL}) AS standing
    GROUP BY 1
), heard AS (
    SELECT site, bool_and(silent) AS silent, NOT bool_or(silent) AS heard,
           max(heard_at) AS heard_at FROM devices
    WHERE NOT switched GROUP BY 1
), states AS (
    SELECT site.*, coalesce(worst.alarms, 0) AS alarms, heard.heard_at,
           CASE WHEN worst.rank IS NOT NULL
                    THEN (ARRAY['critical', 'major', 'minor', 'info'])[worst.rank]
                WHEN heard.silent THEN 'silent' WHEN heard.heard AND {EVALUATED} THEN 'normal'
                ELSE 'unknown' END AS state,
           CASE WHEN worst.rank IS NOT NULL THEN worst.rank
                WHEN heard.silent THEN 5 WHEN heard.heard AND {EVALUATED} THEN 7
                ELSE 6 END AS rank
    FROM site LEFT JOIN worst ON worst.site = site.id LEFT JOIN heard ON heard.site = site.id
    WHERE {territory()}
)
"""

_BLIND = Panel(
    key="territory-blind",
    title=Text("Blind sites", "Aveugles"),
    about=Text(
        en="Sites without any reporting device: no alarm can be raised there.",
        fr="Sites dont plus aucun appareil n'émet : aucune alarme ne peut y être levée.",
    ),
    view=Stat(colour="background"),
    sql=f"""
            WITH {DEVICES}
            SELECT count(*) FILTER (WHERE own.silent) AS blind FROM (
                SELECT bool_and(silent) AS silent FROM devices WHERE NOT switched GROUP BY site
            ) AS own
            """,
    unit="count",
    steps=scale(GREEN, (1, VIOLET)),
    width=4,
    height=4,
)
_NEAREST = Panel(
    key="territory-nearest",
    title=Text("Next asset in", "Prochain enjeu"),
    about=Text(
        en="Hours until the water reaches the next asset: by the forecast (experimental, Vigicrues"
        " is the authority), or if the trend of the last three hours continues; grey: not"
        " assessable, a gauge says nothing.",
        fr="Heures avant que l'eau n'atteigne le prochain enjeu : d'après la prévision"
        " (expérimentale, Vigicrues fait autorité), ou si la tendance des trois dernières heures se"
        " poursuit ; gris : non évaluable, une station ne dit rien.",
    ),
    view=Stat(colour="background"),
    sql=f"""
    SELECT CASE WHEN min(r.due_h) IS NOT NULL THEN min(r.due_h)
               WHEN NOT bool_or(r.state = 'unknown') THEN {NONE_DUE} END AS hours
    FROM ({REACHES}) r WHERE r.state <> 'reached'
    """,
    unit="h",
    decimals=1,
    steps=scale(RED, (2, ORANGE), (6, BLUE)),
    states=(State(NONE_DUE, Text("none within 24 h", "aucun sous 24 h"), BLUE),),
    calm=True,
    empty="not assessable: a gauge says nothing",
    width=5,
    height=4,
)
_IN_WATER = Panel(
    key="territory-reached",
    title=Text("Assets reached", "Enjeux atteints"),
    about=Text(
        "Roads, schools, cabinets whose level is reached at their gauge.",
        "Voies, écoles, armoires dont la cote est atteinte à leur station.",
    ),
    view=Stat(colour="background"),
    sql=f"""
    SELECT {REACHED} FROM ({REACHES}) r
    """,
    unit="count",
    steps=NONE_IS_GOOD,
    empty="not assessable: a gauge says nothing",
    width=5,
    height=4,
)
_MAP = Panel(
    key="territory-map",
    title=Text("Sites by highest active priority", "Sites par plus haute priorité active"),
    about=Text(
        en="Every site in the colour of its highest active priority; violet: none of its devices"
        " reports; grey: some do not, or alarms are not evaluated; green: all is"
        " normal. Click a site for its alarms and its page.",
        fr="Chaque site à la couleur de sa plus haute priorité active ; violet : plus aucun"
        " appareil n'émet ; gris : certains n'émettent pas, ou les alarmes ne sont pas évaluées ;"
        " vert : tout est normal. Un clic montre ses alarmes et mène à sa"
        " page.",
    ),
    view=Geomap(colour_by="state"),
    sql=f"""
            WITH {SITES}
            SELECT lat, lon, title, state, domain, alarms, heard_at AS heard, name AS site
            FROM states WHERE lat IS NOT NULL AND lon IS NOT NULL ORDER BY rank DESC, name
            """,
    columns=(
        Column("state", Text("State", "État"), states=SITE_STATES),
        Column("title", Text("Site", "Site"), links=(site_page(),)),
        Column("domain", Text("Domain", "Domaine"), states=_alarms_now.DOMAINS),
        Column("alarms", Text("Alarms", "Alarmes"), unit="count"),
        Column("heard", Text("Last heard", "Dernière mesure"), unit="date"),
        Column("site", Text("Key", "Clé")),
    ),
    width=10,
    height=13,
)
_OFFICIAL = Panel(
    key="territory-vigilance",
    title=Text("Official colours", "Couleurs officielles"),
    about=Text(
        en="The colour that the official forecaster last gave each reach, and since when it has"
        " held; none where green is older than 36 hours.",
        fr="La dernière couleur donnée à chaque tronçon par le service officiel, et depuis quand ;"
        " aucune si le vert date de plus de 36 heures.",
    ),
    view=Table(),
    sql=f"""
    SELECT coalesce(site.river, site.title) AS reach,
           CASE WHEN latest.last > 1 OR latest.last_at > {before(UNTIL, "36 hours")}
               THEN latest.last END AS colour, latest.last_at AS bulletin, site.name AS site
    FROM {latest("vigilance", since=EVER)} ORDER BY 2 DESC, 1
    """,
    columns=(
        Column("site", hidden=True),
        Column("reach", Text("Reach", "Tronçon"), links=(site_page(),)),
        Column(
            "colour",
            Text("Colour", "Couleur"),
            quantity="vigilance",
            states=VIGILANCE,
            cell="background",
        ),
        Column("bulletin", Text("Bulletin", "Bulletin"), unit="date"),
    ),
    no_value=Text("no bulletin is received here", "aucun bulletin reçu ici"),
    empty="no official bulletin is connected",
    width=9,
    height=8,
)
_ASSETS = Panel(
    key="territory-assets",
    title=Text("Assets threatened by water", "Enjeux menacés par l'eau"),
    about=Text(
        en="Assets by the time that is left: first those in the water, then those that the"
        " forecast (experimental, Vigicrues is the authority) or the straight line gets to, then"
        " by what is missing (level minus asset).",
        fr="Les enjeux par délai : d'abord ceux dans l'eau, puis ceux qu'atteint la prévision"
        " (expérimentale, Vigicrues fait autorité) ou la droite, puis par ce qui manque (hauteur"
        " moins enjeu).",
    ),
    view=Table(),
    sql=f"""
    SELECT reach.title AS asset, reach.state,
           CASE WHEN reach.state <> 'reached' THEN reach.due_h END AS due,
           reach.margin, reach.gauge_title AS gauge, reach.gauge AS site
    FROM reaches_at({UNTIL}) AS reach JOIN site ON site.name = reach.gauge
    WHERE {territory()}
    ORDER BY reach.state <> 'reached', coalesce(reach.due_h, reach.until_h) NULLS LAST,
        reach.margin DESC NULLS LAST
    """,
    columns=(
        Column("site", hidden=True),
        Column("asset", Text("Asset", "Enjeu")),
        Column("state", Text("State", "État"), states=REACHING, cell="background"),
        Column("due", Text("in", "dans"), unit="h", decimals=1),
        Column(
            "margin",
            Text("Level minus asset", "Hauteur moins enjeu"),
            unit="m",
            decimals=2,
        ),
        Column(
            "gauge",
            Text("Gauge", "Station"),
            links=(site_page(), dashboard_of("flood", Text("Floods", "Crues"))),
        ),
    ),
    no_value=Text("no asset is tied to a gauge", "aucun enjeu rattaché à une station"),
    empty="no asset is tied to a gauge",
    width=15,
    height=8,
)
_STANDING = _alarms_now.standing_table(
    "territory-alarms", Text("What is wrong now", "Ce qui ne va pas"), width=14, height=13
)
# The map's companion is narrow: what leads further stays, the rest is a click away.
_NARROW = tuple(
    replace(column, links=(*column.links, site_page()))
    if column.name == "title"
    else replace(column, hidden=column.name not in {"priority", "state", "lasts"})
    for column in _STANDING.columns
)
SECTION = Section(
    key="territory-now",
    title=Text("Now", "En ce moment"),
    panels=(
        replace(_alarms_now.COUNTS, key="territory-standing"),
        replace(_alarms_now.WAITING, key="territory-waiting", width=5),
        _NEAREST,
        _IN_WATER,
        _BLIND,
        replace(_alarms_now.STALE, key="territory-stale", width=5),
        _MAP,
        replace(_STANDING, columns=_NARROW),
        _OFFICIAL,
        _ASSETS,
    ),
)
