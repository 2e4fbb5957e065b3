"""The commands for dead letters: list, show, and redrive with a shift of the clock."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.redriving import ShiftError
from hypervisor.settings import Settings
from hypervisor.store.connect import connect
from hypervisor.store.intake import dead_letters
from ingest.message import Letter
from tests.integration.ingest.conftest import count, hypervisor, seed

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC).replace(microsecond=0)


def letter(payload: object, reason: str, device: str = "gauge-0") -> Letter:
    return Letter(
        topic=f"devices/{device}/readings",
        payload=json.dumps(payload).encode(),
        reason=reason,
        detail=f"{reason} [said] in words",
        received_at=round(NOW.timestamp() * 1e6),
        again=False,
    )


def test_list_show_and_redrive(instance_settings: Settings) -> None:
    settings = instance_settings
    seed(settings.database_url)
    ahead = (NOW + timedelta(hours=1)).isoformat()
    with connect(settings.database_url) as connection:
        dead_letters.add(
            connection,
            [
                letter({"time": ahead, "values": {"level": 1.5, "battery": 80}}, "time-ahead"),
                letter({"time": ahead, "values": {"level": 1.5, "ph": 7}}, "time-ahead", "gauge-1"),
                letter({"time": ahead, "values": {"level": 1.5}}, "unknown-device", "stranger"),
            ],
            "one",
        )
    listed = hypervisor(settings, "dead-letters", "list", "--json", "--reason", "time-ahead")
    found = [json.loads(line) for line in listed.splitlines()]
    assert [one["reason"] for one in found] == ["time-ahead", "time-ahead"]
    table = hypervisor(settings, "dead-letters", "list")
    assert "[said]" in table
    shown = hypervisor(settings, "dead-letters", "show", str(found[0]["id"]))
    assert "gauge-0" in shown
    assert '"battery"' in shown
    unshifted = hypervisor(settings, "dead-letters", "redrive", "--reason", "time-ahead")
    assert "0 readings stored, 2 letters refused again" in unshifted
    shifted = hypervisor(settings, "dead-letters", "redrive", "--shift", "-1h")
    assert "3 letters: 3 readings stored, 2 letters refused again" in shifted
    with pytest.raises(ShiftError, match="such as -1h"):
        hypervisor(settings, "dead-letters", "redrive", "--shift", "soon")
    with connect(settings.database_url) as connection:
        rows = connection.execute("SELECT time, received_at FROM reading").fetchall()
        assert rows == [(NOW, NOW)] * 3
        waiting = dead_letters.find(connection)
        assert sorted(one.reason for one in waiting) == ["unknown-device", "unknown-quantity"]
        rest = next(one for one in waiting if one.reason == "unknown-quantity")
        assert json.loads(rest.payload)["values"] == {"ph": 7}
        assert count(connection, "feed WHERE kind = 'readings'") == 1
