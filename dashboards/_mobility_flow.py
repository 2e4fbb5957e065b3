"""Mobility: flow, speed and occupancy by section; bicycles against the same weekday."""

from grafana_foundation_sdk.models.xychart import SeriesMapping

from dashboards._colours import BLUE, GREEN, GREY, ORANGE, RED, State, scale
from dashboards._describe import Column, Panel, Section, bar, coloured
from dashboards._field_alarms import QUIET
from dashboards._mobility_now import COURSE, LOAD, ROAD, ZONE
from dashboards._sites_now import site_columns
from dashboards._sql import BAR, EVERY, SINCE, UNTIL, readings, series_of, territory
from dashboards._views import Scatter, Table, TimeSeries
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
        en="Share of heavy vehicles: mean of the selected stations that measure it, with the"
        " lowest and the highest station.",
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
    title=Text("Highest load (V/C)", "Charge maximale"),
    about=Text(
        en="Highest ratio of flow to capacity of each station within the time range, where the"
        " capacity is known: above 90 % the road is at its limit. The sixteen highest stations.",
        fr="Plus fort rapport débit / capacité de chaque station sur la période, où la capacité"
        " est connue : au-delà de 90 %, la route est à sa limite. Les seize plus forts.",
    ),
    view=Table(),
    sql=f"""
    SELECT c.title AS station, max(100 * c.peak / c.capacity) AS load
    FROM {COURSE} c WHERE c.capacity > 0 AND {territory("c")}
    GROUP BY c.title ORDER BY load DESC LIMIT 16
    """,
    columns=(
        Column("station", Text("Station", "Station")),
        bar("load", Text("Load", "Charge"), "%", LOAD, low=0, high=120, decimals=0),
    ),
    points=200,
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
    SELECT c.occupancy, c.load, coalesce(c.state, 'nothing') AS state
    FROM (SELECT) AS one LEFT JOIN (  -- without a point Grafana would say "Err"
    SELECT c.occupancy, c.load, c.state
    FROM (SELECT c.name, c.commune, c.occupancy, 100 * c.flow / c.capacity AS load,
                 CASE WHEN c.state IN ('dense', 'jammed', 'locked') THEN c.state
                      ELSE 'free' END AS state
          FROM {_CLOUD} c) c
    WHERE c.occupancy IS NOT NULL AND c.load IS NOT NULL AND {territory("c")}
    ORDER BY array_position(ARRAY['free', 'dense', 'jammed', 'locked'], c.state),
             c.occupancy) AS c ON true
    """,
    # A label, not a frame's name: a state that is alone must still have its own colour.
    transformations=(("partitionByValues", {"fields": ["state"], "naming": {"asLabels": True}}),),
    columns=(
        Column(
            "occupancy",
            Text("Occupancy", "Taux d'occupation"),
            unit="%",
            low=0,
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
        Column("/^load nothing$/", Text("nothing was counted", "aucun comptage"), colour=GREY),
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


_LAST_DAY = f"date_trunc('day', date_trunc('day', {UNTIL}, {ZONE}) - interval '12 hours', {ZONE})"
_COUNTED = (
    State("bicycles", Text("bicycles", "vélos"), GREEN),
    State("pedestrians", Text("pedestrians", "piétons"), BLUE),
)
_CHECK = (
    State(
        "zero", Text("zero: look at it", "zéro : à vérifier"), RED,
        "■",
    ),
    State("silent", Text("silent", "muet"), GREY, "✕"),
    State("counts", Text("counts", "compte"), QUIET, "●"),
)  # fmt: skip

_DAYS = Panel(
    key="mobility-bicycles",
    title=Text("Bicycles", "Vélos"),
    about=Text(
        en="Bicycles counted, by counter, an hour in a bar (over more than three days: a local"
        " day, over more than a hundred: a week).",
        fr="Vélos comptés, par compteur ; une barre par heure (au-delà de trois jours : par jour,"
        " au-delà de cent : par semaine).",
    ),
    view=TimeSeries(draw="bars", stacked=True, legend="table", legend_calcs=("sum", "max")),
    quantity="bicycles",
    sql=f"""
    SELECT bucket.time, site.title AS metric, sum(bucket.total) AS value
    FROM {readings("bicycles", every=BAR)}
    GROUP BY bucket.time, site.title ORDER BY bucket.time, site.title
    """,
    width=11,
    height=12,
)

_WEEKDAY = Panel(
    key="mobility-weekday",
    title=Text(
        "Last full day and the same weekday", "Dernier jour complet et même jour de semaine"
    ),
    about=Text(
        en="Totals of the last local day that is over, of the same weekday a week before, and the"
        " mean of the same weekday over the four weeks before. A counter at zero against a weekday"
        " that counts is broken or blocked; rain and holidays explain the rest.",
        fr="Totaux du dernier jour échu, du même jour de la semaine précédente, et moyenne du même"
        " jour sur les quatre semaines précédentes. Un compteur à zéro quand ce jour compte"
        " d'habitude est en panne ou masqué ; pluie et vacances expliquent le reste.",
    ),
    view=Table(),
    sql=f"""
    WITH day AS (
        SELECT {_LAST_DAY} AS last, ({_LAST_DAY} AT TIME ZONE {ZONE})::date AS date
    ),
    said AS (
        SELECT bucket.series_id, bucket.total,
               (bucket.time AT TIME ZONE {ZONE})::date AS date
        FROM readings_by({series_of("bicycles", "pedestrians")},
                         (SELECT last - interval '29 days' FROM day),
                         (SELECT last + interval '12 hours' FROM day),
                         interval '1 day') bucket
    ),
    held AS (
        SELECT series.id, site.name AS site, site.title, series.quantity AS counted,
               sum(said.total) FILTER (WHERE said.date = day.date) AS last,
               sum(said.total) FILTER (WHERE said.date = day.date - 7) AS before,
               avg(said.total) FILTER (WHERE said.date < day.date
                   AND (day.date - said.date) % 7 = 0) AS usual
        FROM series JOIN device ON device.id = series.device
        JOIN site ON site.id = device.site CROSS JOIN day
        LEFT JOIN said ON said.series_id = series.id
        WHERE series.id = ANY ({series_of("bicycles", "pedestrians")})
        GROUP BY series.id, site.name, site.title, series.quantity
    )
    SELECT site, title, counted, last, before, usual,
           100 * (last / nullif(usual, 0) - 1) AS change,
           CASE WHEN last IS NULL THEN 'silent'
                WHEN last = 0 AND coalesce(usual, 1) > 0 THEN 'zero' ELSE 'counts' END
               AS check
    FROM held ORDER BY counted, title
    """,
    columns=(
        *site_columns(Text("Counter", "Compteur")),
        Column("counted", Text("Of", "Usagers"), states=_COUNTED),
        Column("last", Text("Day", "Jour"), quantity="bicycles"),
        Column("before", Text("D-7", "J-7"), quantity="bicycles"),
        Column("usual", Text("Usual", "Habituel"), quantity="bicycles", decimals=0),
        coloured(
            "change",
            Text("Change", "Écart"),
            "%",
            scale(GREY, (-100, RED), (-60, ORANGE), (-30, GREY), (30, BLUE)),
            decimals=0,
        ),
        Column("check", Text("Check", "Contrôle"), states=_CHECK, cell="text"),
    ),
    width=13,
    height=12,
)

ACTIVE = Section(
    key="mobility-active-section",
    title=Text("Bicycles and pedestrians", "Vélos et piétons"),
    panels=(_DAYS, _WEEKDAY),
)
