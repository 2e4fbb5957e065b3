"""The weather now: six figures, and what each station says."""

from dashboards._colours import BLUE, GREEN, ORANGE, RED, VIOLET, YELLOW, State, Step, scale
from dashboards._describe import Column, Panel, Section, coloured
from dashboards._links import site_page
from dashboards._sql import UNTIL, before, series_of, territory
from dashboards._views import Stat, Table
from dashboards._words import Text
from sensors._units import conversion

KMH = conversion("m/s", "km/h")[0]  # gusts and their thresholds are spoken of in km/h
GUSTS = (
    State("storm", Text("storm", "tempête"), RED, "■"),
    State("crane", Text("cranes stop", "grues à l'arrêt"), ORANGE, "◆"),
    State("park", Text("parks close", "parcs fermés"), YELLOW, "▲"),
    State("below", Text("below", "sous seuils"), GREEN, "●"),
)
_WINDS = tuple(
    State(value, Text(en, fr), BLUE)
    for value, en, fr in (
        (0, "↓ N", "↓ N"),
        (1, "↙ NE", "↙ NE"),
        (2, "← E", "← E"),
        (3, "↖ SE", "↖ SE"),
        (4, "↑ S", "↑ S"),
        (5, "↗ SW", "↗ SO"),
        (6, "→ W", "→ O"),
        (7, "↘ NW", "↘ NO"),
    )
)
# Degrees of the thermometer above which nothing grows frozen, for the eye only.
FROST_STEPS = scale(RED, (0, YELLOW), (2, BLUE))
RAINED = f"""
SELECT site.name AS site, site.title AS station, site.lon, site.lat, sums.hours, sums.total
FROM unnest({series_of("rain")}) AS rain (id)
JOIN series ON series.id = rain.id JOIN device ON device.id = series.device
JOIN site ON site.id = device.site CROSS JOIN LATERAL rain_sums(series.id, {UNTIL}) sums
"""
GUSTED = f"""
SELECT site.name AS site, site.title AS station, max(reading.value) * {KMH} AS gust
FROM unnest({series_of("gust")}) AS one (id)
JOIN series ON series.id = one.id JOIN device ON device.id = series.device
JOIN site ON site.id = device.site JOIN reading ON reading.series_id = series.id
 AND reading.time > {before(UNTIL, "1 hour")} AND reading.time <= {UNTIL}
 AND reading.value IS NOT NULL AND reading.quality & 7 = 0
GROUP BY site.name, site.title
"""


def _figure(  # noqa: PLR0913  a panel of six that differ in just this
    key: str,
    title: Text,
    about: Text,
    sql: str,
    *,
    unit: str,
    steps: tuple[Step, ...],
    decimals: int = 1,
) -> Panel:
    return Panel(
        key=f"weather-{key}",
        title=title,
        about=about,
        view=Stat(rows=True, text="value_and_name"),
        sql=sql,
        unit=unit,
        decimals=decimals,
        steps=steps,
        no_value=Text("no reading", "aucune mesure"),
        width=4,
        height=4,
    )


def _rain_panel(hours: int, *, steps: tuple[Step, ...]) -> Panel:
    return _figure(
        f"rain-{hours}h",
        Text(f"Rain, {hours} h", f"Pluie, {hours} h"),
        Text(
            f"The station that had most rain in the last {hours} h of the time shown.",
            f"La station la plus arrosée des dernières {hours} h de la période affichée.",
        ),
        f"SELECT station, total AS rain FROM ({RAINED}) r WHERE hours = {hours}"
        " AND total IS NOT NULL ORDER BY total DESC LIMIT 1",
        unit="mm",
        steps=steps,
    )


_WET = (Step(None, BLUE),)
_GUST = _figure(
    "gust-1h",
    Text("Gust, 1 h", "Rafale, 1 h"),
    Text(
        "The strongest gust of any station in the last hour of the time shown.",
        "La plus forte rafale, toutes stations, de la dernière heure de la période affichée.",
    ),
    f"SELECT station, gust FROM ({GUSTED}) g ORDER BY gust DESC LIMIT 1",
    unit="km/h",
    decimals=0,
    steps=_WET,
)
_COLD = _figure(
    "wet-bulb",
    Text("Wet bulb", "Th. mouillé"),
    Text(
        en="The lowest wet-bulb temperature now: what decides over frost on leaves and roads.",
        fr="La température du thermomètre mouillé la plus basse : c'est elle qui décide du gel des"
        " feuilles et des chaussées.",
    ),
    f"SELECT title AS station, wet FROM weather_at({UNTIL}) w WHERE wet IS NOT NULL"
    f" AND {territory('w')} ORDER BY wet LIMIT 1",
    unit="Cel",
    steps=FROST_STEPS,
)
_HOT = _figure(
    "hottest",
    Text("Air", "Air"),
    Text(
        "The highest air temperature of any station now.",
        "La plus haute température de l'air, toutes stations.",
    ),
    f"SELECT title AS station, air FROM weather_at({UNTIL}) w WHERE air IS NOT NULL"
    f" AND {territory('w')} ORDER BY air DESC LIMIT 1",
    unit="Cel",
    steps=_WET,
)
_SILENT = Panel(
    key="weather-silent",
    title=Text("Silent", "Muettes"),
    about=Text(
        en="Stations without a reading of air or rain for longer than their own limit.",
        fr="Stations sans mesure d'air ni de pluie depuis plus longtemps que leur propre délai.",
    ),
    view=Stat(colour="background"),
    sql=f"""
    SELECT count(*) FILTER (WHERE silent) AS silent FROM (
        SELECT device.site, bool_and(newest.time IS NULL OR {UNTIL} - newest.time
               > make_interval(secs => coalesce(k.stale_s, 3 * k.interval_s))) AS silent
        FROM unnest({series_of("air_temperature", "rain")}) AS one (id)
        JOIN series ON series.id = one.id JOIN device ON device.id = series.device
        LEFT JOIN LATERAL last_reading(series.id, {UNTIL}) newest ON true
        LEFT JOIN LATERAL cadence_at(device.name, series.quantity, {UNTIL}) k ON true
        WHERE device.retired IS NULL OR device.retired > {UNTIL} GROUP BY device.site
    ) station
    """,
    unit="count",
    steps=scale(GREEN, (1, VIOLET)),
    width=4,
    height=4,
)
_STATIONS = Panel(
    key="weather-stations",
    title=Text("The stations now", "Les stations maintenant"),
    about=Text(
        en="What each station said last, if within the hour. Wet bulb and, where it is not"
        " measured, dew point are reckoned from air and humidity. Wind from where it blows."
        " Pressure is of the station's height: compare its change over three hours, not itself; a"
        " fall of 3 hPa and more goes with a front.",
        fr="La dernière mesure de chaque station, si elle a moins d'une heure. Thermomètre mouillé"
        " et, s'il n'est pas mesuré, point de rosée calculés depuis l'air et l'humidité. Vent :"
        " d'où il souffle. La pression est celle de la station : comparer sa variation sur trois"
        " heures, non sa valeur ; une baisse de 3 hPa et plus accompagne un front.",
    ),
    view=Table(),
    sql=f"""
    SELECT w.name AS site, w.title AS station, w.air, w.humidity, w.dew, w.wet,
           (round(w.wind_from / 45)::integer % 8) AS wind_from, w.wind * {KMH} AS wind,
           w.gust * {KMH} AS gust, w.eased, w.visibility / 1000 AS visibility,
           w.snow * 100 AS snow
    FROM weather_at({UNTIL}) w WHERE {territory("w")} ORDER BY w.title
    """,
    columns=(
        Column("site", hidden=True),
        Column("station", Text("Station", "Station"), links=(site_page(),)),
        Column("air", Text("Air", "Air"), quantity="air_temperature"),
        Column("humidity", Text("Humidity", "Humidité"), quantity="humidity"),
        Column("dew", Text("Dew point", "Rosée"), quantity="dew_point"),
        Column(
            "wet",
            Text("Wet bulb", "Th. mouillé"),
            quantity="air_temperature",
            cell="text",
            steps=FROST_STEPS,
        ),
        Column("wind_from", Text("Wind from", "Vent de"), states=_WINDS),
        Column("wind", Text("Wind", "Vent moyen"), unit="km/h", decimals=0),
        Column("gust", Text("Gust", "Rafale"), unit="km/h", decimals=0),
        coloured(
            "eased",
            Text("Pressure, 3 h", "Pression, 3 h"),
            "hPa",
            scale(ORANGE, (-3, BLUE)),
            decimals=1,
        ),
        Column("visibility", Text("Visibility", "Visibilité"), unit="km", decimals=1),
        Column("snow", Text("Snow", "Neige"), unit="cm", decimals=0),
    ),
    no_value=Text("no station reports", "aucune station n'émet"),
    width=24,
    height=10,
)
SECTION = Section(
    key="weather-now",
    title=Text("The situation", "La situation"),
    panels=(
        _rain_panel(1, steps=_WET),
        _rain_panel(24, steps=_WET),
        _GUST,
        _COLD,
        _HOT,
        _SILENT,
        _STATIONS,
    ),
)
