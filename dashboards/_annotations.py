"""Alarms over every chart: a line where each was raised, a kind for each priority.

Not regions from raise to end: Grafana tints each of them, and the tints of a flood's dozens add
up until no curve can be read. How long alarms last is told by lanes.
"""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards._colours import PRIORITIES, State
from dashboards._dataquery import SqlQuery, source
from dashboards._describe import Dashboard
from dashboards._options import Options
from dashboards._sql import SINCE, UNTIL, quote_list, territory
from dashboards._words import Lang, Text, words

_OFF = ("minor", "info")  # drawn when asked for: too many would hide the lines


def alarms_sql(priority: str, domains: tuple[str, ...], lang: Lang) -> str:
    """Alarms of one priority that were raised in the time asked, at the chosen sites."""
    title = "coalesce(alarm.title_fr, alarm.title)" if lang == "fr" else "alarm.title"
    of = f" AND site.domain IN ({quote_list(domains)})" if domains else ""
    return (
        f"SELECT alarm.began AS time, {title} AS text,"
        " concat_ws(',', site.domain, alarm.rule) AS tags"
        " FROM alarm JOIN site ON site.id = alarm.site"
        f" WHERE alarm.withdrawn IS NULL AND alarm.severity->-1->>1 = '{priority}'"
        f" AND alarm.began BETWEEN {SINCE} AND {UNTIL}"
        f" AND {territory()}{of} ORDER BY alarm.began"
    )


def annotations(board: Dashboard, options: Options) -> list[Builder[sdk.AnnotationQuery]]:
    """One a priority; empty where the dashboard has no alarms to draw."""
    if not board.annotations or not board.territory:
        return []
    return [_annotation(state, board, options) for state in PRIORITIES]


def _annotation(state: State, board: Dashboard, options: Options) -> builders.AnnotationQuery:
    name = Text(en="Alarms", fr="Alarmes").in_(options.lang)
    word = words(state.text, options.lang)
    sql = alarms_sql(str(state.value), board.domains, options.lang)
    return (
        builders.AnnotationQuery()
        .name(f"{name} {state.symbol} {word}")
        .datasource(source())
        .enable(state.value not in _OFF)
        .hide(False)
        .icon_color(state.colour)
        .target(SqlQuery(sql, "table", "Anno"))
    )
