"""Builds and runs a notifier from settings; waits for a lost database."""

from collections.abc import Callable
from datetime import UTC, datetime

from hypervisor.base.settings import SETTINGS_FILE, Settings
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.database.worker import keep_working
from hypervisor.notifications.brokers import BrokerWatch
from hypervisor.notifications.dispatcher import Dispatcher
from hypervisor.notifications.hours import is_holiday
from hypervisor.notifications.kinds import Broker
from hypervisor.notifications.loop import Notifier, RetryPolicy
from hypervisor.notifications.sending import Sender, read_secrets
from sensors._domain import catalogue


def run_notifier(
    settings: Settings, *, stopping: Callable[[], bool], say: Callable[[str], None]
) -> None:
    """Notify until stopped; a lost database is logged and waited for."""

    def work(connection: Connection) -> None:
        notifier = build_notifier(connection, settings, say)
        try:
            notifier.run(stopping)
        finally:
            notifier.close()

    keep_working("the notifier", settings.database_url, work, stopping=stopping, say=say)


def build_notifier(
    connection: Connection, settings: Settings, say: Callable[[str], None]
) -> Notifier:
    """A notifier on its own connection. Raises StoreError: the database has no instance yet."""
    return Notifier(
        connection=connection,
        dispatcher=build_dispatcher(connection, settings, say),
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
        brokers=BrokerWatch.of(settings, say),
    )


def build_dispatcher(
    connection: Connection, settings: Settings, say: Callable[[str], None] = lambda _words: None
) -> Dispatcher:
    """The dispatcher of an instance."""
    instance = instance_store.require(connection)
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
        say=say,
    )


def wall_clock() -> datetime:
    return datetime.now(UTC)
