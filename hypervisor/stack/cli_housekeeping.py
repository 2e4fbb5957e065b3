"""`hypervisor housekeeping`: deletes data past its retention, every hour."""

import json
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(housekeeping)


def housekeeping(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Once, instead of every hour.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted; change nothing.")
    ] = False,
    agree: Annotated[
        bool,
        typer.Option("--agree", help="With --once: accept retention settings that were shortened."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once or --dry-run.")] = False,
) -> None:
    """Delete data past its retention; alarms and the audit are kept for good."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect, store_errors
    from hypervisor.stack import housekeeping as kept

    settings = load_settings(context.obj)
    if not once and not dry_run:
        log_to_stderr()
        say = logging.getLogger("hypervisor.housekeeping").info
        kept.run(settings, stopping=stopping(), say=say)
        return
    with store_errors(), connect(settings.database_url, autocommit=True) as connection:
        configured = kept.configured_days(settings)
        swept = (
            kept.preview(connection, configured)
            if dry_run
            else kept.sweep(connection, configured, agree=agree)
        )
        more = kept.preview(connection, configured) if swept.shorter else None
        trouble = ""
        if not dry_run:
            trouble = kept.refresh_columnar_copy(connection, settings) + kept.compress(
                connection, settings
            )
    if as_json:
        counts = {"readings": swept.readings, "dead_letters": swept.dead_letters}
        print(json.dumps({**counts, "waiting": list(swept.shorter), "dry_run": dry_run}))
        return
    print(f"{'would go' if dry_run else 'gone'}: {swept.text()}{trouble}")
    if more is not None:
        print(f"{', '.join(swept.shorter)}: {more.text()} would go; --agree lets them go")
