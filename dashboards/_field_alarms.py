"""Alarms of one domain beside its measurements: lanes, open faults, their age."""

from dataclasses import replace

from dashboards._colours import ORANGE, PRIORITIES, RED, State, scale
from dashboards._describe import Column, Panel, coloured
from dashboards._lanes import worst_lanes
from dashboards._links import alarm_page, site_page
from dashboards._sql import SINCE, UNTIL, territory
from dashboards._views import BarChart, Table, Timeline
from dashboards._words import Text

_TITLE = "CASE {{lang}} WHEN 'fr' THEN coalesce(alarm.title_fr, alarm.title) ELSE alarm.title END"
_DAYS = 86_400
AMBER = "#d9a514"  # yellow that reads on white, too
QUIET = "text"  # the theme's own colour, for figures that need no action
_HIGH = 9
OPEN = (
    f"alarm.withdrawn IS NULL AND alarm.began <= {UNTIL}"
    f" AND (alarm.ended IS NULL OR alarm.ended > {UNTIL})"
)
AGE_STEPS = scale(QUIET, (3 * _DAYS, AMBER), (7 * _DAYS, ORANGE), (30 * _DAYS, RED))


def quiet(states: tuple[State, ...], good: tuple[str, ...]) -> tuple[State, ...]:
    """States for a table: the good ones without colour."""
    return tuple(replace(state, colour=QUIET) if state.value in good else state for state in states)


def lane(domain: str, title: Text, about: Text) -> Panel:
    """One lane per site with alarms in the time range: the highest active priority."""
    return Panel(
        key=f"{domain}-alarm-lane",
        title=title,
        about=about,
        view=Timeline(lane="site"),
        states=PRIORITIES,
        sql=worst_lanes(
            f"""
        WITH stood AS (
            SELECT site.title AS site, greatest(alarm.began, {SINCE}) AS begins,
                   alarm.ended, alarm.severity->-1->>1 AS severity
            FROM alarm JOIN site ON site.id = alarm.site
            WHERE alarm.domain = '{domain}' AND alarm.withdrawn IS NULL
              AND alarm.began <= {UNTIL}
              AND (alarm.ended IS NULL OR alarm.ended > {SINCE}) AND {territory()}
        ), turn AS (
            SELECT site, begins AS time FROM stood
            UNION SELECT site, ended FROM stood WHERE ended <= {UNTIL}
        )
        SELECT turn.time, turn.site, (
            SELECT stood.severity FROM stood
            WHERE stood.site = turn.site AND stood.begins <= turn.time
              AND (stood.ended IS NULL OR stood.ended > turn.time)
            ORDER BY severity_rank(stood.severity) LIMIT 1) AS state
        FROM turn
        """,
            _HIGH,
        ),
        width=24,
        height=_HIGH,
        no_value=Text("No alarm in this time", "Aucune alarme sur la période"),
        empty="no alarm in the time range",
    )


def open_table(domain: str, title: Text, about: Text, *, width: int, height: int) -> Panel:
    """Open faults at the end of the time range, the oldest first."""
    return Panel(
        key=f"{domain}-open",
        title=title,
        about=about,
        view=Table(),
        sql=f"""
        SELECT alarm.id AS alarm, site.name AS site, alarm.severity->-1->>1 AS priority,
               {_TITLE} AS title, alarm.began AS began,
               extract(epoch FROM {UNTIL} - alarm.began)::float8 AS age,
               EXISTS (SELECT FROM alarm_act WHERE alarm_act.alarm = alarm.id
                       AND alarm_act.kind = 'acknowledge'
                       AND coalesce(alarm_act.scenario_at, alarm_act.at) <= {UNTIL}) AS seen
        FROM alarm JOIN site ON site.id = alarm.site
        WHERE alarm.domain = '{domain}' AND {OPEN} AND {territory()}
        ORDER BY alarm.began LIMIT 200
        """,
        columns=(
            Column("alarm", hidden=True),
            Column("site", hidden=True),
            Column(
                "priority",
                Text("Priority", "Priorité"),
                states=PRIORITIES,
                cell="background",  # yellow as ink is not read on white
            ),
            Column("title", Text("Fault", "Défaut"), links=(alarm_page(), site_page())),
            Column("began", Text("Since", "Depuis"), unit="date"),
            coloured("age", Text("Age", "Âge"), "duration", AGE_STEPS),
            Column(
                "seen",
                Text("Acknowledged", "Acquittée"),
                states=(
                    State("true", Text("yes", "oui"), QUIET),
                    State("false", Text("no", "non"), ORANGE),
                ),
                cell="text",
            ),
        ),
        width=width,
        height=height,
        no_value=Text("Nothing is open", "Rien d'ouvert"),
        empty="no fault is open",
        calm=True,
    )


def age_chart(domain: str, title: Text, about: Text, *, width: int, height: int) -> Panel:
    """Open faults by age."""
    return Panel(
        key=f"{domain}-by-age",
        title=title,
        about=about,
        view=BarChart(x="age", legend=False, show_value="always"),
        sql=f"""
        SELECT CASE {{{{lang}}}} WHEN 'fr' THEN a.fr ELSE a.en END AS age,
               count(open.id)::int AS faults
        FROM (VALUES (1, '< 1 d', '< 1 j', interval '0', interval '1 day'),
                     (2, '1-3 d', '1-3 j', interval '1 day', interval '3 days'),
                     (3, '3-7 d', '3-7 j', interval '3 days', interval '7 days'),
                     (4, '7-30 d', '7-30 j', interval '7 days', interval '30 days'),
                     (5, '> 30 d', '> 30 j', interval '30 days', interval '100 years')
             ) a (place, en, fr, least, most)
        LEFT JOIN (
            SELECT alarm.id, {UNTIL} - alarm.began AS age
            FROM alarm JOIN site ON site.id = alarm.site
            WHERE alarm.domain = '{domain}' AND {OPEN} AND {territory()}
        ) open ON open.age >= a.least AND open.age < a.most
        GROUP BY a.place, a.en, a.fr ORDER BY a.place
        """,
        columns=(
            Column("age", Text("Open for", "Ouverts depuis")),
            Column(
                "faults",
                Text("Open faults", "Défauts ouverts"),
                unit="count",
                decimals=0,
                colour=ORANGE,
            ),
        ),
        width=width,
        height=height,
    )
