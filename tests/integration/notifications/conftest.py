"""A town, a mail server and a webhook for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from tests.integration.notifications.servers import MailServer, Webhook
from tests.integration.notifications.town import Town


@pytest.fixture
def town(database_url: str, tmp_path: Path) -> Iterator[Town]:
    settings = Settings(
        data=tmp_path,
        database_url=database_url,
        notify_timeout_seconds=0.5,
        notify_retry_seconds=0.05,
        public_url="https://town.example",
    )
    made = Town(url=database_url, connection=connect(database_url), settings=settings)
    made.found()
    yield made
    made.close()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def hook() -> Iterator[Webhook]:
    server = Webhook()
    server.start()
    yield server
    server.stop()
