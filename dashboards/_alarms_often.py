"""What comes too often, how long people took, whether they were told."""

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

# The same with how long each waited for somebody; null while it still does.
_ANSWERS = RAISED.replace(
    "LEFT JOIN site",
    "CROSS JOIN LATERAL (SELECT CASE WHEN raised.answered IS NOT NULL"
    " THEN greatest(raised.answered - raised.at, '0') END AS long) AS waited LEFT JOIN site",
    1,
)

CHATTERS = 3  # times within ten minutes

_TOP = Panel(
    key="alarms-top",
    title=Text("The ten most frequent", "Part des dix premières"),
    about=Text(
        en="How much of all came from ten alarms. EEMUA 191 wants them below five per cent in the"
        " long run; mending these is the quickest relief.",
        fr="Ce que dix alarmes font du total. EEMUA 191 les veut sous cinq pour cent à la longue ;"
        " les traiter est le soulagement le plus rapide.",
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
    title=Text("Over before action", "Finies avant action"),
    about=Text(
        en="The share of alarms that ended by themselves within five minutes: a longer duration or"
        " a wider hysteresis would have spared them.",
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
        en="By the priority that an alarm was raised with: how many, how many of them somebody"
        " acknowledged, and how long that took (h:min:s): half of them, nine of ten, the longest.",
        fr="Selon la priorité à la levée : combien, combien acquittées, et en combien de temps"
        " (h:min:s) : la moitié, neuf sur dix, la plus longue.",
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
            width=125,
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
    title=Text("What comes most often", "Ce qui revient le plus"),
    about=Text(
        en="The twenty alarms that came most often, with their share of all, how many of them ended"
        " within five minutes, and the most within ten minutes; three or more in ten minutes"
        " chatter. A click leads to the rule, where a change can be tried on last year.",
        fr="Les vingt alarmes venues le plus souvent, leur part du total, combien ont fini en moins"
        " de cinq minutes, et le plus en dix minutes ; à partir de trois, elles papillonnent. Un"
        " clic mène à la règle, où un changement s'essaie sur l'an passé.",
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
        Column("place", Text("Site", "Site"), links=(site_page(),), width=230),
        Column("times", Text("Times", "Fois"), unit="count", width=75),
        Column(
            "share",
            Text("of all", "du total"),
            unit="share",
            decimals=1,
            low=0,
            high=0.25,
            width=190,
            cell="gauge",
            colour=BLUE,
        ),
        Column("fleeting", Text("Fleeting", "Fugitives"), unit="count", width=100),
        coloured(
            "burst",
            Text("Most in 10 min", "Le plus en 10 min"),
            "count",
            scale(GREEN, (CHATTERS, ORANGE)),
            width=145,
        ),
        Column("last", Text("Last", "Dernière"), unit="date", width=165),
    ),
    no_value=Text("nothing was raised", "rien n'a été levé"),
    empty="nothing was raised",
    width=24,
    height=12,
)
_NOTIFIED = Panel(
    key="alarms-told",
    title=Text("Who was told", "Qui a été prévenu"),
    about=Text(
        en="Notifications of the time shown by route and channel: sent, still waiting, given up,"
        " and how long the slower tenth took. Something given up is somebody who does not know.",
        fr="Notifications de la période par voie et canal : envoyées, en attente, abandonnées, et"
        " le délai du dixième le plus lent. Une notification abandonnée, c'est quelqu'un qui ne"
        " sait pas.",
    ),
    view=Table(),
    sql=f"""
    SELECT delivery.route, delivery.channel,
           count(*) FILTER (WHERE delivery.state = 'sent') AS sent,
           count(*) FILTER (WHERE delivery.state = 'waiting') AS waiting,
           count(*) FILTER (WHERE delivery.state = 'dead') AS dead,
           extract(epoch FROM percentile_disc(0.9) WITHIN GROUP (
               ORDER BY delivery.sent_at - delivery.made_at))::float8 AS delay
    FROM delivery JOIN alarm ON alarm.id = delivery.alarm
    LEFT JOIN site ON site.id = alarm.site
    WHERE delivery.told_at > {SINCE} AND delivery.told_at <= {UNTIL} AND {territory()}
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
    title=Text("What comes too often", "Ce qui revient trop souvent"),
    panels=(_TOP, _FLEETING, _ANSWERED, _FREQUENT, _NOTIFIED),
)
