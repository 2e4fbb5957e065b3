"""Mobility: flow, speed and occupancy by section, and how the three hang together."""

from grafana_foundation_sdk.models.xychart import SeriesMapping

from dashboards._describe import Column, Panel, Section
from dashboards._mobility_words import COURSE, LOAD, ROAD
from dashboards._sql import EVERY, SINCE, UNTIL, readings, territory
from dashboards._views import BarGauge, Scatter, TimeSeries
from dashboards._words import Text

# A cloud of a year would say nothing more, and take long.
_CLOUD = (
    f"road_course(greatest({SINCE}, {UNTIL} - interval '7 days'), {UNTIL},"
    f" CASE WHEN {UNTIL} - {SINCE} <= interval '2 days' THEN interval '15 minutes'"
    " ELSE interval '1 hour' END)"
)


def _lines(key: str, title: Text, about: Text, value: str, quantity: str) -> Panel:
    return Panel(
        key=key,
        title=title,
        about=about,
        view=TimeSeries(legend="table", legend_calcs=("lastNotNull", "max")),
        quantity=quantity,
        sql=f"""
        SELECT c.time, c.road AS metric, {value} AS value
        FROM {COURSE} c WHERE {territory("c")}
        GROUP BY c.time, c.road ORDER BY c.time, c.road
        """,
        points=200,
        width=12,
        height=11,
    )


_FLOW = _lines(
    "mobility-flow",
    Text("Flow by section", "Débit par section (véh/h)"),
    Text(
        en="Mean of a section's stations, all lanes of one direction, in vehicles an hour. A"
        " section whose line falls while its neighbours' stay is blocked before its stations.",
        fr="Moyenne des stations d'une section, toutes voies d'un sens, en véhicules par heure."
        " Une section qui tombe quand ses voisines tiennent est coupée en amont de ses stations.",
    ),
    "avg(c.flow)",
    "traffic_flow",
)
_SPEED = _lines(
    "mobility-speed",
    Text("Speed by section", "Vitesse par section"),
    Text(
        en="Mean speed of a section's stations, weighted by their flow: what a driver meets.",
        fr="Vitesse moyenne des stations d'une section, pondérée par le débit : celle que l'usager"
        " rencontre.",
    ),
    "sum(c.flow * c.speed) / nullif(sum(c.flow) FILTER (WHERE c.speed IS NOT NULL), 0)",
    "traffic_speed",
)
_OCCUPANCY = _lines(
    "mobility-occupancy",
    Text("Occupancy by section", "Taux d'occupation par section"),
    Text(
        en="The highest of a section's stations. With a falling speed it is a jam; alone it is a"
        " parked vehicle or a sick loop.",
        fr="Le plus élevé des stations d'une section. Avec une vitesse qui chute : congestion ;"
        " seul : véhicule arrêté ou boucle en défaut.",
    ),
    "max(c.occupancy)",
    "occupancy",
)

_HEAVY = Panel(
    key="mobility-heavy",
    title=Text("Heavy vehicles", "Poids lourds"),
    about=Text(
        en="Share of heavy vehicles, mean of the chosen stations that tell it, with the lowest and"
        " the highest of them.",
        fr="Part de poids lourds : moyenne des stations choisies qui la mesurent, avec la plus"
        " basse et la plus haute.",
    ),
    view=TimeSeries(),
    quantity="heavy_share",
    sql=f"""
    SELECT bucket.time, avg(bucket.mean) AS mean, min(bucket.mean) AS lowest,
           max(bucket.mean) AS highest
    FROM {readings("heavy_share", every=f"road_every({EVERY})")}
    GROUP BY bucket.time ORDER BY bucket.time
    """,
    columns=(
        Column("mean", Text("Mean", "Moyenne"), line_width=2),
        Column("lowest", Text("Lowest", "La plus basse"), dashed=True),
        Column("highest", Text("Highest", "La plus haute"), dashed=True),
    ),
    points=200,
    width=12,
    height=11,
)

_LOAD = Panel(
    key="mobility-load",
    title=Text("Highest load (V/C)", "Charge maximale (débit / capacité)"),
    about=Text(
        en="The highest flow over capacity of each station within the time shown, where the"
        " capacity is known: above 90 % the road is at its limit. The sixteen highest.",
        fr="Plus fort rapport débit / capacité de chaque station sur la période, où la capacité"
        " est connue : au-delà de 90 %, la route est à sa limite. Les seize plus forts.",
    ),
    view=BarGauge(low=0, high=120),
    unit="%",
    decimals=0,
    steps=LOAD,
    sql=f"""
    SELECT c.title AS station, max(100 * c.peak / c.capacity) AS load
    FROM {COURSE} c WHERE c.capacity > 0 AND {territory("c")}
    GROUP BY c.title ORDER BY load DESC LIMIT 16
    """,
    points=200,
    timeless="the highest of the time asked",
    width=8,
    height=14,
)

_SCATTER = Panel(
    key="mobility-scatter",
    title=Text("Flow against occupancy", "Débit et taux d'occupation"),
    about=Text(
        en="The fundamental diagram: each point is a station in a quarter of an hour (over two"
        " days: an hour, of the last seven days). Flow, as a share of capacity, rises with"
        " occupancy on the left, free traffic; on the right it falls, congested. Points off the"
        " fan are sick detectors: flow without occupancy, occupancy without flow. Choose a site to"
        " see it alone.",
        fr="Le diagramme fondamental : un point par station et quart d'heure (au-delà de deux"
        " jours : par heure, sur les sept derniers jours). À gauche, fluide, le débit (part de la"
        " capacité) croît avec l'occupation ; à droite, congestionné, il décroît. Les points hors"
        " de l'éventail trahissent un capteur en défaut : débit sans occupation, occupation sans"
        " débit. Choisir un site pour le voir seul.",
    ),
    view=Scatter(x="occupancy", y="load", size=4),
    sql=f"""
    SELECT c.occupancy, c.load, c.state
    FROM (SELECT c.name, c.commune, c.occupancy, 100 * c.flow / c.capacity AS load,
                 CASE WHEN c.state IN ('dense', 'jammed', 'locked') THEN c.state
                      ELSE 'free' END AS state
          FROM {_CLOUD} c) c
    WHERE c.occupancy IS NOT NULL AND c.load IS NOT NULL AND {territory("c")}
    ORDER BY array_position(ARRAY['free', 'dense', 'jammed', 'locked'], c.state),
             c.occupancy
    """,
    # A label, not a frame's name: a state that is alone must still have its own colour.
    transformations=(("partitionByValues", {"fields": ["state"], "naming": {"asLabels": True}}),),
    columns=(
        Column(
            "occupancy",
            Text("Occupancy", "Taux d'occupation"),
            unit="%",
            low=0,
            high=105,  # the label of 100 % has its place, and so have loops that are locked
        ),
        *(
            Column(
                f"/^load {state.value}$/",
                state.text,
                colour=state.colour,
                unit="%",
                decimals=0,
                axis_label=Text("Flow, of capacity", "Débit, part de la capacité"),
            )
            for state in ROAD
            if state.value in {"free", "dense", "jammed", "locked"}
        ),
    ),
    refine=lambda builder: builder.mapping(SeriesMapping.AUTO).series([]),
    width=16,
    height=14,
)

SECTION = Section(
    key="mobility-flow-section",
    title=Text("Flow, speed, occupancy", "Débit, vitesse, taux d'occupation"),
    panels=(_FLOW, _SPEED, _OCCUPANCY, _HEAVY, _SCATTER, _LOAD),
)
