"""List alarms, and show one."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hypervisor.alarms.queries import Selection
    from hypervisor.database.connect import Connection

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def list_alarms(
    context: typer.Context,
    *,
    as_json: Json = False,
    log: Annotated[
        bool,
        typer.Option(
            "--log", help="The bare log, sorted: equal on instances with the same readings."
        ),
    ] = False,
    site: Annotated[
        str | None, typer.Option(help="Only this site, with its devices and groups.")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="Only this rule.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only this domain.")] = None,
    category: Annotated[
        str | None, typer.Option(help="Only hazard, or maintenance (of our own equipment).")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            help="Only unacknowledged, acknowledged, closing, returned (ended but not"
            " acknowledged), normal, withdrawn; or shelved, out-of-service, suppressed."
        ),
    ] = None,
    active: Annotated[bool, typer.Option("--active", help="Only active alarms.")] = False,
    history: Annotated[
        bool,
        typer.Option("--history", help="Include withdrawn alarms, and the transitions of each."),
    ] = False,
    as_known_at: Annotated[
        str,
        typer.Option(help="The log as known at a time, e.g. 2024-10-29T16:00Z."),
    ] = "",
) -> None:
    """List alarms, latest first; act on them."""
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
            _print_log(connection, selection, then)
            return
        rows = _read_alarms(connection, selection, _check_state(state), then)
        transitions = _read_transitions(connection, rows, then) if history else {}
    if as_json:
        for alarm in rows:
            more = {"transitions": transitions.get(alarm["id"], [])} if history else {}
            print(json.dumps({**alarm, **more}, ensure_ascii=False))
        return
    from hypervisor.alarms.cli_tables import print_alarms

    print_alarms(rows, transitions)


def show_alarm(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="The alarm number.")],
    as_json: Json = False,
) -> None:
    """Show one alarm with its history."""
    from hypervisor.alarms import queries as store
    from hypervisor.alarms.errors import NoAlarmError
    from hypervisor.alarms.history import read_history
    from hypervisor.alarms.listing import describe_alarms, refresh_incidents
    from hypervisor.database.command import opened

    with opened(context) as connection:
        refresh_incidents(connection)
        alarm = store.find_alarm(connection, number)
        if alarm is None:
            raise NoAlarmError(f"no alarm has the number {number}")
        (view,) = describe_alarms(connection, [alarm], wall=datetime.now(UTC))
        entries = read_history(connection, number)
    if as_json:
        print(json.dumps({**view, "history": entries}, ensure_ascii=False))
        return
    from hypervisor.alarms.cli_tables import print_alarm

    print_alarm(view, entries)


def _read_alarms(
    connection: "Connection", selection: "Selection", state: Any, then: datetime | None
) -> list[dict[str, Any]]:
    from dataclasses import replace

    from hypervisor.alarms.listing import list_alarms, list_alarms_as_known, refresh_incidents

    if then is not None:
        return list_alarms_as_known(connection, then, replace(selection, state=state))
    refresh_incidents(connection)
    return list_alarms(connection, selection, wall=datetime.now(UTC), shown=state)


def _print_log(connection: "Connection", selection: "Selection", then: datetime | None) -> None:
    from hypervisor.alarms import queries as store
    from hypervisor.alarms.listing import list_alarms_as_known

    if then is None:
        lines = [
            store.log_entry(alarm.episode) for alarm in store.list_alarms(connection, selection)
        ]
    else:
        names = ("rule", "subject", "since", "began", "ended", "severity", "stale")
        rows = list_alarms_as_known(connection, then, selection)
        lines = [{name: entry[name] for name in names} for entry in rows]
    for line in sorted(lines, key=lambda entry: (entry["rule"], entry["subject"], entry["since"])):
        print(json.dumps(line, ensure_ascii=False))


def _read_transitions(
    connection: "Connection", alarms: list[dict[str, Any]], then: datetime | None
) -> dict[int, list[dict[str, Any]]]:
    from hypervisor.alarms import queries as store
    from hypervisor.base.instants import micros

    transitions: dict[int, list[dict[str, Any]]] = {}
    for transition in store.list_transitions(connection, [alarm["id"] for alarm in alarms]):
        if then is None or transition.noticed <= micros(then):
            transitions.setdefault(transition.alarm, []).append(
                store.transition_as_text(transition)
            )
    return transitions


def _check_state(state: str | None) -> str | None:
    from hypervisor.alarms.listing import STATE_FILTERS

    if state is not None and state not in STATE_FILTERS:
        raise typer.BadParameter(f"{state!r}; expected one of {', '.join(STATE_FILTERS)}")
    return state
