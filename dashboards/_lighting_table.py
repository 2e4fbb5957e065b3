"""Public lighting, cabinet by cabinet: its state, its plan, its lamps."""

from dashboards._colours import GREY, ORANGE, RED, VIOLET, Step
from dashboards._describe import Column, Panel, Query
from dashboards._field_alarms import AMBER, quiet
from dashboards._lighting_words import CABINET, CABINETS_NOW, LAMPS_NOW, RATIO
from dashboards._links import site_page
from dashboards._sql import UNTIL
from dashboards._views import Table
from dashboards._words import Text

TABLE = Panel(
    key="lighting-table",
    title=Text(en="Cabinet by cabinet", fr="Armoire par armoire"),
    about=Text(
        en="What each cabinet does at the end of the time shown, what its plan wants, and its"
        " lamps: how many there are, are dark or silent in the light that lasts (by day: last"
        " night's), and tell a fault. Click a name for the site.",
        fr="Ce que fait chaque armoire à la fin de la période, ce que veut son plan, et ses points"
        " lumineux : combien, éteints ou muets pendant l'allumage en cours (de jour : la nuit"
        " dernière), en défaut signalé. Un clic sur le nom mène au site.",
    ),
    view=Table(filterable=True),
    queries=(
        Query(
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
            """
        ),
    ),
    columns=(
        Column(name="site", hidden=True),
        Column(name="title", title=Text(en="Cabinet", fr="Armoire"), links=(site_page(),)),
        Column(
            name="state",
            title=Text(en="State", fr="État"),
            states=quiet(CABINET, ("lit", "dark")),
            cell="text",
            width=195,
        ),
        Column(
            name="planned",
            title=Text(en="Planned", fr="Plan"),
            unit="%",
            decimals=0,
            width=98,
        ),
        Column(
            name="wanted",
            title=Text(en="Expected", fr="Attendue"),
            quantity="cabinet_power",
            width=105,
        ),
        Column(
            name="power",
            title=Text(en="Power", fr="Puissance"),
            quantity="cabinet_power",
            width=112,
        ),
        Column(
            name="ratio",
            title=Text(en="Of the plan", fr="Part du plan"),
            unit="%",
            decimals=0,
            steps=RATIO,
            cell="text",
            width=100,
        ),
        Column(
            name="lamps",
            title=Text(en="Lamps", fr="Points"),
            unit="count",
            decimals=0,
            width=85,
        ),
        Column(
            name="dark",
            title=Text(en="Dark", fr="Éteints"),
            unit="count",
            decimals=0,
            steps=(Step(at=1, colour=RED),),
            cell="text",
            width=95,
        ),
        Column(
            name="silent",
            title=Text(en="Silent", fr="Muets"),
            unit="count",
            decimals=0,
            steps=(Step(at=1, colour=VIOLET),),
            cell="text",
            width=95,
        ),
        Column(
            name="faulty",
            title=Text(en="Faults", fr="Défauts"),
            unit="count",
            decimals=0,
            steps=(Step(at=1, colour=ORANGE),),
            cell="text",
            width=100,
        ),
        Column(
            name="lit",
            title=Text(en="Lit by day", fr="De jour"),
            unit="count",
            decimals=0,
            steps=(Step(at=1, colour=AMBER),),
            cell="text",
            width=88,
        ),
        Column(
            name="age",
            title=Text(en="Heard", fr="Reçue il y a"),
            unit="duration",
            steps=(Step(at=None, colour=GREY), Step(at=7200, colour=VIOLET)),
            cell="text",
            width=105,
        ),
    ),
    timeless="states at the end of the time asked",
    width=24,
    height=11,
)
