"""What was: the alarms of a site in words, and what people did to its readings."""

from datetime import datetime
from typing import Any

from hypervisor.api.access import Access
from hypervisor.console import formats, marks
from hypervisor.console.reader import current
from hypervisor.console.views import site_alarms
from hypervisor.console.views.site_facts import Facts
from hypervisor.console.words import translate as _
from hypervisor.store import audit
from hypervisor.store.pages import siting

_HISTORY = 12
_ACTS = 8


def history(facts: Facts) -> list[dict[str, Any]]:
    """The latest alarms in words."""
    found = []
    for one in facts.alarms[:_HISTORY]:
        began = datetime.fromisoformat(one["began"])
        ended = None if one["ended"] is None else datetime.fromisoformat(one["ended"])
        how = marks.state(one)
        highest = min(marks.priority(str(severity)) for _at, severity in one["severity"])
        found.append(
            {
                "id": one["id"],
                "title": site_alarms.title(one, facts.place.title),
                "priority": highest,
                "how": how,
                "began": began,
                "lasted": (ended or facts.now) - began,
                "active": one["active"],
                "words": marks.words(highest, how).partition(", ")[2],
            }
        )
    return found


def acts(asked: Access, facts: Facts) -> list[dict[str, Any]]:
    """What people lately did to readings of this site."""
    subjects = {f"{one.device}/{one.quantity}" for one in facts.channels}
    rows = siting.acts(asked.connection, sorted(subjects), _ACTS)
    undone = {audit.undone_by(asked.connection, row.id) and row.id for row in rows}
    return [_act(asked, row, undone) for row in rows]


def _act(asked: Access, row: audit.Act, undone: set[int | None]) -> dict[str, Any]:
    device, _slash, name = row.subject.partition("/")
    quantity = asked.catalogue.quantities.get(name)
    label = name if quantity is None else _label(quantity)
    details = row.details
    count = details.get("readings", 0)
    first, last = (
        formats.day_time(datetime.fromisoformat(details[key])) if key in details else ""
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
            "value": formats.value(details.get("value"), unit),
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
