"""Hydrographs against the alert level and in NGF; rivers lengthwise in NGF."""

from grafana_foundation_sdk.models import dashboard as sdk

from dashboards._colours import BLUE, GREY, ORANGE, RED, YELLOW, Step
from dashboards._describe import Builder, Column, Panel, Query, Section
from dashboards._flood_now import RECENT
from dashboards._gaps import FIT, break_lines, bridge_gaps
from dashboards._links import site_page
from dashboards._sql import EVER, SINCE, UNTIL, before, hours, readings, territory
from dashboards._views import Scatter, Table, TimeSeries
from dashboards._words import Text

_RAIN_SPACE = 80.0  # mm/h: the rain's axis is this high, so that its bars stay below the level
# Hours; on long spans so much longer that bars can be told apart.
_RAIN_EVERY = (
    f"CASE WHEN {UNTIL} - {SINCE} <= interval '8 days' THEN interval '1 hour'"
    f" WHEN {UNTIL} - {SINCE} <= interval '40 days' THEN interval '6 hours'"
    f" WHEN {UNTIL} - {SINCE} <= interval '100 days' THEN interval '1 day'"
    " ELSE interval '7 days' END"
)


# The chosen gauge that is nearest to its alert level, or farthest above it.
def urgent(where: str) -> str:
    """SQL: a part of WITH, `urgent`, one gauge of which this is true."""
    return f"""
urgent AS MATERIALIZED (
    SELECT g.*, r.value FROM gauges_at({UNTIL}) g
    CROSS JOIN LATERAL last_reading(g.series, {UNTIL}) r
    WHERE {territory("g")} AND {where}
    ORDER BY r.time > {RECENT} DESC, r.value - g.alert DESC NULLS LAST, g.name LIMIT 1
)"""


_ALL = Panel(
    key="flood-hydrographs",
    title=Text("Level minus alert threshold", "Hauteur moins seuil d'alerte"),
    about=Text(
        en="Each gauge's level minus the alert threshold that was in force then, so that gauges"
        " with different zeros compare: zero is the alert. The highest value of each piece of"
        " time, so that no peak is lost on long spans. A gap is a gauge that said nothing.",
        fr="Hauteur de chaque station moins le seuil d'alerte alors en vigueur : les stations se"
        " comparent malgré leurs zéros d'échelle différents, et zéro est l'alerte. Valeur maximale"
        " de chaque pas de temps : aucun pic ne se perd sur les longues périodes. Une lacune est"
        " une station qui n'a rien transmis.",
    ),
    view=TimeSeries(
        width=2,
        steps_drawn="dashed",
        axis_label=Text("above the alert level", "au-dessus de l'alerte"),
        soft_max=0.25,
    ),
    refine=bridge_gaps,
    sql=break_lines(f"""
            SELECT bucket.time AS time, site.title AS metric, bucket.high - t.value AS value
            FROM {readings("level", every=FIT)}
            JOIN threshold_spans() t ON t.site = site.name AND t.name = 'alert'
             AND bucket.time >= t.begins AND bucket.time < t.ends
            """),
    quantity="level",
    steps=(Step(0, ORANGE),),
    width=12,
    height=12,
)


def _rain_low(builder: Builder) -> Builder:
    bridge_gaps(builder).override_by_regexp(
        "/^(attention|alert|danger|highest)$/",
        [sdk.DynamicConfigValue(id_val="custom.spanNulls", value=True)],
    )
    return builder.override_by_name(
        "rain",
        [
            sdk.DynamicConfigValue(id_val="custom.axisSoftMin", value=0),
            sdk.DynamicConfigValue(id_val="custom.axisSoftMax", value=_RAIN_SPACE),
        ],
    )


def _line(name: str, en: str, fr: str, colour: str) -> Column:
    return Column(name, Text(en, fr), colour=colour, dashed=True, line_width=1)


_GAUGE = Panel(
    key="flood-hydrograph",
    title=Text(
        "The gauge nearest to its alert: m NGF and rain",
        "Station la plus proche de l'alerte : cote NGF et pluie",
    ),
    about=Text(
        en="Of the selected gauges, the one nearest to its alert level (select a site to see"
        " another). Blue: water elevation, m NGF, with the thresholds and the highest value on"
        " record. At the foot, right axis: hourly rain over its catchment; the lag from rain to"
        " peak is the response time of the catchment.",
        fr="Parmi les stations choisies, la plus proche de son alerte (choisir un site pour en"
        " voir une autre). En bleu : cote NGF du plan d'eau, avec les seuils de la station et les"
        " plus hautes eaux connues ici. En bas, axe de droite : pluie horaire de son"
        " bassin versant ; le délai entre la pluie et le pic est le temps de réponse du bassin.",
    ),
    view=TimeSeries(width=2, legend="list"),
    queries=(
        Query(
            ref="A",
            sql=break_lines(f"""
            WITH {urgent("g.zero IS NOT NULL")}
            SELECT bucket.time AS time, urgent.title AS metric,
                   bucket.high + urgent.zero AS value
            FROM urgent CROSS JOIN readings_by(ARRAY(SELECT series FROM urgent), {SINCE}, {UNTIL},
                                               {FIT}) bucket
            """),
        ),
        Query(
            ref="B",
            sql=f"""
            WITH {urgent("g.zero IS NOT NULL")}
            SELECT edge AS time, urgent.attention + urgent.zero AS attention,
                   urgent.alert + urgent.zero AS alert, urgent.danger + urgent.zero AS danger,
                   urgent.zero + greatest(
                       (SELECT max(day.high)
                        FROM readings_by(ARRAY[urgent.series], {EVER},
                                         {before(UNTIL, "25 hours")}, interval '1 day') AS day),
                       (SELECT max(hour.max)
                        FROM {hours("ARRAY[urgent.series]", before(UNTIL, "50 hours"))} AS hour
                        WHERE hour.begins <= {before(UNTIL, "1 hour")}),
                       urgent.value) AS highest
            FROM urgent CROSS JOIN unnest(ARRAY[{SINCE}, {UNTIL}]) edge ORDER BY 1
            """,
        ),
        Query(
            ref="C",
            sql=f"""
            WITH {urgent("g.zero IS NOT NULL")}
            SELECT bucket.time AS time,
                   bucket.total / (extract(epoch FROM {_RAIN_EVERY})::float8 / 3600) AS rain
            FROM readings_by(ARRAY(SELECT series.id FROM series
                                   JOIN device ON device.id = series.device
                                   JOIN urgent ON urgent.site = device.site
                                   WHERE series.quantity = 'catchment_rain' LIMIT 1),
                             {SINCE}, {UNTIL}, {_RAIN_EVERY}) bucket
            ORDER BY 1
            """,
        ),
    ),
    quantity="surface_elevation",
    columns=(
        Column("/.*/", colour=BLUE),
        _line("attention", "attention", "attention", YELLOW),
        _line("alert", "alert", "alerte", ORANGE),
        _line("danger", "danger", "danger", RED),
        _line("highest", "highest known", "plus hautes eaux connues", "#9a5fb5"),
        Column(
            "rain",
            Text("catchment rain", "pluie de bassin"),
            unit="mm/h",
            decimals=1,
            draw="bars",
            low=0,
            axis="right",
            axis_label=Text("rain", "pluie"),
            colour="#8ab8ff",
        ),
    ),
    no_value=Text(
        "gauge zero (m NGF) unknown: see level minus threshold",
        "zéro d'échelle (NGF) inconnu : voir hauteur moins seuil",
    ),
    refine=_rain_low,
    width=12,
    height=12,
)

SECTION = Section(
    key="flood-courses-section", title=Text("Hydrographs", "Hydrogrammes"), panels=(_ALL, _GAUGE)
)


# Kilometres as the crow flies from gauge to gauge down each river.
_ALONG = f"""
gauge AS MATERIALIZED (
    SELECT g.*, r.value, lag(g.lon) OVER down AS lon_above, lag(g.lat) OVER down AS lat_above,
           lead(r.value + g.zero) OVER down AS below, count(*) OVER (PARTITION BY g.river) AS many
    FROM gauges_at({UNTIL}) g CROSS JOIN LATERAL last_reading(g.series, {UNTIL}) r
    WHERE g.zero IS NOT NULL AND g.river IS NOT NULL AND {territory("g")}
    WINDOW down AS (PARTITION BY g.river ORDER BY g.river_order, g.name)
), along AS (
    SELECT gauge.*, coalesce(sum(111.2 * sqrt((lat - lat_above) ^ 2
           + ((lon - lon_above) * cos(radians(lat))) ^ 2))
           OVER (PARTITION BY river ORDER BY river_order, name), 0) AS km
    FROM gauge
)"""
_LENGTHWISE = Panel(
    key="flood-profile",
    title=Text("Longitudinal profile", "Profil en long"),
    about=Text(
        en="Altitude of the water now (m NGF) along each river that has two gauges or more, by the"
        " distance from its first gauge as the crow flies; dashed: the alert level. Where the line"
        " of the water lies above the dashed one, the reach is in alert; where it flattens, water"
        " backs up.",
        fr="Cote NGF du plan d'eau le long des cours d'eau qui ont au moins deux stations, selon"
        " la distance à vol d'oiseau depuis la première ; tirets : niveau d'alerte. Là où la ligne"
        " d'eau passe au-dessus des tirets, le tronçon est en alerte ; là où elle s'aplatit, l'eau"
        " est retenue par l'aval.",
    ),
    view=Scatter(x="km", y="altitude", by="line", show="points+lines", size=7),
    sql=f"""
            WITH {_ALONG}
            SELECT river || CASE {{{{lang}}}} WHEN 'fr' THEN ' · eau' ELSE ' · water' END AS line,
                   km, value + zero AS altitude
            FROM along WHERE many > 1
            UNION ALL
            SELECT river || CASE {{{{lang}}}} WHEN 'fr' THEN ' · alerte' ELSE ' · alert' END, km,
                   alert + zero
            FROM along WHERE many > 1 AND alert IS NOT NULL ORDER BY 1, 2
            """,
    columns=(
        Column(
            "km", Text("km from the first gauge", "km depuis la première station"), unit="number"
        ),
        Column("/altitude/", "${__series.name}", unit="m", decimals=2, axis_label="m NGF"),
        Column("/· alert/", dashed=True, colour=GREY),
    ),
    no_value=Text(
        "no river has two gauges whose zeros are known",
        "aucun cours d'eau n'a deux stations au zéro d'échelle connu",
    ),
    empty="a territory may have no river with two gauges",
    width=12,
    height=12,
)
_ALTITUDES = Panel(
    key="flood-altitudes",
    title=Text("Altitudes, m NGF", "Cotes NGF"),
    about=Text(
        en="Gauge zero, water level, alert and danger levels on one reference, and the drop of the"
        " water surface to the next gauge downstream. A drop that shrinks during a flood is"
        " backwater.",
        fr="Zéro d'échelle, plan d'eau, niveaux d'alerte et de danger de chaque station sur la"
        " même référence, et chute du plan d'eau jusqu'à la station suivante. Une chute qui"
        " diminue en crue signale un remous de l'aval.",
    ),
    view=Table(),
    sql=f"""
            WITH {_ALONG}
            SELECT name AS site, river, title AS station, zero, value + zero AS water,
                   alert + zero AS alert, danger + zero AS danger, value + zero - below AS fall
            FROM along ORDER BY river, river_order, name
            """,
    columns=(
        Column("site", hidden=True),
        Column("river", hidden=True),
        Column("station", Text("Gauge", "Station"), links=(site_page(),)),
        *(
            Column(name, Text(en, fr), unit="m", decimals=2)
            for name, en, fr in (
                ("zero", "Zero", "Zéro"),
                ("water", "Water", "Eau"),
                ("alert", "Alert", "Alerte"),
                ("danger", "Danger", "Danger"),
                ("fall", "Fall to next", "Chute"),
            )
        ),
    ),
    no_value=Text("no gauge zero (m NGF) known", "aucun zéro d'échelle (NGF) connu"),
    width=12,
    height=12,
)
PROFILE = Section(
    key="flood-profile-section",
    title=Text("Lengthwise, m NGF", "Profil en long, NGF"),
    panels=(_LENGTHWISE, _ALTITUDES),
)
