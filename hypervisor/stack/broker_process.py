"""The broker alone, in the foreground: for a container, whose engine supervises it."""

import logging
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import replace

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.broker import binaries, crash_notes, password_file, passwords
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import open_folder
from hypervisor.broker.keeper import run_keeper
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.server_account import server_account
from hypervisor.broker.tls import TlsListener

_TICK_SECONDS = 0.1
ENTER_SECONDS = 5.0  # between two tries to enter gaps into the ledger

_MISSING = "no password for the account {!r}: set it in the environment"

log = logging.getLogger(__name__)


def run(
    settings: Settings,
    *,
    host: str,
    mode: Mode,
    parts_host: str = LOOPBACK,
    secured: TlsListener | None = None,
) -> int:
    """Run the broker with the accounts of the settings until it ends; its exit status.

    Raises StackError: a password is missing, or the password file is damaged.
    """
    broker = replace(
        _configure(settings, host=host, parts_host=parts_host, secured=secured),
        mode=mode,
        sparkplug=settings.sparkplug and mode is Mode.LIVE,
    )
    player = {passwords.PLAYER: settings.player_password} if mode is Mode.EXERCISE else {}
    if not all(player.values()):
        raise StackError(_MISSING.format(passwords.PLAYER))
    crash_notes.note_death(broker.folder)
    repaired = password_file.restore(broker.folder)
    if repaired:
        log.warning("%s", repaired)
    broker.create()
    drop = frozenset({passwords.PLAYER}) - set(player)
    passwords.change(broker.folder, broker.programs, put=player, drop=drop)
    child = broker.start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # HUP: a renewed certificate
        signal.signal(number, lambda by, _frame: child.send_signal(by))
    entering = time.monotonic()
    with run_keeper(broker, log.warning) as keeper:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return child.wait(_TICK_SECONDS)
            keeper.tend()
            if time.monotonic() >= entering:  # the database may come after us
                entering = time.monotonic() + ENTER_SECONDS
                crash_notes.enter_gaps(broker.folder, settings.database_url)


def _configure(
    settings: Settings, *, host: str, parts_host: str, secured: TlsListener | None
) -> Broker:
    if not settings.broker_password:
        raise StackError(_MISSING.format(passwords.INGEST))
    if settings.broker_parts_port is None:
        raise StackError(
            "no port for the hypervisor's own parts: set HYPERVISOR_BROKER_PARTS_PORT, here and for"
            " each of them, and let devices reach HYPERVISOR_BROKER_PORT only"
        )
    return Broker(
        folder=open_folder(settings.data, server_account()),
        programs=binaries.find_broker(),
        port=settings.broker_port,
        parts_port=settings.broker_parts_port,
        parts_host=parts_host,
        password=settings.broker_password,
        former=settings.worker,
        host=LOOPBACK if secured and secured.only else host,
        secured=secured,
    )
