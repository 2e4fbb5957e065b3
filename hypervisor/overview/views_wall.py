"""Data of the wall display."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.access.context import RequestContext
from hypervisor.overview import queries_rivers
from hypervisor.overview import views_now as view
from hypervisor.overview.views_now import Now
from hypervisor.overview.views_rivers import Gauge, River
from hypervisor.overview.views_wall_map import Sketch, draw_sketch

_WIDEST, _LINES = 6, 2


@dataclass(frozen=True, kw_only=True)
class OtherRivers:
    """The rivers that do not fit. `nearest`: the gauge closest below its alert threshold."""

    names: Sequence[str]
    gauges: int
    over: int
    nearest: Gauge | None
    silent: Sequence[Gauge]


@dataclass(frozen=True, kw_only=True)
class Wall:
    look: Now
    lines: Sequence[River]
    rest: OtherRivers | None
    sketch: Sketch | None


def build_wall(context: RequestContext) -> Wall:
    """Read the situation and draw the sketch of the territory."""
    look = view.load_now(context)
    connection, now = context.connection, context.now()
    lines, others = _split(_urgent(look.rivers))
    silent = frozenset(
        gauge.site for river in look.rivers for gauge in river.gauges if gauge.silent
    )
    return Wall(
        look=look,
        lines=lines,
        rest=_rest(others) if others else None,
        sketch=draw_sketch(
            communes=queries_rivers.list_commune_points(connection),
            water=queries_rivers.list_flood_zones(connection),
            places=queries_rivers.list_places(connection),
            links=queries_rivers.list_links(connection, now),
            worst=look.worst,
            silent=silent,
        ),
    )


def _urgent(rivers: Sequence[River]) -> list[River]:
    """Sort: rivers of several gauges first, then by margin to the alert threshold."""
    return sorted(rivers, key=lambda river: (len(river.gauges) < 2, -_margin(river), river.name))


def _margin(river: River) -> float:
    return max((gauge.margin for gauge in river.gauges if gauge.margin is not None), default=-99.0)


def _split(rivers: Sequence[River]) -> tuple[list[River], list[River]]:
    """(rivers that fit two lines of six gauges, the others)."""
    lines, waiting = [], list(rivers)
    for _ in range(_LINES):
        room = _WIDEST
        for river in list(waiting):
            if river.width <= room:
                lines.append(river)
                waiting.remove(river)
                room -= river.width
    return lines, waiting


def _rest(rivers: Sequence[River]) -> OtherRivers:
    gauges = [gauge for river in rivers for gauge in river.gauges]
    measured = [gauge for gauge in gauges if gauge.margin is not None]
    below = [gauge for gauge in measured if (gauge.margin or 0.0) < 0]
    return OtherRivers(
        names=sorted(river.name for river in rivers),
        gauges=len(gauges),
        over=len(measured) - len(below),
        nearest=max(below, key=lambda gauge: gauge.margin or 0.0, default=None),
        silent=[gauge for gauge in gauges if gauge.silent],
    )
