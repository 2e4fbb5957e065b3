"""Alarm load: rates and alarm floods against the targets of EEMUA 191."""

from dashboards._alarms_now import DOMAINS
from dashboards._colours import BLUE, GREEN, GREY, ORANGE, RED, scale
from dashboards._describe import Column, Panel, Section
from dashboards._sql import SINCE, UNTIL, territory
from dashboards._views import BarChart, Stat, Table, TimeSeries
from dashboards._words import Text

AVERAGE, UPSET = 1, 10  # alarms in ten minutes: on average, in the first of an upset (EEMUA 191)
FEW = 5  # a flood of alarms ends below this

RAISED = f"""
alarms_raised({SINCE}, {UNTIL}) AS raised
LEFT JOIN site ON site.id = raised.site WHERE {territory()}
"""
# How many came in each ten minutes; those in which some did.
_WINDOWS = f"""
windows AS (
    SELECT time_bucket('10 minutes', raised.at) AS at, count(*) AS n FROM {RAISED} GROUP BY 1)
"""
# Whole ten minutes, as many as the width allows; weeks beyond a hundred days.
_STEP = (
    f"CASE WHEN {UNTIL} - {SINCE} > interval '100 days' THEN interval '7 days'"
    " ELSE make_interval(secs => ceil($__interval_ms / 600000.0) * 600) END"
)

_AVERAGE = Panel(
    key="alarms-average",
    title=Text("Per 10 min", "Par 10 min"),
    about=Text(
        en="Mean number of alarms presented to the operators per ten minutes of the time range."
        " EEMUA 191: one is manageable in the long run.",
        fr="Alarmes présentées aux opérateurs par dix minutes de la période. EEMUA 191 : une,"
        " c'est ce qu'une personne peut suivre durablement.",
    ),
    view=Stat(colour="background"),
    sql=f"SELECT count(*) * 600 / extract(epoch FROM {UNTIL} - {SINCE})::float8 AS average"
    f" FROM {RAISED}",
    unit="count",
    decimals=2,
    steps=scale(GREEN, (AVERAGE, ORANGE), (2, RED)),
    width=4,
    height=8,
)
_WORST = Panel(
    key="alarms-worst",
    title=Text("At worst", "Au pire"),
    about=Text(
        en="Highest number of alarms in ten minutes. EEMUA 191: at most ten in the first ten"
        " minutes of an upset.",
        fr="Nombre maximal d'alarmes en dix minutes. EEMUA 191 : au plus dix dans les dix"
        " premières minutes d'une crise.",
    ),
    view=Stat(colour="background"),
    sql=f"WITH {_WINDOWS} SELECT coalesce(max(n), 0) AS worst FROM windows",
    unit="count",
    steps=scale(GREEN, (UPSET, ORANGE), (20, RED)),
    width=4,
    height=8,
)
_OVER = Panel(
    key="alarms-over",
    title=Text("In flood", "Avalanche"),
    about=Text(
        en="Share of the time range with more than ten alarms within ten minutes. EEMUA 191: below"
        " one per cent.",
        fr="Part de la période où plus de dix alarmes sont arrivées en dix minutes. EEMUA 191 :"
        " moins d'un pour cent.",
    ),
    view=Stat(colour="background"),
    sql=f"WITH {_WINDOWS} SELECT count(*) FILTER (WHERE n > {UPSET}) * 600"
    f" / extract(epoch FROM {UNTIL} - {SINCE})::float8 AS over FROM windows",
    unit="share",
    decimals=1,
    steps=scale(GREEN, (0.01, ORANGE), (0.05, RED)),
    width=4,
    height=8,
)
_SHARES = Panel(
    key="alarms-shares",
    title=Text("Priorities, beside the guide's", "Priorités, à côté du guide"),
    about=Text(
        en="Share of each priority among the alarms raised, and the EEMUA 191 recommendation: 5 %"
        " high, 15 % medium, 80 % low. If too many are critical, none is.",
        fr="Part de chaque priorité parmi les alarmes levées, et recommandation d'EEMUA 191 : 5 %"
        " haute, 15 % moyenne, 80 % basse. Si trop d'alarmes sont critiques, aucune ne l'est plus.",
    ),
    view=BarChart(x="priority", show_value="always"),
    sql=f"""
            WITH own AS (
                SELECT least(severity_rank(raised.severity), 3) AS rank, count(*) AS n
                FROM {RAISED} GROUP BY 1
            )
            SELECT CASE WHEN {{{{lang}}}} = 'fr' THEN guide.fr ELSE guide.en END AS priority,
                   100 * coalesce(own.n, 0) / greatest(sum(own.n) OVER (), 1)::float8 AS share,
                   guide.target
            FROM (VALUES (1, 'critical', 'critique', 5::float8), (2, 'major', 'majeure', 15),
                         (3, 'the rest', 'les autres', 80))
                 AS guide (rank, en, fr, target)
            LEFT JOIN own ON own.rank = guide.rank ORDER BY guide.rank
            """,
    unit="%",  # no share: of an axis without decimals Grafana labels whole numbers alone
    decimals=0,
    low=0,
    high=100,
    columns=(
        Column("priority", Text("Priority", "Priorité")),
        Column("share", Text("raised", "levées"), colour=BLUE),
        Column("target", Text("target", "repère"), colour=GREY),
    ),
    width=12,
    height=8,
)
_RATE = Panel(
    key="alarms-rate",
    title=Text(
        "Alarms in ten minutes, against the targets", "Alarmes par dix minutes, face aux repères"
    ),
    about=Text(
        en="Bars: the worst ten minutes of each piece of time; line: the average of its ten-minute"
        " windows. Dashed: EEMUA 191's one on average and ten in an upset.",
        fr="Barres : les pires dix minutes de chaque tranche ; ligne : la moyenne de ses fenêtres"
        " de dix minutes. Tirets : les repères d'EEMUA 191, une en moyenne et dix en crise.",
    ),
    view=TimeSeries(draw="bars", steps_drawn="dashed", soft_min=0, soft_max=12),
    sql=f"""
            WITH {_WINDOWS}, piece AS (
                SELECT time_bucket({_STEP}, at) AS at, sum(n) AS n, max(n) AS worst
                FROM windows GROUP BY 1
            )
            SELECT step.at AS time, coalesce(piece.worst, 0)::float8 AS worst,
                   coalesce(piece.n, 0) * 600 / extract(epoch FROM {_STEP})::float8 AS average
            FROM generate_series(time_bucket({_STEP}, {SINCE}), {UNTIL}, {_STEP}) AS step (at)
            LEFT JOIN piece ON piece.at = step.at ORDER BY 1
            """,
    unit="count",
    steps=scale("transparent", (AVERAGE, ORANGE), (UPSET, RED)),
    columns=(
        Column("worst", Text("worst ten minutes", "pires dix minutes"), colour=BLUE),
        Column(
            "average",
            Text("average", "moyenne"),
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
    title=Text("Raised, by domain", "Levées, par domaine"),
    about=Text(
        en="Number of alarms presented to the operators per interval, by urban function.",
        fr="Nombre d'alarmes présentées aux opérateurs par intervalle et par fonction urbaine.",
    ),
    view=TimeSeries(draw="bars", stacked=True, soft_min=0),
    sql=f"""
            SELECT time_bucket({_STEP}, raised.at) AS time,
                   raised.domain AS metric, count(*)::float8 AS value
            FROM {RAISED} GROUP BY 1, 2 ORDER BY 1, 2
            """,
    unit="count",
    decimals=0,
    columns=tuple(Column(str(state.value), state.text, colour=state.colour) for state in DOMAINS),
    no_value=Text("nothing was raised", "rien n'a été levé"),
    empty="nothing was raised",
    width=12,
    height=9,
    interval="10m",
)
_SPELLS = Panel(
    key="alarms-spells",
    title=Text("Floods of alarms", "Avalanches d'alarmes"),
    about=Text(
        en="Alarm floods: more than ten alarms in ten minutes, until fewer than five. No one can"
        " read them all. The table of frequent alarms below names the rules.",
        fr="Avalanches d'alarmes : plus de dix alarmes en dix minutes, jusqu'à moins de cinq."
        " Personne ne peut les lire toutes. Le tableau des alarmes fréquentes, plus bas, nomme les"
        " règles.",
    ),
    view=Table(),
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
            """,
    columns=(
        Column("begins", Text("From", "Début"), unit="date"),
        Column("lasts", Text("Duration", "Durée"), unit="duration"),
        Column("alarms", Text("Alarms", "Alarmes"), unit="count"),
        Column("worst", Text("Worst 10 min", "Pires 10 min"), unit="count"),
    ),
    no_value=Text("none in the time shown", "aucune sur la période"),
    empty="no spell of too many alarms",
    width=12,
    height=9,
)
SECTION = Section(
    key="alarms-load",
    title=Text("The load (EEMUA 191)", "La charge (EEMUA 191)"),
    panels=(_AVERAGE, _WORST, _OVER, _SHARES, _RATE, _DOMAINS, _SPELLS),
)
