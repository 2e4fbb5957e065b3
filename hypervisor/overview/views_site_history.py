"""History of a site: its alarms, and corrections of its readings."""

from datetime import datetime
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.database import audit
from hypervisor.overview import views_site_alarms
from hypervisor.overview.views_site_facts import Facts
from hypervisor.registry import queries_site
from hypervisor.web import filters, marks

_HISTORY = 12
_ACTS = 8


def list_history(facts: Facts) -> list[dict[str, Any]]:
    """The latest alarms."""
    rows = []
    for alarm in facts.alarms[:_HISTORY]:
        began = datetime.fromisoformat(alarm["began"])
        ended = None if alarm["ended"] is None else datetime.fromisoformat(alarm["ended"])
        how = marks.state(alarm)
        highest = min(marks.priority(str(severity)) for _at, severity in alarm["severity"])
        rows.append(
            {
                "id": alarm["id"],
                "title": views_site_alarms.short_title(alarm, facts.place.title),
                "priority": highest,
                "how": how,
                "began": began,
                "lasted": (ended or facts.now) - began,
                "active": alarm["active"],
                "words": marks.words(highest, how).partition(", ")[2],
            }
        )
    return rows


def list_corrections(context: RequestContext, facts: Facts) -> list[dict[str, Any]]:
    """The latest corrections of readings."""
    subjects = {f"{channel.device}/{channel.quantity}" for channel in facts.channels}
    rows = queries_site.list_corrections(context.connection, sorted(subjects), _ACTS)
    undone = {audit.undone_by(context.connection, row.id) and row.id for row in rows}
    return [_act(context, row, undone) for row in rows]


def _act(context: RequestContext, row: audit.Act, undone: set[int | None]) -> dict[str, Any]:
    device, _slash, name = row.subject.partition("/")
    quantity = context.catalogue.quantities.get(name)
    label = name if quantity is None else _label(quantity)
    details = row.details
    count = details.get("readings", 0)
    first, last = (
        filters.day_time(datetime.fromisoformat(details[key])) if key in details else ""
        for key in ("from", "to")
    )
    if row.kind == "invalidate":
        words = _("%(count)s readings of %(what)s set aside, %(first)s to %(last)s") % {
            "count": count,
            "what": label,
            "first": first,
            "last": last,
        }
    elif row.kind == "observe":
        unit = quantity.unit if quantity else ""
        words = _("%(what)s read by a person: %(value)s at %(first)s") % {
            "what": label,
            "value": filters.value(details.get("value"), unit),
            "first": first,
        }
    else:
        words = _("Act %(number)s undone") % {"number": details.get("undoes", "")}
    del device
    return {
        "id": row.id,
        "words": words,
        "reason": row.reason,
        "author": row.author,
        "at": row.scenario_at or row.at,
        "undone": row.id in undone,
        "undoable": row.kind in {"invalidate", "observe"} and row.id not in undone,
    }


def _label(quantity: Any) -> str:
    return str(quantity.label_fr if current().language == "fr" else quantity.label_en)
