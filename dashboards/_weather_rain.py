"""Rain and its rarity, blocked rain gauges; wind against the limits of parks and cranes."""

from dashboards._colours import BLUE, GREEN, ORANGE, RED, VIOLET, YELLOW, State, scale
from dashboards._describe import Column, Panel, Query, Section, bar
from dashboards._flood_rain import DEPTHS, RARE, amounts, rare_columns, sum_rain
from dashboards._gaps import FIT, break_lines, bridge_gaps
from dashboards._links import site_page
from dashboards._sql import SINCE, UNTIL, readings, series_of, territory
from dashboards._views import StatusHistory, Table, TimeSeries
from dashboards._weather_now import GUSTED, GUSTS, KMH, RAINED
from dashboards._words import Text

# Those of the rule weather-rain-gauge-blocked (a test holds them), mm in 12 h.
DRY, WET = 0.2, 5.0
_NEIGHBOURS = 3
_CHECKED = (
    State("blocked", Text("blocked?", "bouché ?"), RED, "■"),
    State("low", Text("much less", "bien moins"), ORANGE, "▲"),
    State("silent", Text("silent", "muet"), VIOLET, "✕"),
    State("agrees", Text("agrees", "concordant"), GREEN, "●"),
)
_FAR = "sqrt(({a}.lat - {b}.lat) ^ 2 + (({a}.lon - {b}.lon) * cos(radians({a}.lat))) ^ 2) * 111.2"

_RARITY = Panel(
    key="weather-rarity",
    title=Text("Rain, and how rare it is", "Pluie et rareté"),
    about=Text(
        en="What fell at each station in the last 1, 3, 6 and 24 h of the time shown. First bar:"
        " share of the station's own threshold (1, 3 or 24 h, whichever is nearest). Second bar:"
        " share of what falls once in ten years, over whichever of 1 to 24 h is the rarest; the"
        " depths are those of the nearest gauge that has them, illustrative until measured.",
        fr="Cumuls à chaque station sur 1, 3, 6 et 24 h jusqu'à la fin de la période affichée."
        " Première barre : part du seuil de la station (1, 3 ou 24 h, le plus proche). Seconde"
        " barre : part de la pluie décennale sur la durée la plus rare entre 1 et 24 h ; hauteurs"
        " de référence de la station hydrométrique la plus proche qui en a, illustratives tant"
        " qu'elles ne sont pas établies.",
    ),
    view=Table(),
    sql=f"""
            WITH {DEPTHS}, held AS MATERIALIZED (
                SELECT t.site, substring(t.name FROM '^rain_([0-9]+)h$')::integer AS hours, t.value
                FROM threshold_spans() t WHERE t.name ~ '^rain_[0-9]+h$'
                 AND t.begins <= {UNTIL} AND {UNTIL} < t.ends
            ), known AS MATERIALIZED (
                SELECT site.name, site.title, site.lon, site.lat FROM site
                WHERE site.name IN (SELECT depth.site FROM depth)
            )
            SELECT sums.site, sums.station, {sum_rain()},
                   max(sums.total / held.value) AS held, {RARE},
                   max(near.title) AS reference
            FROM ({RAINED}) sums
            LEFT JOIN LATERAL (
                SELECT known.name, known.title FROM known
                ORDER BY {_FAR.format(a="sums", b="known")} LIMIT 1) near ON true
            LEFT JOIN depth ON depth.site = near.name AND depth.hours = sums.hours
            LEFT JOIN held ON held.site = sums.site AND held.hours = sums.hours
            GROUP BY sums.site, sums.station
            ORDER BY rare DESC NULLS LAST, mm_24h DESC NULLS LAST, sums.station
            """,
    columns=(
        Column("site", hidden=True),
        Column("station", Text("Station", "Station"), links=(site_page(),)),
        *amounts(),
        bar(
            "held",
            Text("of its threshold", "du seuil"),
            "share",
            scale(GREEN, (0.7, YELLOW), (1, ORANGE)),
            low=0,
            high=1.5,
            decimals=0,
        ),
        *rare_columns(),
        Column("reference", Text("10-year rain of", "décennale de")),
    ),
    no_value=Text("no rain gauge", "aucun pluviomètre"),
    width=24,
    height=10,
)
_FALLEN = Panel(
    key="weather-fallen",
    title=Text("Rain since the beginning of the time shown", "Pluie cumulée sur la période"),
    about=Text(
        en="Each station's rain, summed from the beginning of the time shown. A line that stays"
        " flat while the others climb is a gauge to look at.",
        fr="Pluie de chaque station, cumulée depuis le début de la période affichée. Une courbe"
        " plate quand les autres montent : un pluviomètre à vérifier.",
    ),
    view=TimeSeries(width=2, legend="list", gaps=False),
    sql=f"""
    SELECT bucket.time AS time, site.title AS metric,
           sum(bucket.total) OVER (PARTITION BY bucket.series_id ORDER BY bucket.time)
               AS fallen
    FROM {readings("rain", every=FIT)} ORDER BY 1, 2
    """,
    quantity="rain",
    low=0,
    width=11,
    height=11,
)
# Lanes have little room for names.
_SHORT = "regexp_replace(site.title, '^(Station|Pluviomètre) (de |du |d'')', '')"
_HOURLY = f"greatest({FIT}, INTERVAL '1 hour')"
# For the eye only: what is heavy somewhere, its thresholds say.
_HEAVINESS = scale(
    "#858b92", (0.2, "#a6cdf2"), (1, "#4a90d9"), (3, "#2a5db0"), (7, "#7a3fb0"), (15, RED)
)
_HEAVY = Panel(
    key="weather-heavy",
    title=Text("Rain by the hour, station by station", "Pluie horaire par station"),
    about=Text(
        en="A row a station, a cell an hour (longer on long spans: then their mean): the darker,"
        " the heavier. A shower that moves over the territory is a slope; a row that stays pale"
        " among dark ones is a gauge to look at.",
        fr="Une ligne par station, une case par heure (plus sur les longues périodes : alors la"
        " moyenne) : plus la couleur est forte, plus il pleut. Une averse qui traverse le"
        " territoire dessine une oblique ; une ligne pâle parmi des foncées : un pluviomètre à"
        " vérifier.",
    ),
    view=StatusHistory(lane="site"),
    sql=f"""
    SELECT bucket.time AS time, {_SHORT} AS site,
           bucket.total / (extract(epoch FROM {_HOURLY})::float8 / 3600) AS state
    FROM readings_by({series_of("rain")}, {SINCE}, {UNTIL}, {_HOURLY}) AS bucket
    JOIN series ON series.id = bucket.series_id AND series.quantity = 'rain'
    JOIN device ON device.id = series.device
    JOIN site ON site.id = device.site ORDER BY 1, 2
    """,
    unit="mm/h",
    decimals=1,
    steps=_HEAVINESS,
    points=120,
    width=13,
    height=11,
)
_BLOCKED = Panel(
    key="weather-blocked",
    title=Text("Is a rain gauge blocked?", "Un pluviomètre est-il bouché ?"),
    about=Text(
        en=f"Rain of 12 h at each gauge beside that of its {_NEIGHBOURS} nearest. Blocked?: it"
        f" had none while at least half of them had more than {WET:g} mm. Much less: under a fifth"
        " of their median while that is above it. A thunderstorm can pass one by.",
        fr=f"Pluie sur 12 h de chaque pluviomètre et de ses {_NEIGHBOURS} plus proches voisins."
        f" Bouché ? : rien alors qu'au moins la moitié d'entre eux ont plus de {WET:g} mm."
        " Bien moins : sous le cinquième de leur médiane, elle-même au-dessus. Un orage peut en"
        " épargner un.",
    ),
    view=Table(),
    sql=f"""
            WITH half_day AS MATERIALIZED (SELECT * FROM ({RAINED}) r WHERE hours = 12)
            SELECT own.site, own.station, own.total AS own, near.median AS near,
                   near.farthest AS within,
                   CASE WHEN own.total IS NULL THEN 'silent'
                        WHEN own.total < {DRY} AND near.wet >= 0.5 THEN 'blocked'
                        WHEN near.median > {WET} AND own.total < near.median / 5 THEN 'low'
                        ELSE 'agrees' END AS verdict
            FROM half_day own LEFT JOIN LATERAL (
                SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n.total) AS median,
                       avg((n.total > {WET})::integer) AS wet, max(n.far) AS farthest
                FROM (SELECT other.total, {_FAR.format(a="own", b="other")} AS far
                      FROM half_day other
                      WHERE other.site <> own.site AND other.total IS NOT NULL
                      ORDER BY 2 LIMIT {_NEIGHBOURS}) n) near ON true
            ORDER BY CASE WHEN own.total IS NULL THEN 1
                          WHEN own.total < {DRY} AND near.wet >= 0.5 THEN 0 ELSE 2 END,
                     own.total / nullif(near.median, 0), own.station
            """,
    columns=(
        Column("site", hidden=True),
        Column("station", Text("Gauge", "Pluviomètre"), links=(site_page(),)),
        Column("own", Text("12 h", "Cumul 12 h"), unit="mm", decimals=1),
        Column(
            "near",
            Text("Neighbours' median", "Voisins (médiane)"),
            unit="mm",
            decimals=1,
        ),
        Column("within", Text("within", "rayon"), unit="km", decimals=0),
        Column("verdict", Text("Check", "Contrôle"), states=_CHECKED, cell="background"),
    ),
    no_value=Text("no rain gauge", "aucun pluviomètre"),
    width=12,
    height=10,
)
SECTION = Section(
    key="weather-rain-section", title=Text("Rain", "Pluie"), panels=(_RARITY, _FALLEN, _HEAVY)
)
BLOCKED = _BLOCKED


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
    width=10,
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
        en="Strongest gust of the last hour at each station, and the limits of the park or crane"
        " there. One squall is enough. A crane is higher than the mast and exposed to more wind.",
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
                        WHEN g.gust > held.park THEN 'park'
                        WHEN g.gust IS NOT NULL AND held.site IS NOT NULL THEN 'below' END AS state
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
        ),
        Column("park", Text("Parks", "Parcs")),
        Column("crane", Text("Cranes", "Grues")),
        Column("storm", Text("Storm", "Tempête")),
        Column("state", Text("State", "État"), states=GUSTS, cell="background"),
    ),
    no_value=Text("no gust was received", "aucune rafale transmise"),
    width=14,
    height=11,
)
_FROM = Panel(
    key="weather-wind-from",
    title=Text("Wind direction", "Direction du vent"),
    about=Text(
        en="Wind direction in degrees: 0 and 360 are north, 90 east. If all stations turn within"
        " an hour, a front is passing.",
        fr="Direction du vent en degrés : 0 et 360 au nord, 90 à l'est. Si toutes les stations"
        " tournent en moins d'une heure, un front passe.",
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
WIND = Section(
    key="weather-wind-section", title=Text("Wind", "Vent"), panels=(_GUSTS, _LIMITS, _WIND, _FROM)
)
