"""Alarms, incidents and the load as tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from hypervisor.alarms.incidents import Incident
from hypervisor.alarms.model import highest
from hypervisor.base.instants import text
from hypervisor.database.command import print_table

Plain = Mapping[str, Any]


def print_alarms(
    alarms: list[dict[str, Any]], transitions: Mapping[int, list[dict[str, Any]]]
) -> None:
    """One line per alarm, with its transitions below."""
    rows: list[tuple[str, ...]] = []
    for alarm in alarms:
        rows.append(
            (
                *(str(alarm["id"]), _severity(alarm), format_state(alarm)),
                *(alarm["category"], alarm["title"], format_minute(alarm["began"])),
                *(_format_end(alarm), _format_value(alarm["last_value"])),
            )
        )
        for transition in transitions.get(alarm["id"], []):
            change = f"  {transition['kind']} {transition['event_time']} {transition['reason']}"
            seen = f"seen {format_minute(transition['noticed_at'])}"
            rows.append(("", "", "", "", change, seen, "", ""))
    columns = ("", "severity", "state", "category", "alarm", "began", "ended", "last value")
    print_table(columns, rows, empty="no alarms", unwrapped=("began", "ended", "last value"))


def print_alarm(alarm: Plain, history: Iterable[Plain]) -> None:
    """One alarm with its history."""
    facts = (
        ("alarm", f"{alarm['id']}, version {alarm['version']}"),
        ("title", alarm["title"]),
        ("source" if alarm["source"] else "rule", f"{alarm['rule']} at {alarm['subject']}"),
        ("state", format_state(alarm)),
        ("severity", _severity(alarm)),
        ("began", format_minute(alarm["began"])),
        ("ended", _format_end(alarm)),
        ("last value", _format_value(alarm["last_value"])),
        ("advice", alarm["advice"]),
        ("assigned to", alarm["assignee"] or "no one"),
        *((why["kind"], why["reason"]) for why in alarm["suppressed"]),
        ("incident", str(alarm["incident"] or "")),
    )
    print_table((), [fact for fact in facts if fact[1]])
    rows = []
    for entry in history:
        details = entry.get("details") or {}
        more = [entry["reason"], *(f"{name} {value}" for name, value in details.items())]
        since = f" {format_minute(entry['event_time'])}" if entry.get("event_time") else ""
        why = ", ".join(part for part in more if part)
        when = format_minute(entry["at"])
        rows.append((when, str(entry["alarm"]), entry["what"] + since, entry["author"] or "", why))
    print_table(("when (UTC)", "alarm", "what", "who", "why"), rows)


def format_state(alarm: Plain) -> str:
    """The state, suppressions and assignee."""
    silent = dict.fromkeys(why["kind"] for why in alarm.get("suppressed", ()))
    whose = [f"to {alarm['assignee']}"] if alarm.get("assignee") else []
    return ", ".join([alarm["state"], *silent, *whose])


def print_incidents(incidents: list[Incident]) -> None:
    """One line per incident."""
    rows = [
        (
            *(str(incident.number), incident.severity, incident.title),
            format_minute(text(incident.opened)),
            format_minute(text(incident.ended)) if incident.ended else "ongoing",
            f"{incident.active} of {len(incident.alarms)} active: "
            + ", ".join(str(number) for number in incident.alarms),
        )
        for incident in incidents
    ]
    columns = ("", "severity", "incident", "opened", "ended", "alarms")
    print_table(columns, rows, empty="no incidents")


def print_load(report: Plain) -> None:
    """The operators' load, and the most frequent alarms."""
    rate, standing = report["per_10_min"], report["standing"]
    peak = f"{rate['peak']}" + (f" at {format_minute(rate['peak_at'])}" if rate["peak_at"] else "")
    floods = "; ".join(
        f"{format_minute(flood['from'])} to {format_minute(flood['to'])}: {flood['alarms']}"
        for flood in report["floods"]
    )
    shares = ", ".join(
        f"{name} {share:g} % (recommended {report['priorities_target_percent'][name]:g} %)"
        for name, share in report["priorities_percent"].items()
    )
    facts = (
        ("span (UTC)", f"{format_minute(report['from'])} to {format_minute(report['to'])}"),
        ("alarms", str(report["alarms"])),
        ("per 10 min", f"{rate['average']:g} on average, at most {peak}"),
        ("over 10 per 10 min", f"{rate['percent_of_time_over_10']:g} % of the time"),
        ("floods", floods or "none"),
        ("standing at the end", f"{standing['alarms']}, of which {standing['long']} for long"),
        ("stale at the end", str(standing["stale"])),
        ("priorities", shares),
    )
    print_table((), facts)
    if not report["frequent"]:
        return
    chattering = {(spell["rule"], spell["subject"]) for spell in report["chattering"]}
    rows = [
        (
            *(alarm["title"], str(alarm["times"]), f"{alarm['percent']:g} %"),
            "chattered" if (alarm["rule"], alarm["subject"]) in chattering else "",
        )
        for alarm in report["frequent"]
    ]
    print_table(("most frequent", "times", "share", ""), rows)


def format_minute(time: str) -> str:
    """A UTC time to the minute."""
    return time[:16].replace("T", " ")


def _severity(alarm: Plain) -> str:
    names = [name for _, name in alarm["severity"]]
    return names[-1] if alarm["active"] else highest(names)


def _format_end(alarm: Plain) -> str:
    if alarm["withdrawn"]:
        return f"withdrawn {format_minute(alarm['withdrawn'])}"
    if alarm["ended"]:
        return format_minute(alarm["ended"])
    stale = alarm["stale"] and not alarm["stale"][-1][1]
    return f"stale {format_minute(alarm['stale'][-1][0])}" if stale else "ongoing"


def _format_value(value: Plain | None) -> str:
    if value is None:
        return ""
    unit = "" if value["unit"] == "1" else value["unit"]  # UCUM: dimensionless
    reading = " ".join(part for part in (f"{value['value']:g}", unit, value["trend"]) if part)
    judged = value.get("judged")
    if not judged:
        return reading
    compared = f"{judged['value']:g} {judged['unit']}"
    return f"{judged['function']} of {judged['over']}: {compared}, now {reading}"
