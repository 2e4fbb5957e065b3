"""Parking, now: how full each car park is, and whether sensors, barriers and sign agree.

States by the site's number of spaces, with the margins of the rule pack.
"""

from dashboards._colours import (
    FEW_IS_GOOD,
    GREEN,
    NONE_IS_GOOD,
    ORANGE,
    RED,
    VIOLET,
    YELLOW,
    State,
    scale,
)
from dashboards._describe import Column, Panel, bar, count_column
from dashboards._field_alarms import AMBER, QUIET
from dashboards._links import site_page
from dashboards._sites_now import Last, limits, site_columns, site_values, state_column, worst_first
from dashboards._views import Geomap, Stat, Table
from dashboards._words import Text

STATE = (
    State("barrier", Text("barrier fault", "défaut de barrière"), RED, "■"),
    State("sign", Text("sign wrong", "panneau faux"), ORANGE, "▲"),
    State("count", Text("counts disagree", "comptages en désaccord"), ORANGE, "◆"),
    State("silent", Text("silent", "muet"), VIOLET, "✕"),
    State("full", Text("full", "complet"), AMBER, "▼"),
    State("fine", Text("spaces free", "places libres"), GREEN, "●"),
)
BARRIER = (
    State(0, Text("none", "aucun"), QUIET),
    State(1, Text("entry", "entrée"), RED, "■"),
    State(2, Text("exit", "sortie"), RED, "■"),
    State(3, Text("payment", "paiement"), RED, "■"),
)
LOAD = scale(GREEN, (80, YELLOW), (97, ORANGE))  # % of the spaces; full as the rule says from 97 on

SPACES = limits(spaces="spaces")

# A row per car park. `seen`: vehicles by its spaces' sensors, where it has any.
_VALUES = site_values(
    present=Last("vehicles_present", "1 hour"),
    shown=Last("spaces_shown", "1 hour"),
    fault=Last("barrier_fault", "4 hours"),
    share=Last("space_occupied", "6 hours", over="avg"),
)
NOW = f"""(
WITH counted AS ({_VALUES}
), measured AS (
    SELECT counted.*, limits.spaces, 100 * present / nullif(limits.spaces, 0) AS load,
           greatest(limits.spaces - present, 0) AS free, share * limits.spaces AS seen
    FROM counted LEFT JOIN {SPACES} limits ON limits.site = counted.name
)
SELECT measured.*, seen - present AS apart, shown - free AS wrong, CASE
    WHEN fault > 0 THEN 'barrier'
    WHEN abs(shown - free) > spaces * 0.05 + 3 THEN 'sign'
    WHEN abs(seen - present) > spaces * 0.15 THEN 'count'
    WHEN present IS NULL THEN 'silent'
    WHEN load >= 97 THEN 'full'
    ELSE 'fine' END AS state
FROM measured)"""

FIGURES = Panel(
    key="parking-figures",
    title=Text("Car parks", "Parcs de stationnement"),
    about=Text(
        en="Car parks by their last readings: full (97 % of the spaces and more), with a barrier"
        " fault, a sign that is off by more than 5 % of the spaces and three, sensors and barriers"
        " that disagree by more than 15 % of the spaces, no count for an hour.",
        fr="Parcs d'après leurs dernières mesures : complets (97 % des places et plus), en défaut"
        " de barrière, au panneau faux de plus de 5 % des places plus trois, aux capteurs et"
        " barrières en désaccord de plus de 15 % des places, sans comptage depuis une heure.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    SELECT count(*) FILTER (WHERE load >= 97)::int AS full_now,
           count(*) FILTER (WHERE fault > 0)::int AS barrier,
           count(*) FILTER (WHERE abs(wrong) > spaces * 0.05 + 3)::int AS sign,
           count(*) FILTER (WHERE abs(apart) > spaces * 0.15)::int AS counts,
           count(*) FILTER (WHERE present IS NULL)::int AS silent
    FROM {NOW} n
    """,
    columns=(
        count_column("full_now", "full", "complets", FEW_IS_GOOD),
        count_column("barrier", "barrier fault", "défaut de barrière", NONE_IS_GOOD),
        count_column("sign", "sign wrong", "panneau faux", NONE_IS_GOOD),
        count_column("counts", "counts disagree", "désaccord", FEW_IS_GOOD),
        count_column("silent", "silent", "muets", FEW_IS_GOOD),
    ),
    width=16,
    height=4,
)
FREE = Panel(
    key="parking-free",
    title=Text("Free now", "Libres maintenant"),
    about=Text(
        en="Free spaces of all chosen car parks together by the barriers' counts, and how much of"
        " their spaces is taken. A car park without a count of the last hour is left out.",
        fr="Places libres de tous les parcs choisis d'après les barrières, et part occupée de"
        " leurs places. Un parc sans comptage depuis une heure n'y est pas.",
    ),
    view=Stat(colour="value", text="value_and_name"),
    sql=f"""
    SELECT sum(free) AS free, 100 * sum(present) / nullif(sum(spaces), 0) AS load
    FROM {NOW} n WHERE present IS NOT NULL AND spaces IS NOT NULL
    """,
    columns=(
        Column("free", Text("free spaces", "places libres"), unit="count", decimals=0),
        Column("load", Text("taken", "occupé"), unit="%", decimals=0, steps=LOAD),
    ),
    silent=f"(SELECT count(*) FROM {NOW} n WHERE n.present IS NULL)",
    no_value="–",  # noqa: RUF001  a dash is what stands for nothing
    width=8,
    height=4,
)
TABLE = Panel(
    key="parking-table",
    title=Text("Car park by car park", "Parc par parc"),
    about=Text(
        en="Last readings, not older than an hour (sensors: six, barriers: four); faults first,"
        " then the fullest. Sensors: the share of taken spaces times the spaces. Their difference"
        " from the barriers drifts over days; the sign's from the free spaces should be none.",
        fr="Dernières mesures, de moins d'une heure (capteurs : six, barrières : quatre) ; défauts"
        " d'abord, puis les plus pleins. Capteurs : part des places prises, fois les places. Leur"
        " écart aux barrières dérive en quelques jours ; celui du panneau devrait être nul.",
    ),
    view=Table(),
    sql=f"""
    SELECT name AS site, title, state, load, present, spaces, free, shown, wrong, seen, apart, fault
    FROM {NOW} n ORDER BY {worst_first(STATE)}, load DESC NULLS LAST, title
    """,
    columns=(
        *site_columns(Text("Car park", "Parc")),
        state_column(STATE, calm=("fine",)),
        bar("load", Text("Taken", "Occupation"), "%", LOAD, low=0, high=110, decimals=0),
        Column("present", Text("Barriers", "Barrières"), quantity="vehicles_present"),
        Column("spaces", Text("Spaces", "Places"), unit="count", decimals=0),
        Column("free", Text("Free", "Libres"), unit="count", decimals=0),
        Column("shown", Text("Sign", "Panneau"), unit="count", decimals=0),
        Column("wrong", Text("Sign off by", "Écart panneau"), unit="count", decimals=0),
        Column("seen", Text("Sensors", "Capteurs"), unit="{veh}", decimals=0),
        Column("apart", Text("Sensors off by", "Écart capteurs"), unit="{veh}", decimals=0),
        Column("fault", Text("Barrier", "Barrière"), states=BARRIER, cell="text"),
    ),
    no_value=Text("no car park", "aucun parc"),
    timeless="the last reading of a car park may be older than the time range",
    width=24,
    height=7,
)
MAP = Panel(
    key="parking-map",
    title=Text("Occupancy", "Occupation"),
    about=Text(
        en="Each car park by its barriers' count: green, from 80 % on yellow, from 97 % orange."
        " Grey: no count of the last hour.",
        fr="Chaque parc d'après ses barrières : vert, jaune à partir de 80 %, orange de 97 %."
        " Gris : pas de comptage depuis une heure.",
    ),
    view=Geomap(colour_by="load", size=11),
    sql=f"""
    SELECT lat, lon, title, load, free, state, name AS site FROM {NOW} n ORDER BY load NULLS FIRST
    """,
    columns=(
        Column("load", Text("Taken", "Occupation"), unit="%", decimals=0, steps=LOAD),
        Column("title", Text("Car park", "Parc"), links=(site_page(),)),
        Column("free", Text("Free", "Libres"), unit="count", decimals=0),
        Column("state", Text("State", "État"), states=STATE),
        Column("site", hidden=True),
    ),
    timeless="the last reading of a car park may be older than the time range",
    width=9,
    height=10,
)
PANELS = (FIGURES, FREE, TABLE)
