"""`hypervisor housekeeping`: what is older than the settings keep goes, every hour."""

import json
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(housekeeping)


def housekeeping(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Once, instead of every hour.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go by the settings, change nothing.")
    ] = False,
    agree: Annotated[
        bool, typer.Option("--agree", help="With --once: although a setting was made shorter.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once or --dry-run.")] = False,
) -> None:
    """Let go what is older than the settings keep; alarms and the audit stay for good."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.database.listener import translated
    from hypervisor.stack import housekeeping as kept

    settings = load_settings(context.obj)
    if not once and not dry_run:
        log_to_stderr()
        say = logging.getLogger("hypervisor.housekeeping").info
        kept.run(settings, stopping=stopping(), say=say)
        return
    with translated(), connect(settings.database_url, autocommit=True) as connection:
        wish = kept.wanted(settings)
        done = kept.look(connection, wish) if dry_run else kept.sweep(connection, wish, agree=agree)
        more = kept.look(connection, wish) if done.shorter else None
        trouble = ""
        if not dry_run:
            trouble = kept.copy(connection, settings) + kept.compress(connection, settings)
    if as_json:
        counts = {"readings": done.readings, "dead_letters": done.dead_letters}
        print(json.dumps({**counts, "waiting": list(done.shorter), "dry_run": dry_run}))
        return
    print(f"{'would go' if dry_run else 'gone'}: {done.text()}{trouble}")
    if more is not None:
        print(f"{', '.join(done.shorter)}: {more.text()} would go; --agree lets them go")
