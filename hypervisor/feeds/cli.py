"""`hypervisor feeds` and `hypervisor collect`: official services, and a stand-in for them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hypervisor.database.command import (
    Json,
    open_instance,
    print_json,
    print_note,
    print_table,
)


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Official services: levels, official colours.")
    group.command("list")(list_feeds)
    group.command()(show)
    group.command()(poll)
    group.command("serve-recorded")(serve_recorded)
    app.add_typer(group, name="feeds")
    app.command()(collect)


def collect(context: typer.Context) -> None:
    """Read official services until stopped (`up` runs it); a live instance only."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.feeds import collect as collecting

    log_to_stderr()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # an address may hold a key
    say = logging.getLogger("hypervisor.collect").info
    collecting.run(load_settings(context.obj), stopping=stopping(), say=say)


def list_feeds(context: typer.Context, as_json: Json = False) -> None:
    """List the official services with their last answer."""
    from hypervisor.feeds.service import list_status, list_unknown_off

    connection, settings = open_instance(context)
    now = datetime.now(UTC)
    with connection:
        statuses = list_status(connection, settings)
    for sentence in list_unknown_off(settings):
        print_note(str(sentence))
    if as_json:
        print_json(
            {
                "feed": status.feed.name,
                "address": status.address,
                "devices": status.devices,
                "readings": status.state.readings,
                "failures": status.state.failures,
                "answered_at": status.state.answered_at,
                "state": status.describe(now),
            }
            for status in statuses
        )
        return
    print_table(
        ("feed", "devices", "readings", "state"),
        (
            (
                status.feed.name,
                str(status.devices),
                f"{status.state.readings:,}",
                status.describe(now),
            )
            for status in statuses
        ),
    )


def show(
    context: typer.Context, name: Annotated[str, typer.Argument(help="A name in `feeds list`.")]
) -> None:
    """Show a service's address, licence, last answer, and what was wrong with it."""
    from hypervisor.feeds.service import list_status, require_feed

    require_feed(name)
    connection, settings = open_instance(context)
    now = datetime.now(UTC)
    with connection:
        (status,) = (s for s in list_status(connection, settings) if s.feed.name == name)
    state = status.state
    facts = {
        "state": status.describe(now),
        "address": status.address,
        "source": status.feed.source,
        "licence": status.feed.licence,
        "devices": str(status.devices),
        "readings": f"{state.readings:,}",
        "summary": state.summary or "",
        "asked": f"{state.polled_at:%Y-%m-%d %H:%M:%S} UTC" if state.polled_at else "",
        "next": f"{state.due_at:%Y-%m-%d %H:%M:%S} UTC" if state.due_at else "",
        "last answer": state.excerpt or "",
    }
    for word, value in facts.items():
        if value:
            print(f"{word:12} {value}")


def poll(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Default: all.")] = None,
) -> None:
    """Ask services now, instead of when they are due."""
    from hypervisor.feeds import collect as collecting
    from hypervisor.feeds.service import require_feed

    chosen = [require_feed(name) for name in names or collecting.SERVICES]
    connection, settings = open_instance(context, autocommit=True)
    failed = False
    with connection:
        for result in collecting.poll_now(connection, settings, chosen):
            failed |= bool(result.problem)
            words = result.problem or result.idle or f"{result.readings:,} readings"
            print(f"{result.name}: {words}")
            if result.refused:
                print(f"  {result.refused:,} refused: `hypervisor dead-letters list` says why")
    if failed:
        raise typer.Exit(1)


def serve_recorded(
    folder: Annotated[
        Path | None, typer.Option(help="Recorded answers; default: those of this package.")
    ] = None,
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1.")] = 8790,
) -> None:
    """Answer as the official services do, from recordings moved to today: for trials."""
    from hypervisor.feeds import recorded

    recorded.serve(folder, port, say=print)
