"""Builds and runs a notifier from settings; waits for a lost database."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from hypervisor.base.instance import InstanceError
from hypervisor.base.settings import SETTINGS_FILE, Settings
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.listener import translated
from hypervisor.notifications.dispatcher import Dispatcher, is_holiday
from hypervisor.notifications.loop import Notifier, RetryPolicy
from hypervisor.notifications.mqtt_channel import Broker
from hypervisor.notifications.sending import Sender, read_secrets
from sensors._domain import catalogue

_BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0)  # s between attempts to reach the database
_DOZE = 0.1  # s


def run_notifier(
    settings: Settings, *, stopping: Callable[[], bool], say: Callable[[str], None]
) -> None:
    """Notify until stopped; a lost database is logged and waited for."""
    failures = 0
    while not stopping():
        try:
            with translated(), connect(settings.database_url, autocommit=True) as connection:
                notifier = build_notifier(connection, settings, say)
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


def build_notifier(
    connection: Connection, settings: Settings, say: Callable[[str], None]
) -> Notifier:
    """A notifier on its own connection.

    Raises:
        InstanceError: the database has no instance yet.
    """
    return Notifier(
        connection=connection,
        dispatcher=build_dispatcher(connection, settings),
        send=Sender(
            broker=Broker(
                host=settings.broker_host,
                port=settings.parts_port,
                user=settings.broker_account("notify"),
                password=settings.broker_password,
            ),
            secrets=lambda: read_secrets(settings.data / SETTINGS_FILE),
            seconds=settings.notify_timeout_seconds,
        ),
        policy=RetryPolicy(
            timeout=settings.notify_timeout_seconds,
            retry=settings.notify_retry_seconds,
            give_up=settings.notify_give_up_hours * 3600,
        ),
        say=say,
        wall=wall_clock,
    )


def build_dispatcher(connection: Connection, settings: Settings) -> Dispatcher:
    """The dispatcher of an instance."""
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
        holiday=is_holiday,
        wall=wall_clock,
    )


def wall_clock() -> datetime:
    return datetime.now(UTC)
