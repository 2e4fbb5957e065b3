"""What homes measured goes after thirty days, or at once; all others keep theirs."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hypervisor.stack import personal_data
from hypervisor.stack.personal_data import PersonalDataError
from tests.integration.evaluation.world import Sent, World
from tests.integration.web.conftest import two_towns

pytestmark = pytest.mark.integration
DAY = 24 * 60
TABLES = ("reading", "alarm", "transition", "alarm_act", "outbox", "incident_alarm", "rule_state")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Both gauges were in alarm at the beginning, and are again after forty days."""
    with closing(two_towns(database_url, "zorn")) as made:
        made.connection.execute("UPDATE site SET domain = 'telecare' WHERE name = 'zorn'")
        made.connection.commit()
        _calm(made, 20)
        for at, value in ((0, 3.5), (5, 4.2), (10, 4.2), (15, 4.2)):
            made.store(
                [Sent(site=site, at=40 * DAY + at, value=value) for site in ("orge", "zorn")]
            )
        made.beat(40 * DAY + 20)
        made.settle()
        yield made


def _calm(world: World, since: int) -> None:
    """Three hours in which nothing happens."""
    world.store(
        [
            Sent(site=site, at=at, value=1.0)
            for at in range(since, since + 180, 5)
            for site in ("orge", "zorn")
        ]
    )
    world.beat(since + 180)
    world.settle()


def _count(world: World, site: str) -> dict[str, Any]:
    row = world.connection.execute(
        "SELECT (SELECT count(*) FROM reading r JOIN series s ON s.id = r.series_id"
        "   JOIN device d ON d.id = s.device WHERE d.name = %(n)s),"
        " (SELECT count(*) FROM alarm WHERE subject = %(n)s),"
        " (SELECT count(*) FROM transition t JOIN alarm a ON a.id = t.alarm WHERE subject = %(n)s),"
        " (SELECT count(*) FROM rule_state WHERE subject = %(n)s AND time < %(old)s)",
        {"n": site, "old": datetime(2024, 1, 2, tzinfo=UTC) + timedelta(days=8)},
    ).fetchone()
    world.connection.rollback()
    assert row is not None
    return dict(zip(("readings", "alarms", "transitions", "states"), row, strict=True))


def test_homes_forget_after_thirty_days(world: World) -> None:
    orge, zorn = _count(world, "orge"), _count(world, "zorn")
    assert orge == zorn
    readings, alarms = personal_data.sweep(world.connection)
    world.connection.commit()
    assert readings == zorn["readings"] - 4
    assert 0 < alarms < zorn["alarms"]
    assert _count(world, "orge") == orge
    after = _count(world, "zorn")
    assert after["readings"] == 4
    assert after["alarms"] == zorn["alarms"] - alarms
    assert after["states"] < zorn["states"]
    assert personal_data.sweep(world.connection) == (0, 0)
    ((details,),) = world.connection.execute(
        "SELECT details FROM audit WHERE kind = 'retention'"
    ).fetchall()
    assert details["readings"] == readings
    # The evaluation goes on as if nothing had happened.
    before = world.connection.execute("SELECT id, ended FROM alarm WHERE ended IS NULL").fetchall()
    assert len(before) >= 2
    _calm(world, 40 * DAY + 25)
    ended = world.connection.execute("SELECT count(*) FROM alarm WHERE ended IS NULL").fetchone()
    assert ended == (0,)


def test_a_home_is_forgotten_at_once_and_only_when_its_alarms_are_over(world: World) -> None:
    with pytest.raises(PersonalDataError, match="active"):
        personal_data.forget(world.connection, "zorn", author="dpo", reason="left")
    _calm(world, 40 * DAY + 25)
    orge = _count(world, "orge")
    readings, alarms = personal_data.forget(world.connection, "zorn", author="dpo", reason="left")
    world.connection.commit()
    assert readings > 0
    assert alarms > 0
    left = _count(world, "zorn")
    assert (left["readings"], left["alarms"], left["transitions"]) == (0, 0, 0)
    assert left["states"] <= 1  # from when on its rule is inactive
    assert _count(world, "orge") == orge
