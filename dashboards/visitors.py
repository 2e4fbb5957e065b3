"""Visitors: how full each place is, and whether more come than in the same hours of past weeks."""

from dashboards._colours import FEW_IS_GOOD, GREEN, GREY, NONE_IS_GOOD, ORANGE, RED, YELLOW, scale
from dashboards._describe import Column, Dashboard, Panel, bar, coloured, count_column
from dashboards._lanes import alarm_lanes, fault_lanes
from dashboards._sites_now import limits, open_alarms, site_columns
from dashboards._sql import (
    BAR,
    EVER,
    EVERY,
    SINCE,
    UNTIL,
    before,
    latest,
    readings,
    series_of,
    territory,
)
from dashboards._views import Stat, Table, TimeSeries
from dashboards._words import Text

LOAD = scale(GREEN, (75, YELLOW), (100, ORANGE), (120, RED))  # % of the capacity
AGAINST = scale(GREY, (60, GREEN), (150, YELLOW), (250, ORANGE))  # % of what is usual
BALANCE = scale(ORANGE, (80, GREEN), (125, ORANGE))  # % of the entries
ZONE = "(SELECT timezone FROM instance)"

# Thresholds of a site at the end of the time range.
_LIMITS = limits(capacity="visitor_capacity", entries="hourly_entries")


def _hours(since: str) -> str:
    """SQL: entries by site and hour, with the median of the four weeks before (`usual`)."""
    return f"""
    WITH hour AS (
        SELECT site.id AS site, bucket.time, sum(bucket.total) AS entries
        FROM readings_by({series_of("visitors_in")}, {before(since, "28 days")}, {UNTIL},
                         interval '1 hour') AS bucket
        JOIN series ON series.id = bucket.series_id AND series.quantity = 'visitors_in'
        JOIN device ON device.id = series.device JOIN site ON site.id = device.site
        GROUP BY site.id, bucket.time
    ), compared AS (
        SELECT hour.site, hour.time, hour.entries,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY past.entries) AS usual
        FROM hour CROSS JOIN generate_series(1, 4) week
        LEFT JOIN hour past ON past.site = hour.site AND past.time =
            ((hour.time AT TIME ZONE {ZONE}) - week * interval '7 days') AT TIME ZONE {ZONE}
        WHERE hour.time >= {before(since, "1 hour")}
        GROUP BY hour.site, hour.time, hour.entries
    )"""


PRESENT = Panel(
    key="visitors-present",
    title=Text("Now", "Maintenant"),
    about=Text(
        en="People in all areas that are counted, areas beyond their capacity, and open alarms, at"
        " the end of the time range.",
        fr="Personnes dans les zones comptées, zones au-delà de leur capacité et alarmes ouvertes,"
        " à la fin de la période.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    SELECT (SELECT sum(latest.last) FROM {latest("visitors")})::int AS present,
           (SELECT count(*) FROM {latest("visitors")} JOIN {_LIMITS} limits
            ON limits.site = site.name WHERE latest.last > limits.capacity)::int AS beyond,
           {open_alarms("visitors")} AS alarms
    """,
    columns=(
        count_column("present", "present", "présents", scale(GREY, (1, GREEN))),
        count_column("beyond", "beyond capacity", "au-delà de la capacité", NONE_IS_GOOD),
        count_column("alarms", "open alarms", "alarmes ouvertes", FEW_IS_GOOD),
    ),
    silent=f"(SELECT count(*) FROM {latest('visitors', since=EVER)}"
    f" WHERE latest.last_at < {before(UNTIL, '1 hour')})",
    no_value="–",  # noqa: RUF001  a dash is what stands for nothing
    width=24,
    height=4,
)

PLACES = Panel(
    key="visitors-places",
    title=Text("Places", "Lieux"),
    about=Text(
        en="Each place: people present and the share of its capacity; entries of the last full hour"
        " and how they compare with the median of that hour in the last four weeks. The fullest"
        " first.",
        fr="Chaque lieu : personnes présentes et part de la capacité ; entrées de la dernière heure"
        " pleine et comparaison à la médiane de cette heure sur quatre semaines. Les plus pleins"
        " d'abord.",
    ),
    view=Table(),
    sql=f"""
    {_hours(before(UNTIL, "2 hours"))}, newest AS (
        SELECT DISTINCT ON (c.site) c.* FROM compared c
        WHERE c.time + interval '1 hour' <= {UNTIL} ORDER BY c.site, c.time DESC
    ), inside AS (SELECT site.id AS site, sum(latest.last) AS present
                  FROM {latest("visitors")} GROUP BY site.id)
    SELECT site.name AS site, site.title, inside.present,
           100 * inside.present / nullif(limits.capacity, 0) AS load, newest.entries,
           newest.usual, 100 * newest.entries / nullif(newest.usual, 0) AS against
    FROM site LEFT JOIN inside ON inside.site = site.id LEFT JOIN newest ON newest.site = site.id
    LEFT JOIN {_LIMITS} limits ON limits.site = site.name
    WHERE (inside.site IS NOT NULL OR newest.site IS NOT NULL) AND {territory()}
    ORDER BY load DESC NULLS LAST, against DESC NULLS LAST, site.title
    """,
    columns=(
        *site_columns(Text("Place", "Lieu")),
        Column("present", Text("Present", "Présents"), quantity="visitors"),
        bar("load", Text("Of capacity", "De la capacité"), "%", LOAD, low=0, high=150, decimals=0),
        Column("entries", Text("Entries, 1 h", "Entrées, 1 h"), quantity="visitors_in"),
        Column("usual", Text("Usual", "Habituel"), unit="count", decimals=0),
        coloured("against", Text("Of usual", "De l'habitude"), "%", AGAINST, decimals=0),
    ),
    width=24,
    height=8,
)

COURSE = Panel(
    key="visitors-course",
    title=Text("Visitors present", "Visiteurs présents"),
    about=Text(
        en="People in each area that is counted as a whole.",
        fr="Personnes dans chaque zone comptée en entier.",
    ),
    view=TimeSeries(soft_min=0),
    quantity="visitors",
    sql=f"""
    SELECT bucket.time, site.title AS metric, bucket.mean AS value
    FROM {readings("visitors", every=EVERY)} ORDER BY bucket.time, metric
    """,
    no_value=Text("nothing was counted", "rien n'a été compté"),
    empty="no area counted in the time range",
    width=12,
    height=9,
)

AGAINST_USUAL = Panel(
    key="visitors-usual",
    title=Text("Entries against past weeks", "Entrées et semaines passées"),
    about=Text(
        en="Entries of all chosen gates by hour, and what is usual: of each gate the median of that"
        " hour on the same weekday of the four weeks before. Rules leave public holidays out; this"
        " line does not.",
        fr="Entrées par heure à toutes les grilles choisies, et l'habitude : de chaque grille la"
        " médiane de cette heure, le même jour des quatre semaines précédentes. Les règles écartent"
        " les jours fériés ; cette courbe, non.",
    ),
    view=TimeSeries(soft_min=0),
    quantity="visitors_in",
    sql=f"""
    {_hours(SINCE)}
    SELECT compared.time, sum(compared.entries) AS entries, sum(compared.usual) AS usual
    FROM compared WHERE compared.time >= {SINCE} AND compared.time <= {UNTIL}
    GROUP BY compared.time ORDER BY compared.time
    """,
    columns=(
        Column("entries", Text("entries", "entrées"), quantity="visitors_in"),
        Column("usual", Text("usual", "habitude"), quantity="visitors_in"),
    ),
    no_value=Text("nothing was counted", "rien n'a été compté"),
    empty="no gate counted in the time range",
    width=12,
    height=9,
)

GATES = Panel(
    key="visitors-gates",
    title=Text("Entries by place", "Entrées par lieu"),
    about=Text(
        en="Entries of each place: by hour over three days at most, by day, then by week.",
        fr="Entrées de chaque lieu : par heure jusqu'à trois jours, par jour, puis par semaine.",
    ),
    view=TimeSeries(draw="bars", soft_min=0),
    quantity="visitors_in",
    sql=f"""
    SELECT bucket.time, site.title AS metric, bucket.total AS value
    FROM {readings("visitors_in", every=BAR)} ORDER BY bucket.time, metric
    """,
    no_value=Text("nothing was counted", "rien n'a été compté"),
    empty="no gate counted in the time range",
    width=14,
    height=9,
)

DRIFT = Panel(
    key="visitors-balance",
    title=Text("Balance of the counters, 24 h", "Équilibre des compteurs, 24 h"),
    about=Text(
        en="Exits as a share of entries over the 24 hours before the end of the time range. Read"
        " it at night: over a whole day as many leave as enter. Beyond 80 to 125 % a counter errs.",
        fr="Sorties rapportées aux entrées sur les 24 heures avant la fin de la période. À lire la"
        " nuit : sur un jour entier, il sort autant de monde qu'il en entre. Hors de 80 à 125 %, un"
        " compteur se trompe.",
    ),
    view=Table(),
    sql=f"""
    WITH way AS (
        SELECT device.name AS device, site.name AS site, site.title, series.quantity,
               sum(bucket.total) AS passed
        FROM readings_by({series_of("visitors_in", "visitors_out")},
                         {before(UNTIL, "24 hours")}, {UNTIL}, interval '1 hour') AS bucket
        JOIN series ON series.id = bucket.series_id
            AND series.quantity IN ('visitors_in', 'visitors_out')
        JOIN device ON device.id = series.device JOIN site ON site.id = device.site
        GROUP BY device.name, site.name, site.title, series.quantity
    ), both_ways AS (
        SELECT device, site, title, sum(passed) FILTER (WHERE quantity = 'visitors_in') AS entries,
               sum(passed) FILTER (WHERE quantity = 'visitors_out') AS exits
        FROM way GROUP BY device, site, title
    )
    SELECT site, title, entries, exits, 100 * exits / nullif(entries, 0) AS balance
    FROM both_ways ORDER BY abs(100 * exits / nullif(entries, 0) - 100) DESC NULLS LAST, title
    """,
    columns=(
        *site_columns(Text("Place", "Lieu")),
        Column("entries", Text("In", "Entrées"), quantity="visitors_in"),
        Column("exits", Text("Out", "Sorties"), quantity="visitors_out"),
        coloured("balance", Text("Out of in", "Équilibre"), "%", BALANCE, decimals=0),
    ),
    empty="no gate counted in the last 24 hours",
    width=10,
    height=9,
)

DASHBOARD = Dashboard(
    key="visitors",
    title=Text("Visitors", "Fréquentation"),
    about=Text(
        en="Parks, beaches and protected places: people present against capacity, entries against"
        " the same hours of past weeks, counters that err.",
        fr="Parcs, plages et sites protégés : personnes présentes et capacité, entrées comparées"
        " aux mêmes heures des semaines passées, compteurs en défaut.",
    ),
    domains=("visitors",),
    since="now-48h",
    panels=(
        PRESENT,
        PLACES,
        COURSE,
        AGAINST_USUAL,
        GATES,
        DRIFT,
        alarm_lanes("visitors", height=7),
        fault_lanes("visitors", width=24, height=7),
    ),
)
