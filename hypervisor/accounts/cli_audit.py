"""`hypervisor audit`: who did what to the instance, when and why."""

from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import Json, open_database, print_json, print_table

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
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the latest first.")] = 100,
    as_json: Json = False,
) -> None:
    """Print what people did, in the order they did it."""
    from hypervisor.database import audit as store
    from sensors._scalars import ScalarError, instant

    try:
        start = instant(since) if since else None
    except ScalarError as error:
        raise store.ActError(str(error)) from error
    with open_database(context) as connection:
        acts = store.list_acts(
            connection, since=start, kind=kind, subject=subject, author=author, limit=limit
        )
    if as_json:
        print_json(map(_as_json, acts))
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
    rows = []
    for act in acts:
        scenario = f"\n(scenario {act.scenario_at:%Y-%m-%d %H:%M})" if act.scenario_at else ""
        details = ", ".join(f"{key} {value}" for key, value in sorted(_short_details(act).items()))
        when = f"{act.at:%Y-%m-%d %H:%M:%S}{scenario}"
        rows.append((str(act.id), when, act.author, act.kind, act.subject, act.reason, details))
    columns = ("act", "when (UTC)", "who", "what", "of what", "why", "details")
    print_table(columns, rows, empty="no acts yet")


def _short_details(act: "Act") -> dict[str, object]:
    """Of the details what fits in a cell; --json tells all."""
    return {
        key: value
        for key, value in act.details.items()
        if value is not None and not isinstance(value, dict)
    }
