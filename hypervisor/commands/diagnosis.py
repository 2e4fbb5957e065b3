"""Checks of commands to devices and of their sender."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypervisor.base.findings import Finding, bad, good, warning
from hypervisor.base.settings import Settings
from hypervisor.commands.arming import is_valid
from hypervisor.commands.queries import read_clock
from hypervisor.commands.queries_arming import Arming, list_armed
from hypervisor.commands.queries_health import read_health
from hypervisor.database.connect import Connection
from hypervisor.registry.queries_works import load_in_force

LATE = timedelta(seconds=30)
ENDING = timedelta(days=2)
_LIST = "`hypervisor commands list` says which, `hypervisor commands show KEY` why"


def check(connection: Connection, _settings: Settings, now: datetime) -> Iterator[Finding]:
    """The sender, and what waits or was lost; nothing while the database does not answer."""
    health = read_health(connection)
    rules = load_in_force(connection, "rule", read_clock(connection))
    armed = list_armed(connection)
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
    yield from _check_armed(armed, rules, now)
    if health.lost:
        what = f"{health.lost} were sent in the last day and not acknowledged or not confirmed"
        yield warning("commands", what, _LIST)


def _check_armed(
    armed: Sequence[Arming], rules: Mapping[str, Mapping[str, Any]], now: datetime
) -> Iterator[Finding]:
    """What may be sent without a person, and what no longer is."""
    valid = [each for each in armed if is_valid(each, rules)]
    if valid:
        where = ", ".join(
            f"{each.rule} at {each.site} until {each.ends:%Y-%m-%d}" for each in valid
        )
        yield good("armed rules", f"{where}: what they propose is sent without a person")
    for each in armed:
        if each not in valid:
            what = f"{each.rule} was revised since it was armed at {each.site}, and sends nothing"
            mend = f"`hypervisor armed-rules arm {each.rule} {each.site} …`, or disarm"
            yield warning("armed rules", what, mend)
        elif each.ends - now < ENDING:
            what = f"{each.rule} is armed at {each.site} until {each.ends:%Y-%m-%d %H:%M %Z} only"
            yield warning("armed rules", what, "arm it again if it is to send after that")
