"""Builds Grafana's JSON from a dashboard's description; deterministic."""

import json
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as sdk
from grafana_foundation_sdk.models.dashboard import GridPos

from dashboards import _panels, _variables
from dashboards._colours import PRIORITIES, State
from dashboards._dataquery import SqlQuery, source
from dashboards._describe import Dashboard, Panel, Section
from dashboards._keys import key_of
from dashboards._links import TAG, uid
from dashboards._options import Options
from dashboards._sql import SINCE, UNTIL, quote_list, territory
from dashboards._units import DashboardError
from dashboards._words import Lang, Text, words

WIDTH = 24


@dataclass
class Pen:
    """The place where the next panel goes."""

    x: int = 0
    y: int = 0
    height: int = 0

    def place(self, panel: Panel) -> GridPos:
        """Right of the last one where it fits, else at the beginning of a new line."""
        if self.x + panel.width > WIDTH:
            self.new_line()
        place = GridPos(x=self.x, y=self.y, w=panel.width, h=panel.height)
        self.x += panel.width
        self.height = max(self.height, panel.height)
        return place

    def new_line(self) -> None:
        """Below the panels of this line."""
        self.x, self.y, self.height = 0, self.y + self.height, 0

    def heading(self) -> GridPos:
        """A line of its own."""
        self.new_line()
        place = GridPos(x=0, y=self.y, w=WIDTH, h=1)
        self.y += 1
        return place


_PREFIX = Text("Hypervisor", "Hyperviseur")
# Grafana's own choice by the span and the window's width: a minute for a day, hours for a year. A
# fixed 30 s would cancel queries that take longer on a loaded machine, and leave panels blank.
REFRESH = "auto"
_MARKED = PRIORITIES[:2]  # graver alarms: more lines, and more switches, would hide what is drawn


def alarms_sql(priority: str, domains: tuple[str, ...], lang: Lang) -> str:
    """Alarms of one priority raised in the time range at the selected sites."""
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
    """One for each grave priority; none where the dashboard draws no alarms."""
    if not board.annotations or not board.territory:
        return []
    return [_annotation(state, board, options) for state in _MARKED]


def _annotation(state: State, board: Dashboard, options: Options) -> builders.AnnotationQuery:
    sql = alarms_sql(str(state.value), board.domains, options.lang)
    return (
        builders.AnnotationQuery()
        .name(f"{state.symbol} {words(state.text, options.lang)}")
        .datasource(source())
        .enable(True)
        .hide(False)
        .icon_color(state.colour)
        .target(SqlQuery(sql, "table", "Anno"))
    )


def build_model(board: Dashboard, options: Options) -> sdk.Dashboard:
    """The SDK's model of a dashboard.

    Raises:
        DashboardError: two panels share a key, or a part names what does not exist.
    """
    _check_keys(board)
    title = board.title.in_(options.lang)
    builder = (
        builders.Dashboard(f"{_PREFIX.in_(options.lang)} · {title}")
        .uid(uid(board.key))
        .description(board.about.in_(options.lang))
        .tags([TAG, *board.domains])
        .timezone(options.timezone)
        .time(options.since or board.since, options.until or board.until)
        .refresh(REFRESH)
        .week_start("monday")
        .editable()
        .tooltip(sdk.DashboardCursorSync.CROSSHAIR)
        .variables(
            [_variables.build_variable(each, options) for each in _variables.list_variables(board)]
        )
        .annotations(annotations(board, options))
        .links(_links(board, options))
    )
    built = builder.build()
    built.panels = _build_panels(board, options)
    return built


def build_document(board: Dashboard, options: Options) -> dict[str, Any]:
    """The same as plain JSON values."""
    plain: dict[str, Any] = json.loads(json.dumps(build_model(board, options), cls=JSONEncoder))
    return drop_placement(plain)


def drop_placement(plain: dict[str, Any]) -> dict[str, Any]:
    """Remove the placement that the SDK sets on links: it hides them in a menu.

    The switches of annotations keep theirs: four would fill a line of their own.
    """
    for part in plain.get("links", ()):
        part.pop("placement", None)
    return plain


def render_json(board: Dashboard, options: Options) -> str:
    """The same as a file's text."""
    return (
        json.dumps(build_document(board, options), ensure_ascii=False, indent=2, sort_keys=True)
        + "\n"
    )


def list_panels(board: Dashboard) -> tuple[Panel, ...]:
    """All panels, those of sections and the keys of maps too."""
    panels: list[Panel] = []
    for part in board.panels:
        for panel in part.panels if isinstance(part, Section) else (part,):
            key = key_of(panel)
            panels += [panel, key] if key else [panel]
    return tuple(panels)


def _check_keys(board: Dashboard) -> None:
    keys = [panel.key for panel in list_panels(board)]
    keys += [part.key for part in board.panels if isinstance(part, Section)]
    numbers: dict[int, str] = {}
    for key in keys:
        other = numbers.setdefault(_panels.number(key), key)
        if other != key or keys.count(key) > 1:
            raise DashboardError(
                f"dashboard {board.key!r}: panels {other!r} and {key!r} share an id; rename one"
            )


def _build_panels(board: Dashboard, options: Options) -> list[sdk.Panel | sdk.RowPanel]:
    pen = Pen()
    built: list[sdk.Panel | sdk.RowPanel] = []
    for part in board.panels:
        if isinstance(part, Panel):
            built += _build_panel(part, pen.place(part), options)
            continue
        row = sdk.RowPanel(
            collapsed=part.folded,
            title=part.title.in_(options.lang),
            grid_pos=pen.heading(),
            id_val=_panels.number(part.key),
        )
        inside = [
            built for each in part.panels for built in _build_panel(each, pen.place(each), options)
        ]
        pen.new_line()
        if part.folded:
            row.panels = inside
            built.append(row)
        else:
            built += [row, *inside]
    return built


def _build_panel(panel: Panel, place: GridPos, options: Options) -> list[sdk.Panel]:
    """A panel; of a map of states also its key, which takes the foot of the map's place."""
    key = key_of(panel)
    if key is None:
        return [_panels.build_panel(panel, place, options)]
    place.h -= key.height
    foot = GridPos(x=place.x, y=place.y + place.h, w=place.w, h=key.height)
    return [
        _panels.build_panel(panel, place, options),
        _panels.build_panel(key, foot, options),
    ]


def _links(board: Dashboard, options: Options) -> list[Builder[sdk.DashboardLink]]:
    """One drop-down of the other dashboards, which keep territory and time; and the console."""
    links: list[Builder[sdk.DashboardLink]] = []
    if any(other.key != board.key for other in options.others):
        title = Text("Dashboards", "Tableaux de bord").in_(options.lang)
        menu = builders.DashboardLink(title).type(sdk.DashboardLinkType.DASHBOARDS).tags([TAG])
        links.append(menu.as_dropdown(True).include_vars(board.territory).keep_time(True))
    if options.console_url:
        address = options.console_url.rstrip("/") + "/now"
        console = builders.DashboardLink(Text("Console", "Console").in_(options.lang))
        console = console.type(sdk.DashboardLinkType.LINK).url(address)
        links.append(console.icon("bolt").target_blank(True))
    return links
