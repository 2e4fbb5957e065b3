"""An arrival in words: when, its range, and whether a forecast or the straight line says so."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from hypervisor.base.reader import current
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.forecast.expected import Arrival, Why
from hypervisor.web import filters

_WHY: Mapping[Why | None, str] = {
    None: mark("straight line"),
    "unfitted": mark("straight line: no model"),
    "closed": mark("straight line: forecast not shown"),
    "missing": mark("straight line: readings missing"),
    "beyond": mark("straight line after the forecast"),
}


def arrival_words() -> dict[str, Callable[[Arrival], str]]:
    """Functions for templates."""
    return {"eta": write_eta, "eta_range": write_range, "eta_basis": write_basis}


def write_eta(arrival: Arrival) -> str:
    """How long it takes, such as: 1 h 20. Only possible: > 6 h."""
    if arrival.at is None:
        return f">{filters.NBSP}{filters.rough(arrival.due - current().now)}"
    return filters.rough(arrival.at - current().now) if arrival.at > current().now else _("now?")


def write_range(arrival: Arrival) -> str:
    """From when until when, such as: 40 min to 2 h 10."""
    least = filters.rough(max(arrival.earliest - current().now, timedelta(0)))
    if arrival.at is None:
        return _("possible from %(least)s on") % {"least": least}
    if arrival.latest is None:
        return _("from %(least)s on") % {"least": least}
    most = filters.rough(arrival.latest - current().now)
    return _("%(least)s to %(most)s") % {"least": least, "most": most}


def write_basis(arrival: Arrival) -> str:
    """Whose forecast and how often ours held in floods, or why it is the straight line."""
    if arrival.issuer:
        return _("forecast of %(who)s") % {"who": arrival.issuer}
    if arrival.issued is None:
        return _(_WHY[arrival.why])
    if arrival.inside is None:
        return _("forecast")
    return _("forecast, held %(times)s in 10") % {"times": round(10 * arrival.inside)}
