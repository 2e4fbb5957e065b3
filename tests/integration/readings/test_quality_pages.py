"""The page of data quality, without a browser: gaps, and what ingest has done."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from hypervisor.database import gaps
from hypervisor.database.connect import connect
from hypervisor.database.gaps import Gap
from hypervisor.readings import queries_workers
from hypervisor.readings.queries_workers import Tally
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import (  # noqa: F401  fixtures
    NORTH,
    ClientOf,
    base,
    client,
    client_of,
    world,
)

pytestmark = pytest.mark.integration


def test_gaps_and_what_ingest_did_are_shown_to_every_account(
    client: httpx.Client,  # noqa: F811
    client_of: ClientOf,  # noqa: F811
    world: World,  # noqa: F811
) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    begins = noon - timedelta(days=2)
    ends = begins + timedelta(seconds=2)
    with connect(world.url) as connection:
        gap = Gap(cause="broker-dropped", worker="", begins=begins, ends=ends, messages=7113)
        gaps.add(connection, gap)
        (worker, *_) = queries_workers.list_workers(connection)
        queries_workers.record_heartbeat(
            connection,
            worker.name,
            0,
            Tally(messages=4711, rows=4712, refused=4713, repeated=4714),
        )
    for reader in (client, client_of("viewer", NORTH)):
        page = "".join(reader.get("/quality").text.split())
        hour = begins.astimezone(ZoneInfo("Europe/Paris")).hour
        assert f">{hour}:00:00\N{EN DASH}{hour}:00:02<" in page
        assert f"{hour}:00</time>" not in page, "the day, not the time once more"
        assert "Lafileducourtierétaitpleine." in page
        for figure in ("7113messagesabandonnés", ">4711<", ">4712<", ">4713<", ">4714<"):
            assert figure in page
