"""Mobility, now: where it jams, how far speed has dropped, station by station.

Congestion by the site's own thresholds; the other figures are settings of practice.
"""

from dashboards._colours import (
    FEW_IS_GOOD,
    GREEN,
    GREY,
    NONE_IS_GOOD,
    ORANGE,
    RED,
    VIOLET,
    YELLOW,
    State,
    Step,
    scale,
)
from dashboards._describe import Column, Panel, bar, coloured, count_column
from dashboards._field_alarms import AMBER, QUIET
from dashboards._links import site_page
from dashboards._sites_now import open_alarms, site_columns, state_column, worst_first
from dashboards._sql import EVERY, SINCE, UNTIL, territory
from dashboards._views import Geomap, Stat, Table, Timeline
from dashboards._words import Text

SLATE = "#5f7186"  # an empty road: at night it is nothing

ROAD = (
    State("jammed", Text("jammed", "congestionné"), RED, "■"),
    State("dense", Text("dense", "dense"), ORANGE, "◆"),
    State("locked", Text("loop locked", "boucle verrouillée"), VIOLET, "?"),
    State("silent", Text("silent", "muet"), GREY, "✕"),
    State("empty", Text("nothing passes", "aucun passage"), SLATE, "○"),
    State("free", Text("free", "fluide"), GREEN, "●"),
)
VERDICT = (
    State("valid", Text("valid", "valide"), GREEN, "●"),
    State("missing", Text("too little received", "trop peu reçu"), RED, "✕"),
    State("still", Text("unchanged all day", "figé tout le jour"), RED, "■"),
    State("full", Text("occupied too often", "occupé trop souvent"), RED, "■"),
    State("zero", Text("empty too often", "vide trop souvent"), RED, "□"),
    State("against", Text("occupied, no flow", "occupé sans débit"), ORANGE, "◆"),
    State("idle", Text("no vehicle for 4 h", "sans véhicule 4 h"), ORANGE, "▲"),
)
KEPT = scale(  # speed as a share of the free one, %; none where nothing passes
    GREY, (0, RED), (40, ORANGE), (70, AMBER), (85, GREEN)
)
LOAD = scale(  # flow over capacity, %
    GREEN, (75, YELLOW), (90, ORANGE), (100, RED)
)

COURSE = f"road_course({SINCE}, {UNTIL}, road_every({EVERY}))"
ZONE = "(SELECT timezone FROM instance)"
# The last day of which the hours of the checks, 05 to 22 h, are over.
CHECKED_DAY = f"date_trunc('day', {UNTIL} - interval '22 hours', {ZONE})"


_NOW = f"(SELECT c.* FROM road_now({UNTIL}) c WHERE {territory('c')}) c"


TRAFFIC = Panel(
    key="mobility-traffic",
    title=Text("Traffic", "Trafic"),
    about=Text(
        en="Counting stations by their last reading: congested (occupancy above and speed below"
        " the thresholds, or almost no flow), dense (flow above nine tenths of capacity, or speed"
        " below seven tenths of free speed), and the mean share of free speed, weighted by flow.",
        fr="Stations de comptage d'après leur dernier relevé : congestionnées (taux d'occupation"
        " au-dessus de son seuil et vitesse sous le sien, ou presque aucun débit), denses (débit"
        " supérieur à neuf dixièmes de la capacité, ou vitesse sous sept dixièmes de la vitesse à"
        " vide), et la part de la vitesse à vide que garde le trafic, pondérée par le débit.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    SELECT count(*) FILTER (WHERE state = 'jammed')::int AS jammed,
           count(*) FILTER (WHERE state = 'dense')::int AS dense,
           100 * sum(flow * least(speed / free_speed, 1)) / nullif(sum(flow), 0) AS kept
    FROM {_NOW}
    """,
    columns=(
        count_column("jammed", "jammed", "congestionnées", NONE_IS_GOOD),
        count_column("dense", "dense", "denses", FEW_IS_GOOD),
        Column(
            "kept", Text("of free speed", "de la vitesse à vide"), unit="%", decimals=0, steps=KEPT
        ),
    ),
    silent=f"(SELECT count(*) FROM {_NOW} WHERE c.state = 'silent')",
    no_value="–",  # noqa: RUF001  a dash is what stands for nothing
    width=10,
    height=4,
)

DETECTORS = Panel(
    key="mobility-detectors",
    title=Text("Detectors", "Capteurs"),
    about=Text(
        en="Stations without a reading for three hours, locked loops, and stations that failed the"
        " checks of the last full day (05 to 22 h): do not use their values.",
        fr="Stations sans relevé depuis trois heures, boucles verrouillées, et stations rejetées"
        " par les contrôles du dernier jour complet (5 h à 22 h) : ne pas utiliser leurs valeurs.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    SELECT count(*) FILTER (WHERE state = 'silent')::int AS silent,
           count(*) FILTER (WHERE state = 'locked')::int AS locked,
           (SELECT count(*) FROM road_checks({CHECKED_DAY}) c
            WHERE c.verdict <> 'valid' AND {territory("c")})::int AS failed
    FROM {_NOW}
    """,
    columns=(
        count_column("silent", "silent", "muettes", FEW_IS_GOOD),
        count_column("locked", "locked", "verrouillées", FEW_IS_GOOD),
        count_column("failed", "failed checks", "rejetées", FEW_IS_GOOD),
    ),
    width=8,
    height=4,
)

CLOSED = Panel(
    key="mobility-closed",
    title=Text("Works and alarms", "Travaux et alarmes"),
    about=Text(
        en="Works and closures in force at the end of the time shown that touch a chosen station"
        " (they silence its alarms), and mobility alarms that are open.",
        fr="Travaux et fermetures en vigueur à la fin de la période qui touchent une station"
        " choisie (ils font taire ses alarmes), et alarmes de mobilité ouvertes.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    SELECT (SELECT count(*) FROM road_works({UNTIL}) w
            WHERE w.begins <= {UNTIL} AND w.ends > {UNTIL}
              AND EXISTS (SELECT FROM site WHERE site.name = ANY (w.sites)
                          AND {territory()}))::int AS works,
           {open_alarms("mobility")} AS alarms
    """,
    columns=(
        Column(
            "works",
            Text("works in force", "travaux en cours"),
            unit="count",
            decimals=0,
            steps=scale(GREY, (1, "#4a90d9")),
        ),
        count_column("alarms", "open alarms", "alarmes ouvertes", FEW_IS_GOOD),
    ),
    width=6,
    height=4,
)

LANES = Panel(
    key="mobility-lanes",
    title=Text("Congestion by section", "Congestion par section"),
    about=Text(
        en="One lane per road section and direction (or single station): its worst station. Red:"
        " slow and full; orange: dense. Over more than a week a cell shows whether there was"
        " congestion.",
        fr="Une ligne par section et sens (ou station seule) : sa pire station. Rouge : lent et"
        " plein ; orange : dense. Au-delà d'une semaine, une case indique s'il y a eu congestion.",
    ),
    view=Timeline(lane="section", row_height=0.85),
    states=ROAD,
    sql=f"""
    SELECT DISTINCT ON (c.time, c.road) c.time, c.road AS section, c.state
    FROM {COURSE} c WHERE {territory("c")}
    ORDER BY c.time, c.road,
             array_position(ARRAY['jammed', 'dense', 'locked', 'empty', 'free',
                                  'silent'], c.state)
    """,
    points=200,
    width=14,
    height=13,
)

MAP = Panel(
    key="mobility-map",
    title=Text("Speed kept", "Perte de vitesse"),
    about=Text(
        en="Each station's mean speed as a share of its free speed: green above 85 %, yellow,"
        " orange, red below 40 %. Where nothing passes there is no speed and no colour.",
        fr="Vitesse moyenne de chaque station rapportée à sa vitesse à vide : vert au-dessus de 85"
        " %, jaune, orange, rouge sous 40 %. Sans passage, ni vitesse ni couleur.",
    ),
    view=Geomap(colour_by="kept", size=9),
    sql=f"""
    SELECT c.lat, c.lon, c.title, 100 * c.speed / c.free_speed AS kept,
           c.road, c.speed, c.flow, c.occupancy, c.state, c.name AS site
    FROM {_NOW} ORDER BY kept DESC NULLS FIRST
    """,
    columns=(
        Column(
            "kept",
            Text("Of free speed", "De la vitesse à vide"),
            unit="%",
            decimals=0,
            steps=(Step(None, RED), *KEPT[2:]),  # its legend would tell "< 0 %" too
        ),
        Column("title", Text("Station", "Station"), links=(site_page(),)),
        Column("road", Text("Section", "Section")),
        Column("speed", Text("Speed", "Vitesse"), quantity="traffic_speed"),
        Column("flow", Text("Flow", "Débit"), quantity="traffic_flow"),
        Column("occupancy", Text("Occupancy", "Taux d'occupation"), quantity="occupancy"),
        Column("state", Text("State", "État"), states=ROAD),
        Column("site", hidden=True),
    ),
    width=10,
    height=13,
)

TABLE = Panel(
    key="mobility-table",
    title=Text("Station by station", "Station par station"),
    about=Text(
        en="Last reading of each station: flow, share of capacity (above 90 % the slightest"
        " disturbance causes a jam), speed and its share of free speed, occupancy, heavy vehicles."
        " The worst first. Click a name for the site.",
        fr="Dernier relevé de chaque station : débit, part de la capacité (au-delà de 90 %, la"
        " moindre perturbation crée un bouchon), vitesse et part restante de la vitesse à vide,"
        " taux d'occupation, poids lourds. Les pires d'abord. Un clic sur le nom mène au site.",
    ),
    view=Table(filterable=True),
    sql=f"""
    SELECT c.name AS site, c.title, c.road, c.state, c.flow,
           100 * c.flow / c.capacity AS load, c.speed,
           100 * c.speed / c.free_speed AS kept, c.occupancy, c.heavy,
           extract(epoch FROM {UNTIL} - c.heard)::float8 AS age
    FROM {_NOW}
    ORDER BY {worst_first(ROAD, "c.state")},
             kept NULLS LAST, c.title
    """,
    columns=(
        *site_columns(Text("Station", "Station")),
        Column("road", Text("Section", "Section")),
        state_column(ROAD, calm=("free", "empty")),
        Column("flow", Text("Flow", "Débit"), quantity="traffic_flow"),
        bar("load", Text("Load", "Charge"), "%", LOAD, low=0, high=120, decimals=0),
        Column("speed", Text("Speed", "Vitesse"), quantity="traffic_speed"),
        coloured(
            "kept",
            Text("Kept", "Gardée"),
            "%",
            (*KEPT[:-1], Step(85, QUIET)),
            decimals=0,
        ),
        Column("occupancy", Text("Occupancy", "Occupation"), quantity="occupancy"),
        Column("heavy", Text("Heavy vehicles", "Poids lourds"), quantity="heavy_share"),
        coloured("age", Text("Age", "Âge"), "duration", scale(GREY, (3600, VIOLET))),
    ),
    width=24,
    height=11,
)
PANELS = (TRAFFIC, DETECTORS, CLOSED, LANES, MAP, TABLE)
