"""The broker alone, in the foreground: for a container, whose engine supervises it."""

import logging
import os
from typing import NoReturn

from hypervisor.instance import Mode
from hypervisor.settings import Settings
from hypervisor.stack import binaries, password_file, passwords
from hypervisor.stack.account import current
from hypervisor.stack.broker import Broker
from hypervisor.stack.errors import StackError
from hypervisor.stack.folder import open_folder
from hypervisor.stack.ports import LOOPBACK
from hypervisor.stack.tls import Secured

log = logging.getLogger(__name__)


def run(settings: Settings, *, host: str, mode: Mode, secured: Secured | None = None) -> NoReturn:
    """Become the broker, with the accounts that the settings name.

    Raises:
        StackError: a password is missing, the password file is damaged, or we are root.
    """
    account = current()
    if account.uid == 0:
        raise StackError("the broker does not run as root; start it as another user")
    wanted = {passwords.INGEST: settings.broker_password}
    if mode is Mode.EXERCISE:
        wanted[passwords.PLAYER] = settings.player_password
    for name, password in wanted.items():
        if not password:
            raise StackError(f"no password for the account {name!r}: set it in the environment")
    folder = open_folder(settings.data, account)
    broker = Broker(
        folder=folder,
        programs=binaries.broker(),
        port=settings.broker_port,
        host=LOOPBACK if secured and secured.only else host,
        secured=secured,
    )
    mended = password_file.restore(folder)
    if mended:
        log.warning("%s", mended)
    broker.create()
    absent = frozenset({passwords.PLAYER}) - set(wanted)
    passwords.change(folder, broker.programs, put=wanted, drop=absent)
    program = str(broker.programs.mosquitto)
    os.execv(program, [program, "-c", str(broker.settings_file)])  # noqa: S606 -- we become it
