"""A reading that comes ten months late, from the gauge to every roll-up and to the API."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.mosquitto import Broker
from hypervisor.database.connect import connect
from tests.integration.ingest.conftest import Publisher, count, ingest, publisher, seed, wait_for
from tests.integration.readings.reckoning import COUNTER, require_equal, roll
from tests.integration.web.served import server, signed_in

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
THEN = NOW - timedelta(days=304)  # ten months


@pytest.fixture
def password(instance_settings: Settings, broker: Broker) -> str:
    """Of a gauge that counts energy, too."""
    url = instance_settings.database_url
    seed(url, ["gauge-0"])
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO series (device, quantity) SELECT id, %s FROM device", [COUNTER]
        )
        connection.execute("INSERT INTO feed (kind) VALUES ('registry')")
    made = passwords.new_password()
    accounts.change(broker, put={"gauge-0": made})
    return made


def _say(gauge: Publisher, at: datetime, level: float, energy: float) -> None:
    values = {"level": level, COUNTER: energy}
    gauge.send("gauge-0", json.dumps({"time": at.isoformat(), "values": values}).encode())


def _days(client: httpx.Client, quantity: str, span: str) -> list[dict[str, Any]]:
    ends = NOW + timedelta(days=1)
    answer = client.get(
        "/api/v1/readings",
        params={
            "series": f"gauge-0/{quantity}",
            "span": span,
            "from": (THEN - timedelta(days=2)).isoformat(),
            "to": ends.isoformat(),
        },
    )
    found: list[dict[str, Any]] = answer.json()["rolled"]
    return found


def test_it_is_right_in_every_roll_up_after_one_refresh(
    instance_settings: Settings, password: str
) -> None:
    url = instance_settings.database_url
    span = (THEN - timedelta(days=40), NOW + timedelta(days=1))
    late = THEN + timedelta(minutes=10)

    def right() -> None:
        with connect(url) as connection:
            require_equal(connection, span)

    with (
        ingest(instance_settings),
        publisher(instance_settings, "gauge-0", password) as gauge,
        server(url) as base,
        signed_in(base, url) as client,
    ):
        for at, level, energy in (
            (THEN, 1.0, 10.0),
            (THEN + timedelta(minutes=20), 1.1, 12.0),
            (NOW, 1.2, 40.0),
        ):
            _say(gauge, at, level, energy)
        wait_for(instance_settings, _stored(6))
        roll(url)
        right()
        before = {which: _days(client, "level", which) for which in ("hour", "day")}
        _say(gauge, late, 9.0, 11.0)
        wait_for(instance_settings, _stored(8))
        right()  # read from the readings as long as it is not rolled up
        assert roll(url) >= 2  # of both series that hour, and the counter's next
        right()
        for which in ("hour", "day"):
            first, *others = _days(client, "level", which)
            assert (first["count"], first["high"]) == (3, 9.0)
            assert others == before[which][1:]
        (risen, last) = _days(client, COUNTER, "day")
        assert (risen["increase"], last["increase"]) == (2.0, 28.0)


def _stored(rows: int) -> Callable[..., bool]:
    return lambda connection: count(connection) == rows
