"""`hypervisor alarms`: the alarm log."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hypervisor.store.alarms import Alarm


def attach(app: typer.Typer) -> None:
    app.command()(alarms)


def alarms(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    log: Annotated[
        bool,
        typer.Option("--log", help="The log proper, sorted: equal on two instances that agree."),
    ] = False,
    site: Annotated[
        str | None, typer.Option(help="Only of this site, its devices and groups.")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="Only of this rule.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only of this domain.")] = None,
    category: Annotated[
        str | None, typer.Option(help="Only hazard, or maintenance of our own equipment.")
    ] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those that last.")] = False,
    history: Annotated[
        bool,
        typer.Option("--history", help="With the withdrawn ones, and what people saw of each."),
    ] = False,
) -> None:
    """Print the alarm log, the latest to begin first."""
    from hypervisor.settings import load_settings
    from hypervisor.store import alarms as store
    from hypervisor.store.connect import connect

    selection = store.Selection(
        site=site,
        rule=rule,
        domain=domain,
        category=category,
        active=True if active else None,
        withdrawn=history and not log,
    )
    with connect(load_settings(context.obj).database_url) as connection:
        found = store.listing(connection, selection)
        seen = store.transitions(connection, [one.id for one in found]) if history else []
    if log:
        lines = [store.log_entry(one.episode) for one in found]
        for line in sorted(lines, key=lambda one: (one["rule"], one["subject"], one["since"])):
            print(json.dumps(line, ensure_ascii=False))
        return
    told: dict[int, list[dict[str, Any]]] = {}
    for one in seen:
        told.setdefault(one.alarm, []).append(store.transition_as_text(one))
    if as_json:
        for alarm in found:
            more = {"transitions": told.get(alarm.id, [])} if history else {}
            print(json.dumps({**store.as_text(alarm), **more}, ensure_ascii=False))
        return
    _show(found, told)


def _show(found: "list[Alarm]", told: dict[int, list[dict[str, Any]]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from hypervisor.store.alarms import as_text, highest

    if not found:
        print("no alarm")
        return
    table = Table("", "severity", "category", "alarm", box=None)
    for name in ("began", "ended", "last value"):
        table.add_column(name, no_wrap=True)
    for alarm in found:
        one = as_text(alarm)
        table.add_row(
            str(alarm.id),
            highest(alarm.episode) if one["ended"] else one["severity"][-1][1],
            one["category"],
            one["title"],
            _short(one["began"]),
            _end(one),
            _value(one["last_value"]),
        )
        for seen in told.get(alarm.id, []):
            said = f"  {seen['kind']} {seen['event_time']} {seen['reason']}"
            table.add_row("", "", "", said, f"seen {_short(seen['noticed_at'])}", "", "")
    wide = None if sys.stdout.isatty() else 200
    Console(width=wide).print(table)


def _end(one: dict[str, Any]) -> str:
    if one["withdrawn"]:
        return f"withdrawn {_short(one['withdrawn'])}"
    if one["ended"]:
        return _short(one["ended"])
    stale = one["stale"] and not one["stale"][-1][1]
    return f"stale {_short(one['stale'][-1][0])}" if stale else "lasts"


def _short(time: str) -> str:
    """To the minute, as people read a log; UTC."""
    return time[:16].replace("T", " ")


def _value(value: dict[str, Any] | None) -> str:
    if value is None:
        return ""
    unit = "" if value["unit"] == "1" else value["unit"]  # UCUM's way of saying none
    return " ".join(part for part in (f"{value['value']:g}", unit, value["trend"]) if part)
