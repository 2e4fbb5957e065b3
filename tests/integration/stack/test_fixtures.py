"""The fixtures that every other test stands on."""

from collections.abc import Callable

import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings, load_settings
from hypervisor.broker.probe import ACCEPTED, connack
from hypervisor.database import instance
from hypervisor.database.connect import connect, migrate

pytestmark = pytest.mark.integration


def test_a_database_is_fresh_and_migrated(instance_settings: Settings) -> None:
    with connect(instance_settings.database_url) as connection:
        found = instance.read(connection)
        assert found is not None
        assert found.mode is Mode.LIVE
        assert connection.execute("SELECT count(*) FROM reading").fetchone() == (0,)
        assert migrate(connection) == []


def test_the_settings_file_says_the_same(exercise_settings: Settings) -> None:
    assert load_settings(exercise_settings.data) == exercise_settings


def test_accounts_are_let_in(instance_settings: Settings, add_device: Callable[[str], str]) -> None:
    host, port = instance_settings.broker_host, instance_settings.broker_port
    assert connack(host, port, "ingest", instance_settings.broker_password) == ACCEPTED
    assert connack(host, port, "poyo", add_device("poyo")) == ACCEPTED
