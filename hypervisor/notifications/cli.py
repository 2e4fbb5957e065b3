"""`hypervisor notify`: send notifications; routes, tests, deliveries."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import (
    Author,
    Json,
    open_database,
    parse_optional_instant,
    print_json,
)

if TYPE_CHECKING:
    from hypervisor.database.connect import Connection


def attach(app: typer.Typer) -> None:
    group = typer.Typer(help="Send notifications; manage routes and deliveries.")
    group.callback(invoke_without_command=True)(run_notifier)
    group.command("test")(try_route)
    group.command("list")(list_deliveries)
    group.command("retry")(retry_deliveries)
    group.command("mqtt-account")(set_mqtt_account)
    routes = typer.Typer(no_args_is_help=True, help="Who is notified of what: one YAML file.")
    routes.command("apply")(apply_routes)
    routes.command("show")(show_routes)
    routes.command("log")(list_revisions)
    routes.command("test")(list_recipients)
    group.add_typer(routes, name="routes")
    app.add_typer(group, name="notify")


def run_notifier(context: typer.Context) -> None:
    """Send notifications until stopped (part of `up`)."""
    if context.invoked_subcommand is not None:
        return
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.notifications import running

    settings = load_settings(context.obj)
    log_to_stderr()
    say = logging.getLogger("hypervisor.notify").info
    running.run_notifier(settings, stopping=stopping(), say=say)


def try_route(
    context: typer.Context,
    route: Annotated[str, typer.Argument(help="The name of the route.")],
    wait: Annotated[float, typer.Option(help="Seconds to wait for its channels.")] = 30.0,
    as_json: Json = False,
) -> None:
    """Send a test notification to every channel of a route, the same way as alarms."""
    from hypervisor.base.settings import load_settings
    from hypervisor.notifications import test_message

    settings = load_settings(context.obj)
    with _connect(context) as connection:
        event = test_message.send_test(connection, settings, route)
        rows = test_message.wait_for_outcome(connection, event, seconds=wait)
    for row in rows:
        if as_json:
            shown = {"channel": row.channel, "state": row.state, "error": row.last_error}
            print_json([shown])
        else:
            why = f" ({row.last_error})" if row.last_error else ""
            print(f"{route}/{row.channel}: {row.state}{why}")
    if any(row.state != "sent" for row in rows):
        raise typer.Exit(1)


def list_deliveries(
    context: typer.Context,
    dead: Annotated[bool, typer.Option("--dead", help="Only deliveries given up.")] = False,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Only deliveries not yet sent.")
    ] = False,
    held: Annotated[bool, typer.Option("--held", help="Events on hold, and why.")] = False,
    unrouted: Annotated[
        bool, typer.Option("--unrouted", "--untold", help="Events that no route matched.")
    ] = False,
    alarm: Annotated[int | None, typer.Option(help="Only this alarm.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, latest first.")] = 100,
    as_json: Json = False,
) -> None:
    """List deliveries: sent, waiting, given up."""
    from hypervisor.notifications import queries_deliveries, queries_outbox, tables

    states = [name for name, on in (("dead", dead), ("waiting", waiting)) if on]
    with _connect(context) as connection:
        if held or unrouted:
            read = queries_outbox.list_undecided if held else queries_outbox.list_unrouted
            rows = [tables.event_as_text(event) for event in read(connection, limit)]
        else:
            deliveries = queries_deliveries.list_deliveries(
                connection, states=states or queries_deliveries.STATES, alarm=alarm, limit=limit
            )
            rows = [tables.delivery_as_text(delivery) for delivery in deliveries]
    if as_json:
        print_json(rows)
        return
    from rich.console import Console

    Console().print(tables.build_table(rows) if rows else "nothing")


def retry_deliveries(
    context: typer.Context,
    numbers: Annotated[list[int] | None, typer.Argument(help="Ids from `list --dead`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All deliveries given up.")] = False,
) -> None:
    """Retry deliveries that were given up, under the same keys."""
    from hypervisor.notifications import queries_deliveries, queries_outbox

    if bool(numbers) == every:
        raise typer.BadParameter("give ids, or --all")
    with _connect(context) as connection:
        count = queries_deliveries.retry_dead(connection, numbers or [])
        if every:
            count += queries_outbox.retry_failed(connection)
    print(f"deliveries to be sent again: {count}")


def apply_routes(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The routes file (docs/notifications.md).")],
    reason: Annotated[str, typer.Option(help="Why, in a few words.")],
    author: Author = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check it.")] = False,
) -> None:
    """Check a routes file and apply it as a new revision; it takes effect at once."""
    from hypervisor.notifications import routing

    with _connect(context) as connection:
        done = routing.apply_routes(connection, file, author=author, reason=reason, dry_run=dry_run)
    print(done)


def show_routes(
    context: typer.Context,
    secrets: Annotated[bool, typer.Option("--secrets", help="Include passwords.")] = False,
) -> None:
    """Print the routes in force."""
    from hypervisor.notifications import routing

    with _connect(context) as connection:
        print(routing.show_routes(connection, secrets=secrets), end="")


def list_revisions(context: typer.Context) -> None:
    """List the revisions of the routes: who, when, why."""
    from hypervisor.notifications import queries_routes

    with _connect(context) as connection:
        for revision in queries_routes.ROUTES.list_revisions(connection):
            print(revision)


def list_recipients(
    context: typer.Context,
    domain: Annotated[str, typer.Option(help="The alarm's domain.")],
    severity: Annotated[str, typer.Option(help="The alarm's severity.")] = "major",
    category: Annotated[str, typer.Option(help="hazard or maintenance.")] = "hazard",
    site: Annotated[str, typer.Option(help="Its site; default: none.")] = "",
    rule: Annotated[str, typer.Option(help="Its rule.")] = "",
    at: Annotated[str, typer.Option("--at", help="When; default: now.")] = "",
) -> None:
    """Show who would be notified of such an alarm; sends nothing."""
    from hypervisor.notifications import routing
    from hypervisor.notifications.routing import AlarmExample

    like = AlarmExample(domain=domain, severity=severity, category=category, site=site, rule=rule)
    when = parse_optional_instant(at, "--at")
    with _connect(context) as connection:
        print(routing.describe_recipients(connection, like, when))


def set_mqtt_account(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of an additional account, alarms.NAME.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Remove the account.")] = False,
) -> None:
    """Set a password for the broker account `alarms`, which may only read notifications.

    An account allows one connection: give each siren or panel its own.
    """
    from hypervisor.base.settings import load_settings
    from hypervisor.broker import accounts, passwords

    store = accounts.open_accounts(load_settings(context.obj))
    account = passwords.reader_account(name)
    if remove:
        store.change(drop=frozenset({account}))
        print(f"account {account} removed")
        return
    password = passwords.new_password()
    store.change(put={account: password})
    print(f"account   {account}\npassword  {password}\ntopics    hypervisor/alarms/#")


@contextmanager
def _connect(context: typer.Context) -> "Iterator[Connection]":
    """A connection that commits each statement, with the database's errors as ours."""
    from hypervisor.database.connect import store_errors

    with store_errors(), open_database(context, autocommit=True) as connection:
        yield connection
