"""`hypervisor notify`: tell people of alarms; routes, tests, what waits and what was given up."""

import json
from pathlib import Path
from typing import Annotated

import typer

Author = Annotated[str, typer.Option(help="Who says so; default: your user name.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(help="Notifications: send them; routes, tests, what waits, what is dead.")
    group.callback(invoke_without_command=True)(notify)
    group.command("test")(try_route)
    group.command("list")(list_)
    group.command()(retry)
    group.command("mqtt-account")(mqtt_account)
    routes = typer.Typer(no_args_is_help=True, help="Who is told of what: one YAML file.")
    routes.command()(apply)
    routes.command()(show)
    routes.command("log")(log_)
    routes.command("test")(who)
    group.add_typer(routes, name="routes")
    app.add_typer(group, name="notify")


def notify(context: typer.Context) -> None:
    """Send notifications, until stopped (a part of `up`)."""
    if context.invoked_subcommand is not None:
        return
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.notifications import running

    settings = load_settings(context.obj)
    log_to_stderr()
    say = logging.getLogger("hypervisor.notify").info
    running.run(settings, stopping=stopping(), say=say)


def try_route(
    context: typer.Context,
    route: Annotated[str, typer.Argument(help="The route's name.")],
    wait: Annotated[float, typer.Option(help="Seconds to wait for its channels.")] = 30.0,
    as_json: Json = False,
) -> None:
    """Send a test notification to every channel of a route, by the way that alarms take."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.database.listener import translated
    from hypervisor.notifications import test_message

    settings = load_settings(context.obj)
    with translated(), connect(settings.database_url, autocommit=True) as connection:
        rows = test_message.test(connection, settings, route, seconds=wait)
    for row in rows:
        if as_json:
            shown = {"channel": row.channel, "state": row.state, "error": row.last_error}
            print(json.dumps(shown, ensure_ascii=False))
        else:
            print(f"{route}/{row.channel}: {row.state}{_because(row.last_error)}")
    if any(row.state != "sent" for row in rows):
        raise typer.Exit(1)


def list_(
    context: typer.Context,
    dead: Annotated[bool, typer.Option("--dead", help="Only those given up.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those still to go.")] = False,
    held: Annotated[bool, typer.Option("--held", help="Events that wait, and why.")] = False,
    untold: Annotated[bool, typer.Option("--untold", help="Events that no route took.")] = False,
    alarm: Annotated[int | None, typer.Option(help="Of one alarm.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the latest.")] = 100,
    as_json: Json = False,
) -> None:
    """What was told to whom, what waits, what was given up."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.database.listener import translated
    from hypervisor.notifications import listing, queries_deliveries, queries_outbox

    settings = load_settings(context.obj)
    states = [name for name, on in (("dead", dead), ("waiting", waiting)) if on]
    with translated(), connect(settings.database_url, autocommit=True) as connection:
        if held:
            rows = [
                listing.entry(event, why)
                for event, why in queries_outbox.undecided(connection, limit=limit)
            ]
        elif untold:
            rows = [
                listing.entry(event, why)
                for event, why in queries_outbox.untold(connection, limit=limit)
            ]
        else:
            deliveries = queries_deliveries.listing(
                connection,
                states=states or ("waiting", "sent", "dead", "dropped"),
                alarm=alarm,
                limit=limit,
            )
            rows = [listing.delivery(event) for event in deliveries]
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    from rich.console import Console

    Console().print(listing.table(rows) if rows else "nothing")


def retry(
    context: typer.Context,
    numbers: Annotated[list[int] | None, typer.Argument(help="Of `list --dead`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
) -> None:
    """Try again what was given up, under the same keys."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.database.listener import translated
    from hypervisor.notifications import queries_deliveries

    if bool(numbers) == every:
        raise typer.BadParameter("say which: their numbers, or --all")
    settings = load_settings(context.obj)
    with translated(), connect(settings.database_url, autocommit=True) as connection:
        count = queries_deliveries.retry(connection, numbers or [])
    print(f"{count} to be sent again")


def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The routes' file (docs/notifications.md).")],
    reason: Annotated[str, typer.Option(help="Why, in a few words.")],
    author: Author = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check it.")] = False,
) -> None:
    """Check a routes' file and put it in force as a revision; a running notify takes it at once."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.database.listener import translated
    from hypervisor.notifications import routing

    settings = load_settings(context.obj)
    with translated(), connect(settings.database_url, autocommit=True) as connection:
        done = routing.apply(connection, file, author=author, reason=reason, dry_run=dry_run)
    print(done)


def show(
    context: typer.Context,
    secrets: Annotated[bool, typer.Option("--secrets", help="Passwords too, as applied.")] = False,
) -> None:
    """The routes in force, as their file says them."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.database.listener import translated
    from hypervisor.notifications import routing

    settings = load_settings(context.obj)
    with translated(), connect(settings.database_url, autocommit=True) as connection:
        print(routing.shown(connection, secrets=secrets), end="")


def log_(context: typer.Context) -> None:
    """The revisions of the routes: who, when, why."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.database.listener import translated
    from hypervisor.notifications import queries_alarms

    settings = load_settings(context.obj)
    with translated(), connect(settings.database_url, autocommit=True) as connection:
        for revision in queries_alarms.routes_revisions(connection):
            recorded = f"{revision.recorded_at:%Y-%m-%d %H:%M:%S}Z"
            print(f"{revision.id}  {recorded}  {revision.author}: {revision.reason}")


def who(
    context: typer.Context,
    domain: Annotated[str, typer.Option(help="Of the alarm.")],
    severity: Annotated[str, typer.Option(help="Of the alarm.")] = "major",
    category: Annotated[str, typer.Option(help="hazard or maintenance.")] = "hazard",
    site: Annotated[str, typer.Option(help="Where it stands; default: nowhere known.")] = "",
    rule: Annotated[str, typer.Option(help="Its rule.")] = "",
    at: Annotated[str, typer.Option("--at", help="When; default: now.")] = "",
) -> None:
    """Who would be told of such an alarm at such a time; sends nothing."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.command import instant
    from hypervisor.database.connect import connect
    from hypervisor.database.listener import translated
    from hypervisor.notifications import routing
    from hypervisor.notifications.routing import Like

    settings = load_settings(context.obj)
    like = Like(domain=domain, severity=severity, category=category, site=site, rule=rule)
    when = instant(at, "--at") if at else None
    with translated(), connect(settings.database_url, autocommit=True) as connection:
        print(routing.who(connection, like, when))


def mqtt_account(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Of one more listener: the account alarms.NAME.")
    ] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take it away again.")] = False,
) -> None:
    """Give the broker's account `alarms` a password: it hears notifications and nothing else.

    An account is connected once, so each siren or panel takes one of its own.
    """
    from hypervisor.base.settings import load_settings
    from hypervisor.broker import accounts, device_accounts, passwords

    broker = device_accounts.local_broker(load_settings(context.obj))
    account = passwords.reader_account(name)
    if remove:
        accounts.change(broker, drop=frozenset({account}))
        print(f"the account {account} is gone")
        return
    password = passwords.new_password()
    accounts.change(broker, put={account: password})
    print(f"account   {account}\npassword  {password}\ntopics    hypervisor/alarms/#")


def _because(error: str | None) -> str:
    return f" ({error})" if error else ""
