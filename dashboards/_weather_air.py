"""Air: frost by the wet bulb, heat by the mean of three days, humidity and dew point."""

from dashboards._colours import BLUE, GREEN, GREY, ORANGE, RED, State, Step
from dashboards._describe import Column, Panel, Section
from dashboards._gaps import FIT, break_lines, bridge_gaps
from dashboards._links import site_page
from dashboards._sql import SINCE, UNTIL, before, hours, readings, series_of, territory
from dashboards._views import Table, TimeSeries
from dashboards._weather_now import FROST_STEPS
from dashboards._words import Text

_AIR = Panel(
    key="weather-air",
    title=Text("Air temperature", "Température de l'air"),
    about=Text(
        "The mean of each piece of time at each station, under shelter. Dashed: freezing point.",
        "Moyenne de chaque pas de temps à chaque station, sous abri. Tirets : 0 °C.",
    ),
    view=TimeSeries(width=2, legend="list", steps_drawn="dashed"),
    sql=break_lines(f"""
            SELECT bucket.time AS time, site.title AS metric, bucket.mean AS value
            FROM {readings("air_temperature", every=FIT)}
            """),
    quantity="air_temperature",
    steps=(Step(0, BLUE),),
    refine=bridge_gaps,
    width=12,
    height=11,
)
# The coldest air of a piece of time with its dampest: by night they go together.
_FROST = Panel(
    key="weather-frost",
    title=Text("Wet bulb minus frost threshold", "Thermomètre mouillé moins seuil de gel"),
    about=Text(
        en="At sites with a frost threshold: wet-bulb temperature minus this threshold, which"
        " follows the growth stage of the buds. Below zero (dashed) frost does damage. In dry air"
        " the wet bulb is colder than the air, and it decides.",
        fr="Aux sites qui ont un seuil de gel : température du thermomètre mouillé moins ce seuil,"
        " qui suit le stade des bourgeons. Sous zéro (tirets), le gel fait des dégâts. En air sec,"
        " elle est plus basse que l'air : c'est elle qui décide.",
    ),
    view=TimeSeries(width=2, legend="list", steps_drawn="dashed"),
    sql=break_lines(f"""
            SELECT air.time AS time, site.title AS metric,
                   wet_bulb(air.low, damp.high) - t.value AS value
            FROM readings_by({series_of("air_temperature")}, {SINCE}, {UNTIL}, {FIT}) AS air
            JOIN series ON series.id = air.series_id AND series.quantity = 'air_temperature'
            JOIN device ON device.id = series.device
            JOIN site ON site.id = device.site
            JOIN series AS hygrometer ON hygrometer.device = device.id
             AND hygrometer.quantity = 'humidity'
            JOIN readings_by({series_of("humidity")}, {SINCE}, {UNTIL}, {FIT}) AS damp
             ON damp.series_id = hygrometer.id AND damp.time = air.time
            JOIN threshold_spans() t ON t.site = site.name AND t.name = 'frost'
             AND air.time >= t.begins AND air.time < t.ends
            """),
    quantity="air_temperature",
    steps=(Step(0, RED),),
    no_value=Text("no site has a frost threshold", "aucun site n'a de seuil de gel"),
    empty="a territory may have no site with a frost threshold",
    refine=bridge_gaps,
    width=12,
    height=11,
)
_AIR_OF_SITE = """ARRAY(SELECT series.id FROM series JOIN device ON device.id = series.device
    WHERE device.site = w.site AND series.quantity = 'air_temperature')"""
_GROWERS = Panel(
    key="weather-growers",
    title=Text("Frost: whom to call before 22:00", "Gel : qui prévenir avant 22 h"),
    about=Text(
        en="Sites with a frost threshold: air, dew point and wet bulb now, the margin of the wet"
        " bulb and the coldest air of the last 12 h. On a clear, calm night the air cools down to"
        " about its dew point: a dew point below the threshold in the evening means frost before"
        " the morning.",
        fr="Sites qui ont un seuil de gel : air, point de rosée, thermomètre mouillé, marge de"
        " celui-ci et minimum de l'air sur 12 h. Par nuit claire et calme, l'air descend à peu"
        " près jusqu'à son point de rosée : sous le seuil le soir, il annonce le gel avant le"
        " matin.",
    ),
    view=Table(),
    sql=f"""
    SELECT w.name AS site, w.title AS station, w.air, w.dew, w.wet, t.value AS threshold,
           w.wet - t.value AS margin, (
               SELECT min(hour.min) FROM {hours(_AIR_OF_SITE, before(UNTIL, "12 hours"))} AS hour
           ) AS coldest
    FROM weather_at({UNTIL}) w JOIN threshold_spans() t ON t.site = w.name
     AND t.name = 'frost' AND t.begins <= {UNTIL} AND {UNTIL} < t.ends
    WHERE {territory("w")} ORDER BY margin NULLS LAST, w.title
    """,
    quantity="air_temperature",
    columns=(
        Column("site", hidden=True),
        Column("station", Text("Site", "Site"), links=(site_page(),)),
        Column("air", hidden=True),
        Column("dew", Text("Dew point", "Rosée")),
        Column("wet", Text("Wet bulb", "Th. mouillé")),
        Column("threshold", Text("Threshold", "Seuil")),
        Column("margin", Text("Margin", "Marge"), cell="background", steps=FROST_STEPS),
        Column("coldest", Text("Coldest, 12 h", "Minimum, 12 h")),
    ),
    no_value=Text("no site has a frost threshold", "aucun site n'a de seuil de gel"),
    empty="a territory may have no site with a frost threshold",
    width=12,
    height=10,
)
# Whole local days that are over.
_HEAT = Panel(
    key="weather-heat",
    title=Text("Heat: means of three days", "Chaleur : moyennes sur trois jours"),
    about=Text(
        en="Mean of the daily minima and maxima over the last three full days, as in heat plans,"
        " against the thresholds of the site. Heat wave: both are reached. Fewer than three days"
        " are not evaluated.",
        fr="Moyenne des minimales et des maximales quotidiennes des trois derniers jours complets,"
        " comme dans les plans canicule, face aux seuils du site. Canicule : les deux sont"
        " atteints. Moins de trois jours : non évalué.",
    ),
    view=Table(),
    sql=f"""
    WITH day AS (
        SELECT bucket.series_id, bucket.low, bucket.high,
               row_number() OVER (PARTITION BY bucket.series_id
                                  ORDER BY bucket.time DESC) AS nth
        FROM readings_by({series_of("air_temperature")}, {UNTIL} - INTERVAL '5 days',
                         {UNTIL} - INTERVAL '1 day', INTERVAL '1 day') AS bucket
    ), three AS (
        SELECT series_id, avg(low) AS night, avg(high) AS day, count(*) AS days
        FROM day WHERE nth <= 3 GROUP BY series_id
    )
    SELECT site.name AS site, site.title AS station, three.night,
           night.value AS night_limit,
           three.day, hot.value AS day_limit, three.days,
           CASE WHEN night.value IS NULL OR hot.value IS NULL OR three.days < 3
                     THEN 'unknown'
                WHEN three.night >= night.value AND three.day >= hot.value THEN 'heat'
                WHEN three.night >= night.value OR three.day >= hot.value THEN 'one'
                ELSE 'below' END AS state
    FROM three JOIN series ON series.id = three.series_id
    JOIN device ON device.id = series.device JOIN site ON site.id = device.site
    LEFT JOIN threshold_spans() night ON night.site = site.name
     AND night.name = 'heat_night' AND night.begins <= {UNTIL} AND {UNTIL} < night.ends
    LEFT JOIN threshold_spans() hot ON hot.site = site.name AND hot.name = 'heat_day'
     AND hot.begins <= {UNTIL} AND {UNTIL} < hot.ends
    ORDER BY three.day - hot.value DESC NULLS LAST, three.day DESC, site.title
    """,
    quantity="air_temperature",
    columns=(
        Column("site", hidden=True),
        Column("station", Text("Station", "Station"), links=(site_page(),)),
        Column("night", Text("Minima", "Minima")),
        Column("night_limit", Text("limit of min.", "seuil min.")),
        Column("day", Text("Maxima", "Maxima")),
        Column("day_limit", Text("limit of max.", "seuil max.")),
        Column("days", hidden=True),
        Column(
            "state",
            Text("State", "État"),
            states=(
                State("heat", Text("heat", "canicule"), RED, "■"),
                State("one", Text("one only", "un seul"), ORANGE, "▲"),
                State("below", Text("below", "normal"), GREEN, "●"),
                State("unknown", Text("unjudged", "non jugé"), GREY, "?"),
            ),
            cell="background",
        ),
    ),
    no_value=Text("no full day available", "aucun jour complet disponible"),
    width=12,
    height=10,
)
_DAMP = Panel(
    key="weather-humidity",
    title=Text("Relative humidity", "Humidité relative"),
    about=Text(
        en="The mean of each piece of time at each station. Near 100 % by night: dew, fog or frost"
        " on roads.",
        fr="Moyenne de chaque pas de temps à chaque station. Près de 100 % la nuit : rosée,"
        " brouillard ou verglas sur les chaussées.",
    ),
    view=TimeSeries(width=2, legend="list"),
    sql=break_lines(f"""
            SELECT bucket.time AS time, site.title AS metric, bucket.mean AS value
            FROM {readings("humidity", every=FIT)}
            """),
    quantity="humidity",
    high=100,
    refine=bridge_gaps,
    width=12,
    height=9,
)
_DEW = Panel(
    key="weather-dew-point",
    title=Text("Dew point", "Point de rosée"),
    about=Text(
        en="Reckoned from air and humidity of each station. It hardly changes by day: a jump is"
        " another air mass. In summer from 16 °C on thunderstorms find their water and nights stay"
        " close.",
        fr="Calculé depuis l'air et l'humidité de chaque station. Il varie peu dans la journée :"
        " un saut est un changement de masse d'air. L'été, dès 16 °C, les orages trouvent leur eau"
        " et les nuits restent lourdes.",
    ),
    view=TimeSeries(width=2, legend="list"),
    sql=break_lines(f"""
            SELECT air.time AS time, site.title AS metric, dew_point(air.mean, damp.mean) AS value
            FROM readings_by({series_of("air_temperature")}, {SINCE}, {UNTIL}, {FIT}) AS air
            JOIN series ON series.id = air.series_id AND series.quantity = 'air_temperature'
            JOIN device ON device.id = series.device
            JOIN site ON site.id = device.site
            JOIN series AS hygrometer ON hygrometer.device = device.id
             AND hygrometer.quantity = 'humidity'
            JOIN readings_by({series_of("humidity")}, {SINCE}, {UNTIL}, {FIT}) AS damp
             ON damp.series_id = hygrometer.id AND damp.time = air.time
            """),
    quantity="dew_point",
    refine=bridge_gaps,
    width=12,
    height=9,
)
SECTION = Section(
    key="weather-air-section",
    title=Text("Air, frost and heat", "Air, gel et chaleur"),
    panels=(_AIR, _FROST, _GROWERS, _HEAT, _DAMP, _DEW),
)
