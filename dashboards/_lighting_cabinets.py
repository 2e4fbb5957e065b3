"""Public lighting: signals of cabinets, switching, phases, communication."""

from dashboards._colours import GREEN, GREY, ORANGE, RED, YELLOW, scale
from dashboards._describe import Column, Panel, Section, bar, coloured
from dashboards._field_alarms import QUIET
from dashboards._lighting_now import SHORT, SIGNAL
from dashboards._links import site_page
from dashboards._sql import EVERY, SINCE, UNTIL, before, hours, territory
from dashboards._views import Table, Timeline
from dashboards._words import Text

_TITLE = Column("title", Text("Cabinet", "Armoire"), links=(site_page(),))
_SITE = Column("site", hidden=True)
MINUTES = scale(  # ten minutes are the rule's limit; thirty mean a clock that was never set
    GREY, (-90, RED), (-30, ORANGE), (-10, QUIET), (10, ORANGE), (30, RED)
)

_LANE = Panel(
    key="lighting-signals",
    title=Text("Door, leakage, supply, contactor", "Porte, isolement, réseau, contacteur"),
    about=Text(
        en="The state that each cabinet reported; of two simultaneous faults the more dangerous"
        " one. A state holds until the next report.",
        fr="Ce que chaque armoire a signalé d'elle-même ; de deux défauts simultanés, le plus"
        " dangereux est montré. Un état tient jusqu'au suivant.",
    ),
    view=Timeline(lane="cabinet", row_height=0.85, pages=True),
    states=SIGNAL,
    sql=f"""
    SELECT c.time, {SHORT} AS cabinet, c.state
    FROM lit_signal_course({SINCE}, {UNTIL}, lit_every({EVERY})) c
    WHERE {territory("c")} ORDER BY c.time, c.title
    """,
    points=400,
    width=12,
    height=13,
)

_SWITCHING = Panel(
    key="lighting-switching",
    title=Text("Switching against the plan", "Écart de commutation"),
    about=Text(
        en="Minutes between planned and actual switching over the last seven nights of the time"
        " range: median in the evening and in the morning, and the largest deviation. Positive:"
        " late. Cabinets that report their switching are known to the second; of those read every"
        " quarter of an hour only the minimal delay is known. Beyond ten minutes the clock drifts"
        " or the cabinet follows another plan.",
        fr="Minutes entre commutation prévue et réelle, sur les sept dernières nuits de la période"
        " : médiane à l'allumage, à l'extinction, et le plus grand écart. Positif : en retard."
        " L'armoire qui signale sa commutation est connue à la seconde ; de celle qui relève au"
        " quart d'heure, on connaît le retard minimal. Au-delà de dix minutes : l'horloge dérive"
        " ou l'armoire suit un autre plan.",
    ),
    view=Table(),
    sql=f"""
    SELECT c.name AS site, c.title,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY c.minutes) FILTER (WHERE c.on_)
               AS evening,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY c.minutes) FILTER (WHERE NOT c.on_)
               AS morning,
           (array_agg(c.minutes ORDER BY abs(c.minutes) DESC NULLS LAST))[1] AS farthest,
           count(c.minutes)::int AS seen, count(*)::int AS planned
    FROM lit_switchings({UNTIL} - interval '7 days', {UNTIL}) c
    WHERE {territory("c")}
    GROUP BY c.name, c.title ORDER BY max(abs(c.minutes)) DESC NULLS LAST, c.title
    """,
    columns=(
        _SITE,
        _TITLE,
        coloured("evening", Text("On", "Allumage"), "min", MINUTES, decimals=1),
        coloured("morning", Text("Off", "Extinction"), "min", MINUTES, decimals=1),
        coloured("farthest", Text("Farthest", "Extrême"), "min", MINUTES, decimals=1),
        Column("seen", Text("Seen", "Vues"), unit="count", decimals=0),
        Column("planned", Text("Planned", "Prévues"), unit="count", decimals=0),
    ),
    width=12,
    height=13,
)

_PHASES = Panel(
    key="lighting-phases",
    title=Text("Phase balance", "Équilibre des phases"),
    about=Text(
        en="Mean currents of the three phases over the full hours of the current lighting period"
        " (by day: last night), and the largest deviation from their mean. If a third of the lamps"
        " fail at once, one phase is lost: beyond a third check the fuses.",
        fr="Intensités moyennes des trois phases sur les heures entières de l'allumage en cours"
        " (de jour : la nuit dernière), et l'écart de la plus éloignée à leur moyenne. Un tiers"
        " des lampes d'un coup, c'est une phase : au-delà d'un tiers, voir les fusibles.",
    ),
    view=Table(),
    sql=f"""
    WITH cabinet AS MATERIALIZED (
        SELECT c.*, least({UNTIL}, c.lit_to) - interval '1 hour' AS last,
               c.lit_from + interval '15 minutes' AS first
        FROM lit_cabinets({UNTIL}) c WHERE {territory("c")}
    ),
    source AS MATERIALIZED (
        SELECT q.id, q.device, q.quantity FROM series q WHERE q.quantity IN
            ('phase1_current', 'phase2_current', 'phase3_current')
    ),
    said AS MATERIALIZED (
        SELECT hour.series_id, hour.begins, hour.sum, hour.count
        FROM {hours("ARRAY(SELECT id FROM source)", before(UNTIL, "73 hours"))} AS hour
        WHERE hour.begins >= (SELECT greatest(min(first), {UNTIL} - interval '3 days')
                              FROM cabinet)
    ),
    phase AS (
        SELECT c.name, c.title, q.quantity, sum(said.sum) / sum(said.count) AS mean
        FROM cabinet c JOIN device d ON d.site = c.site
        JOIN source q ON q.device = d.id
        LEFT JOIN said ON said.series_id = q.id
            AND said.begins >= c.first AND said.begins <= c.last
        GROUP BY c.name, c.title, q.quantity
    )
    SELECT p.name AS site, p.title, p.phase1, p.phase2, p.phase3,
           100 * greatest(abs(phase1 - mean), abs(phase2 - mean), abs(phase3 - mean))
               / CASE WHEN mean >= 0.5 THEN mean END AS apart
    FROM (
        SELECT name, title, avg(mean) AS mean,
               max(mean) FILTER (WHERE quantity = 'phase1_current') AS phase1,
               max(mean) FILTER (WHERE quantity = 'phase2_current') AS phase2,
               max(mean) FILTER (WHERE quantity = 'phase3_current') AS phase3
        FROM phase GROUP BY name, title
    ) p ORDER BY apart DESC NULLS LAST, p.title
    """,
    columns=(
        _SITE,
        _TITLE,
        *(
            Column(f"phase{number}", f"Phase {number}", quantity=f"phase{number}_current")
            for number in (1, 2, 3)
        ),
        bar(
            "apart",
            Text("Unbalance", "Déséquilibre"),
            "%",
            scale(GREEN, (20, YELLOW), (33, RED)),
            low=0,
            high=100,
            decimals=0,
        ),
    ),
    width=10,
    height=11,
)

_HEARD = Panel(
    key="lighting-heard",
    title=Text("Communication by gateway", "Communication par passerelle"),
    about=Text(
        en="Lamps heard per gateway (or directly) during the current lighting period (by day: last"
        " night). Lamps fed by their cabinet are silent by day, and this is expected. Many silent"
        " lamps behind one gateway while the cabinets are lit: the gateway has failed, not the"
        " lamps.",
        fr="Points lumineux reçus par passerelle (ou en direct) pendant l'allumage en cours (de"
        " jour : la nuit dernière). Alimentés par l'armoire, ils se taisent de jour, ce qui est"
        " normal. Beaucoup de muets derrière une passerelle, armoires allumées : panne de la"
        " passerelle, pas des lampes.",
    ),
    view=Table(),
    sql=f"""
    SELECT coalesce(gateway.title, CASE {{{{lang}}}} WHEN 'fr' THEN 'en direct'
                    ELSE 'by themselves' END) AS gateway,
           count(*)::int AS lamps, count(DISTINCT l.lit_group)::int AS cabinets,
           count(*) FILTER (WHERE l.does = 'silent')::int AS silent,
           100.0 * avg((l.does <> 'silent')::int)::float8 AS heard,
           max(l.heard) AS latest
    FROM lit_lamps({UNTIL}) l JOIN site ON site.id = l.site
    JOIN device ON device.name = l.device
    LEFT JOIN gateway ON gateway.name = device.gateway
    WHERE {territory()} GROUP BY gateway.title ORDER BY heard, gateway.title
    """,
    columns=(
        Column("gateway", Text("Gateway", "Passerelle")),
        Column("lamps", Text("Lamps", "Points"), unit="count", decimals=0),
        Column("cabinets", Text("Cabinets", "Armoires"), unit="count", decimals=0),
        coloured(
            "silent",
            Text("Silent", "Muets"),
            "count",
            scale(QUIET, (1, ORANGE)),
            decimals=0,
        ),
        bar(
            "heard",
            Text("Heard", "Entendus"),
            "%",
            scale(RED, (90, ORANGE), (98, GREEN)),
            low=0,
            high=100,
            decimals=1,
        ),
        Column("latest", Text("Latest word", "Dernier message"), unit="date"),
    ),
    width=14,
    height=11,
)

SECTION = Section(
    key="lighting-cabinets-section",
    title=Text("Cabinets and communication", "Armoires et communication"),
    panels=(_LANE, _SWITCHING, _PHASES, _HEARD),
)
