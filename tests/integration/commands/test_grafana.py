"""The table of commands in Grafana: of a reader, without who ordered it and why."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from dashboards._describe import Section
from dashboards._sql import ALL
from dashboards.alarms import DASHBOARD
from hypervisor.database import panels
from tests.integration.commands.conftest import Room

pytestmark = pytest.mark.integration


def test_a_command_is_a_row_of_the_table(room: Room) -> None:
    text = "ROUTE INONDÉE"
    room.order(room.anne, "sign_text", "device/sign-1", parameters={"text": text})
    section = DASHBOARD.panels[-1]
    assert isinstance(section, Section)
    now = datetime.now(UTC)
    span = {"From": now - timedelta(hours=1), "To": now + timedelta(hours=1)}
    query = re.sub(r"\$\{\w+:sqlstring\}", ALL, section.panels[0].sql)
    query = re.sub(r"\$__time(From|To)\(\)", lambda edge: f"'{span[edge[1]]}'", query)
    with panels.reader(room.url, owner=True) as connection:
        answer = panels.run_query(connection, query)
        with pytest.raises(panels.PanelError, match="permission denied"):
            panels.run_query(connection, "SELECT author, reason FROM command")
    rows = [dict(zip(answer.names, row, strict=True)) for row in answer.rows]
    (row,) = [row for row in rows if row["value"] == text]
    assert (row["device"], row["place"], row["state"]) == ("sign-1", "Orge", "queued")
