"""Public lighting, now: dark streets, dangers, map, cabinet by cabinet.

The figures are settings of practice, without a source: the rule pack has the same.
"""

from dashboards._colours import (
    BLUE,
    FEW_IS_GOOD,
    GREEN,
    GREY,
    NONE_IS_GOOD,
    ORANGE,
    RED,
    VIOLET,
    State,
    Step,
    scale,
)
from dashboards._describe import Column, Panel, coloured, count_column
from dashboards._field_alarms import AMBER, QUIET
from dashboards._links import site_page
from dashboards._sites_now import site_columns, state_column, worst_first
from dashboards._sql import EVERY, SINCE, UNTIL, territory
from dashboards._views import Geomap, Stat, Table, Timeline
from dashboards._words import Text

SLATE = "#5f7186"  # dark as planned: quieter than any state that needs action

# A cabinet by its power and its plan (the function lit_state), the worst first.
CABINET = (
    State("dark-off-plan", Text("dark, should be lit", "éteinte à tort"), RED, "■"),
    State("missing", Text("light missing", "éclairage partiel"), ORANGE, "◆"),
    State("lit-off-plan", Text("lit beyond its plan", "allumée hors plan"), AMBER, "▲"),
    State("silent", Text("silent", "muette"), VIOLET, "✕"),
    State("unknown", Text("no plan known", "sans plan"), GREY, "?"),
    State("lit", Text("lit as planned", "allumée, conforme"), GREEN, "●"),
    State("dark", Text("dark as planned", "éteinte, conforme"), SLATE, "○"),
)
LAMP = (
    State("lamp-dark", Text("lamp dark, should be lit", "point lumineux éteint"), RED, "■"),
    State("lamp-unfed", Text("lamp without supply", "point lumineux non alimenté"), RED, "□"),
    State("lamp-silent", Text("lamp silent", "point lumineux muet"), VIOLET, "✕"),
    State("lamp-fault", Text("lamp reports a fault", "défaut signalé"), ORANGE, "◆"),
    State("lamp-lit", Text("lamp lit by day", "point lumineux allumé de jour"), AMBER, "▲"),
)
SIGNAL = (
    State("leakage", Text("earth leakage", "défaut d'isolement"), RED, "■"),
    State("supply", Text("supply lost (grid)", "alimentation perdue (réseau)"), ORANGE, "◆"),
    State("contactor", Text("contactor (ours)", "contacteur (exploitant)"), AMBER, "▲"),
    State("door", Text("door open", "porte ouverte"), BLUE, "◇"),
    State("fine", Text("nothing to report", "rien à signaler"), SLATE),
)

AVAILABLE = scale(RED, (95, ORANGE), (98, GREEN))
RATIO = scale(  # % of what the plan expects: the rules' three fifths, and three tenths more
    GREY, (0, RED), (60, ORANGE), (85, QUIET), (115, AMBER), (130, ORANGE)
)

# The selected cabinets and their lamps at the end of the time range.
CABINETS_NOW = f"SELECT c.* FROM lit_now({UNTIL}) c WHERE {territory('c')}"
LAMPS_NOW = (
    f"SELECT l.*, site.name AS site_name FROM lit_lamps({UNTIL}) l"
    f" JOIN site ON site.id = l.site WHERE {territory()}"
)
_SILENT = f"(SELECT count(*) FROM ({CABINETS_NOW}) c WHERE c.state = 'silent')"
COURSE = f"lit_course({SINCE}, {UNTIL}, lit_every({EVERY}))"
SHORT = "regexp_replace(c.title, '^Armoire ', '')"  # lanes have little room for names
STATE = "lit_state(c.power, c.low, c.high, c.installed)"

# Energy is reckoned hour by hour up to two months, day by day beyond; of whole local days.
ZONE = "(SELECT timezone FROM instance)"
FIRST_DAY = f"date_trunc('day', {SINCE}, {ZONE})"
PIECE = (
    f"CASE WHEN {UNTIL} - {SINCE} > interval '62 days' THEN interval '1 day'"
    " ELSE interval '1 hour' END"
)
ENERGY = f"lit_course({FIRST_DAY}, {UNTIL}, {PIECE})"
HOURS = f"extract(epoch FROM {PIECE})::float8 / 3600"
# Beyond the plan: energy used while it should be dark; of a full day, the excess over the plan.
BEYOND = (
    "CASE WHEN c.high = 0 AND c.power > c.installed * 0.15 THEN c.power"
    f" WHEN {PIECE} >= interval '1 day' AND c.power > c.high * 1.15 + c.installed * 0.02"
    " THEN c.power - c.high ELSE 0 END"
)


TABLE = Panel(
    key="lighting-table",
    title=Text("Cabinet by cabinet", "Armoire par armoire"),
    about=Text(
        en="State of each cabinet at the end of the time range, its planned state, and its lamps:"
        " number, dark or silent during the current lighting period (by day: last night), with a"
        " reported fault. Click a name for the site.",
        fr="État de chaque armoire à la fin de la période, état prévu par son plan, et ses points"
        " lumineux : nombre, éteints ou muets pendant l'allumage en cours (de jour : la nuit"
        " dernière), en défaut signalé. Un clic sur le nom mène au site.",
    ),
    view=Table(filterable=True),
    sql=f"""
    SELECT c.name AS site, c.title, c.state, c.level AS planned,
           c.level / 100 * c.installed AS wanted, c.power,
           CASE WHEN c.state NOT IN ('dark', 'silent') THEN  -- off as planned: nothing to judge
               100 * c.power / nullif(c.level / 100 * c.installed, 0) END AS ratio,
           l.lamps, l.dark, l.silent, l.faulty, l.lit,
           extract(epoch FROM {UNTIL} - c.heard)::float8 AS age
    FROM ({CABINETS_NOW}) c
    LEFT JOIN (
        SELECT lit_group, count(*)::int AS lamps,
               count(*) FILTER (WHERE does IN ('dark', 'unfed'))::int AS dark,
               count(*) FILTER (WHERE does = 'silent')::int AS silent,
               count(*) FILTER (WHERE fault <> 0)::int AS faulty,
               count(*) FILTER (WHERE does = 'lit')::int AS lit
        FROM ({LAMPS_NOW}) l GROUP BY lit_group
    ) l ON l.lit_group = c.lit_group
    ORDER BY {worst_first(CABINET, "c.state")},
             coalesce(l.dark + l.silent + l.faulty, 0) DESC, c.title
    """,
    columns=(
        *site_columns(Text("Cabinet", "Armoire")),
        state_column(CABINET, calm=("lit", "dark")),
        Column("planned", Text("Plan", "Plan"), unit="%", decimals=0),
        Column("wanted", Text("Expected", "Prévue"), quantity="cabinet_power"),
        Column("power", Text("Power", "Réelle"), quantity="cabinet_power"),
        coloured("ratio", Text("Of the plan", "Part du plan"), "%", RATIO, decimals=0),
        Column("lamps", Text("Lamps", "Points"), unit="count", decimals=0),
        coloured("dark", Text("Dark", "Éteints"), "count", (Step(1, RED),), decimals=0),
        coloured("silent", Text("Silent", "Muets"), "count", (Step(1, VIOLET),), decimals=0),
        coloured("faulty", Text("Faults", "Défauts"), "count", (Step(1, ORANGE),), decimals=0),
        coloured("lit", Text("Lit by day", "De jour"), "count", (Step(1, AMBER),), decimals=0),
        coloured("age", Text("Age", "Âge"), "duration", scale(GREY, (7200, VIOLET))),
    ),
    width=24,
    height=11,
)


CABINETS = Panel(
    key="lighting-cabinets",
    title=Text("Cabinets", "Armoires"),
    about=Text(
        en="Number of cabinets that deviate from their plan at the end of the time range, from"
        " their power: dark although they should be lit, partly lit, lit outside the plan, silent"
        " for two hours. Every value should be zero.",
        fr="Nombre d'armoires qui s'écartent de leur plan à la fin de la période, d'après leur"
        " puissance : éteintes alors qu'elles devraient éclairer, éclairage partiel, allumées hors"
        " plan, muettes depuis deux heures. Toutes les valeurs devraient être à zéro.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    SELECT count(*) FILTER (WHERE state = 'dark-off-plan')::int AS dark,
           count(*) FILTER (WHERE state = 'missing')::int AS missing,
           count(*) FILTER (WHERE state = 'lit-off-plan')::int AS beyond,
           count(*) FILTER (WHERE state = 'silent')::int AS silent
    FROM ({CABINETS_NOW}) c
    """,
    columns=(
        count_column("dark", "dark, should be lit", "éteintes à tort", NONE_IS_GOOD),
        count_column("missing", "part of the light", "éclairage partiel", FEW_IS_GOOD),
        count_column("beyond", "lit beyond plan", "allumées hors plan", FEW_IS_GOOD),
        count_column("silent", "silent", "muettes", FEW_IS_GOOD),
    ),
    width=9,
    height=4,
)

DANGERS = Panel(
    key="lighting-dangers",
    title=Text("Dangers and supply", "Dangers et alimentation"),
    about=Text(
        en="Last state reported by the cabinets: earth leakage (isolate, never re-arm remotely;"
        " critical near a flood), supply lost (call the grid operator), contactor fault (ours),"
        " door open.",
        fr="Dernier état signalé par les armoires : défaut d'isolement (consigner, ne jamais"
        " réarmer à distance ; critique près d'une crue), alimentation perdue (appeler le"
        " gestionnaire du réseau), contacteur en défaut (à nous), porte ouverte.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    SELECT count(*) FILTER (WHERE quantity = 'earth_leakage')::int AS leakage,
           count(*) FILTER (WHERE quantity = 'supply_loss')::int AS supply,
           count(*) FILTER (WHERE quantity = 'contactor_error')::int AS contactor,
           count(*) FILTER (WHERE quantity = 'cabinet_door')::int AS door
    FROM lit_signals({UNTIL}) c WHERE state > 0 AND {territory("c")}
    """,
    columns=(
        count_column("leakage", "earth leakage", "défaut d'isolement", NONE_IS_GOOD),
        count_column("supply", "supply lost (grid)", "alimentation perdue", NONE_IS_GOOD),
        count_column("contactor", "contactor (ours)", "contacteur", FEW_IS_GOOD),
        count_column("door", "door open", "porte ouverte", FEW_IS_GOOD),
    ),
    silent=_SILENT,
    width=9,
    height=4,
)

AVAILABILITY = Panel(
    key="lighting-available",
    title=Text("Lamps as planned", "Points conformes"),
    about=Text(
        en="Availability: share of lamps that are lit when planned (in the current lighting"
        " period, else the last one) and dark by day, without a reported fault. Beside it: the"
        " number of the others.",
        fr="Disponibilité : part des points lumineux allumés quand le plan le prévoit (pendant"
        " l'allumage en cours, sinon le dernier) et éteints de jour, sans défaut signalé. À côté :"
        " le nombre des autres.",
    ),
    view=Stat(text="value_and_name"),
    sql=f"""
    SELECT 100.0 * avg((does = 'as-planned' AND coalesce(fault, 0) = 0)::int)::float8
               AS available,
           count(*) FILTER (WHERE does <> 'as-planned' OR fault <> 0)::int AS out
    FROM ({LAMPS_NOW}) l WHERE does <> 'unknown'
    """,
    columns=(
        Column(
            "available", Text("available", "disponibles"), unit="%", decimals=1, steps=AVAILABLE
        ),
        count_column("out", "out of order", "en défaut", FEW_IS_GOOD),
    ),
    silent=_SILENT,
    width=6,
    height=4,
)

LANES = Panel(
    key="lighting-lanes",
    title=Text("Expected against actual, by cabinet", "Attendu et réel, par armoire"),
    about=Text(
        en="One lane per cabinet: its power compared with its lighting plan. Green: lit as"
        " planned; slate: dark as planned; red: dark, should be lit; yellow: lit outside the plan."
        " A switching within ten minutes of the plan is no fault. Over months a cell is a day:"
        " energy used compared with the plan.",
        fr="Une ligne par armoire : sa puissance comparée à son plan d'éclairage. Vert : allumée,"
        " conforme ; ardoise : éteinte, conforme ; rouge : devrait éclairer ; jaune : allumée hors"
        " plan. Une commutation à moins de dix minutes du plan n'est pas un défaut. Sur des mois,"
        " une case est un jour : énergie consommée comparée à celle du plan.",
    ),
    view=Timeline(lane="cabinet", row_height=0.85, pages=True),
    states=CABINET,
    sql=f"""
    WITH told AS (
        SELECT {SHORT} AS cabinet, c.time, {STATE} AS state,
               lead(c.time) OVER (PARTITION BY c.lit_group ORDER BY c.time) AS next
        FROM {COURSE} c WHERE {territory("c")}
    )
    SELECT greatest(time, {SINCE}) AS time, cabinet, state FROM told
    UNION ALL
    SELECT time + lit_every({EVERY}), cabinet, 'silent' FROM told
    WHERE coalesce(next, {UNTIL}) - time > lit_every({EVERY}) + interval '2 hours'
    ORDER BY time, cabinet
    """,
    points=400,
    width=14,
    height=15,
)

MAP = Panel(
    key="lighting-map",
    title=Text("Dark streets", "Rues dans le noir"),
    about=Text(
        en="Large marks: cabinets by state. Small marks: lamps that deviate from the plan: dark or"
        " silent during the current lighting period (by day: last night), with a reported fault,"
        " or lit by day. A whole street in red points to a feeder, a single red lamp to the lamp.",
        fr="Grands repères : armoires selon leur état. Petits repères : points lumineux qui"
        " s'écartent du plan : éteints ou muets pendant l'allumage en cours (de jour : la nuit"
        " dernière), en défaut signalé, ou allumés de jour. Toute une rue en rouge indique un"
        " départ, un point isolé une lampe.",
    ),
    view=Geomap(colour_by="state", size_by="size"),
    sql=f"""
    SELECT lat, lon, title, device, state, name AS site, 3 AS size
    FROM (SELECT c.lat, c.lon, c.state, c.title, '' AS device, c.name
          FROM lit_now({UNTIL}) c WHERE {territory("c")}) c
    UNION ALL
    SELECT l.lat, l.lon, l.lit_group, l.device,
           CASE WHEN l.does IN ('dark', 'unfed', 'silent', 'lit')
               THEN 'lamp-' || l.does ELSE 'lamp-fault' END,
           l.site_name, 1
    FROM ({LAMPS_NOW}) l
    WHERE l.does IN ('dark', 'unfed', 'silent', 'lit') OR l.fault <> 0
    """,
    columns=(
        Column("state", Text("State", "État"), states=(*CABINET, *LAMP)),
        Column("title", Text("Cabinet", "Armoire"), links=(site_page(),)),
        Column("device", Text("Lamp", "Point lumineux")),
        Column("site", hidden=True),
        Column("size", low=0, high=4, hidden=True),
    ),
    width=10,
    height=15,
)


PANELS = (CABINETS, DANGERS, AVAILABILITY, LANES, MAP, TABLE)
