"""District heating, now: which substations are cold, lose water, or send their heat back.

States by the site's own thresholds, with the margins of the rule pack.
"""

from dashboards._colours import FEW_IS_GOOD, GREEN, NONE_IS_GOOD, ORANGE, RED, VIOLET, State, scale
from dashboards._describe import Column, Panel, coloured, count_column
from dashboards._field_alarms import AMBER, QUIET
from dashboards._links import site_page
from dashboards._sites_now import Last, limits, site_columns, site_values, state_column, worst_first
from dashboards._sql import UNTIL, before, series_of
from dashboards._views import Geomap, Stat, Table
from dashboards._words import Text

STATE = (
    State("network", Text("network cold", "réseau froid"), RED, "■"),
    State("cold", Text("heating too cold", "chauffage trop froid"), RED, "▼"),
    State("leak", Text("loses water", "perd de l'eau"), RED, "◆"),
    State("silent", Text("silent", "muette"), VIOLET, "✕"),
    State("return", Text("return too warm", "retour trop chaud"), ORANGE, "▲"),
    State("fine", Text("nothing to report", "rien à signaler"), GREEN, "●"),
)
GAUGES = (
    *("primary_supply_temperature", "primary_return_temperature", "heat_flow", "heat_power"),
    *("secondary_supply_temperature", "outside_temperature", "heating_pressure"),
    *("differential_pressure", "hot_water_temperature"),
)
LIMITS = ("return_limit", "curve_mild", "curve_cold", "make_up_limit", "pressure_low")
_MADE_UP = f"""
    SELECT device.site, sum(bucket.increase) AS made_up
    FROM readings_by({series_of("make_up_water")}, {before(UNTIL, "24 hours")}, {UNTIL},
                     interval '1 hour') AS bucket
    JOIN series ON series.id = bucket.series_id AND series.quantity = 'make_up_water'
    JOIN device ON device.id = series.device GROUP BY device.site
"""
# A row per substation: last values not older than four hours, thresholds, state.
NOW = f"""(
WITH measured AS ({site_values(**{name: Last(name, "4 hours") for name in GAUGES})}
), compared AS (
    SELECT measured.*, limits.*, made.made_up,
           curve_mild + (curve_cold - curve_mild) * (15 - outside_temperature) / 22 AS curve
    FROM measured LEFT JOIN {limits(**{name: name for name in LIMITS})} limits
        ON limits.site = measured.name
    LEFT JOIN ({_MADE_UP}) made ON made.site = measured.id
)
SELECT compared.*, secondary_supply_temperature - curve AS deviation, CASE
    WHEN heard IS NULL OR heard < {before(UNTIL, "4 hours")} THEN 'silent'
    WHEN primary_supply_temperature < 60 THEN 'network'
    WHEN primary_supply_temperature IS NULL OR secondary_supply_temperature IS NULL THEN 'silent'
    WHEN outside_temperature < 13 AND secondary_supply_temperature < curve - 8 THEN 'cold'
    WHEN made_up > make_up_limit OR heating_pressure < pressure_low THEN 'leak'
    WHEN primary_return_temperature > return_limit AND heat_flow > 0.1 THEN 'return'
    ELSE 'fine' END AS state
FROM compared)"""
DROP = scale(
    RED, (15, ORANGE), (25, QUIET)
)  # K between supply and return: little is a bad exchange

FIGURES = Panel(
    key="heat-figures",
    title=Text("The substations", "Les sous-stations"),
    about=Text(
        en="Substations by their last readings: fed by a cold network (supply below 60 °C), colder"
        " than the heating curve by 8 K and more, losing water (make-up of 24 h above its limit, or"
        " pressure too low), returning too warm, silent for four hours.",
        fr="Sous-stations d'après leurs dernières mesures : alimentées par un réseau froid (départ"
        " sous 60 °C), sous la loi d'eau d'au moins 8 K, perdant de l'eau (appoint de 24 h"
        " au-dessus de sa limite, ou pression trop basse), au retour trop chaud, muettes depuis"
        " quatre heures.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    SELECT count(*) FILTER (WHERE state = 'network')::int AS network,
           count(*) FILTER (WHERE state = 'cold')::int AS cold,
           count(*) FILTER (WHERE state = 'leak')::int AS leak,
           count(*) FILTER (WHERE state = 'return')::int AS warm,
           count(*) FILTER (WHERE state = 'silent')::int AS silent
    FROM {NOW} n
    """,
    columns=(
        count_column("network", "network cold", "réseau froid", NONE_IS_GOOD),
        count_column("cold", "too cold", "trop froides", NONE_IS_GOOD),
        count_column("leak", "lose water", "fuites", NONE_IS_GOOD),
        count_column("warm", "warm return", "retour chaud", FEW_IS_GOOD),
        count_column("silent", "silent", "muettes", FEW_IS_GOOD),
    ),
    width=15,
    height=4,
)
POWER = Panel(
    key="heat-power-now",
    title=Text("Delivered now", "Livré maintenant"),
    about=Text(
        en="Heat power of all chosen substations together, and their supply less return weighted"
        " by flow: the smaller it is, the more water the network pumps for the same heat.",
        fr="Puissance de toutes les sous-stations choisies, et leur écart départ-retour pondéré par"
        " le débit : plus il est faible, plus le réseau pompe pour la même chaleur.",
    ),
    view=Stat(colour="value", text="value_and_name"),
    sql=f"""
    SELECT sum(heat_power) AS power,
           sum((primary_supply_temperature - primary_return_temperature) * heat_flow)
           / nullif(sum(heat_flow), 0) AS drop
    FROM {NOW} n
    """,
    columns=(
        Column("power", Text("power", "puissance"), unit="kW", decimals=0),
        Column("drop", Text("mean drop", "écart moyen"), unit="K", decimals=1, steps=DROP),
    ),
    no_value="–",  # noqa: RUF001  a dash is what stands for nothing
    width=9,
    height=4,
)
TABLE = Panel(
    key="heat-table",
    title=Text("Substation by substation", "Sous-station par sous-station"),
    about=Text(
        en="Last readings, not older than four hours; the worst first. Off the curve: the heating's"
        " supply less what the curve asks for at this outside temperature (at night it is lowered"
        " by some 6 K). Make-up: of the last 24 h. Click a name for the site.",
        fr="Dernières mesures, de moins de quatre heures ; les pires d'abord. Écart à la loi :"
        " départ chauffage moins ce que veut la loi d'eau par cette température extérieure (la"
        " nuit, le réduit l'abaisse de 6 K environ). Appoint : des 24 dernières heures. Un clic sur"
        " le nom mène au site.",
    ),
    view=Table(filterable=True),
    sql=f"""
    SELECT n.name AS site, n.title, n.state, n.primary_supply_temperature AS supply,
           n.primary_return_temperature AS back,
           n.primary_supply_temperature - n.primary_return_temperature AS drop,
           n.heat_flow AS flow, n.secondary_supply_temperature AS heating,
           n.deviation, n.hot_water_temperature AS tap, n.heating_pressure AS pressure,
           1000 * n.made_up AS made_up
    FROM {NOW} n ORDER BY {worst_first(STATE, "n.state")}, n.deviation NULLS LAST, n.title
    """,
    columns=(
        *site_columns(Text("Substation", "Sous-station")),
        state_column(STATE, calm=("fine",)),
        Column("supply", Text("Supply", "Départ"), quantity="primary_supply_temperature"),
        Column("back", Text("Return", "Retour"), quantity="primary_return_temperature"),
        coloured("drop", Text("Drop", "Écart"), "K", DROP, decimals=1),
        Column("flow", Text("Flow", "Débit"), unit="m3/h", decimals=2),
        Column("heating", Text("Heating", "Chauff."), quantity="secondary_supply_temperature"),
        coloured(
            "deviation",
            Text("Off curve", "Écart loi"),
            "K",
            scale(RED, (-8, AMBER), (-7, QUIET), (8, AMBER)),
            decimals=1,
        ),
        coloured(
            "tap", Text("Tap", "ECS"), "Cel", scale(RED, (50, ORANGE), (55, QUIET)), decimals=1
        ),
        Column("pressure", Text("Pressure", "Pression"), quantity="heating_pressure"),
        coloured("made_up", Text("Make-up", "Appoint"), "l", scale(QUIET, (100, RED)), decimals=0),
    ),
    no_value=Text("no substation", "aucune sous-station"),
    width=24,
    height=10,
)
MAP = Panel(
    key="heat-map",
    title=Text("Return temperature", "Température de retour"),
    about=Text(
        en="Each substation's return to the network: what pumping and condensation cost is decided"
        " there. Grey: no reading in four hours.",
        fr="Retour de chaque sous-station vers le réseau : le coût du pompage et la condensation"
        " s'y jouent. Gris : pas de mesure depuis quatre heures.",
    ),
    view=Geomap(colour_by="back", size=9),
    sql=f"""
    SELECT n.lat, n.lon, n.title, n.primary_return_temperature AS back, n.return_limit AS most,
           n.state, n.name AS site
    FROM {NOW} n ORDER BY back NULLS FIRST
    """,
    columns=(
        Column(
            "back",
            Text("Return", "Retour"),
            quantity="primary_return_temperature",
            steps=scale(GREEN, (50, AMBER), (60, ORANGE), (70, RED)),
        ),
        Column("title", Text("Substation", "Sous-station"), links=(site_page(),)),
        Column("most", Text("Limit", "Limite"), unit="Cel", decimals=0),
        Column("state", Text("State", "État"), states=STATE),
        Column("site", hidden=True),
    ),
    width=10,
    height=11,
)
PANELS = (FIGURES, POWER, TABLE)
