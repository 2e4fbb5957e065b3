"""Notify wired: settings -> database, channels, calendar; a database that goes is waited for."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from hypervisor.base.instance import InstanceError
from hypervisor.base.settings import SETTINGS_FILE, Settings
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.listener import translated
from hypervisor.notifications.dispatcher import Dispatcher, holiday_of
from hypervisor.notifications.loop import Notifier, Pace
from hypervisor.notifications.mqtt_channel import Broker
from hypervisor.notifications.sending import Post, secrets_of
from sensors._domain import catalogue

_BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0)  # s between two tries to reach the database
_DOZE = 0.1  # s


def run(settings: Settings, *, stopping: Callable[[], bool], say: Callable[[str], None]) -> None:
    """Notify until told to stop. A lost database is waited for, and said."""
    failures = 0
    while not stopping():
        try:
            with translated(), connect(settings.database_url, autocommit=True) as connection:
                notifier = made(connection, settings, say)
                failures = 0
                try:
                    notifier.run(stopping)
                finally:
                    notifier.close()
        except StoreError as error:
            delay = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
            say(f"{error}; trying again in {delay:g} s")
            failures += 1
            until = time.monotonic() + delay
            while time.monotonic() < until and not stopping():
                time.sleep(_DOZE)


def made(connection: Connection, settings: Settings, say: Callable[[str], None]) -> Notifier:
    """A notifier on a connection of its own.

    Raises:
        InstanceError: the database is no instance yet.
    """
    return Notifier(
        connection=connection,
        office=office_of(connection, settings),
        send=Post(
            broker=Broker(
                host=settings.broker_host,
                port=settings.parts_port,
                user=settings.broker_account("notify"),
                password=settings.broker_password,
            ),
            secrets=lambda: secrets_of(settings.data / SETTINGS_FILE),
            seconds=settings.notify_timeout_seconds,
        ),
        pace=Pace(
            timeout=settings.notify_timeout_seconds,
            retry=settings.notify_retry_seconds,
            give_up=settings.notify_give_up_hours * 3600,
        ),
        say=say,
        wall=wall,
    )


def office_of(connection: Connection, settings: Settings) -> Dispatcher:
    """What decisions stand on."""
    instance = instance_store.read(connection)
    if instance is None:
        raise InstanceError(
            "this database has not been said to be live or an exercise; run `hypervisor up`"
            " or `hypervisor migrate` first"
        )
    link = settings.public_url or f"http://{settings.web_host}:{settings.web_port}"
    return Dispatcher(
        instance=instance,
        link=link.rstrip("/"),
        quantities={
            name: {"en": quantity.label_en.lower(), "fr": quantity.label_fr.lower()}
            for name, quantity in catalogue().quantities.items()
        },
        holiday=holiday_of,
        wall=wall,
    )


def wall() -> datetime:
    return datetime.now(UTC)
