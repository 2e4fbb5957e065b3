"""Checks of commands to devices and of their sender."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from hypervisor.base.settings import Settings
from hypervisor.commands.queries_health import read_health
from hypervisor.database.connect import StoreError, connect, store_errors
from hypervisor.stack.doctor_machine import Finding, bad, good, warning

LATE = timedelta(seconds=30)
_LIST = "`hypervisor commands list` says which, `hypervisor commands show KEY` why"


def check_commands(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The sender, and what waits or was lost; nothing while the database does not answer."""
    try:
        with store_errors(), connect(settings.database_url) as connection:
            health = read_health(connection)
    except StoreError:  # the check of the database reports it
        return
    mend = "see log/commands.log of the data folder"
    if health.seen_at is None or now - health.seen_at > LATE:
        since = "never" if health.seen_at is None else f"{health.seen_at:%Y-%m-%d %H:%M:%S %Z}"
        waiting = f"; {health.queued} commands wait" if health.queued else ""
        yield bad("commands", f"no sender works; last seen: {since}{waiting}", mend)
    elif not health.connected:
        yield bad("commands", "the sender does not reach the broker", mend)
    else:
        yield good("commands", f"the sender works; {health.unconfirmed} commands under way")
    if health.unsigned:
        what = f"{health.unsigned} wait for a second signature"
        yield warning("commands", what, "a second controller signs them")
    if health.lost:
        what = f"{health.lost} were sent in the last day and not acknowledged or not confirmed"
        yield warning("commands", what, _LIST)
