"""`hypervisor mailing`: mails to citizens who subscribed."""

import typer


def attach(app: typer.Typer) -> None:
    app.command()(mailing)


def mailing(context: typer.Context) -> None:
    """Mail publications to citizens until stopped (part of `up` with HYPERVISOR_CITIZENS_MAIL)."""
    import logging
    from datetime import UTC, datetime

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.citizens import mailing as mailing_service

    log_to_stderr()
    say = logging.getLogger("hypervisor.mailing").info
    mailing_service.run(
        load_settings(context.obj), stopping=stopping(), say=say, clock=lambda: datetime.now(UTC)
    )
