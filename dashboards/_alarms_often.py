"""Nuisance alarms, time to acknowledge, notifications."""

from dashboards._alarms_load import RAISED
from dashboards._alarms_now import rule_page
from dashboards._colours import (
    BLUE,
    FEW_IS_GOOD,
    GREEN,
    NONE_IS_GOOD,
    ORANGE,
    PRIORITIES,
    RED,
    scale,
)
from dashboards._describe import Column, Panel, Section, coloured
from dashboards._links import site_page
from dashboards._sql import SINCE, UNTIL, territory
from dashboards._views import Stat, Table
from dashboards._words import Text

# The same with the time to acknowledge; null while unacknowledged.
_ANSWERS = RAISED.replace(
    "LEFT JOIN site",
    "CROSS JOIN LATERAL (SELECT CASE WHEN raised.answered IS NOT NULL"
    " THEN greatest(raised.answered - raised.at, '0') END AS long) AS waited LEFT JOIN site",
    1,
)

CHATTERS = 3  # times within ten minutes

_TOP = Panel(
    key="alarms-top",
    title=Text("Top ten", "Dix pires"),
    about=Text(
        en="Share of the ten most frequent alarms in the total. EEMUA 191 recommends below five"
        " per cent in the long run; fixing these helps most.",
        fr="Part des dix alarmes les plus fréquentes dans le total. EEMUA 191 recommande moins de"
        " cinq pour cent à terme ; les traiter est le plus efficace.",
    ),
    view=Stat(),
    sql=f"""
            WITH often AS (
                SELECT raised.rule, raised.subject, count(*) AS n FROM {RAISED} GROUP BY 1, 2
            ), ranked AS (SELECT n, row_number() OVER (ORDER BY n DESC) AS place FROM often)
            SELECT coalesce(sum(n) FILTER (WHERE place <= 10) / sum(n), 0)::float8 AS share
            FROM ranked
            """,
    unit="share",
    decimals=0,
    steps=scale(GREEN, (0.05, ORANGE), (0.5, RED)),
    width=4,
    height=5,
)
_FLEETING = Panel(
    key="alarms-fleeting",
    title=Text("Fleeting", "Fugitives"),
    about=Text(
        en="Share of alarms that cleared by themselves within five minutes: a longer delay or a"
        " wider hysteresis would have avoided them.",
        fr="Part des alarmes finies d'elles-mêmes en moins de cinq minutes : une durée plus longue"
        " ou une hystérésis plus large les aurait évitées.",
    ),
    view=Stat(),
    sql="SELECT coalesce(count(*) FILTER (WHERE raised.ended - raised.at"
    f" < interval '5 minutes') / nullif(count(*), 0)::float8, 0) AS share FROM {RAISED}",
    unit="share",
    decimals=0,
    steps=scale(GREEN, (0.1, ORANGE), (0.3, RED)),
    width=4,
    height=5,
)
_ANSWERED = Panel(
    key="alarms-answered",
    title=Text("Time to acknowledge", "Délai d'acquittement"),
    about=Text(
        en="By initial priority: number of alarms, number acknowledged, and the time to"
        " acknowledge (h:min:s): median, 90th percentile, maximum.",
        fr="Selon la priorité initiale : nombre d'alarmes, nombre d'acquittées, et délai"
        " d'acquittement (h:min:s) : médiane, 90e centile, maximum.",
    ),
    view=Table(),
    sql=f"""
            SELECT raised.severity AS priority, count(*) AS raised,
                   count(raised.answered) AS answered,
                   count(raised.answered) / count(*)::float8 AS share,
                   extract(epoch FROM percentile_disc(0.5)
                       WITHIN GROUP (ORDER BY waited.long))::float8 AS half,
                   extract(epoch FROM percentile_disc(0.9)
                       WITHIN GROUP (ORDER BY waited.long))::float8 AS most,
                   extract(epoch FROM max(waited.long))::float8 AS longest
            FROM {_ANSWERS} GROUP BY 1 ORDER BY severity_rank(raised.severity)
            """,
    columns=(
        Column(
            "priority",
            Text("Priority", "Priorité"),
            states=PRIORITIES,
            cell="background",
        ),
        Column("raised", Text("Raised", "Levées"), unit="count"),
        Column("answered", Text("Acknowledged", "Acquittées"), unit="count"),
        Column(
            "share",
            Text("of all", "du total"),
            unit="share",
            decimals=0,
            low=0,
            high=1,
            cell="gauge",
            colour=BLUE,
        ),
        Column("half", Text("Median", "Médiane"), unit="duration"),
        Column("most", Text("9 of 10 within", "9 sur 10 en"), unit="duration"),
        Column("longest", Text("Longest", "Plus long"), unit="duration"),
    ),
    no_value=Text("nothing was raised", "rien n'a été levé"),
    empty="nothing was raised",
    width=16,
    height=5,
)
_FREQUENT = Panel(
    key="alarms-frequent",
    title=Text("Most frequent alarms", "Alarmes les plus fréquentes"),
    about=Text(
        en="The twenty most frequent alarms: their share of the total, how many ended within five"
        " minutes, and the most within ten minutes (three or more: chattering). Click an alarm to"
        " open its rule, where a change can be tested on the past year.",
        fr="Les vingt alarmes les plus fréquentes : part du total, nombre terminées en moins de"
        " cinq minutes, et maximum en dix minutes (trois ou plus : alarme à répétition). Un clic"
        " ouvre la règle, où un changement se teste sur l'année passée.",
    ),
    view=Table(),
    sql=f"""
            WITH own AS (
                SELECT raised.*, site.name AS site_name, site.title AS place FROM {RAISED}
            ), often AS (
                SELECT rule, subject, site_name, place, max(title) AS title,
                       max(title_fr) AS title_fr,
                       count(*) AS times, date_trunc('second', max(at)) AS last,
                       count(*) FILTER (WHERE ended - at < interval '5 minutes') AS fleeting
                FROM own GROUP BY 1, 2, 3, 4 ORDER BY times DESC, last DESC LIMIT 20
            )
            SELECT CASE {{{{lang}}}} WHEN 'fr' THEN coalesce(often.title_fr, often.title)
                        ELSE often.title END AS title, often.place, often.times,
                   often.times / (SELECT count(*) FROM own)::float8 AS share, often.fleeting,
                   (SELECT max(n) FROM (SELECT count(*) AS n FROM own WHERE own.rule = often.rule
                        AND own.subject = often.subject
                        GROUP BY time_bucket('10 minutes', own.at)) AS windows) AS burst,
                   often.last, often.rule, often.site_name AS site
            FROM often ORDER BY often.times DESC, often.last DESC
            """,
    columns=(
        Column("rule", hidden=True),
        Column("site", hidden=True),
        Column("title", Text("Alarm", "Alarme"), links=(rule_page(),)),
        Column("place", Text("Site", "Site"), links=(site_page(),)),
        Column("times", Text("Times", "Fois"), unit="count"),
        Column(
            "share",
            Text("of all", "du total"),
            unit="share",
            decimals=1,
            low=0,
            high=0.25,
            cell="gauge",
            colour=BLUE,
        ),
        Column("fleeting", Text("Fleeting", "Fugitives"), unit="count"),
        coloured(
            "burst",
            Text("Most in 10 min", "Le plus en 10 min"),
            "count",
            scale(GREEN, (CHATTERS, ORANGE)),
        ),
        Column("last", Text("Last", "Dernière"), unit="date"),
    ),
    no_value=Text("nothing was raised", "rien n'a été levé"),
    empty="nothing was raised",
    width=24,
    height=12,
)
_NOTIFIED = Panel(
    key="alarms-told",
    title=Text("Notifications", "Notifications"),
    about=Text(
        en="Notifications of the time range by route and channel: sent, waiting, given up, and the"
        " 90th percentile of the delay. A notification that was given up means that somebody was"
        " not informed.",
        fr="Notifications de la période par voie et canal : envoyées, en attente, abandonnées, et"
        " 90e centile du délai. Une notification abandonnée signifie que quelqu'un n'a pas été"
        " prévenu.",
    ),
    view=Table(),
    sql=f"""
    SELECT delivery.route, delivery.channel,
           count(*) FILTER (WHERE delivery.state = 'sent') AS sent,
           count(*) FILTER (WHERE delivery.state = 'waiting') AS waiting,
           count(*) FILTER (WHERE delivery.state = 'dead') AS dead,
           extract(epoch FROM percentile_disc(0.9) WITHIN GROUP (
               ORDER BY delivery.sent_at - delivery.created_at))::float8 AS delay
    FROM delivery JOIN alarm ON alarm.id = delivery.alarm
    LEFT JOIN site ON site.id = alarm.site
    WHERE delivery.notified_at > {SINCE} AND delivery.notified_at <= {UNTIL} AND {territory()}
    GROUP BY 1, 2 ORDER BY 5 DESC, 1, 2
    """,
    columns=(
        Column("route", Text("Route", "Voie")),
        Column("channel", Text("Channel", "Canal")),
        Column("sent", Text("Sent", "Envoyées"), unit="count"),
        coloured("waiting", Text("Waiting", "En attente"), "count", FEW_IS_GOOD),
        coloured("dead", Text("Given up", "Abandonnées"), "count", NONE_IS_GOOD),
        Column("delay", Text("9 of 10 within", "9 sur 10 en"), unit="duration"),
    ),
    no_value=Text("nothing was sent", "rien n'a été envoyé"),
    empty="no route is set, or nothing was sent",
    width=24,
    height=6,
)
SECTION = Section(
    key="alarms-often",
    title=Text("Nuisance alarms", "Alarmes à répétition et délais"),
    panels=(_TOP, _FLEETING, _ANSWERED, _FREQUENT, _NOTIFIED),
)
