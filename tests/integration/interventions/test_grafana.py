"""The table of work orders in Grafana: of a reader, without what people wrote."""

import re
from datetime import timedelta

import pytest

from dashboards._describe import Section
from dashboards._sql import ALL
from dashboards.alarms import DASHBOARD
from hypervisor.database import panels
from tests.integration.interventions.conftest import Room
from tests.integration.web.conftest import ORGE
from tests.integration.web.served import NOW

pytestmark = pytest.mark.integration


def run_table(room: Room, *, site: str = ALL) -> list[dict[str, object]]:
    (section,) = [part for part in DASHBOARD.panels if part.key == "interventions"]
    assert isinstance(section, Section)
    span = {"From": NOW - timedelta(hours=1), "To": NOW + timedelta(hours=1)}
    query = section.panels[0].sql.replace("${site:sqlstring}", site)
    query = re.sub(r"\$\{\w+:sqlstring\}", ALL, query)
    query = re.sub(r"\$__time(From|To)\(\)", lambda edge: f"'{span[edge[1]]}'", query)
    with panels.reader(room.world.url, owner=True) as connection:
        answer = panels.run_query(connection, query)
        for column in ("title", "description", "address"):
            with pytest.raises(panels.PanelError, match="permission denied"):
                panels.run_query(connection, f"SELECT {column} FROM intervention")  # noqa: S608
        for table in ("intervention_event", "intervention_photo", "team_member"):
            with pytest.raises(panels.PanelError, match="permission denied"):
                panels.run_query(connection, f"SELECT 1 FROM {table}")  # noqa: S608
    return [dict(zip(answer.names, row, strict=True)) for row in answer.rows]


def test_orders_with_and_without_a_site_are_rows(live: Room) -> None:
    at_site = live.order(priority="high")["id"]
    elsewhere = live.order(site=None, team=None, commune=ORGE, address="lock 3")["id"]
    rows = {row["number"]: row for row in run_table(live)}
    assert (rows[at_site]["team"], rows[at_site]["place"]) == ("North", "Orge")
    assert (rows[at_site]["state"], rows[at_site]["priority"]) == ("assigned", "high")
    assert (rows[elsewhere]["team"], rows[elsewhere]["state"]) == (None, "open")
    assert rows[elsewhere]["place"] not in (None, "Orge"), "its commune"
    chosen = [row["number"] for row in run_table(live, site="'orge'")]
    assert at_site in chosen
    assert elsewhere not in chosen
