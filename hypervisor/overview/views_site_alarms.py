"""The alarms of a site: lanes of its chart, the one to acknowledge, the worst."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hypervisor.alarms import listing, queries_acts
from hypervisor.alarms.queries import Selection
from hypervisor.base.reader import current
from hypervisor.charts.model import AlarmLane, AlarmPane
from hypervisor.database.connect import Connection
from hypervisor.overview.views_site_spans import ChartSpan
from hypervisor.web import marks

AlarmView = Mapping[str, Any]
_LANES = 8
_KEPT = 200  # alarms read per site


def load_alarms(connection: Connection, site: str, *, wall: datetime) -> list[AlarmView]:
    """Its alarms, the most recent first."""
    return list(listing.list_alarms(connection, Selection(site=site, limit=_KEPT), wall=wall))


def short_title(alarm: AlarmView, site_title: str) -> str:
    """Title in the reader's language, without the name of the site."""
    text = str((alarm.get("title_fr") if current().language == "fr" else None) or alarm["title"])
    for apart in (": ", "\N{NO-BREAK SPACE}: ", " : "):
        if text.startswith(site_title + apart):
            text = text.removeprefix(site_title + apart)
            return text[:1].upper() + text[1:]
    return text


def build_pane(
    connection: Connection, alarms: Sequence[AlarmView], span: ChartSpan, site_title: str
) -> AlarmPane:
    """The alarms of a span, a lane for each of the eight worst and latest."""
    inside = [alarm for alarm in alarms if _overlaps(alarm, span)]
    ranked = sorted(
        inside, key=lambda alarm: (not alarm["active"], _priority(alarm), -_seconds(alarm["began"]))
    )
    kept = sorted(ranked[:_LANES], key=lambda alarm: _seconds(alarm["began"]))
    seen = list_acknowledgements(connection, [int(alarm["id"]) for alarm in kept])
    return AlarmPane(
        lanes=[_lane(alarm, seen.get(int(alarm["id"])), site_title) for alarm in kept],
        more=len(inside) - len(kept),
    )


def list_acknowledgements(connection: Connection, numbers: Sequence[int]) -> dict[int, float]:
    """Alarm -> its first acknowledgement, s since the epoch on the instance's clock."""
    first_times: dict[int, float] = {}
    for act in queries_acts.list_acts(connection, numbers) if numbers else ():
        if act.kind in {"acknowledge", "close"}:
            first_times.setdefault(act.alarm, (act.scenario_at or act.at) / 1e6)
    return first_times


def pick_waiting(alarms: Sequence[AlarmView]) -> AlarmView | None:
    """The alarm that the button acknowledges: the worst, then the latest."""
    waiting = [alarm for alarm in alarms if alarm["state"] in {"unacknowledged", "returned"}]
    open_ones = [alarm for alarm in waiting if not alarm.get("hold")] or waiting
    return min(
        open_ones, key=lambda alarm: (_priority(alarm), -_seconds(alarm["began"])), default=None
    )


def pick_worst(alarms: Sequence[AlarmView]) -> AlarmView | None:
    """The worst active alarm; unacknowledged first."""
    lasting = [alarm for alarm in alarms if alarm["active"] and not alarm.get("hold")]
    return min(
        lasting,
        key=lambda alarm: (_priority(alarm), alarm["state"] != "unacknowledged"),
        default=None,
    )


def _lane(alarm: AlarmView, seen: float | None, site_title: str) -> AlarmLane:
    return AlarmLane(
        number=int(alarm["id"]),
        label=short_title(alarm, site_title),
        steps=[(_seconds(at), marks.priority(severity)) for at, severity in alarm["severity"]],
        until=None if alarm["ended"] is None else _seconds(alarm["ended"]),
        seen=seen,
        state=marks.state(alarm),
        stale=[(_seconds(a), None if b is None else _seconds(b)) for a, b in alarm["stale"]],
    )


def _overlaps(alarm: AlarmView, span: ChartSpan) -> bool:
    ended = float("inf") if alarm["ended"] is None else _seconds(alarm["ended"])
    return _seconds(alarm["began"]) < span.last and ended > span.first


def _priority(alarm: AlarmView) -> int:
    return marks.priority(str(alarm["severity"][-1][1]))


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
