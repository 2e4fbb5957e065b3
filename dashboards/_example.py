"""A minimal example: levels and their age. Tests build it."""

from dashboards._colours import VIGILANCE
from dashboards._describe import Column, Dashboard, Panel, Section
from dashboards._links import dashboard_of, site_page
from dashboards._sql import latest, readings
from dashboards._views import Table, Timeline, TimeSeries
from dashboards._words import Text

DASHBOARD = Dashboard(
    key="example",
    title=Text("Example", "Exemple"),
    about=Text("How a dashboard is written.", "Comment s'écrit un tableau de bord."),
    domains=("flood",),
    panels=(
        Panel(
            key="levels",
            title=Text("Water levels", "Hauteurs d'eau"),
            about=Text(
                "Each chosen gauge's level. Zeros differ: do not compare two lines.",
                "La hauteur de chaque échelle choisie. Les zéros diffèrent : ne pas comparer.",
            ),
            view=TimeSeries(legend="table", legend_calcs=("lastNotNull", "max")),
            quantity="level",
            sql=f"""
            SELECT bucket.time, site.title AS metric, bucket.mean AS value
            FROM {readings("level")} ORDER BY bucket.time
            """,
            width=15,
        ),
        Panel(
            key="now",
            title=Text("Last levels", "Dernières hauteurs"),
            about=Text(
                "The last valid reading of each gauge and its age.",
                "La dernière mesure valide de chaque échelle et son âge.",
            ),
            view=Table(sort_by="level", descending=True),
            sql=f"""
            SELECT site.name AS site, site.title AS title, latest.last AS level,
                   latest.last_at AS at
            FROM {latest("level")} ORDER BY site.title
            """,
            columns=(
                Column("site", hidden=True),
                Column(
                    "title",
                    Text("Gauge", "Échelle"),
                    links=(site_page(), dashboard_of("flood", Text("Floods", "Crues"))),
                ),
                Column("level", Text("Level", "Hauteur"), quantity="level"),
                Column("at", Text("Measured", "Mesurée"), unit="date"),
            ),
            width=9,
        ),
        Section(
            key="official",
            title=Text("Official colours", "Couleurs officielles"),
            panels=(
                Panel(
                    key="vigilance",
                    title=Text("Vigilance", "Vigilance"),
                    about=Text(
                        "The official colour of each reach over time.",
                        "La couleur officielle de chaque tronçon au cours du temps.",
                    ),
                    view=Timeline(lane="reach"),
                    states=VIGILANCE,
                    sql=f"""
                    SELECT bucket.time, site.title AS reach, bucket.last AS state
                    FROM {readings("vigilance")} ORDER BY bucket.time
                    """,
                    width=24,
                    height=6,
                    empty="no bulletin in the time range",
                ),
            ),
        ),
    ),
)
