"""Rivers lengthwise, in metres NGF: the one scale on which different gauges compare."""

from dashboards._colours import GREY
from dashboards._describe import Column, Panel, Section
from dashboards._links import site_page
from dashboards._sql import UNTIL, territory
from dashboards._views import Scatter, Table
from dashboards._words import Text

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
_PROFILE = Panel(
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
    view=Scatter(
        x="km",
        y="altitude",
        by="line",
        show="points+lines",
        size=7,
        x_label=Text("km from the first gauge", "km depuis la première station"),
        y_label="m NGF",
    ),
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
    timeless="the profile at the end of the time shown",
)
_ALTITUDES = Panel(
    key="flood-altitudes",
    title=Text("Altitudes, m NGF", "Cotes NGF"),
    about=Text(
        en="Each gauge's zero, its water and its alert and danger levels on one scale, and the"
        " fall of the water to the next gauge down the river. A fall that shrinks during a flood"
        " is backwater.",
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
            Column(name, Text(en, fr), unit="m", decimals=2, width=84)
            for name, en, fr in (
                ("zero", "Zero", "Zéro"),
                ("water", "Water", "Eau"),
                ("alert", "Alert", "Alerte"),
                ("danger", "Danger", "Danger"),
                ("fall", "Fall to next", "Chute"),
            )
        ),
    ),
    no_value=Text("no zero (m NGF) is known", "aucun zéro d'échelle (NGF) connu"),
    width=12,
    height=12,
    timeless="the altitudes at the end of the time shown",
)
SECTION = Section(
    key="flood-profile-section",
    title=Text("Lengthwise, m NGF", "Profil en long, NGF"),
    panels=(_PROFILE, _ALTITUDES),
)
