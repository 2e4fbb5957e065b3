"""Alarms listed and shown."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hypervisor.alarms.queries import Selection
    from hypervisor.database.connect import Connection

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def alarms(
    context: typer.Context,
    *,
    as_json: Json = False,
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
    state: Annotated[
        str | None,
        typer.Option(
            help="Only unacknowledged, acknowledged, closing, returned (over, and nobody has"
            " acknowledged it), normal, withdrawn; or shelved, out-of-service, suppressed."
        ),
    ] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those that last.")] = False,
    history: Annotated[
        bool,
        typer.Option("--history", help="With the withdrawn ones, and what people saw of each."),
    ] = False,
    as_known_at: Annotated[
        str,
        typer.Option(help="The log as it was known then: 2024-10-29T16:00Z, by when we noticed."),
    ] = "",
) -> None:
    """Print the alarm log, the latest to begin first; act on alarms."""
    if context.invoked_subcommand is not None:
        return
    from hypervisor.alarms.queries import Selection
    from hypervisor.database.command import instant, opened

    selection = Selection(
        site=site,
        rule=rule,
        domain=domain,
        category=category,
        active=True if active else None,
        withdrawn=history and not log,
    )
    then = instant(as_known_at, "--as-known-at") if as_known_at else None
    with opened(context) as connection:
        if log:
            _log(connection, selection, then)
            return
        found = _found(connection, selection, _state(state), then)
        seen = _seen(connection, found, then) if history else {}
    if as_json:
        for one in found:
            more = {"transitions": seen.get(one["id"], [])} if history else {}
            print(json.dumps({**one, **more}, ensure_ascii=False))
        return
    from hypervisor.alarms.cli_tables import table

    table(found, seen)


def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="The alarm's number.")],
    as_json: Json = False,
) -> None:
    """One alarm: how it stands, and all that became of it and was done to it."""
    from hypervisor.alarms import queries as store
    from hypervisor.alarms.errors import NoAlarmError
    from hypervisor.alarms.history import history
    from hypervisor.alarms.listing import regroup, viewed
    from hypervisor.database.command import opened

    with opened(context) as connection:
        regroup(connection)
        alarm = store.find(connection, number)
        if alarm is None:
            raise NoAlarmError(f"no alarm has the number {number}")
        (one,) = viewed(connection, [alarm], wall=datetime.now(UTC))
        told = history(connection, number)
    if as_json:
        print(json.dumps({**one, "history": told}, ensure_ascii=False))
        return
    from hypervisor.alarms.cli_tables import sheet

    sheet(one, told)


def _found(
    connection: "Connection", selection: "Selection", state: Any, then: datetime | None
) -> list[dict[str, Any]]:
    from dataclasses import replace

    from hypervisor.alarms.listing import known_at, regroup, views

    if then is not None:
        return known_at(connection, then, replace(selection, state=state))
    regroup(connection)
    return views(connection, selection, wall=datetime.now(UTC), shown=state)


def _log(connection: "Connection", selection: "Selection", then: datetime | None) -> None:
    from hypervisor.alarms import queries as store
    from hypervisor.alarms.listing import known_at

    if then is None:
        lines = [store.log_entry(alarm.episode) for alarm in store.listing(connection, selection)]
    else:
        names = ("rule", "subject", "since", "began", "ended", "severity", "stale")
        found = known_at(connection, then, selection)
        lines = [{name: one[name] for name in names} for one in found]
    for line in sorted(lines, key=lambda one: (one["rule"], one["subject"], one["since"])):
        print(json.dumps(line, ensure_ascii=False))


def _seen(
    connection: "Connection", found: list[dict[str, Any]], then: datetime | None
) -> dict[int, list[dict[str, Any]]]:
    from hypervisor.alarms import queries as store
    from hypervisor.base.instants import micros

    told: dict[int, list[dict[str, Any]]] = {}
    for transition in store.transitions(connection, [alarm["id"] for alarm in found]):
        if then is None or transition.noticed <= micros(then):
            told.setdefault(transition.alarm, []).append(store.transition_as_text(transition))
    return told


def _state(state: str | None) -> str | None:
    from hypervisor.alarms.listing import SHOWN

    if state is not None and state not in SHOWN:
        raise typer.BadParameter(f"{state!r}; expected one of {', '.join(SHOWN)}")
    return state
