"""Texts of alarm pages in the reader's language."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hypervisor.alarms.incidents import OUTAGE_PLACE
from hypervisor.alarms.model import Suppression
from hypervisor.alarms.queries_list import AlarmRow
from hypervisor.base.reader import current
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.base.words import describe_function
from hypervisor.charts.words import code_word, limit_label, quantity_label
from hypervisor.web import filters, refusals
from hypervisor.web.rendering import domain_label
from sensors._domain import catalogue
from sensors._errors import Message

_STATES = {
    "unacknowledged": mark("to acknowledge"),
    "acknowledged": mark("acknowledged"),
    "closing": mark("being closed"),
    "returned": mark("over, to acknowledge"),
    "normal": mark("over"),
    "withdrawn": mark("withdrawn"),
}
_HELD = {"shelved": mark("shelved until %(until)s"), "out-of-service": mark("out of service")}
SUPPRESSIONS = {  # those that are not acts of people
    "inhibited": mark("inhibited"),
    "works": mark("planned works"),
    "chattering": mark("chattering"),
}
ACTS = {
    "acknowledge": mark("acknowledged it"),
    "unacknowledge": mark("reopened it"),
    "assign": mark("assigned it to %(who)s"),
    "unassign": mark("removed the assignment"),
    "comment": mark("commented"),
    "shelve": mark("shelved it until %(until)s"),
    "unshelve": mark("ended the shelving"),
    "out-of-service": mark("took it out of service"),
    "return-to-service": mark("returned it to service"),
    "close": mark("closed it"),
    "escalate": mark("escalated"),
    "remind": mark("reminder sent"),
}
CHANGES = {
    "raised": mark("Raised: %(severity)s"),
    "cleared": mark("Over"),
    "severity": mark("Now %(severity)s"),
    "stale": mark("No data: the last value may be out of date"),
    "fresh": mark("Data received again"),
    "retrospective": mark("Detected retrospectively: %(severity)s"),
    "revised": mark("Revised"),
    "withdrawn": mark("Withdrawn: not a real alarm"),
    "merged": mark("Merged into alarm %(other)s"),
    "split": mark("Split from alarm %(other)s"),
}


def title(row: AlarmRow) -> str:
    """The title in the reader's language."""
    return (current().language == "fr" and row.title_fr) or row.title


def parted(row: AlarmRow) -> tuple[str, str]:
    """The place, and the rest of the title."""
    text = title(row)
    place = row.site_title or ""
    if row.source is not None and not place:
        return _("No place"), text
    for apart in (": ", "\N{NO-BREAK SPACE}: ", " : "):
        if place and text.startswith(place + apart):
            rest = text.removeprefix(place + apart)
            return place, rest[:1].upper() + rest[1:]
    return place or row.subject, text


def state(row: AlarmRow) -> str:
    """The state as text."""
    if row.hold is not None:
        return _(_HELD[row.hold]) % {"until": filters.day_time(row.until)}
    return _(_STATES.get(row.state, row.state))


def suppression(why: Suppression) -> str:
    """The kind of a suppression as text."""
    return _(SUPPRESSIONS.get(why.kind, why.kind))


def measured_at(row: AlarmRow) -> datetime | None:
    """When the last value was measured."""
    return datetime.fromisoformat(str(row.last_value["time"])) if row.last_value else None


def value(last: Mapping[str, Any] | None) -> str:
    """What the rule compares, else the last value, with its unit."""
    if not last or last.get("value") is None:
        return filters.NOTHING
    if last.get("judged"):
        return _format_judged(last["judged"], "value")
    quantity = catalogue().quantities.get(str(last["quantity"]))
    if quantity is not None and quantity.kind.value == "state":
        code = quantity.codes.get(round(float(last["value"])))
        if code:
            return code_word(code)
        if float(last["value"]) in {0.0, 1.0}:
            return _("yes") if last["value"] else _("no")
    return filters.value(float(last["value"]), str(last.get("unit") or "") or None)


def span(last: Mapping[str, Any] | None) -> str:
    """What `value` is of the readings: sum over 3 h; empty: it is a reading."""
    judged = (last or {}).get("judged")
    if not judged:
        return ""
    number, _space, unit = str(judged["over"]).partition(" ")
    length = f"{number}{filters.NBSP}{_(unit)}"
    return describe_function(judged["function"], length)


def limit(last: Mapping[str, Any] | None) -> str:
    """What `value` is compared with; empty: it is a reading."""
    judged = (last or {}).get("judged")
    return _format_judged(judged, "limit") if judged else ""


def _format_judged(judged: Mapping[str, Any], what: str) -> str:
    figure, unit = float(judged[what]), str(judged["unit"])
    if unit == "m/h":
        figure, unit = figure * 100, "cm/h"
    signed = what == "value" and judged["function"] in {"rate", "change"}
    return (filters.signed if signed else filters.value)(figure, unit)


def quantity(row: AlarmRow) -> str:
    """The quantity of the last value."""
    name = str((row.last_value or {}).get("quantity", ""))
    return quantity_label(catalogue().quantities.get(name), name)


def threshold(name: str) -> str:
    """In the reader's language."""
    return limit_label(catalogue().thresholds.get(name), name)


def lowered(text: str) -> str:
    """With a small first letter, for use within a sentence."""
    return text[:1].lower() + text[1:]


def refusal(error: Exception) -> str:
    """Why an act was refused, in the reader's language."""
    message = error.args[0] if error.args else ""
    if isinstance(message, Message) and message.values:
        return refusals.refusal(message.parameters.get("reason", message))
    return refusals.refusal(message)


def threshold_of(rule: Mapping[str, Any] | None, severity: str, quantity: str) -> str | None:
    """The threshold that a rule compares a quantity with at a severity, just as it is read."""
    if rule is None or not quantity:
        return None
    compared = re.compile(
        rf"\b{re.escape(quantity)}\s*[<>]=?\s*threshold\.([a-z0-9_]+)\b(?!\s*[-+*/])"
    )
    conditions = [str(rule.get("when", ""))]
    conditions += [
        str(step.get("when", ""))
        for step in rule.get("steps") or ()
        if isinstance(step, dict) and step.get("severity") == severity
    ]
    for condition in reversed(conditions):
        match = compared.search(condition)
        if match:
            return match[1]
    return None


def incident(incident: tuple[str, str, str, str]) -> str:
    """The title of an incident, as L'Yvette: floods."""
    domain, category, title, _opened = incident
    place = title.rpartition(": ")[0] or title
    place = _("Common outage") if place == OUTAGE_PLACE else place
    names = {"place": place, "domain": domain_label(domain).lower()}
    if category == "maintenance":
        return _("%(place)s: maintenance, %(domain)s") % names
    return _("%(place)s: %(domain)s") % names
