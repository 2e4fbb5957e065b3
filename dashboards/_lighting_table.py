"""Public lighting, cabinet by cabinet: its state, its plan, its lamps."""

from dashboards._colours import GREY, ORANGE, RED, VIOLET, Step, scale
from dashboards._describe import Column, Panel, coloured
from dashboards._field_alarms import AMBER, quiet
from dashboards._lighting_words import CABINET, CABINETS_NOW, LAMPS_NOW, RATIO
from dashboards._links import site_page
from dashboards._sql import UNTIL
from dashboards._views import Table
from dashboards._words import Text

TABLE = Panel(
    key="lighting-table",
    title=Text("Cabinet by cabinet", "Armoire par armoire"),
    about=Text(
        en="What each cabinet does at the end of the time shown, what its plan wants, and its"
        " lamps: how many there are, are dark or silent in the light that lasts (by day: last"
        " night's), and tell a fault. Click a name for the site.",
        fr="Ce que fait chaque armoire à la fin de la période, ce que veut son plan, et ses points"
        " lumineux : combien, éteints ou muets pendant l'allumage en cours (de jour : la nuit"
        " dernière), en défaut signalé. Un clic sur le nom mène au site.",
    ),
    view=Table(filterable=True),
    sql=f"""
    SELECT c.name AS site, c.title, c.state, c.level AS planned,
           c.level / 100 * c.installed AS wanted, c.power,
           100 * c.power / nullif(c.level / 100 * c.installed, 0) AS ratio,
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
    ORDER BY array_position(ARRAY['dark-off-plan', 'missing', 'lit-off-plan', 'silent',
                                  'unknown', 'lit', 'dark'], c.state),
             coalesce(l.dark + l.silent + l.faulty, 0) DESC, c.title
    """,
    columns=(
        Column("site", hidden=True),
        Column("title", Text("Cabinet", "Armoire"), links=(site_page(),)),
        Column(
            "state",
            Text("State", "État"),
            states=quiet(CABINET, ("lit", "dark")),
            cell="text",
            width=195,
        ),
        Column("planned", Text("Planned", "Plan"), unit="%", decimals=0, width=98),
        Column("wanted", Text("Expected", "Attendue"), quantity="cabinet_power", width=105),
        Column("power", Text("Power", "Puissance"), quantity="cabinet_power", width=112),
        coloured("ratio", Text("Of the plan", "Part du plan"), "%", RATIO, decimals=0, width=100),
        Column("lamps", Text("Lamps", "Points"), unit="count", decimals=0, width=85),
        coloured("dark", Text("Dark", "Éteints"), "count", (Step(1, RED),), decimals=0, width=95),
        coloured(
            "silent", Text("Silent", "Muets"), "count", (Step(1, VIOLET),), decimals=0, width=95
        ),
        coloured(
            "faulty", Text("Faults", "Défauts"), "count", (Step(1, ORANGE),), decimals=0, width=100
        ),
        coloured(
            "lit", Text("Lit by day", "De jour"), "count", (Step(1, AMBER),), decimals=0, width=88
        ),
        coloured(
            "age", Text("Heard", "Reçue il y a"), "duration", scale(GREY, (7200, VIOLET)), width=105
        ),
    ),
    timeless="states at the end of the time asked",
    width=24,
    height=11,
)
