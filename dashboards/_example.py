"""An example, as small as one can be: how levels stand, and since when. Tests build it."""

from dashboards._colours import VIGILANCE
from dashboards._describe import Column, Dashboard, Panel, Query, Section
from dashboards._links import dashboard_of, site_page
from dashboards._sql import latest, readings
from dashboards._views import Table, Timeline, TimeSeries
from dashboards._words import Text

DASHBOARD = Dashboard(
    key="example",
    title=Text(en="Example", fr="Exemple"),
    about=Text(en="How a dashboard is written.", fr="Comment s'écrit un tableau de bord."),
    domains=("flood",),
    panels=(
        Panel(
            key="levels",
            title=Text(en="Water levels", fr="Hauteurs d'eau"),
            about=Text(
                en="Each chosen gauge's level. Zeros differ: do not compare two lines.",
                fr="La hauteur de chaque échelle choisie. Les zéros diffèrent : ne pas comparer.",
            ),
            view=TimeSeries(legend="table", legend_calcs=("lastNotNull", "max")),
            quantity="level",
            queries=(
                Query(
                    sql=f"""
                    SELECT bucket.time, site.title AS metric, bucket.mean AS value
                    FROM {readings("level")} ORDER BY bucket.time
                    """
                ),
            ),
            width=16,
        ),
        Panel(
            key="now",
            title=Text(en="Last levels", fr="Dernières hauteurs"),
            about=Text(
                en="The last believed reading of each gauge and its age.",
                fr="La dernière mesure crue de chaque échelle et son âge.",
            ),
            view=Table(sort_by="level", descending=True),
            queries=(
                Query(
                    sql=f"""
                    SELECT site.name AS site, site.title AS title, latest.last AS level,
                           latest.last_at AS at
                    FROM {latest("level")} ORDER BY site.title
                    """
                ),
            ),
            columns=(
                Column(name="site", hidden=True),
                Column(
                    name="title",
                    title=Text(en="Gauge", fr="Échelle"),
                    links=(site_page(), dashboard_of("flood", Text(en="Floods", fr="Crues"))),
                ),
                Column(name="level", title=Text(en="Level", fr="Hauteur"), quantity="level"),
                Column(name="at", title=Text(en="Measured", fr="Mesurée"), unit="date"),
            ),
            width=8,
        ),
        Section(
            key="official",
            title=Text(en="Official colours", fr="Couleurs officielles"),
            panels=(
                Panel(
                    key="vigilance",
                    title=Text(en="Vigilance", fr="Vigilance"),
                    about=Text(
                        en="The official colour of each reach over time.",
                        fr="La couleur officielle de chaque tronçon au cours du temps.",
                    ),
                    view=Timeline(lane="reach"),
                    states=VIGILANCE,
                    queries=(
                        Query(
                            sql=f"""
                            SELECT bucket.time, site.title AS reach, bucket.last AS state
                            FROM {readings("vigilance")} ORDER BY bucket.time
                            """
                        ),
                    ),
                    width=24,
                    height=6,
                    empty="no bulletin in the time asked",
                ),
            ),
        ),
    ),
)
