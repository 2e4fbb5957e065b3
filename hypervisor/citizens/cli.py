"""`hypervisor mailing` and `hypervisor citizens`: warnings to citizens who subscribed."""

from typing import Annotated

import typer

from hypervisor.database.command import Author, open_instance


def attach(app: typer.Typer) -> None:
    app.command()(mailing)
    group = typer.Typer(no_args_is_help=True, help="What citizens receive.")
    group.command("push-key")(make_push_key)
    app.add_typer(group, name="citizens")


def mailing(context: typer.Context) -> None:
    """Send publications to subscribers until stopped (part of `up` with HYPERVISOR_CITIZENS_…)."""
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


def make_push_key(
    context: typer.Context,
    replace: Annotated[
        bool, typer.Option("--replace", help="Another key: browsers must subscribe again.")
    ] = False,
    author: Author = "",
) -> None:
    """Make the key by which push services know this instance, and print its public part."""
    from hypervisor.citizens import push_key
    from hypervisor.citizens.address_key import AddressKey
    from hypervisor.citizens.subscriptions import require_key

    connection, settings = open_instance(context)
    require_key(settings)
    with connection:
        key = AddressKey(secret=settings.citizens_key)
        print(push_key.make(connection, key, author=author, replace=replace))
