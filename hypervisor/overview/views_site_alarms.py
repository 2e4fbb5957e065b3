"""The alarms of a site: lanes of its chart, its history, and which one waits for somebody."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hypervisor.alarms import listing, queries_acts
from hypervisor.alarms.queries import Selection
from hypervisor.base.reader import current
from hypervisor.charts.model import AlarmLane, AlarmPane
from hypervisor.database.connect import Connection
from hypervisor.overview.views_site_spans import Shown
from hypervisor.web import marks

Viewed = Mapping[str, Any]
_LANES = 8
_KEPT = 200  # of the history of a site


def viewed(connection: Connection, site: str, *, wall: datetime) -> list[Viewed]:
    """Its alarms, the latest to begin first."""
    return list(listing.list_alarms(connection, Selection(site=site, limit=_KEPT), wall=wall))


def title(alarm: Viewed, site_title: str) -> str:
    """In the reader's language, without the site, which the page has told."""
    said = str((alarm.get("title_fr") if current().language == "fr" else None) or alarm["title"])
    for apart in (": ", "\N{NO-BREAK SPACE}: ", " : "):
        if said.startswith(site_title + apart):
            said = said.removeprefix(site_title + apart)
            return said[:1].upper() + said[1:]
    return said


def pane(
    connection: Connection, found: Sequence[Viewed], shown: Shown, site_title: str
) -> AlarmPane:
    """The alarms of a span, the worst and latest eight, each in a lane."""
    inside = [one for one in found if _overlaps(one, shown)]
    ranked = sorted(inside, key=lambda one: (not one["active"], _priority(one), -_s(one["began"])))
    kept = sorted(ranked[:_LANES], key=lambda one: _s(one["began"]))
    seen = acknowledged(connection, [int(one["id"]) for one in kept])
    return AlarmPane(
        lanes=[_lane(one, seen.get(int(one["id"])), site_title) for one in kept],
        more=len(inside) - len(kept),
    )


def acknowledged(connection: Connection, numbers: Sequence[int]) -> dict[int, float]:
    """When each was acknowledged first, on the instance's clock."""
    found: dict[int, float] = {}
    for act in queries_acts.list_acts(connection, numbers) if numbers else ():
        if act.kind in {"acknowledge", "close"}:
            found.setdefault(act.alarm, (act.scenario_at or act.at) / 1e6)
    return found


def to_acknowledge(found: Sequence[Viewed]) -> Viewed | None:
    """The one that the button speaks of: the worst that nobody acknowledged, then the latest."""
    waiting = [one for one in found if one["state"] in {"unacknowledged", "returned"}]
    open_ones = [one for one in waiting if not one.get("hold")] or waiting
    return min(open_ones, key=lambda one: (_priority(one), -_s(one["began"])), default=None)


def worst_open(found: Sequence[Viewed]) -> Viewed | None:
    """The worst alarm that lasts; one to acknowledge before one that is acknowledged."""
    lasting = [one for one in found if one["active"] and not one.get("hold")]
    return min(
        lasting, key=lambda one: (_priority(one), one["state"] != "unacknowledged"), default=None
    )


def _lane(alarm: Viewed, seen: float | None, site_title: str) -> AlarmLane:
    return AlarmLane(
        number=int(alarm["id"]),
        label=title(alarm, site_title),
        steps=[(_s(at), marks.priority(severity)) for at, severity in alarm["severity"]],
        until=None if alarm["ended"] is None else _s(alarm["ended"]),
        seen=seen,
        state=marks.state(alarm),
        stale=[(_s(a), None if b is None else _s(b)) for a, b in alarm["stale"]],
    )


def _overlaps(alarm: Viewed, shown: Shown) -> bool:
    ended = float("inf") if alarm["ended"] is None else _s(alarm["ended"])
    return _s(alarm["began"]) < shown.last and ended > shown.first


def _priority(alarm: Viewed) -> int:
    return marks.priority(str(alarm["severity"][-1][1]))


def _s(said: str) -> float:
    return datetime.fromisoformat(said).timestamp()
