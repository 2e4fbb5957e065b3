"""Public lighting, now: what is dark, what is dangerous, where, and cabinet by cabinet."""

from dashboards._colours import FEW_IS_GOOD, NONE_IS_GOOD
from dashboards._describe import Column, Panel, count_column
from dashboards._lighting_table import TABLE
from dashboards._lighting_words import (
    AVAILABLE,
    CABINET,
    CABINETS_NOW,
    COURSE,
    LAMP,
    LAMPS_NOW,
    SHORT,
    STATE,
)
from dashboards._links import site_page
from dashboards._sql import EVERY, SINCE, UNTIL, territory
from dashboards._views import Geomap, Stat, Timeline
from dashboards._words import Text

CABINETS = Panel(
    key="lighting-cabinets",
    title=Text("Cabinets", "Armoires"),
    about=Text(
        en="How many cabinets do not do what their plan says at the end of the time shown, by"
        " their power: dark though it should be night-lit, part of the light missing, lit beyond"
        " the plan, silent for two hours. Anything but zero wants somebody.",
        fr="Nombre d'armoires qui ne suivent pas leur plan à la fin de la période, d'après leur"
        " puissance : éteintes alors qu'elles devraient éclairer, éclairage partiel, allumées hors"
        " plan, muettes depuis deux heures. Tout autre chiffre que zéro appelle quelqu'un.",
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
        en="As cabinets last told: current that leaks to earth (isolate, never re-arm from afar;"
        " critical near a flood), supply lost (call the grid operator), contactor that does not"
        " obey (ours), door open.",
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
    width=9,
    height=4,
)

AVAILABILITY = Panel(
    key="lighting-available",
    title=Text("Lamps that do as planned", "Points lumineux conformes"),
    about=Text(
        en="Availability: the share of lamps that burn when their plan has them burn (in the light"
        " that lasts, else in last night's) and are dark by day, without a fault told. Beside it"
        " the number of those that do not.",
        fr="Disponibilité : part des points lumineux allumés quand leur plan le veut (pendant"
        " l'allumage en cours, sinon le dernier) et éteints de jour, sans défaut signalé. À côté,"
        " le nombre de ceux qui ne le sont pas.",
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
    width=6,
    height=4,
)

LANES = Panel(
    key="lighting-lanes",
    title=Text("Expected against actual, by cabinet", "Attendu et réel, par armoire"),
    about=Text(
        en="Each lane is a cabinet: its power held against its lighting plan. Green burns as"
        " planned, slate is dark as planned; red should burn and does not, yellow burns beyond its"
        " plan. A switching within ten minutes of the plan is no fault. Over months a cell is a"
        " day: what it drew against what its plan expected.",
        fr="Chaque ligne est une armoire : sa puissance comparée à son plan d'éclairage. Vert :"
        " allumée, conforme ; ardoise : éteinte, conforme ; rouge : devrait éclairer ; jaune :"
        " allumée hors plan. Une commutation à moins de dix minutes du plan n'est pas un défaut."
        " Sur des mois, une case est un jour : l'énergie consommée comparée à celle du plan.",
    ),
    view=Timeline(lane="cabinet", show_value="never", row_height=0.85),
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
        en="Large marks are cabinets by their state; small ones are lamps that do not do as"
        " planned: dark or silent in the light that lasts (by day: last night's), with a fault"
        " told, or burning by day. A crowd of red in a street is a feeder; lamps alone are lamps.",
        fr="Chaque armoire selon son état, et les points lumineux qui ne suivent pas le plan :"
        " éteints ou muets pendant l'allumage en cours (de jour : la nuit dernière), en défaut"
        " signalé, ou allumés de jour. Toute une rue en rouge : un départ ; un point isolé : une"
        " lampe.",
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
    timeless="states at the end of the time asked",
    width=10,
    height=15,
)


PANELS = (CABINETS, DANGERS, AVAILABILITY, LANES, MAP, TABLE)
