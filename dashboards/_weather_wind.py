"""Wind over time, and gusts against the limits of parks and cranes."""

from dashboards._colours import BLUE, ORANGE, RED, YELLOW
from dashboards._describe import Column, Panel, Query, Section
from dashboards._gaps import FIT, break_lines, bridge_gaps
from dashboards._links import site_page
from dashboards._sql import SINCE, UNTIL, readings, territory
from dashboards._views import Table, TimeSeries
from dashboards._weather_now import GUSTED, GUSTS, KMH
from dashboards._words import Text


def _limit(name: str, en: str, fr: str, colour: str) -> Column:
    return Column(name, Text(en, fr), colour=colour, dashed=True, line_width=1)


_GUSTS = Panel(
    key="weather-gusts",
    title=Text("Gusts", "Rafales"),
    about=Text(
        en="The strongest gust of each piece of time at each station. Dashed: the lowest limits of"
        " the chosen sites at which parks close, tower cranes stop, and a storm is violent.",
        fr="Plus forte rafale de chaque pas de temps à chaque station. Tirets : les plus bas"
        " seuils des sites choisis : fermeture des parcs, arrêt des grues à tour, tempête.",
    ),
    view=TimeSeries(width=2, legend="list"),
    queries=(
        Query(
            ref="A",
            sql=break_lines(f"""
            SELECT bucket.time AS time, site.title AS metric, bucket.high * {KMH} AS value
            FROM {readings("gust", every=FIT)}
            """),
        ),
        Query(
            ref="B",
            sql=f"""
            SELECT edge AS time, min(t.value) FILTER (WHERE t.name = 'gust_park') AS park,
                   min(t.value) FILTER (WHERE t.name = 'gust_crane') AS crane,
                   min(t.value) FILTER (WHERE t.name = 'gust_storm') AS storm
            FROM unnest(ARRAY[{SINCE}, {UNTIL}]) edge CROSS JOIN threshold_spans() t
            JOIN site ON site.name = t.site
            WHERE t.name IN ('gust_park', 'gust_crane', 'gust_storm') AND t.begins <= {UNTIL}
             AND {UNTIL} < t.ends AND {territory()} GROUP BY edge ORDER BY 1
            """,
        ),
    ),
    unit="km/h",
    decimals=0,
    low=0,
    columns=(
        _limit("park", "parks close", "fermeture des parcs", YELLOW),
        _limit("crane", "cranes stop", "arrêt des grues", ORANGE),
        _limit("storm", "storm", "tempête", RED),
    ),
    refine=bridge_gaps,
    width=11,
    height=11,
)
_WIND = Panel(
    key="weather-wind",
    title=Text("Mean wind", "Vent moyen"),
    about=Text(
        en="The ten-minute mean wind at each station: what gusts rise from, and what keeps frost"
        " and fog off.",
        fr="Vent moyen sur dix minutes à chaque station : ce dont naissent les rafales, et ce qui"
        " écarte gel et brouillard.",
    ),
    view=TimeSeries(width=2, legend="list"),
    sql=break_lines(f"""
            SELECT bucket.time AS time, site.title AS metric, bucket.mean * {KMH} AS value
            FROM {readings("wind_speed", every=FIT)}
            """),
    unit="km/h",
    decimals=0,
    low=0,
    refine=bridge_gaps,
    width=12,
    height=9,
)
_LIMITS = Panel(
    key="weather-gust-limits",
    title=Text(
        "Gusts against the limits of parks and cranes",
        "Rafales face aux seuils des parcs et des grues",
    ),
    about=Text(
        en="The strongest gust of the last hour at each station, and the limits of what stands"
        " there. One squall is enough. A crane stands higher than the mast and feels more.",
        fr="Plus forte rafale de la dernière heure à chaque station, et les seuils de ce qui s'y"
        " trouve. Un seul grain suffit. Une grue est plus haute que le mât et subit davantage.",
    ),
    view=Table(),
    sql=f"""
            WITH held AS MATERIALIZED (
                SELECT t.site, max(t.value) FILTER (WHERE t.name = 'gust_park') AS park,
                       max(t.value) FILTER (WHERE t.name = 'gust_crane') AS crane,
                       max(t.value) FILTER (WHERE t.name = 'gust_storm') AS storm
                FROM threshold_spans() t WHERE t.begins <= {UNTIL} AND {UNTIL} < t.ends
                 AND t.name IN ('gust_park', 'gust_crane', 'gust_storm') GROUP BY t.site
            )
            SELECT g.site, g.station, g.gust, held.park, held.crane, held.storm,
                   CASE WHEN g.gust > held.storm THEN 'storm' WHEN g.gust > held.crane THEN 'crane'
                        WHEN g.gust > held.park THEN 'park' ELSE 'below' END AS state
            FROM ({GUSTED}) g LEFT JOIN held ON held.site = g.site ORDER BY g.gust DESC, g.station
            """,
    unit="km/h",
    decimals=0,
    columns=(
        Column("site", hidden=True),
        Column("station", Text("Station", "Station"), links=(site_page(),)),
        Column(
            "gust",
            Text("Gust, 1 h", "Rafale, 1 h"),
            cell="gauge",
            low=0,
            high=130,
            colour=BLUE,
            width=130,
        ),
        Column("park", Text("Parks", "Parcs"), width=82),
        Column("crane", Text("Cranes", "Grues"), width=82),
        Column("storm", Text("Storm", "Tempête"), width=86),
        Column("state", Text("State", "État"), states=GUSTS, cell="background", width=130),
    ),
    no_value=Text("no gust was told", "aucune rafale transmise"),
    width=13,
    height=11,
    timeless="the hour before the end of the time shown",
)
_FROM = Panel(
    key="weather-wind-from",
    title=Text("Wind direction", "Direction du vent"),
    about=Text(
        en="Where the wind comes from, in degrees: 0 and 360 are north, 90 east. All stations that"
        " turn together within an hour tell of a front passing.",
        fr="D'où vient le vent, en degrés : 0 et 360 au nord, 90 à l'est. Toutes les stations qui"
        " tournent ensemble en moins d'une heure : passage d'un front.",
    ),
    view=TimeSeries(draw="points", width=2, legend="list"),
    sql=f"""
    SELECT bucket.time AS time, site.title AS metric, bucket.last AS value
    FROM {readings("wind_direction", every=FIT)} ORDER BY 1, 2
    """,
    quantity="wind_direction",
    low=0,
    high=360,
    width=12,
    height=9,
)
SECTION = Section(
    key="weather-wind-section", title=Text("Wind", "Vent"), panels=(_GUSTS, _LIMITS, _WIND, _FROM)
)
