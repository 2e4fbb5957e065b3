"""The territory by its functions and its places: how each is, and where nobody sees anything."""

from dataclasses import replace

from dashboards import _alarms_now
from dashboards._alarms_now import word
from dashboards._colours import GREEN, ORANGE, PRIORITIES, VIOLET, Step
from dashboards._describe import Column, Link, Panel, Query, Section
from dashboards._links import site_page, uid
from dashboards._quality_now import DEVICES
from dashboards._sql import UNTIL, territory
from dashboards._territory_now import SITES
from dashboards._views import Table
from dashboards._words import Text

_GRAVE = PRIORITIES[:3]  # what a narrow table has room for; a notice asks for nothing
_COUNTS = tuple(
    Column(
        name=str(state.value),
        title=Text(en=f"{state.symbol} {word(state).en}", fr=f"{state.symbol} {word(state).fr}"),
        unit="count",
        cell="background",
        steps=(Step(at=None, colour="transparent"), Step(at=1, colour=state.colour)),
        width=95,
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
    title=Text(en="By urban function", fr="Par fonction urbaine"),
    about=Text(
        en="Each function: its sites, its devices and those that are silent, and what stands by"
        " priority. A click leads to its dashboard.",
        fr="Chaque fonction : ses sites, ses appareils et ceux qui sont muets, et ce qui est en"
        " cours par priorité. Un clic mène à son tableau.",
    ),
    view=Table(),
    queries=(
        Query(
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
            """
        ),
    ),
    columns=(
        Column(name="key", hidden=True),
        Column(
            name="domain",
            title=Text(en="Function", fr="Fonction"),
            states=_alarms_now.DOMAINS,
            links=(
                Link(
                    title=Text(en="Its dashboard", fr="Son tableau de bord"),
                    url=f"/d/{uid('')}{{row.key}}?{{range}}",
                ),
            ),
        ),
        Column(name="sites", title=Text(en="Sites", fr="Sites"), unit="count", width=65),
        Column(name="devices", title=Text(en="Devices", fr="Appareils"), unit="count", width=95),
        Column(
            name="silent",
            title=Text(en="Silent", fr="Muets"),
            unit="count",
            cell="text",
            steps=(Step(at=None, colour=GREEN), Step(at=1, colour=VIOLET)),
            width=90,
        ),
        *_COUNTS,
    ),
    width=12,
    height=8,
    timeless="how functions are at the end of the time shown",
)
_COMMUNES = Panel(
    key="territory-communes",
    title=Text(en="By commune", fr="Par commune"),
    about=Text(
        en="Communes with something standing, the highest priority first; how many of their sites"
        " are blind. Choose a commune above to see it alone.",
        fr="Communes où quelque chose est en cours, la plus haute priorité d'abord ; combien de"
        " leurs sites sont aveugles. Choisir une commune en haut pour ne voir qu'elle.",
    ),
    view=Table(filterable=True),
    queries=(
        Query(
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
            """
        ),
    ),
    columns=(
        Column(name="commune", title=Text(en="Commune", fr="Commune")),
        Column(name="sites", title=Text(en="Sites", fr="Sites"), unit="count", width=85),
        Column(
            name="blind",
            title=Text(en="Blind", fr="Aveugles"),
            unit="count",
            cell="text",
            steps=(Step(at=None, colour=GREEN), Step(at=1, colour=VIOLET)),
            width=100,
        ),
        *(replace(each, width=118) for each in _COUNTS),  # the filter's sign needs room, too
    ),
    no_value=Text(en="nothing stands anywhere", fr="rien en cours nulle part"),
    empty="nothing stands anywhere",
    width=12,
    height=16,
    timeless="how communes are at the end of the time shown",
)
_BLIND = Panel(
    key="territory-blind-spots",
    title=Text(en="Blind spots", fr="Angles morts"),
    about=Text(
        en="Sites with silent devices, those first on which assets depend: how many of their"
        " devices are silent, since when the last was heard, how many assets are tied to the"
        " gauge.",
        fr="Sites aux appareils muets, d'abord ceux dont dépendent des enjeux : combien d'appareils"
        " se taisent, depuis quand plus rien n'est reçu, combien d'enjeux tiennent à la station.",
    ),
    view=Table(),
    queries=(
        Query(
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
            """
        ),
    ),
    columns=(
        Column(name="site", hidden=True),
        Column(name="place", title=Text(en="Site", fr="Site"), links=(site_page(),)),
        Column(
            name="domain",
            title=Text(en="Function", fr="Fonction"),
            states=_alarms_now.DOMAINS,
            width=110,
        ),
        Column(name="silent", title=Text(en="Silent", fr="Muets"), unit="count", width=80),
        Column(name="devices", title=Text(en="of", fr="sur"), unit="count", width=70),
        Column(name="heard", title=Text(en="Last heard", fr="Dernière mesure"), unit="date"),
        Column(
            name="assets",
            title=Text(en="Assets", fr="Enjeux"),
            unit="count",
            cell="text",
            steps=(Step(at=None, colour="text"), Step(at=1, colour=ORANGE)),
            width=90,
        ),
    ),
    no_value=Text(en="every device is heard", fr="tous les appareils sont reçus"),
    empty="every device is heard",
    width=12,
    height=8,
    timeless="how sites are at the end of the time shown",
)
SECTION = Section(
    key="territory-places",
    title=Text(en="Functions and places", fr="Fonctions et lieux"),
    panels=(
        _DOMAINS,
        _COMMUNES,
        _BLIND,
        replace(_alarms_now.COURSE, key="territory-course"),
    ),
)
