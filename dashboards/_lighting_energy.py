"""Public lighting: power and energy against what the plans expect."""

from dashboards._colours import GREEN, GREY, ORANGE, scale
from dashboards._describe import Column, Panel, Section, bar, coloured
from dashboards._field_alarms import AMBER, QUIET
from dashboards._lighting_words import BEYOND, COURSE, ENERGY, HOURS, PIECE, RATIO, ZONE
from dashboards._links import site_page
from dashboards._sql import SINCE, UNTIL, territory
from dashboards._views import Table, TimeSeries
from dashboards._words import Text

_WHOLE = f"c.time + {PIECE} <= {UNTIL}"  # a day or an hour that is over
# A bar is an hour up to three days, beyond a local day; the first of these is whole.
_SHORT = f"{UNTIL} - {SINCE} <= interval '3 days'"
_BAR = f"CASE WHEN {_SHORT} THEN c.time ELSE date_trunc('day', c.time, {ZONE}) END"
_SHOWN = (  # the hour that runs when the time asked begins, too
    f"(c.time >= date_trunc('hour', {SINCE}) OR NOT ({_SHORT})) AND ({_SHORT} OR {_WHOLE})"
)
_PLANNED = Column(
    "wanted",
    Text("Expected by the plan", "Attendu selon le plan"),
    colour=GREY,
    dashed=True,
    draw="line",
    fill=0,
    line_width=2,
)

_POWER = Panel(
    key="lighting-power",
    title=Text("Power against the plan", "Puissance appelée et plan"),
    about=Text(
        en="Power of all chosen cabinets that were heard, and what their plans have the same ones"
        " draw: planned level times installed power. A gap in the evening is light that is"
        " missing, one by day is light that is lost.",
        fr="Puissance de toutes les armoires choisies qui se sont fait entendre, et celle que"
        " leurs plans leur donnent : niveau prévu multiplié par la puissance installée. Un écart"
        " le soir : lumière qui manque ; de jour : lumière perdue.",
    ),
    view=TimeSeries(fill=15, axis_label=Text("all cabinets", "toutes armoires")),
    quantity="cabinet_power",
    decimals=0,
    low=0,
    sql=f"""
    SELECT c.time, sum(c.power) AS power, sum(c.wanted) AS wanted
    FROM {COURSE} c WHERE c.wanted IS NOT NULL AND {territory("c")}
    GROUP BY c.time ORDER BY c.time
    """,
    columns=(Column("power", Text("Drawn", "Appelée"), colour=GREEN, line_width=2), _PLANNED),
    points=400,
    width=12,
    height=9,
)

_DAYS = Panel(
    key="lighting-energy",
    title=Text("Energy against the model", "Énergie consommée et modèle"),
    about=Text(
        en="Bars: kWh drawn a local day (up to three days: an hour). Line: what the model expects,"
        " the plan times the length of the night times the installed power, so that it follows the"
        " season. The last day is told as far as it has come, both sides alike.",
        fr="Barres : kWh consommés par jour (jusqu'à trois jours : par heure). Ligne : ce que le"
        " modèle attend, plan, durée de la nuit et puissance installée : il suit donc la saison."
        " Le dernier jour va jusqu'où il en est, des deux côtés.",
    ),
    view=TimeSeries(draw="bars"),
    unit="kW.h",
    decimals=0,
    low=0,
    sql=f"""
    SELECT {_BAR} AS time, sum(c.power) * {HOURS} AS drawn,
           sum(c.wanted) * {HOURS} AS wanted
    FROM {ENERGY} c WHERE c.wanted IS NOT NULL AND {_SHOWN} AND {territory("c")}
    GROUP BY 1 ORDER BY 1
    """,
    columns=(Column("drawn", Text("Drawn", "Consommée"), colour=GREEN), _PLANNED),
    timeless="days stand at their midnight, the first before the time asked",
    width=12,
    height=9,
)

_BEYOND = Panel(
    key="lighting-by-day",
    title=Text("Lit by day", "Allumage de jour"),
    about=Text(
        en="kWh a day (up to three days: an hour) drawn while the plan has the cabinet dark, above"
        " a seventh of its installed power (what controllers and sockets take is not counted)."
        " Over more than two months: what a day drew beyond its plan. It should be zero: a"
        " contactor that sticks, a clock.",
        fr="kWh par jour (jusqu'à trois jours : par heure) consommés alors que le plan veut"
        " l'armoire éteinte, au-delà d'un septième de la puissance installée (automates et prises"
        " ne comptent pas). Au-delà de deux mois : ce que le jour a consommé de plus que son plan."
        " Attendu : zéro ; sinon contacteur collé, horloge.",
    ),
    view=TimeSeries(draw="bars", legend="table", legend_calcs=("sum", "max"), soft_max=1),
    unit="kW.h",
    decimals=1,
    sql=f"""
    SELECT {_BAR} AS time, sum({BEYOND}) * {HOURS} AS beyond
    FROM {ENERGY} c WHERE c.wanted IS NOT NULL AND {_SHOWN} AND {territory("c")}
    GROUP BY 1 ORDER BY 1
    """,
    columns=(Column("beyond", Text("Lit by day", "Allumage de jour"), colour=AMBER),),
    timeless="days stand at their midnight, the first before the time asked",
    width=9,
    height=11,
)

_TABLE = Panel(
    key="lighting-balance",
    title=Text("Energy balance by cabinet", "Bilan d'énergie par armoire"),
    about=Text(
        en="Since the midnight before the time shown begins: what each cabinet drew, what its plan"
        " expects for the hours that were heard, and the share of the one in the other. Below 85 %"
        " lamps are out; above 115 % it burns too long, does not dim, or something else hangs on"
        " it. The farthest from its plan first.",
        fr="Depuis le minuit qui précède la période : consommation de chaque armoire, énergie"
        " attendue par son plan pour les heures reçues, et le rapport des deux. Sous 85 % : lampes"
        " éteintes ; au-delà de 115 % : allumage trop long, abaissement absent ou autre usage. La"
        " plus éloignée de son plan d'abord.",
    ),
    view=Table(),
    sql=f"""
    SELECT c.name AS site, c.title, max(c.installed) AS installed,
           sum(c.power) * {HOURS} AS drawn, sum(c.wanted) * {HOURS} AS wanted,
           100 * sum(c.power) / nullif(sum(c.wanted), 0) AS ratio,
           sum({BEYOND}) * {HOURS} AS beyond
    FROM {ENERGY} c WHERE c.wanted IS NOT NULL AND {_WHOLE} AND {territory("c")}
    GROUP BY c.name, c.title
    ORDER BY abs(ln(nullif(sum(c.power) / nullif(sum(c.wanted), 0), 0))) DESC NULLS LAST
    """,
    columns=(
        Column("site", hidden=True),
        Column("title", Text("Cabinet", "Armoire"), links=(site_page(),)),
        Column(
            "installed",
            Text("Installed", "Installée"),
            quantity="cabinet_power",
            decimals=1,
            width=110,
        ),
        Column("drawn", Text("Drawn", "Consommée"), unit="kW.h", decimals=1, width=110),
        Column("wanted", Text("Expected", "Attendue"), unit="kW.h", decimals=1, width=110),
        bar(
            "ratio",
            Text("Of the plan", "Part du plan"),
            "%",
            RATIO,
            low=0,
            high=200,
            decimals=0,
            width=150,
        ),
        coloured(
            "beyond",
            Text("Lit by day", "De jour"),
            "kW.h",
            scale(QUIET, (0.1, ORANGE)),
            decimals=1,
            width=130,
        ),
    ),
    timeless="sums since a midnight",
    width=15,
    height=11,
)

SECTION = Section(
    key="lighting-energy-section",
    title=Text("Energy against the plan", "Énergie et plan"),
    panels=(_POWER, _DAYS, _TABLE, _BEYOND),
)
