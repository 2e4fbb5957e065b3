"""Active alarms: by priority, to acknowledge, by age."""

from dashboards._colours import GREEN, GREY, ORANGE, PRIORITIES, RED, VIOLET, YELLOW, State, scale
from dashboards._describe import Column, Link, Panel, Section
from dashboards._links import alarm_page, site_page
from dashboards._sites_now import state_column
from dashboards._sql import SINCE, UNTIL, quote_list, territory
from dashboards._views import Stat, Table, TimeSeries
from dashboards._words import Text
from sensors._domain import catalogue

STATES = (
    State("unacknowledged", Text("to acknowledge", "à acquitter"), RED, "!"),
    State("acknowledged", Text("acknowledged", "acquittée"), GREEN, "✓"),
    State("shelved", Text("shelved", "mise de côté"), GREY, "‖"),
    State("out-of-service", Text("out of service", "hors service"), GREY, "‖"),
)
DOMAINS = tuple(
    State(
        domain.name,
        Text(domain.label_en.lower(), domain.label_fr.lower()),
        domain.colour,
    )
    for domain in catalogue().domains.values()
)
ALARM_DOMAINS = (*DOMAINS, State("external", Text("external", "externe"), GREY))  # of other systems

STANDING = f"""
FROM alarms_at({UNTIL}) AS standing LEFT JOIN site ON site.id = standing.site WHERE {territory()}
"""


def word(state: State) -> Text:
    """Its word in both languages."""
    return state.text if isinstance(state.text, Text) else Text(state.text, state.text)


def rule_page() -> Link:
    """The console's page of the row's rule."""
    return Link(
        title=Text("The rule in the console", "La règle dans la console"),
        url="{console}/rules/{row.rule}",
    )


def name_domain(column: str) -> str:
    """SQL: the name of a domain in the reader's language; a name alone is not in the catalogue."""
    names = ((state.value, word(state)) for state in ALARM_DOMAINS)
    cases = " ".join(
        f"WHEN '{name}' THEN CASE {{{{lang}}}} WHEN 'fr' THEN {quote_list((text.fr,))}"
        f" ELSE {quote_list((text.en,))} END"
        for name, text in names
    )
    return f"CASE {column} {cases} ELSE {column} END"


COUNTS = Panel(
    key="alarms-standing",
    title=Text("Active, by priority", "En cours, par priorité"),
    about=Text(
        en="Number of active alarms at the end of the time range, by their priority at that time."
        " Shelved alarms are included; the table marks them.",
        fr="Nombre d'alarmes actives à la fin de la période, selon leur priorité à cet instant."
        " Les alarmes mises de côté sont comptées ; le tableau les signale.",
    ),
    view=Stat(text="value_and_name"),
    sql="SELECT "
    + ", ".join(
        f"count(*) FILTER (WHERE severity = '{priority.value}') AS {priority.value}"
        for priority in PRIORITIES
    )
    + STANDING,
    unit="count",
    columns=tuple(
        Column(
            str(priority.value),
            Text(
                f"{priority.symbol} {word(priority).en}", f"{priority.symbol} {word(priority).fr}"
            ),
            colour=priority.colour,
        )
        for priority in PRIORITIES
    ),
    width=24,
    height=4,
)
WAITING = Panel(
    key="alarms-waiting",
    title=Text("To acknowledge", "À acquitter"),
    about=Text(
        en="Active alarms that are not acknowledged, or that became more severe since; without"
        " shelved and out-of-service ones.",
        fr="Alarmes actives non acquittées, ou aggravées depuis l'acquittement ; sans celles mises"
        " de côté ou hors service.",
    ),
    view=Stat(colour="background"),
    sql="SELECT count(*) FILTER (WHERE NOT acknowledged AND held IS NULL) AS waiting" + STANDING,
    unit="count",
    steps=scale(GREEN, (1, ORANGE), (10, RED)),
    width=6,
    height=4,
)
_OLDEST = Panel(
    key="alarms-oldest",
    title=Text("Longest wait", "Attente max."),
    about=Text(
        "Age of the oldest unacknowledged alarm (h:min:s).",
        "Âge de la plus ancienne alarme à acquitter (h:min:s).",
    ),
    view=Stat(),
    sql=f"SELECT coalesce(extract(epoch FROM {UNTIL} - min(began)"
    " FILTER (WHERE NOT acknowledged AND held IS NULL))::float8, -1) AS waits" + STANDING,
    unit="duration",
    steps=scale(GREEN, (600, ORANGE), (3600, RED)),
    states=(State(-1, Text("nothing waits", "rien n'attend"), GREEN),),
    width=6,
    height=4,
)
STALE = Panel(
    key="alarms-stale",
    title=Text("No recent reading", "Sans nouvelles"),
    about=Text(
        en="Active alarms whose readings are too old to show whether the condition still holds;"
        " they stay active until the next reading.",
        fr="Alarmes actives dont les mesures sont trop anciennes pour dire si la condition tient"
        " encore ; elles restent levées jusqu'à la prochaine mesure.",
    ),
    view=Stat(colour="background"),
    sql="SELECT count(*) FILTER (WHERE stale) AS stale" + STANDING,
    unit="count",
    steps=scale(GREEN, (1, VIOLET)),
    width=6,
    height=4,
)
_LONG = Panel(
    key="alarms-long",
    title=Text("For over 24 h", "Plus de 24 h"),
    about=Text(
        en="Active for more than a day (stale alarms): ISA-18.2 recommends fewer than five, each"
        " with a plan. Fix the cause, or take the alarm out of service with a reason.",
        fr="Actives depuis plus d'un jour : ISA-18.2 recommande moins de cinq alarmes, chacune"
        " avec un plan. Traiter la cause, ou mettre l'alarme hors service avec un motif.",
    ),
    view=Stat(colour="background"),
    sql=f"SELECT count(*) FILTER (WHERE began <= {UNTIL} - interval '24 hours') AS long" + STANDING,
    unit="count",
    steps=scale(GREEN, (1, YELLOW), (5, ORANGE)),
    width=6,
    height=4,
)

TABLE_COLUMNS = (
    Column("site", hidden=True),
    Column("alarm", hidden=True),
    Column("rule", hidden=True),
    Column("priority", Text("Priority", "Priorité"), states=PRIORITIES, cell="background"),
    state_column(STATES),
    Column("title", Text("Alarm", "Alarme"), links=(alarm_page(), rule_page())),
    Column("domain", Text("Domain", "Domaine"), states=ALARM_DOMAINS, cell="text"),
    Column("place", Text("Site", "Site"), links=(site_page(),)),
    Column("commune", hidden=True),
    Column("began", Text("Since", "Depuis"), unit="date"),
    Column("lasts", Text("Age", "Âge"), unit="duration"),
    Column(
        "news",
        Text("News", "Nouvelles"),
        states=(State("stale", Text("none", "aucune"), VIOLET, "✕"),),
        cell="text",
    ),
)


def standing_table(key: str, title: Text, *, width: int = 24, height: int = 12) -> Panel:
    """Active alarms, the highest priority first, then those to acknowledge."""
    return Panel(
        key=key,
        title=title,
        about=Text(
            en="All alarms that are active at the end of the time range: highest priority first,"
            " then unacknowledged, then newest. Click an alarm or a site to open its page.",
            fr="Toutes les alarmes actives à la fin de la période : priorité la plus haute"
            " d'abord, puis à acquitter, puis les plus récentes. Un clic ouvre la page de l'alarme"
            " ou du site.",
        ),
        view=Table(filterable=True),
        sql=f"""
        SELECT standing.severity AS priority,
               coalesce(standing.held, CASE WHEN standing.acknowledged THEN 'acknowledged'
                                            ELSE 'unacknowledged' END) AS state,
               CASE {{{{lang}}}} WHEN 'fr' THEN coalesce(standing.title_fr, standing.title)
                    ELSE standing.title END AS title,
               standing.domain, site.title AS place, area.name AS commune,
               date_trunc('second', standing.began) AS began,
               extract(epoch FROM {UNTIL} - standing.began)::float8 AS lasts,
               CASE WHEN standing.stale THEN 'stale' END AS news,
               site.name AS site, standing.alarm, standing.rule
        FROM alarms_at({UNTIL}) AS standing LEFT JOIN site ON site.id = standing.site
        LEFT JOIN area ON area.code = site.commune WHERE {territory()}
        ORDER BY standing.rank, standing.acknowledged, standing.began DESC LIMIT 500
        """,
        columns=TABLE_COLUMNS,
        no_value=Text("no active alarm", "aucune alarme en cours"),
        empty="no active alarm",
        calm=True,
        width=width,
        height=height,
    )


COURSE = Panel(
    key="alarms-course",
    title=Text("Active alarms over time", "Alarmes en cours au fil du temps"),
    about=Text(
        en="Number of active alarms over time, by the highest priority that each reached, as known"
        " today. A plateau that does not fall is a backlog.",
        fr="Nombre d'alarmes actives au fil du temps, selon la plus haute priorité atteinte,"
        " d'après les données actuelles. Un plateau qui ne redescend pas est un arriéré.",
    ),
    view=TimeSeries(stacked=True, fill=60, step=True, width=1, soft_min=0),
    sql=f"""
    WITH own AS (
        SELECT greatest(alarm.began, {SINCE}) AS began, alarm.ended,
               (SELECT min(severity_rank(step->>1))
                FROM jsonb_array_elements(alarm.severity) step) AS rank
        FROM alarm LEFT JOIN site ON site.id = alarm.site
        WHERE alarm.withdrawn IS NULL AND alarm.began <= {UNTIL} AND {territory()}
          AND (alarm.ended IS NULL OR alarm.ended > {SINCE})
    ), turn AS (
        SELECT began AS at, rank, 1 AS change FROM own
        UNION ALL SELECT ended, rank, -1 FROM own WHERE ended <= {UNTIL}
        UNION ALL SELECT limits.at, 1, 0 FROM (VALUES ({SINCE}), ({UNTIL}))
            AS limits (at)
    ), piece AS (
        SELECT time_bucket(make_interval(secs => $__interval_ms / 1000.0), at) AS at,
               sum(change) FILTER (WHERE rank = 1) AS critical,
               sum(change) FILTER (WHERE rank = 2) AS major,
               sum(change) FILTER (WHERE rank = 3) AS minor,
               sum(change) FILTER (WHERE rank = 4) AS info
        FROM turn GROUP BY 1
    )
    SELECT greatest(at, {SINCE}) AS time,
           coalesce(sum(info) OVER past, 0)::float8 AS info,
           coalesce(sum(minor) OVER past, 0)::float8 AS minor,
           coalesce(sum(major) OVER past, 0)::float8 AS major,
           coalesce(sum(critical) OVER past, 0)::float8 AS critical
    FROM piece WINDOW past AS (ORDER BY at) ORDER BY 1
    """,
    unit="count",
    decimals=0,
    columns=tuple(
        Column(str(priority.value), priority.text, colour=priority.colour)
        for priority in PRIORITIES
    ),
    width=24,
    height=8,
)
SECTION = Section(
    key="alarms-now",
    title=Text("Active alarms", "Alarmes en cours"),
    panels=(
        COUNTS,
        WAITING,
        _OLDEST,
        STALE,
        _LONG,
        standing_table("alarms-table", Text("Active alarms", "Alarmes en cours")),
        COURSE,
    ),
)
