"""`hypervisor mailing`: warnings to citizens, apart from operators' notifications.

Each channel has a lane of its own: what the mail server does not take delays no browser.
"""

import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import get_args
from zoneinfo import ZoneInfo

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.citizens import channels
from hypervisor.citizens import queries_subscriptions as queries
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.lane import Lane, Say
from hypervisor.citizens.queries_subscriptions import ChannelName
from hypervisor.citizens.writer import Writer
from hypervisor.database import events, locks
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, listen, wait_for_notification
from hypervisor.database.worker import Loops, keep_working
from hypervisor.publications import hazards
from hypervisor.publications.service import load_publisher

_IDLE = 2.0  # s
_SWITCH = 0.0005  # s that a thread may hold the interpreter: a lane has many, which encrypt
_DRAIN = 5.0  # s for what is on its way when the part stops
_CHANNELS: tuple[ChannelName, ...] = get_args(ChannelName)


def run(
    settings: Settings, *, stopping: Callable[[], bool], say: Say, clock: Callable[[], datetime]
) -> None:
    """Send by all channels until stopped; each lives by itself."""

    def make_loop(name: ChannelName) -> Callable[[Callable[[], bool]], None]:
        return lambda is_over: run_lane(name, settings, is_over, say, clock)

    sys.setswitchinterval(_SWITCH)
    loops = {f"the lane of {name}": make_loop(name) for name in _CHANNELS}
    Loops(loops=loops, stopping=stopping, say=say).run()


def run_lane(
    name: ChannelName,
    settings: Settings,
    stopping: Callable[[], bool],
    say: Say,
    clock: Callable[[], datetime],
) -> None:
    """Send by one channel until stopped; an exercise, or one that is off, sends nothing."""

    def work(connection: Connection) -> None:
        if not locks.stand_by(connection, channels.LOCKS[name], stopping, say):
            return
        lane = build_lane(name, connection, settings, say, clock)
        if lane is None:
            say(_explain(name, instance_store.require(connection).mode))
        while lane is None:  # the key at push services may be made later
            wait_for_notification(connection, _IDLE)
            if stopping():
                return
            lane = build_lane(name, connection, settings, say, clock)
        released = queries.release(connection, name)
        if released:
            say(f"{released} of {name} were on their way when the last sender died")
        queries.analyze(connection)
        listen(connection, events.CHANNEL)
        with closing(lane):
            while not stopping():
                lane.wait(lane.turn())
            lane.finish(_DRAIN)

    keep_working(f"the lane of {name}", settings.database_url, work, stopping=stopping, say=say)


def _explain(name: ChannelName, mode: Mode) -> str:
    if mode is Mode.EXERCISE:
        return f"an exercise sends nothing to citizens: {name}"
    needs = {
        "mail": "HYPERVISOR_CITIZENS_MAIL",
        "push": "HYPERVISOR_CITIZENS_PUSH and `hypervisor citizens push-key`",
    }
    return (
        f"nothing to citizens by {name}: this takes HYPERVISOR_PUBLIC_PAGE=public, _PUBLIC_URL,"
        f" _CITIZENS_KEY (32 characters or more), and {needs[name]}"
    )


def build_lane(
    name: ChannelName,
    connection: Connection,
    settings: Settings,
    say: Say,
    clock: Callable[[], datetime],
) -> Lane | None:
    """A lane on its own connection; None: the settings have none."""
    instance = instance_store.require(connection)
    hazards.use_file(hazards.find_file(settings))
    publisher = load_publisher(settings, instance)
    zone = ZoneInfo(instance.timezone)
    key = AddressKey(secret=settings.citizens_key)
    writer = Writer(key=key, publisher=publisher.name, address=publisher.address, zone=zone)
    channel = channels.open_channel(name, connection, settings, writer)
    if channel is None:
        return None
    return Lane(connection=connection, channel=channel, key=key, zone=zone, say=say, clock=clock)
