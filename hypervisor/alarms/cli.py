"""`hypervisor alarms` and `incidents`: the log, acts, the operators' load, settings."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hypervisor.alarms import cli_acts
from hypervisor.database.command import (
    Author,
    Json,
    open_database,
    parse_optional_instant,
    print_json,
)

if TYPE_CHECKING:
    from hypervisor.alarms.queries import Selection
    from hypervisor.database.connect import Connection

_Log = Annotated[
    bool,
    typer.Option("--log", help="The bare log, sorted: equal on instances with the same readings."),
]
_Site = Annotated[str | None, typer.Option(help="Only this site, with its devices and groups.")]
_Rule = Annotated[str | None, typer.Option(help="Only this rule.")]
_Domain = Annotated[str | None, typer.Option(help="Only this domain.")]
_Category = Annotated[
    str | None, typer.Option(help="Only hazard, or maintenance (of our own equipment).")
]
_State = Annotated[
    str | None,
    typer.Option(
        help="Only unacknowledged, acknowledged, closing, returned (ended but not"
        " acknowledged), normal, withdrawn; or shelved, out-of-service, suppressed."
    ),
]
_SourceName = Annotated[str | None, typer.Option("--source", help="Only of this other system.")]
_External = Annotated[
    bool | None, typer.Option("--external/--own", help="Only of other systems; of our own rules.")
]
_Active = Annotated[bool, typer.Option("--active", help="Only active alarms.")]
_History = Annotated[
    bool,
    typer.Option("--history", help="Include withdrawn alarms, and the transitions of each."),
]
_KnownAt = Annotated[str, typer.Option(help="The log as known at a time, e.g. 2024-10-29T16:00Z.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        callback=list_alarms,
        invoke_without_command=True,
        help="List alarms, latest first; act on them.",
    )
    group.command("show")(show_alarm)
    cli_acts.attach_to(group)
    group.command("load")(show_load)
    group.command("settings")(list_settings)
    group.command("set")(change_setting)
    app.add_typer(group, name="alarms")
    app.command("incidents")(list_incidents)


def list_alarms(
    context: typer.Context,
    *,
    as_json: Json = False,
    log: _Log = False,
    site: _Site = None,
    rule: _Rule = None,
    domain: _Domain = None,
    category: _Category = None,
    state: _State = None,
    source: _SourceName = None,
    external: _External = None,
    active: _Active = False,
    history: _History = False,
    as_known_at: _KnownAt = "",
) -> None:
    """List alarms, latest first; act on them."""
    if context.invoked_subcommand is not None:
        return
    from hypervisor.alarms.queries import Selection

    selection = Selection(
        site=site,
        rule=rule,
        domain=domain,
        category=category,
        active=True if active else None,
        source=source,
        external=False if log else external,
        withdrawn=history and not log,
    )
    known_at = parse_optional_instant(as_known_at, "--as-known-at")
    with open_database(context) as connection:
        if log:
            _print_log(connection, selection, known_at)
            return
        alarms = _read_alarms(connection, selection, _check_state(state), known_at)
        transitions = _read_transitions(connection, alarms, known_at) if history else {}
    if as_json:
        for alarm in alarms if history else ():
            alarm["transitions"] = transitions.get(alarm["id"], [])
        print_json(alarms)
        return
    from hypervisor.alarms.tables import print_alarms

    print_alarms(alarms, transitions)


def show_alarm(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="The alarm number.")],
    as_json: Json = False,
) -> None:
    """Show one alarm with its history."""
    from hypervisor.alarms.service_list import get_alarm, read_history, refresh_incidents

    with open_database(context) as connection:
        refresh_incidents(connection)
        alarm = get_alarm(connection, number, wall=datetime.now(UTC)).model_dump(mode="json")
        entries = read_history(connection, number)
    if as_json:
        print_json([{**alarm, "history": entries}])
        return
    from hypervisor.alarms.tables import print_alarm

    print_alarm(alarm, entries)


def list_incidents(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Include closed incidents.")] = False,
    domain: _Domain = None,
    as_json: Json = False,
) -> None:
    """List incidents, latest first."""
    from hypervisor.alarms import queries_incidents, service_list

    with open_database(context) as connection:
        service_list.refresh_incidents(connection)
        incidents = queries_incidents.list_incidents(
            connection, wall=datetime.now(UTC), every=every, domain=domain
        )
    if as_json:
        print_json(incidents)
        return
    from hypervisor.alarms.tables import print_incidents

    print_incidents(incidents)


def show_load(
    context: typer.Context,
    begins: Annotated[
        str, typer.Option("--from", help="Begin; default: a day before the end.")
    ] = "",
    ends: Annotated[str, typer.Option("--to", help="End; default: now.")] = "",
    as_json: Json = False,
) -> None:
    """The operators' alarm load, after EEMUA 191: rates, floods, chattering, standing alarms."""
    from hypervisor.alarms.service_load import Span, measure_load

    span = Span(
        begins=parse_optional_instant(begins, "--from"),
        ends=parse_optional_instant(ends, "--to"),
    )
    with open_database(context) as connection:
        report = measure_load(connection, span, wall=datetime.now(UTC)).as_text()
    if as_json:
        print_json([report])
        return
    from hypervisor.alarms.tables import print_load

    print_load(report)


def list_settings(context: typer.Context, as_json: Json = False) -> None:
    """List the settings."""
    from hypervisor.alarms.queries_lifecycle import read_settings
    from hypervisor.alarms.settings import format_settings

    with open_database(context) as connection:
        values = format_settings(read_settings(connection))
    if as_json:
        print_json([values])
        return
    for name, value in values.items():
        print(f"{name:24} {value}")


def change_setting(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The setting; `alarms settings` lists them.")],
    value: Annotated[str, typer.Argument(help="The new value: 8 h, true, 5.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words.")],
    author: Author = "",
) -> None:
    """Change a setting; it takes effect at once."""
    from hypervisor.alarms import service

    with open_database(context) as connection:
        before, after = service.change_setting(
            connection, name, value, author=author, reason=reason
        )
    print(f"{name}: {after} (was {before})")


def _read_alarms(
    connection: "Connection", selection: "Selection", state: Any, known_at: datetime | None
) -> list[dict[str, Any]]:
    from hypervisor.alarms import service_list

    if known_at is not None:
        return service_list.list_alarms_as_known(
            connection, known_at, replace(selection, state=state)
        )
    service_list.refresh_incidents(connection)
    alarms = service_list.list_alarms(connection, selection, wall=datetime.now(UTC), shown=state)
    return [alarm.model_dump(mode="json") for alarm in alarms]


def _print_log(connection: "Connection", selection: "Selection", known_at: datetime | None) -> None:
    from hypervisor.alarms import queries
    from hypervisor.alarms.log import log_entry
    from hypervisor.alarms.service_list import list_alarms_as_known

    if known_at is None:
        alarms = queries.list_alarms(connection, selection)
        lines = [log_entry(alarm.episode) for alarm in alarms]
    else:
        names = ("rule", "subject", "since", "began", "ended", "severity", "stale")
        rows = list_alarms_as_known(connection, known_at, selection)
        lines = [{name: entry[name] for name in names} for entry in rows]
    print_json(sorted(lines, key=lambda line: (line["rule"], line["subject"], line["since"])))


def _read_transitions(
    connection: "Connection", alarms: list[dict[str, Any]], known_at: datetime | None
) -> dict[int, list[dict[str, Any]]]:
    from hypervisor.alarms import queries
    from hypervisor.alarms.log import transition_as_text
    from hypervisor.base.instants import micros

    transitions: dict[int, list[dict[str, Any]]] = {}
    for transition in queries.list_transitions(connection, [alarm["id"] for alarm in alarms]):
        if known_at is None or transition.noticed <= micros(known_at):
            transitions.setdefault(transition.alarm, []).append(transition_as_text(transition))
    return transitions


def _check_state(state: str | None) -> str | None:
    from hypervisor.alarms.service_list import STATE_FILTERS

    if state is not None and state not in STATE_FILTERS:
        raise typer.BadParameter(f"{state!r}; expected one of {', '.join(STATE_FILTERS)}")
    return state
