"""The territory by function and by commune; blind spots."""

from dataclasses import replace

from dashboards import _alarms_now
from dashboards._alarms_now import word
from dashboards._colours import GREEN, ORANGE, PRIORITIES, VIOLET, scale
from dashboards._describe import Column, Link, Panel, Section, coloured
from dashboards._links import site_page, uid
from dashboards._quality_now import DEVICES
from dashboards._sql import UNTIL, territory
from dashboards._territory_now import SITES
from dashboards._views import Table
from dashboards._words import Text

_GRAVE = PRIORITIES[:3]  # what a narrow table has room for; a notice asks for nothing
_COUNTS = tuple(
    Column(
        str(state.value),
        Text(f"{state.symbol} {word(state).en}", f"{state.symbol} {word(state).fr}"),
        unit="count",
        cell="background",
        steps=scale("transparent", (1, state.colour)),
    )
    for state in _GRAVE
)
_PRIORITY_COLUMNS = ", ".join(
    f"coalesce(max(standing.{state.value}), 0) AS {state.value}" for state in _GRAVE
)
_BY_PRIORITY = ", ".join(
    f"count(*) FILTER (WHERE standing.severity = '{state.value}') AS {state.value}"
    for state in _GRAVE
)

_DOMAINS = Panel(
    key="territory-domains",
    title=Text("By urban function", "Par fonction urbaine"),
    about=Text(
        en="Each function: its sites, its devices, silent devices, and active alarms by priority."
        " Click a function for its dashboard.",
        fr="Chaque fonction : ses sites, ses appareils, les appareils muets, et les alarmes"
        " actives par priorité. Un clic mène à son tableau de bord.",
    ),
    view=Table(),
    sql=f"""
            WITH {DEVICES}, told AS (
                SELECT domain, count(*) AS devices,
                       count(*) FILTER (WHERE silent AND NOT switched) AS silent
                FROM devices GROUP BY 1
            ), standing AS (
                SELECT site.domain, {_BY_PRIORITY} FROM alarms_at({UNTIL}) AS standing
                JOIN site ON site.id = standing.site WHERE {territory()} GROUP BY 1
            ), sites AS (
                SELECT site.domain, count(*) AS sites FROM site WHERE {territory()} GROUP BY 1
            )
            SELECT sites.domain, sites.domain AS key, max(sites.sites) AS sites,
                   coalesce(max(told.devices), 0) AS devices,
                   coalesce(max(told.silent), 0) AS silent,
                   {_PRIORITY_COLUMNS}
            FROM sites LEFT JOIN told ON told.domain = sites.domain
            LEFT JOIN standing ON standing.domain = sites.domain GROUP BY 1 ORDER BY 1
            """,
    columns=(
        Column("key", hidden=True),
        Column(
            "domain",
            Text("Function", "Fonction"),
            states=_alarms_now.DOMAINS,
            links=(
                Link(
                    title=Text("Its dashboard", "Son tableau de bord"),
                    url=f"/d/{uid('')}{{row.key}}?{{range}}",
                ),
            ),
        ),
        Column("sites", Text("Sites", "Sites"), unit="count"),
        Column("devices", Text("Devices", "Appareils"), unit="count"),
        coloured("silent", Text("Silent", "Muets"), "count", scale(GREEN, (1, VIOLET))),
        *_COUNTS,
    ),
    width=13,
    height=10,
)
_COMMUNES = Panel(
    key="territory-communes",
    title=Text("By commune", "Par commune"),
    about=Text(
        en="Communes with something standing, the highest priority first; how many of their sites"
        " are blind. Choose a commune above to see it alone.",
        fr="Communes où quelque chose est en cours, la plus haute priorité d'abord ; combien de"
        " leurs sites sont aveugles. Choisir une commune en haut pour ne voir qu'elle.",
    ),
    view=Table(),
    sql=f"""
            WITH {SITES}, standing AS (
                SELECT site.commune, {_BY_PRIORITY} FROM alarms_at({UNTIL}) AS standing
                JOIN site ON site.id = standing.site GROUP BY 1
            )
            SELECT area.name AS commune, count(*) AS sites,
                   count(*) FILTER (WHERE states.state = 'silent') AS blind,
                   {_PRIORITY_COLUMNS}
            FROM states JOIN area ON area.code = states.commune
            LEFT JOIN standing ON standing.commune = states.commune
            GROUP BY 1 HAVING min(states.rank) < 6
            ORDER BY max(standing.critical) DESC NULLS LAST, max(standing.major) DESC NULLS LAST,
                     max(standing.minor) DESC NULLS LAST, 1
            """,
    columns=(
        Column("commune", Text("Commune", "Commune")),
        Column("sites", Text("Sites", "Sites"), unit="count"),
        coloured("blind", Text("Blind", "Aveugles"), "count", scale(GREEN, (1, VIOLET))),
        *_COUNTS,
    ),
    no_value=Text("no active alarm anywhere", "aucune alarme active"),
    empty="no active alarm",
    calm=True,
    width=11,
    height=10,
)
_BLIND = Panel(
    key="territory-blind-spots",
    title=Text("Blind spots", "Angles morts"),
    about=Text(
        en="Sites with silent devices, first those on which assets depend: number of silent"
        " devices, time of the last reading, number of assets tied to the gauge.",
        fr="Sites aux appareils muets, d'abord ceux dont dépendent des enjeux : nombre d'appareils"
        " muets, heure de la dernière mesure, nombre d'enjeux rattachés à la station.",
    ),
    view=Table(),
    sql=f"""
            WITH {DEVICES}, tied AS (
                SELECT reach.gauge, count(*) AS assets FROM reaches_at({UNTIL}) AS reach
                GROUP BY 1
            )
            SELECT devices.place, devices.domain, count(*) FILTER (WHERE devices.silent) AS silent,
                   count(*) AS devices, max(devices.heard_at) AS heard,
                   coalesce(max(tied.assets), 0) AS assets, devices.site_name AS site
            FROM devices LEFT JOIN tied ON tied.gauge = devices.site_name WHERE NOT devices.switched
            GROUP BY devices.place, devices.domain, devices.site_name HAVING bool_or(devices.silent)
            ORDER BY 6 DESC, bool_and(devices.silent) DESC, 5 NULLS FIRST LIMIT 100
            """,
    columns=(
        Column("site", hidden=True),
        Column("place", Text("Site", "Site"), links=(site_page(),)),
        Column("domain", Text("Function", "Fonction"), states=_alarms_now.DOMAINS),
        Column("silent", Text("Silent", "Muets"), unit="count"),
        Column("devices", Text("of", "sur"), unit="count"),
        Column("heard", Text("Last heard", "Dernière mesure"), unit="date"),
        coloured("assets", Text("Assets", "Enjeux"), "count", scale("text", (1, ORANGE))),
    ),
    no_value=Text("all devices report", "tous les appareils émettent"),
    empty="every device reports",
    width=24,
    height=8,
)
SECTION = Section(
    key="territory-places",
    title=Text("Functions and places", "Fonctions et lieux"),
    panels=(_DOMAINS, _COMMUNES, _BLIND, replace(_alarms_now.COURSE, key="territory-course")),
)
