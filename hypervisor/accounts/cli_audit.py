"""`hypervisor audit`: who did what to the instance, when and why."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.database.audit import Act


def attach(app: typer.Typer) -> None:
    app.command("audit")(print_audit)


def print_audit(
    context: typer.Context,
    since: Annotated[str, typer.Option(help="Only from this time on: a date, or RFC 3339.")] = "",
    kind: Annotated[
        str | None, typer.Option(help="Only these: invalidate, observe, undo, retention …")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only of this, such as DEVICE/QUANTITY.")
    ] = None,
    author: Annotated[str | None, typer.Option(help="Only by this account or name.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the latest.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print what people did, in the order they did it."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database import audit as store
    from hypervisor.database.connect import connect
    from sensors._scalars import ScalarError, instant

    try:
        start = instant(since) if since else None
    except ScalarError as error:
        raise store.ActError(str(error)) from error
    with connect(load_settings(context.obj).database_url) as connection:
        acts = store.list_acts(
            connection, since=start, kind=kind, subject=subject, author=author, limit=limit
        )
    if as_json:
        for act in acts:
            print(json.dumps(_as_json(act), ensure_ascii=False))
        return
    _print_table(acts)


def _as_json(act: "Act") -> dict[str, object]:
    return {
        "id": act.id,
        "at": act.at.isoformat().replace("+00:00", "Z"),
        "scenario_at": act.scenario_at and act.scenario_at.isoformat().replace("+00:00", "Z"),
        "author": act.author,
        "kind": act.kind,
        "subject": act.subject,
        "reason": act.reason,
        "details": dict(act.details),
    }


def _print_table(acts: "list[Act]") -> None:
    from rich.console import Console
    from rich.table import Table

    if not acts:
        print("no acts yet")
        return
    table = Table("act", "when (UTC)", "who", "what", "of what", "why", "details", box=None)
    for act in acts:
        scenario = f"\n(scenario {act.scenario_at:%Y-%m-%d %H:%M})" if act.scenario_at else ""
        details = ", ".join(f"{key} {value}" for key, value in sorted(_short_details(act).items()))
        when = f"{act.at:%Y-%m-%d %H:%M:%S}{scenario}"
        table.add_row(str(act.id), when, act.author, act.kind, act.subject, act.reason, details)
    wide = None if sys.stdout.isatty() else 200
    Console(markup=False, width=wide).print(table)


def _short_details(act: "Act") -> dict[str, object]:
    """Of the details what fits in a cell; --json tells all."""
    return {
        key: value
        for key, value in act.details.items()
        if value is not None and not isinstance(value, dict)
    }
