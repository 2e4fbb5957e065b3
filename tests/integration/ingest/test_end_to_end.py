"""From a gauge's publication to rows, the feed and the acknowledgement, on the real servers."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.settings import Settings
from hypervisor.database import feed
from hypervisor.database.connect import connect
from tests.integration.ingest.conftest import count, ingest, publisher, wait_for

pytestmark = pytest.mark.integration


def body(moment: datetime, **values: float | None) -> bytes:
    return json.dumps({"time": moment.isoformat(), "values": values}).encode()


def test_a_reading_is_stored_told_and_acknowledged(
    instance_settings: Settings, gauges: dict[str, str]
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with (
        ingest(instance_settings),
        publisher(instance_settings, "gauge-0", gauges["gauge-0"]) as gauge,
    ):
        for step in range(200):
            gauge.send("gauge-0", body(now - timedelta(minutes=step), level=1.5, battery=88))
        wait_for(instance_settings, lambda c: count(c) == 400)
        wait_for(
            instance_settings, lambda c: count(c, "worker WHERE heartbeat_at IS NOT NULL") == 1
        )
    with connect(instance_settings.database_url) as connection:
        entries, _ = feed.read(connection, "0")
        told = sum(len(entry.rows) for entry in entries if entry.kind == "readings")
        assert told == 400
        assert any(entry.kind == "heartbeat" and entry.worker == "ingest-1" for entry in entries)
    with ingest(instance_settings):  # nothing comes again: all was acknowledged
        wait_for(
            instance_settings,
            lambda c: count(c, "worker WHERE heartbeat_at > now() - interval '1 second'") == 1,
        )
    with connect(instance_settings.database_url) as connection:
        again, _ = feed.read(connection, "0")
        assert sum(len(entry.rows) for entry in again if entry.kind == "readings") == 400
        assert count(connection, "dead_letter") == 0
        assert count(connection, "ingest_gap") <= 1
