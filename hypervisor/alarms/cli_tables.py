"""Alarms, incidents and the load as tables."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

Plain = Mapping[str, Any]


def console() -> Console:
    """As wide as the terminal; elsewhere wide enough for a line each."""
    return Console(markup=False, width=None if sys.stdout.isatty() else 200)


def table(found: list[dict[str, Any]], seen: Mapping[int, list[dict[str, Any]]]) -> None:
    """One line an alarm, and below it what people saw of it."""
    if not found:
        print("no alarm")
        return
    shown = Table("", "severity", "state", "category", "alarm", box=None)
    for name in ("began", "ended", "last value"):
        shown.add_column(name, no_wrap=True)
    for one in found:
        shown.add_row(
            str(one["id"]),
            one["severity"][-1][1] if one["active"] else highest(one),
            state(one),
            one["category"],
            one["title"],
            short(one["began"]),
            _end(one),
            _value(one["last_value"]),
        )
        for told in seen.get(one["id"], []):
            said = f"  {told['kind']} {told['event_time']} {told['reason']}"
            shown.add_row("", "", "", "", said, f"seen {short(told['noticed_at'])}", "", "")
    console().print(shown)


def sheet(plain: Plain, history: Iterable[Plain]) -> None:
    """One alarm with its history."""
    facts = Table(box=None, show_header=False)
    for name, said in (
        ("alarm", f"{plain['id']}, version {plain['version']}"),
        ("title", plain["title"]),
        ("rule", f"{plain['rule']} at {plain['subject']}"),
        ("state", state(plain)),
        ("severity", plain["severity"][-1][1] if plain["active"] else highest(plain)),
        ("began", short(plain["began"])),
        ("ended", _end(plain)),
        ("last value", _value(plain["last_value"])),
        ("advice", plain["advice"]),
        ("assigned to", plain["assignee"] or "nobody"),
        *((why["kind"], why["reason"]) for why in plain["suppressed"]),
        ("incident", str(plain["incident"] or "")),
    ):
        if said:
            facts.add_row(name, said)
    console().print(facts)
    told = Table("when (UTC)", "alarm", "what", "who", "why", box=None)
    for each in history:
        details = each.get("details") or {}
        more = [each["reason"], *(f"{name} {value}" for name, value in details.items())]
        since = f" {short(each['event_time'])}" if each.get("event_time") else ""
        told.add_row(
            short(each["at"]),
            str(each["alarm"]),
            each["what"] + since,
            each["author"] or "",
            ", ".join(part for part in more if part),
        )
    console().print(told)


def state(one: Plain) -> str:
    """The state of the table, who has it, and why it is silent."""
    silent = dict.fromkeys(why["kind"] for why in one.get("suppressed", ()))
    whose = [f"to {one['assignee']}"] if one.get("assignee") else []
    return ", ".join([one["state"], *silent, *whose])


def highest(one: Plain) -> str:
    """The highest severity that it reached."""
    from rules._rule import SEVERITIES

    return str(max((name for _, name in one["severity"]), key=SEVERITIES.index))


def short(time: str) -> str:
    """To the minute, as people read a log; UTC."""
    return time[:16].replace("T", " ")


def _end(one: Plain) -> str:
    if one["withdrawn"]:
        return f"withdrawn {short(one['withdrawn'])}"
    if one["ended"]:
        return short(one["ended"])
    stale = one["stale"] and not one["stale"][-1][1]
    return f"stale {short(one['stale'][-1][0])}" if stale else "lasts"


def _value(value: Plain | None) -> str:
    if value is None:
        return ""
    unit = "" if value["unit"] == "1" else value["unit"]  # UCUM's way of saying none
    return " ".join(part for part in (f"{value['value']:g}", unit, value["trend"]) if part)
