"""The wall: what Now knows, for a room that reads from afar and touches nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.access.context import RequestContext
from hypervisor.overview import queries_rivers
from hypervisor.overview import views_now as view
from hypervisor.overview.views_now import Now
from hypervisor.overview.views_rivers import Gauge, River
from hypervisor.overview.views_wall_map import Sketch, sketch

_WIDEST, _LINES = 6, 2


@dataclass(frozen=True, kw_only=True)
class Rest:
    """Rivers that found no line, in a sentence. `nearest`: to its alert threshold, from below."""

    names: Sequence[str]
    gauges: int
    over: int
    nearest: Gauge | None
    silent: Sequence[Gauge]


@dataclass(frozen=True, kw_only=True)
class Wall:
    look: Now
    lines: Sequence[River]
    rest: Rest | None
    sketch: Sketch | None


def gather(context: RequestContext) -> Wall:
    """One look, and the sketch of the territory."""
    look = view.look(context)
    connection, now = context.connection, context.now()
    lines, others = _split(_urgent(look.rivers))
    silent = frozenset(
        gauge.site for river in look.rivers for gauge in river.gauges if gauge.silent
    )
    return Wall(
        look=look,
        lines=lines,
        rest=_rest(others) if others else None,
        sketch=sketch(
            communes=queries_rivers.communes(connection),
            water=queries_rivers.floodable(connection),
            places=queries_rivers.places(connection),
            links=queries_rivers.links(connection, now),
            worst=look.worst,
            silent=silent,
        ),
    )


def _urgent(rivers: Sequence[River]) -> list[River]:
    """Rivers of several gauges first, of these the nearest to its alert."""
    return sorted(rivers, key=lambda one: (len(one.gauges) < 2, -_margin(one), one.name))


def _margin(river: River) -> float:
    return max((gauge.margin for gauge in river.gauges if gauge.margin is not None), default=-99.0)


def _split(rivers: Sequence[River]) -> tuple[list[River], list[River]]:
    """What fits two lines of six gauges, and the rest."""
    lines, waiting = [], list(rivers)
    for _ in range(_LINES):
        room = _WIDEST
        for one in list(waiting):
            if one.width <= room:
                lines.append(one)
                waiting.remove(one)
                room -= one.width
    return lines, waiting


def _rest(rivers: Sequence[River]) -> Rest:
    gauges = [gauge for river in rivers for gauge in river.gauges]
    known = [one for one in gauges if one.margin is not None]
    below = [one for one in known if (one.margin or 0.0) < 0]
    return Rest(
        names=sorted(one.name for one in rivers),
        gauges=len(gauges),
        over=len(known) - len(below),
        nearest=max(below, key=lambda one: one.margin or 0.0, default=None),
        silent=[one for one in gauges if one.silent],
    )
