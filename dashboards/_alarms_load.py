"""Alarms as a load on people: rates and spells of too many, against EEMUA 191's targets."""

from dashboards._alarms_now import DOMAINS
from dashboards._colours import BLUE, GREEN, GREY, ORANGE, RED, Step
from dashboards._describe import Column, Panel, Query, Section
from dashboards._sql import SINCE, UNTIL, territory
from dashboards._views import BarChart, Stat, Table, TimeSeries
from dashboards._words import Text

AVERAGE, UPSET = 1, 10  # alarms in ten minutes: on average, in the first of an upset (EEMUA 191)
FEW = 5  # a spell of too many ends with fewer than so many

RAISED = f"""
alarms_raised({SINCE}, {UNTIL}) AS raised
LEFT JOIN site ON site.id = raised.site WHERE {territory()}
"""
# How many came in each ten minutes; those in which some did.
_WINDOWS = f"""
windows AS (
    SELECT time_bucket('10 minutes', raised.at) AS at, count(*) AS n FROM {RAISED} GROUP BY 1)
"""
# Whole ten minutes, as many as the width allows.
_STEP = "make_interval(secs => ceil($__interval_ms / 600000.0) * 600)"

_AVERAGE = Panel(
    key="alarms-average",
    title=Text(en="On average, in 10 min", fr="Moyenne sur 10 min"),
    about=Text(
        en="Alarms that came before the operators per ten minutes of the time shown. EEMUA 191: one"
        " is what a person can take for good.",
        fr="Alarmes présentées aux opérateurs par dix minutes de la période. EEMUA 191 : une, c'est"
        " ce qu'une personne peut suivre durablement.",
    ),
    view=Stat(colour="background"),
    queries=(
        Query(
            sql=f"SELECT count(*) * 600 / extract(epoch FROM {UNTIL} - {SINCE})::float8 AS average"
            f" FROM {RAISED}"
        ),
    ),
    unit="count",
    decimals=2,
    steps=(Step(at=None, colour=GREEN), Step(at=AVERAGE, colour=ORANGE), Step(at=2, colour=RED)),
    width=4,
    height=8,
    timeless="one figure for the time shown",
)
_WORST = Panel(
    key="alarms-worst",
    title=Text(en="Worst ten minutes", fr="Pires dix minutes"),
    about=Text(
        en="The most alarms in ten minutes. EEMUA 191: ten in the first ten minutes of an upset.",
        fr="Le plus d'alarmes en dix minutes. EEMUA 191 : dix dans les dix premières minutes d'une"
        " crise.",
    ),
    view=Stat(colour="background"),
    queries=(Query(sql=f"WITH {_WINDOWS} SELECT coalesce(max(n), 0) AS worst FROM windows"),),
    unit="count",
    steps=(Step(at=None, colour=GREEN), Step(at=UPSET, colour=ORANGE), Step(at=20, colour=RED)),
    width=4,
    height=8,
    timeless="one figure for the time shown",
)
_OVER = Panel(
    key="alarms-over",
    title=Text(en="Time with too many", fr="Temps en avalanche"),
    about=Text(
        en="The share of the time in which more than ten alarms came within ten minutes. EEMUA 191:"
        " less than one per cent.",
        fr="Part du temps où plus de dix alarmes sont venues en dix minutes. EEMUA 191 : moins d'un"
        " pour cent.",
    ),
    view=Stat(colour="background"),
    queries=(
        Query(
            sql=f"WITH {_WINDOWS} SELECT count(*) FILTER (WHERE n > {UPSET}) * 600"
            f" / extract(epoch FROM {UNTIL} - {SINCE})::float8 AS over FROM windows"
        ),
    ),
    unit="share",
    decimals=1,
    steps=(Step(at=None, colour=GREEN), Step(at=0.01, colour=ORANGE), Step(at=0.05, colour=RED)),
    width=4,
    height=8,
    timeless="one figure for the time shown",
)
_SHARES = Panel(
    key="alarms-shares",
    title=Text(en="Priorities, beside the guide's", fr="Priorités, à côté du guide"),
    about=Text(
        en="The share of each priority among what was raised, and what EEMUA 191 recommends: 5 %"
        " high, 15 % medium, 80 % low. Too many critical ones, and none is.",
        fr="Part de chaque priorité dans ce qui a été levé, et ce que recommande EEMUA 191 : 5 %"
        " haute, 15 % moyenne, 80 % basse. Trop de critiques, et plus aucune ne l'est.",
    ),
    view=BarChart(x="priority", show_value="always"),
    queries=(
        Query(
            sql=f"""
            WITH own AS (
                SELECT least(severity_rank(raised.severity), 3) AS rank, count(*) AS n
                FROM {RAISED} GROUP BY 1
            )
            SELECT CASE WHEN {{{{lang}}}} = 'fr' THEN guide.fr ELSE guide.en END AS priority,
                   100 * coalesce(own.n, 0) / greatest(sum(own.n) OVER (), 1)::float8 AS share,
                   guide.target
            FROM (VALUES (1, 'critical', 'critique', 5::float8), (2, 'major', 'majeure', 15),
                         (3, 'minor and notice', 'mineure et signalement', 80))
                 AS guide (rank, en, fr, target)
            LEFT JOIN own ON own.rank = guide.rank ORDER BY guide.rank
            """
        ),
    ),
    unit="%",  # no share: of an axis without decimals Grafana labels whole numbers alone
    decimals=0,
    low=0,
    high=100,
    columns=(
        Column(name="priority", title=Text(en="Priority", fr="Priorité")),
        Column(name="share", title=Text(en="raised", fr="levées"), colour=BLUE),
        Column(name="target", title=Text(en="target", fr="repère"), colour=GREY),
    ),
    width=12,
    height=8,
    timeless="one figure for the time shown",
)
_RATE = Panel(
    key="alarms-rate",
    title=Text(
        en="Alarms in ten minutes, against the targets",
        fr="Alarmes par dix minutes, face aux repères",
    ),
    about=Text(
        en="Bars: the worst ten minutes of each piece of time; line: the average of its ten-minute"
        " windows. Dashed: EEMUA 191's one on average and ten in an upset.",
        fr="Barres : les pires dix minutes de chaque tranche ; ligne : la moyenne de ses fenêtres"
        " de dix minutes. Tirets : les repères d'EEMUA 191, une en moyenne et dix en crise.",
    ),
    view=TimeSeries(draw="bars", steps_drawn="dashed", soft_min=0, soft_max=12),
    queries=(
        Query(
            sql=f"""
            WITH {_WINDOWS}, piece AS (
                SELECT time_bucket({_STEP}, at) AS at, sum(n) AS n, max(n) AS worst
                FROM windows GROUP BY 1
            )
            SELECT greatest(step.at, {SINCE}) AS time, coalesce(piece.worst, 0)::float8 AS worst,
                   coalesce(piece.n, 0) * 600 / extract(epoch FROM {_STEP})::float8 AS average
            FROM generate_series(time_bucket({_STEP}, {SINCE}), {UNTIL}, {_STEP}) AS step (at)
            LEFT JOIN piece ON piece.at = step.at ORDER BY 1
            """
        ),
    ),
    unit="count",
    steps=(
        Step(at=None, colour="transparent"),
        Step(at=AVERAGE, colour=ORANGE),
        Step(at=UPSET, colour=RED),
    ),
    columns=(
        Column(
            name="worst", title=Text(en="worst ten minutes", fr="pires dix minutes"), colour=BLUE
        ),
        Column(
            name="average",
            title=Text(en="average", fr="moyenne"),
            colour=GREY,
            draw="line",
            fill=0,
            line_width=2,
            decimals=2,
        ),
    ),
    width=24,
    height=9,
    interval="10m",
)
_DOMAINS = Panel(
    key="alarms-domains",
    title=Text(en="Raised, by domain", fr="Levées, par domaine"),
    about=Text(
        en="How many alarms came before the operators in each piece of time, by urban function.",
        fr="Nombre d'alarmes présentées aux opérateurs dans chaque tranche, par fonction urbaine.",
    ),
    view=TimeSeries(draw="bars", stacked=True, soft_min=0),
    queries=(
        Query(
            sql=f"""
            SELECT greatest(time_bucket({_STEP}, raised.at), {SINCE}) AS time,
                   raised.domain AS metric, count(*)::float8 AS value
            FROM {RAISED} GROUP BY 1, 2 ORDER BY 1, 2
            """
        ),
    ),
    unit="count",
    decimals=0,
    columns=tuple(
        Column(name=str(state.value), title=state.text, colour=state.colour) for state in DOMAINS
    ),
    no_value=Text(en="nothing was raised", fr="rien n'a été levé"),
    empty="nothing was raised",
    width=12,
    height=9,
    interval="10m",
)
_SPELLS = Panel(
    key="alarms-spells",
    title=Text(en="Floods of alarms", fr="Avalanches d'alarmes"),
    about=Text(
        en="Spells of more than ten alarms in ten minutes, until fewer than five: nobody reads them"
        " all. Which rules they came of stands below.",
        fr="Périodes de plus de dix alarmes en dix minutes, jusqu'à moins de cinq : personne ne les"
        " lit toutes. Les règles en cause sont plus bas.",
    ),
    view=Table(),
    queries=(
        Query(
            sql=f"""
            WITH {_WINDOWS}, every AS (
                SELECT at, sum(n) AS n FROM (
                    SELECT at, n FROM windows
                    UNION ALL SELECT at + interval '10 minutes', 0 FROM windows
                ) AS either GROUP BY 1
            ), spell AS (
                SELECT *, count(*) FILTER (WHERE n < {FEW}) OVER (ORDER BY at) AS number FROM every
            ), begun AS (
                SELECT *, bool_or(n > {UPSET}) OVER (PARTITION BY number ORDER BY at) AS much
                FROM spell
            )
            SELECT greatest(min(at), {SINCE}) AS begins,
                   extract(epoch FROM max(at) - min(at))::float8 + 600 AS lasts,
                   sum(n)::float8 AS alarms, max(n)::float8 AS worst
            FROM begun WHERE much GROUP BY number ORDER BY 1 DESC
            """
        ),
    ),
    columns=(
        Column(name="begins", title=Text(en="From", fr="Début"), unit="date"),
        Column(name="lasts", title=Text(en="Lasted", fr="Durée"), unit="duration"),
        Column(name="alarms", title=Text(en="Alarms", fr="Alarmes"), unit="count"),
        Column(name="worst", title=Text(en="Worst 10 min", fr="Pires 10 min"), unit="count"),
    ),
    no_value=Text(en="none in the time shown", fr="aucune sur la période"),
    empty="no spell of too many alarms",
    width=12,
    height=9,
    timeless="a spell is told from its first ten minutes on",
)
SECTION = Section(
    key="alarms-load",
    title=Text(en="The load (EEMUA 191)", fr="La charge (EEMUA 191)"),
    panels=(_AVERAGE, _WORST, _OVER, _SHARES, _RATE, _DOMAINS, _SPELLS),
)
