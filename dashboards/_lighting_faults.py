"""Public lighting: faults by what they are, how long they last, and what they cost in light."""

from dashboards._colours import ORANGE, Step
from dashboards._describe import Column, Panel, Query, Section
from dashboards._field_alarms import AGE_STEPS, OPEN, by_age, lane, open_table
from dashboards._lighting_words import AVAILABLE
from dashboards._sql import SINCE, UNTIL, territory
from dashboards._views import BarChart, Stat, TimeSeries
from dashboards._words import Text

_KINDS = Panel(
    key="lighting-kinds",
    title=Text(en="Faults by type", fr="Défauts par type"),
    about=Text(
        en="What is faulty at the end of the time shown. Lamps: what their drivers tell (TALQ), or"
        " that they are dark or silent though fed. Cabinets: supply is the grid operator's, the"
        " contactor ours; leakage is a danger.",
        fr="Ce qui est en défaut à la fin de la période. Points lumineux : défauts signalés par le"
        " driver (TALQ), ou éteints ou muets bien qu'alimentés. Armoires : l'alimentation relève"
        " du gestionnaire du réseau, le contacteur de l'exploitant ; l'isolement est un danger.",
    ),
    view=BarChart(x="kind", horizontal=True, legend=False, show_value="always"),
    queries=(
        Query(
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
                (7, 'silent lamp', 'point muet', (SELECT count(*) FROM lamp WHERE does = 'silent')),
                (8, 'earth leakage', 'défaut d''isolement',
                 (SELECT count(*) FROM signal WHERE quantity = 'earth_leakage')),
                (9, 'supply lost (grid)', 'alimentation perdue (réseau)',
                 (SELECT count(*) FROM signal WHERE quantity = 'supply_loss')),
                (10, 'contactor (ours)', 'contacteur',
                 (SELECT count(*) FROM signal WHERE quantity = 'contactor_error')),
                (11, 'door open', 'porte ouverte',
                 (SELECT count(*) FROM signal WHERE quantity = 'cabinet_door'))
            ) k (place, en, fr, faults)
            ORDER BY k.place
            """
        ),
    ),
    columns=(
        Column(
            name="faults",
            title=Text(en="Faults", fr="Défauts"),
            unit="count",
            decimals=0,
            colour=ORANGE,
        ),
    ),
    width=8,
    height=10,
)

_AVAILABILITY = Panel(
    key="lighting-availability",
    title=Text(en="Availability", fr="Disponibilité"),
    about=Text(
        en="Share of lamps without an open alarm: of their own (fault told, silent, wrong against"
        " the plan) or of the cabinet that feeds them (supply, contactor, lamps out), which counts"
        " all of its lamps. Reckoned from the alarm log, so that a year reads as easily as a"
        " night.",
        fr="Part des points lumineux sans alarme ouverte : la leur (défaut signalé, muet,"
        " contraire au plan) ou celle de leur armoire (alimentation, contacteur, lampes éteintes),"
        " qui compte alors tous ses points. Tirée du journal des alarmes : une année se lit comme"
        " une nuit.",
    ),
    view=TimeSeries(step=True, fill=10, legend="hidden", soft_min=90, steps_drawn="line"),
    unit="%",
    decimals=1,
    steps=AVAILABLE,
    high=100,
    queries=(
        Query(
            sql=f"""
            WITH member AS (
                SELECT c.site, c.lit_group, m.device
                FROM lit_cabinets({UNTIL}) c
                JOIN (SELECT DISTINCT ON (key) split_part(key, '/', 1) AS lit_group,
                             split_part(key, '/', 2) AS device, value
                      FROM revision WHERE kind = 'member' AND effective <= {UNTIL}
                      ORDER BY key, effective DESC, id DESC) m
                  ON m.lit_group = c.lit_group AND m.value IS NOT NULL
                WHERE {territory("c")}
            ),
            fed AS (SELECT site, lit_group, count(*) AS lamps FROM member GROUP BY 1, 2),
            stood AS (
                SELECT alarm.began, alarm.ended,
                       coalesce(fed.lamps, (
                           SELECT count(*) FROM member
                           WHERE 'device/' || member.device = alarm.subject)) AS out
                FROM alarm LEFT JOIN fed ON alarm.subject = 'group/' || fed.lit_group
                    OR fed.site = alarm.site
                       AND alarm.rule IN ('lighting-supply-lost', 'lighting-contactor')
                WHERE alarm.domain = 'lighting' AND alarm.withdrawn IS NULL
                  AND alarm.began <= {UNTIL} AND (alarm.ended IS NULL OR alarm.ended > {SINCE})
                  AND (starts_with(alarm.subject, 'device/') OR fed.site IS NOT NULL)
            ),
            moment AS (
                SELECT generate_series({SINCE}, {UNTIL}, ({UNTIL} - {SINCE}) / 200) AS time
            )
            SELECT moment.time,
                   100 * (1 - least(1, coalesce(sum(stood.out), 0)
                                       / (SELECT sum(lamps) FROM fed)))::float8 AS available
            FROM moment LEFT JOIN stood ON stood.began <= moment.time
                AND (stood.ended IS NULL OR stood.ended > moment.time)
            GROUP BY moment.time ORDER BY moment.time
            """
        ),
    ),
    columns=(Column(name="available", title=Text(en="Available", fr="Disponibles")),),
    width=10,
    height=10,
)

_AGES = Panel(
    key="lighting-repair",
    title=Text(en="Repair", fr="Délai de réparation"),
    about=Text(
        en="Faults open at the end of the time shown, the age of the oldest one and of the middle"
        " one; and the median time that those took which ended within the time shown.",
        fr="Défauts ouverts à la fin de la période, âge du plus ancien et âge médian ; durée"
        " médiane de ceux qui ont pris fin pendant la période.",
    ),
    view=Stat(text="value_and_name"),
    queries=(
        Query(
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
            """
        ),
    ),
    columns=(
        Column(
            name="open",
            title=Text(en="open", fr="ouverts"),
            unit="count",
            decimals=0,
            steps=(Step(at=None, colour="#7fbf6a"), Step(at=1, colour=ORANGE)),
        ),
        Column(
            name="oldest",
            title=Text(en="oldest", fr="le plus ancien"),
            unit="duration",
            steps=AGE_STEPS,
        ),
        Column(
            name="middle",
            title=Text(en="median age", fr="âge médian"),
            unit="duration",
            steps=AGE_STEPS,
        ),
        Column(
            name="repaired",
            title=Text(en="median repair", fr="réparation médiane"),
            unit="duration",
            steps=AGE_STEPS,
        ),
    ),
    width=24,
    height=4,
)

SECTION = Section(
    key="lighting-faults-section",
    title=Text(en="Faults and repair", fr="Défauts et dépannage"),
    panels=(
        _AGES,
        _KINDS,
        _AVAILABILITY,
        by_age(
            "lighting",
            Text(en="Age of open faults", fr="Ancienneté des défauts ouverts"),
            Text(
                en="How many faults are open, by how long: what is on the right was forgotten.",
                fr="Défauts ouverts selon leur ancienneté : à droite, ceux que l'on a oubliés.",
            ),
            width=6,
            height=10,
        ),
        open_table(
            "lighting",
            Text(en="Open faults", fr="Défauts ouverts"),
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
            Text(en="Alarms", fr="Alarmes"),
            Text(
                en="A lane each alarm of lighting that stood in the time shown, in the colour of"
                " its priority.",
                fr="Une ligne par alarme d'éclairage présente pendant la période, à la couleur de"
                " sa priorité.",
            ),
        ),
    ),
)
