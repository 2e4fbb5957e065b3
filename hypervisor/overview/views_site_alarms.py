"""The alarms of a site, for its head, its chart and its history; corrections of its readings."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_acts, queries_lifecycle
from hypervisor.alarms.queries import Selection
from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.charts.model import AlarmLane, AlarmPane
from hypervisor.charts.words import quantity_label
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.overview.views_site_traces import ChartSpan
from hypervisor.readings.queries_charts import Channel
from hypervisor.registry import queries_site
from hypervisor.web import filters, marks

AlarmView = Mapping[str, Any]
_LANES = 8
_KEPT = 200  # alarms read per site


def load_alarms(connection: Connection, site: str, *, wall: datetime) -> list[AlarmView]:
    """Its alarms, the most recent first; why they do not notify is not read."""
    clock = queries_lifecycle.read_clock(connection, wall)
    alarms = queries_lifecycle.list_handled(connection, Selection(site=site, limit=_KEPT), clock)
    return [alarm.model_dump(mode="json") for alarm in alarms]


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
            first_times.setdefault(act.alarm, act.time / 1e6)
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
    )


def _overlaps(alarm: AlarmView, span: ChartSpan) -> bool:
    ended = float("inf") if alarm["ended"] is None else _seconds(alarm["ended"])
    return _seconds(alarm["began"]) < span.last and ended > span.first


def _priority(alarm: AlarmView) -> int:
    return marks.priority(str(alarm["severity"][-1][1]))


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


_HISTORY = 12
_ACTS = 8


def list_history(
    alarms: Sequence[AlarmView], site_title: str, now: datetime
) -> list[dict[str, Any]]:
    """The latest alarms as rows of a table."""
    rows = []
    for alarm in alarms[:_HISTORY]:
        began = datetime.fromisoformat(alarm["began"])
        ended = now if alarm["ended"] is None else datetime.fromisoformat(alarm["ended"])
        how = marks.state(alarm)
        highest = min(marks.priority(str(severity)) for _at, severity in alarm["severity"])
        rows.append(
            {
                "id": alarm["id"],
                "title": short_title(alarm, site_title),
                "priority": highest,
                "how": how,
                "began": began,
                "lasted": ended - began,
                "active": alarm["active"],
                "words": marks.words(highest, how).partition(", ")[2],
            }
        )
    return rows


def list_corrections(context: RequestContext, channels: Iterable[Channel]) -> list[dict[str, Any]]:
    """The latest corrections of readings as rows of a list."""
    subjects = {f"{channel.device}/{channel.quantity}" for channel in channels}
    rows = queries_site.list_corrections(context.connection, sorted(subjects), _ACTS)
    undone = {row.id for row in rows if audit.find_undoing(context.connection, row.id)}
    return [
        {
            "id": row.id,
            "words": _describe_correction(context, row),
            "reason": row.reason,
            "author": row.author,
            "at": row.scenario_at or row.at,
            "undone": row.id in undone,
            "undoable": row.kind in {"invalidate", "observe"} and row.id not in undone,
        }
        for row in rows
    ]


def _describe_correction(context: RequestContext, row: audit.Act) -> str:
    name = row.subject.partition("/")[2]
    quantity = context.catalogue.quantities.get(name)
    details = row.details
    times = [datetime.fromisoformat(details[key]) for key in ("from", "to") if key in details]
    first = filters.day_time(times[0]) if times else ""
    parts = {"what": quantity_label(quantity, name), "first": first}
    if row.kind == "invalidate":
        parts["count"] = details.get("readings", 0)
        parts["when"] = filters.period(*times) if len(times) > 1 else first
        return _("%(count)s readings of %(what)s set aside, %(when)s") % parts
    if row.kind == "observe":
        parts["value"] = filters.value(details.get("value"), quantity.unit if quantity else "")
        return _("%(what)s read by a person: %(value)s at %(first)s") % parts
    return _("Act %(number)s undone") % {"number": details.get("undoes", "")}
