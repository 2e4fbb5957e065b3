"""Rain over the catchments and how rare it is; retention basins."""

from dashboards._colours import BLUE, GREEN, GREY, ORANGE, RED, State
from dashboards._describe import Column, Panel, Section
from dashboards._flood_now import BASIN_STEPS
from dashboards._gaps import FIT, break_lines, bridge_gaps
from dashboards._links import site_page
from dashboards._sql import SINCE, UNTIL, before, hours, readings, series_of
from dashboards._views import Table, TimeSeries
from dashboards._words import Text

RARITY = (
    State("50", Text("> 50 years", "> 50 ans"), RED, "■"),
    State("10", Text("10 to 50 years", "10 à 50 ans"), ORANGE, "◆"),
    State("0", Text("< 10 years", "< 10 ans"), GREEN, "●"),
    State("unknown", Text("no values", "sans référence"), GREY, "?"),
)
_SHOWN = (1, 3, 6, 24)


def amounts() -> tuple[Column, ...]:
    """The columns of the sums over the hours that are shown."""
    return tuple(Column(f"mm_{hours}h", f"{hours} h", unit="mm", decimals=1) for hours in _SHOWN)


def sum_rain() -> str:
    """SQL: the sums over the hours that are shown, of rows `sums.hours, sums.total`."""
    return ", ".join(
        f"max(sums.total) FILTER (WHERE sums.hours = {hours}) AS mm_{hours}h" for hours in _SHOWN
    )


# `rare`: the sum over what falls once in ten years in as many hours, where that is highest.
RARE = """
max(sums.total / depth.ten) AS rare,
CASE WHEN count(depth.ten) = 0 OR count(sums.total) = 0 THEN 'unknown'
     WHEN bool_or(sums.total >= depth.fifty) THEN '50'
     WHEN bool_or(sums.total >= depth.ten) THEN '10' ELSE '0' END AS rarity
"""


DEPTHS = f"""
depth AS MATERIALIZED (
    SELECT t.site, max(t.value) FILTER (WHERE parts[1] = '10') AS ten,
           max(t.value) FILTER (WHERE parts[1] = '50') AS fifty, parts[2]::integer AS hours
    FROM threshold_spans() t
    CROSS JOIN LATERAL regexp_match(t.name, '^rain_(10|50)y_([0-9]+)h$') parts
    WHERE parts IS NOT NULL AND t.begins <= {UNTIL} AND {UNTIL} < t.ends
    GROUP BY t.site, parts[2]
)"""


def rare_columns() -> tuple[Column, ...]:
    """How the two columns of `RARE` read."""
    return (
        Column(
            "rare",
            Text("of the 10-year rain", "de la décennale"),
            unit="share",
            decimals=0,
            cell="gauge",
            low=0,
            high=1.5,
            colour=BLUE,
        ),
        Column("rarity", Text("Rarity", "Rareté"), states=RARITY, cell="background"),
    )


_NOW = Panel(
    key="flood-rain",
    title=Text("Rain over the catchments, and how rare", "Pluie de bassin versant et sa rareté"),
    about=Text(
        en="What fell over each gauge's catchment in the last 1, 3, 6 and 24 h of the time shown."
        " Bar: its share of what falls there once in ten years, over whichever of 1, 2, 3, 4, 6,"
        " 12 and 24 h is the rarest; from 100 % on it is rarer. The depths are the site's"
        " thresholds, illustrative until measured.",
        fr="Cumuls sur le bassin versant de chaque station : 1, 3, 6 et 24 h jusqu'à la fin de la"
        " période affichée. Barre : part de la pluie décennale, sur la durée la plus rare parmi 1,"
        " 2, 3, 4, 6, 12 et 24 h ; au-delà de 100 %, plus rare que décennale. Les hauteurs de"
        " référence sont les seuils du site, illustratives tant qu'elles ne sont pas établies.",
    ),
    view=Table(),
    sql=f"""
            WITH {DEPTHS}
            SELECT site.name AS site, site.title AS station, {sum_rain()}, {RARE}
            FROM unnest({series_of("catchment_rain")}) AS rain (id)
            JOIN series ON series.id = rain.id JOIN device ON device.id = series.device
            JOIN site ON site.id = device.site
            CROSS JOIN LATERAL rain_sums(series.id, {UNTIL}) sums
            LEFT JOIN depth ON depth.site = site.name AND depth.hours = sums.hours
            GROUP BY site.name, site.title
            ORDER BY rare DESC NULLS LAST, mm_24h DESC NULLS LAST, site.title
            """,
    columns=(
        Column("site", hidden=True),
        Column("station", Text("Catchment of", "Bassin versant de"), links=(site_page(),)),
        *amounts(),
        *rare_columns(),
    ),
    width=16,
    height=14,
)
# A sum over hours is highest where one that had rain is its last.
_HIGHEST = ", ".join(
    f"sum(hour.sum) OVER (PARTITION BY hour.series_id ORDER BY hour.begins"
    f" RANGE BETWEEN INTERVAL '{hours - 1} hours' PRECEDING AND CURRENT ROW) AS mm_{hours}h"
    for hours in _SHOWN
)
_MOST_OF = ", ".join(f"coalesce(max(wet.mm_{hours}h), 0) AS mm_{hours}h" for hours in _SHOWN)
_MOST = Panel(
    key="flood-rain-most",
    title=Text("Most rain in the time shown", "Cumuls maximaux de la période"),
    about=Text(
        en="Highest sums over each catchment within 1, 3, 6 and 24 hours of the time range, and"
        " the end of the wettest 24 h. By full hours.",
        fr="Plus forts cumuls de chaque bassin versant sur 1, 3, 6 et 24 h de la période, et fin"
        " des 24 h les plus arrosées. Par heures pleines.",
    ),
    view=Table(),
    sql=f"""
    WITH wet AS (
        SELECT hour.series_id, hour.begins, {_HIGHEST}
        FROM {hours(series_of("catchment_rain"), before(SINCE, "1 hour"))} AS hour
        WHERE hour.sum > 0
    )
    SELECT site.name AS site, site.title AS station,
           {_MOST_OF},
           last(wet.begins, wet.mm_24h) AS at
    FROM unnest({series_of("catchment_rain")}) AS rain (id)
    JOIN series ON series.id = rain.id JOIN device ON device.id = series.device
    JOIN site ON site.id = device.site LEFT JOIN wet ON wet.series_id = series.id
    GROUP BY site.name, site.title ORDER BY mm_24h DESC, site.title
    """,
    columns=(
        Column("site", hidden=True),
        Column("station", Text("Catchment of", "Bassin versant de"), links=(site_page(),)),
        *amounts(),
        Column("at", Text("24 h ending", "fin des 24 h"), unit="date"),
    ),
    width=14,
    height=11,
)
_FALLEN = Panel(
    key="flood-rain-fallen",
    title=Text("Rain fallen over the catchments", "Pluie cumulée sur la période"),
    about=Text(
        en="Rain over each catchment, summed from the beginning of the time shown. Steep: it pours"
        " now.",
        fr="Pluie de chaque bassin versant, cumulée depuis le début de la période affichée. Pente"
        " forte : il pleut fort à cet instant.",
    ),
    view=TimeSeries(width=2, legend="list", step=False, gaps=False),
    sql=f"""
    SELECT bucket.time AS time, site.title AS metric,
           sum(bucket.total) OVER (PARTITION BY bucket.series_id ORDER BY bucket.time)
               AS fallen
    FROM {readings("catchment_rain", every=FIT)} ORDER BY 1, 2
    """,
    quantity="catchment_rain",
    low=0,
    width=8,
    height=14,
)
_BASINS = Panel(
    key="flood-basins",
    title=Text("Fill of the retention basins", "Remplissage des bassins de retenue"),
    about=Text(
        en="Share of each basin that is full. 80 %: ask how the gate is set and how long it will"
        " rain. 95 %: it holds nothing back any more, the river below rises as if it were not"
        " there.",
        fr="Part remplie de chaque bassin. 80 % : s'enquérir de la position de la vanne et de la"
        " durée de la pluie. 95 % : il n'écrête plus, l'aval monte comme s'il n'existait pas.",
    ),
    view=TimeSeries(
        width=2, legend="table", legend_calcs=("lastNotNull", "max"), steps_drawn="dashed"
    ),
    sql=break_lines(f"""
            SELECT bucket.time AS time, site.title AS metric, bucket.high AS value
            FROM {readings("basin_fill", every=FIT)}
            """),
    quantity="basin_fill",
    low=0,
    high=100,
    steps=BASIN_STEPS[1:],
    no_value=Text("no basin", "aucun bassin"),
    refine=bridge_gaps,
    width=10,
    height=11,
)
SECTION = Section(
    key="flood-rain-section",
    title=Text("Rain and basins", "Pluie et bassins"),
    panels=(_NOW, _FALLEN, _MOST, _BASINS),
)
