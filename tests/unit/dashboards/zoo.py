"""A dashboard with a panel of every kind and every setting, for what holds for all."""

# ruff: noqa: S608  SQL is put together from the kit's pieces

from dashboards._colours import PRIORITIES, VIGILANCE, Step
from dashboards._describe import Column, Dashboard, Panel, Query, Section, Variable
from dashboards._links import alarm_page, dashboard_of, site_page
from dashboards._sql import BAR, filter_by, latest, readings, territory
from dashboards._views import (
    BarChart,
    Gauge,
    Geomap,
    Heatmap,
    Histogram,
    Scatter,
    Stat,
    StatusHistory,
    Table,
    Timeline,
    TimeSeries,
    Trend,
    View,
    Words,
)
from dashboards._words import Text

LEVELS = f"SELECT bucket.time, bucket.mean AS level FROM {readings('level')} ORDER BY bucket.time"
BARS = LEVELS.replace(readings("level"), readings("level", every=BAR))
LANES = (
    "SELECT bucket.time, site.title AS lane, bucket.last AS state"
    f" FROM {readings('level')} ORDER BY bucket.time"
)
PLACES = (
    "SELECT site.name AS site, site.title AS title, site.lat AS lat, site.lon AS lon,"
    f" latest.last AS level, {{{{lang}}}} AS words FROM {latest('level')}"
    f" WHERE {filter_by('river', 'site.river')} ORDER BY site.title"
)
ALARMS = (
    "SELECT alarm.id AS alarm, site.name AS site, alarm.severity->-1->>1 AS priority"
    " FROM alarm JOIN site ON site.id = alarm.site"
    f" WHERE $__timeFilter(alarm.began) AND {territory()} ORDER BY 1"
)


def panel(key: str, view: View, sql: str = "", **more: object) -> Panel:
    queries = (Query(sql=sql),) if sql else ()
    text = Text(en=f"The {key}", fr=f"Le {key}")
    about: Panel = Panel(key=key, title=text, about=text, view=view, queries=queries, **more)  # type: ignore[arg-type]
    return about


STEPS = (Step(at=1.0, colour="orange"), Step(at=2.0, colour="red"))
TABLE = panel(
    "table",
    Table(sort_by="site", descending=True, footer=("max",), filterable=True),
    ALARMS,
    columns=(
        Column(name="alarm", hidden=True),
        Column(
            name="site",
            title=Text(en="Site", fr="Site"),
            unit="text",
            links=(site_page(), dashboard_of("zoo", Text(en="Zoo", fr="Zoo")), alarm_page()),
        ),
        Column(name="priority", states=PRIORITIES, cell="background"),
    ),
    empty="nothing need be wrong",
)
LINES = panel(
    "lines",
    TimeSeries(
        legend="table", legend_calcs=("max",), steps_drawn="line", soft_min=0, soft_max=3, fill=10
    ),
    BARS,
    quantity="level",
    steps=STEPS,
    columns=(
        Column(
            name="level",
            axis="right",
            axis_label=Text(en="Level", fr="Hauteur"),
            draw="bars",
            dashed=True,
            step=True,
            fill=30,
            line_width=2,
            colour="blue",
            stack="a",
        ),
    ),
    points=500,
    interval="1m",
    no_value=Text(en="none", fr="aucune"),
)
ZOO = Dashboard(
    key="zoo",
    title=Text(en="Zoo", fr="Zoo"),
    about=Text(en="Every kind.", fr="Chaque sorte."),
    domains=("flood", "weather"),
    variables=(
        Variable(
            name="river",
            label=Text(en="River", fr="Cours d'eau"),
            sql="SELECT DISTINCT river FROM site WHERE river IS NOT NULL ORDER BY river",
        ),
        Variable(
            name="gauge",
            label=Text(en="Gauge", fr="Station"),
            sql="SELECT name FROM site ORDER BY name",
            multi=False,
        ),
        Variable(
            name="shown",
            label=Text(en="Shown", fr="Affiché"),
            choices=(("a", Text(en="This", fr="Ceci")), ("b", Text(en="That", fr="Cela"))),
            multi=False,
        ),
    ),
    panels=(
        LINES,
        panel("log", TimeSeries(log=True, draw="bars", stacked=True), BARS, unit="m"),
        panel("stat", Stat(graph=True, over_time=True), LEVELS, quantity="level", steps=STEPS),
        panel("word", Stat(colour="background"), PLACES),
        panel("gauge", Gauge(low=0, high=5, rows=True), PLACES),
        TABLE,
        Section(
            key="folded",
            title=Text(en="Folded", fr="Replié"),
            folded=True,
            panels=(
                panel("lanes", Timeline(lane="lane", pages=True), LANES, states=VIGILANCE),
                panel("cells", StatusHistory(lane="lane", pages=True), LANES, states=VIGILANCE),
                panel(
                    "map",
                    Geomap(colour_by="level", label="title", size_by="level"),
                    PLACES,
                    states=VIGILANCE,
                ),
            ),
        ),
        Section(
            key="open",
            title=Text(en="Open", fr="Ouvert"),
            panels=(
                panel("scatter", Scatter(x="lon", y="lat"), PLACES),
                panel("apart", Scatter(x="lon", y="lat", by="title"), PLACES),
                panel(
                    "trend",
                    Trend(x="lon", by="kind", lines=("lat",)),
                    "SELECT 'gauges' AS kind, lon, lat FROM site ORDER BY lon",
                    no_value=Text(en="none", fr="aucune"),
                    timeless="places do not change",
                ),
                panel(
                    "chart",
                    BarChart(x="title", horizontal=True, stacked=True, colour_by="level"),
                    PLACES,
                ),
                panel("histogram", Histogram(bucket=1), PLACES),
                panel("heatmap", Heatmap(), LEVELS),
                panel("text", Words(content=Text(en="**Read**", fr="**Lire**"))),
                panel(
                    "chosen",
                    Table(),
                    "SELECT name AS site FROM site WHERE name = '$gauge' AND '$shown' = 'a'"
                    " AND $__timeTo() > ''",
                    transformations=(("limit", {"limitField": 3}),),
                    empty="one gauge",
                ),
            ),
        ),
    ),
)
