"""Public lighting: faults by type and age; energy against what the plans expect."""

from dashboards._colours import FEW_IS_GOOD, GREEN, GREY, ORANGE, scale
from dashboards._describe import Column, Panel, Section, bar, coloured
from dashboards._field_alarms import AGE_STEPS, AMBER, OPEN, QUIET, age_chart, lane, open_table
from dashboards._lighting_now import AVAILABLE, BEYOND, COURSE, ENERGY, HOURS, PIECE, RATIO, ZONE
from dashboards._sites_now import site_columns
from dashboards._sql import SINCE, UNTIL, territory
from dashboards._views import Stat, Table, TimeSeries
from dashboards._words import Text

_KINDS = Panel(
    key="lighting-kinds",
    title=Text("Faults by type", "Défauts par type"),
    about=Text(
        en="Faults at the end of the time range. Lamps: faults reported by the driver (TALQ), or"
        " dark or silent although fed. Cabinets: the supply belongs to the grid operator, the"
        " contactor to the lighting operator; earth leakage is a danger.",
        fr="Ce qui est en défaut à la fin de la période. Points lumineux : défauts signalés par le"
        " driver (TALQ), ou éteints ou muets bien qu'alimentés. Armoires : l'alimentation relève"
        " du gestionnaire du réseau, le contacteur de l'exploitant ; l'isolement est un danger.",
    ),
    view=Table(),
    sql=f"""
    WITH lamp AS (
        SELECT l.* FROM lit_lamps({UNTIL}) l JOIN site ON site.id = l.site
        WHERE {territory()}
    ),
    signal AS (
        SELECT c.quantity FROM lit_signals({UNTIL}) c
        WHERE c.state > 0 AND {territory("c")}
    )
    SELECT CASE {{{{lang}}}} WHEN 'fr' THEN k.fr ELSE k.en END AS kind, k.faults
    FROM (VALUES
        (1, 'lamp', 'lampe', (SELECT count(*) FROM lamp WHERE fault = 1)),
        (2, 'driver', 'driver', (SELECT count(*) FROM lamp WHERE fault = 2)),
        (3, 'cycling', 'clignotement', (SELECT count(*) FROM lamp WHERE fault = 3)),
        (4, 'relay', 'relais', (SELECT count(*) FROM lamp WHERE fault = 4)),
        (5, 'control gear', 'appareillage', (SELECT count(*) FROM lamp WHERE fault = 5)),
                        (6, 'dark, no fault told', 'éteint sans défaut signalé',
         (SELECT count(*) FROM lamp WHERE does = 'dark' AND coalesce(fault, 0) = 0)),
        (7, 'without supply', 'non alimenté',
         (SELECT count(*) FROM lamp WHERE does = 'unfed')),
        (8, 'lamp silent', 'point muet',
         (SELECT count(*) FROM lamp WHERE does = 'silent')),
        (9, 'earth leakage', 'défaut d''isolement',
         (SELECT count(*) FROM signal WHERE quantity = 'earth_leakage')),
        (10, 'supply lost (grid)', 'alimentation perdue (réseau)',
         (SELECT count(*) FROM signal WHERE quantity = 'supply_loss')),
        (11, 'contactor (ours)', 'contacteur',
         (SELECT count(*) FROM signal WHERE quantity = 'contactor_error')),
        (12, 'door open', 'porte ouverte',
         (SELECT count(*) FROM signal WHERE quantity = 'cabinet_door'))
    ) k (place, en, fr, faults)
    ORDER BY k.faults DESC, k.place
    """,
    columns=(
        Column("kind", Text("Fault", "Défaut")),
        bar("faults", Text("Count", "Nombre"), "count", scale(GREY, (1, ORANGE)), low=0),
    ),
    width=8,
    height=10,
)

_AVAILABILITY = Panel(
    key="lighting-availability",
    title=Text("Light delivered, of planned", "Lumière fournie, part du plan"),
    about=Text(
        en="Availability over time: delivered share of the planned light, from the power of the"
        " cabinets, weighted by installed power. A cabinet at nine tenths of its plan or more"
        " counts as complete, since lamps deviate a little from their rated power. By day nothing"
        " is planned and nothing is drawn; over months a point is a day.",
        fr="Disponibilité au cours du temps : part fournie de la lumière prévue, d'après la"
        " puissance des armoires, pondérée par la puissance installée. À neuf dixièmes de son plan"
        " et plus, une armoire compte comme complète : les lampes s'écartent un peu de leur valeur"
        " nominale. De jour, rien n'est prévu ni tracé ; sur des mois, un point est un jour.",
    ),
    view=TimeSeries(width=2, legend="hidden", soft_min=90, steps_drawn="dashed"),
    unit="%",
    decimals=1,
    steps=AVAILABLE,
    high=100,
    sql=f"""
    SELECT c.time, 100 * sum(CASE WHEN c.power >= c.low * 0.9 THEN c.low ELSE c.power END)
               / nullif(sum(c.low), 0) AS available
    FROM {COURSE} c WHERE c.low IS NOT NULL AND {territory("c")}
    GROUP BY c.time ORDER BY c.time
    """,
    columns=(Column("available", Text("Delivered", "Fournie"), colour=GREEN),),
    points=400,
    width=10,
    height=10,
)

_AGES = Panel(
    key="lighting-repair",
    title=Text("Repair", "Délai de réparation"),
    about=Text(
        en="Faults open at the end of the time shown, the age of the oldest one and of the middle"
        " one; and the median time that those took which ended within the time shown.",
        fr="Défauts ouverts à la fin de la période, âge du plus ancien et âge médian ; durée"
        " médiane de ceux qui ont pris fin pendant la période.",
    ),
    view=Stat(text="value_and_name"),
    sql=f"""
    SELECT count(*) FILTER (WHERE {OPEN})::int AS open,
           coalesce(max(extract(epoch FROM {UNTIL} - alarm.began)) FILTER (WHERE {OPEN}), 0)
               ::float8 AS oldest,
           coalesce(percentile_cont(0.5) WITHIN GROUP (
               ORDER BY extract(epoch FROM {UNTIL} - alarm.began)::float8)
               FILTER (WHERE {OPEN}), 0) AS middle,
           coalesce(percentile_cont(0.5) WITHIN GROUP (
               ORDER BY extract(epoch FROM alarm.ended - alarm.began)::float8)
               FILTER (WHERE alarm.ended > {SINCE} AND alarm.ended <= {UNTIL}), 0)
               AS repaired
    FROM alarm JOIN site ON site.id = alarm.site
    WHERE alarm.domain = 'lighting' AND alarm.withdrawn IS NULL
      AND alarm.began <= {UNTIL} AND (alarm.ended IS NULL OR alarm.ended > {SINCE})
      AND {territory()}
    """,
    columns=(
        Column("open", Text("open", "ouverts"), unit="count", decimals=0, steps=FEW_IS_GOOD),
        Column("oldest", Text("oldest", "le plus ancien"), unit="duration", steps=AGE_STEPS),
        Column("middle", Text("median age", "âge médian"), unit="duration", steps=AGE_STEPS),
        Column(
            "repaired",
            Text("median repair", "réparation médiane"),
            unit="duration",
            steps=AGE_STEPS,
        ),
    ),
    width=24,
    height=4,
)

SECTION = Section(
    key="lighting-faults-section",
    title=Text("Faults and repair", "Défauts et dépannage"),
    panels=(
        _AGES,
        _KINDS,
        _AVAILABILITY,
        age_chart(
            "lighting",
            Text("Age of open faults", "Âge des défauts"),
            Text(
                "How many faults are open, by how long: what is on the right was forgotten.",
                "Défauts ouverts selon leur ancienneté : à droite, ceux que l'on a oubliés.",
            ),
            width=6,
            height=10,
        ),
        open_table(
            "lighting",
            Text("Open faults", "Défauts ouverts"),
            Text(
                en="What is open at the end of the time shown, the oldest first. Click a line for"
                " the alarm or its site in the console.",
                fr="Ce qui est ouvert à la fin de la période, le plus ancien d'abord. Un clic mène"
                " à l'alarme ou au site dans la console.",
            ),
            width=24,
            height=9,
        ),
        lane(
            "lighting",
            Text("Alarms", "Alarmes"),
            Text(
                en="One lane per lighting alarm that was active in the time range, in the colour"
                " of its priority.",
                fr="Une ligne par alarme d'éclairage active pendant la période, à la couleur de sa"
                " priorité.",
            ),
        ),
    ),
)


_WHOLE = f"c.time + {PIECE} <= {UNTIL}"  # a day or an hour that is over
# A bar is an hour up to three days, beyond a local day, the first whole; from a hundred a week.
_SHORT = f"{UNTIL} - {SINCE} <= interval '3 days'"
_BAR = (
    f"CASE WHEN {_SHORT} THEN c.time ELSE date_trunc(CASE WHEN {UNTIL} - {SINCE} <="
    f" interval '100 days' THEN 'day' ELSE 'week' END, c.time, {ZONE}) END"
)
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
        en="Power of the selected cabinets that were received, and their expected power: planned"
        " level times installed power. A gap in the evening is missing light, by day it is wasted"
        " light.",
        fr="Puissance des armoires choisies et reçues, et puissance attendue : niveau prévu"
        " multiplié par la puissance installée. Un écart le soir : lumière qui manque ; de jour :"
        " lumière gaspillée.",
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
        en="Bars: kWh used per local day (up to three days: per hour; beyond a hundred: per"
        " week). Line: expected energy, from plan, length of the night and installed power, so"
        " that it follows the season. The last bar is incomplete in both.",
        fr="Barres : kWh consommés par jour (jusqu'à trois jours : par heure ; au-delà de cent :"
        " par semaine). Ligne : énergie attendue, d'après le plan, la durée de la nuit et"
        " la puissance installée ; elle suit donc la saison. La dernière barre est incomplète des"
        " deux côtés.",
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
        en="Since the midnight before the time range: energy used by each cabinet, energy expected"
        " by its plan for the hours received, and their ratio. Below 85 %: lamps are out; above"
        " 115 %: lit too long, not dimmed, or another load. Largest deviation first.",
        fr="Depuis le minuit qui précède la période : consommation de chaque armoire, énergie"
        " attendue par son plan pour les heures reçues, et leur rapport. Sous 85 % : lampes"
        " éteintes ; au-delà de 115 % : allumage trop long, abaissement absent ou autre usage."
        " Plus grand écart d'abord.",
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
        *site_columns(Text("Cabinet", "Armoire")),
        Column(
            "installed",
            Text("Installed", "Installée"),
            quantity="cabinet_power",
            decimals=1,
        ),
        Column("drawn", Text("Drawn", "Consommée"), unit="kW.h", decimals=1),
        Column("wanted", Text("Expected", "Attendue"), unit="kW.h", decimals=1),
        bar(
            "ratio",
            Text("Of the plan", "Part du plan"),
            "%",
            RATIO,
            low=0,
            high=200,
            decimals=0,
        ),
        coloured(
            "beyond",
            Text("Lit by day", "De jour"),
            "kW.h",
            scale(QUIET, (0.1, ORANGE)),
            decimals=1,
        ),
    ),
    width=15,
    height=11,
)

ENERGY_SECTION = Section(
    key="lighting-energy-section",
    title=Text("Energy against the plan", "Énergie et plan"),
    panels=(_POWER, _DAYS, _TABLE, _BEYOND),
)
