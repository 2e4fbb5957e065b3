"""Dashboards show nothing as calm beyond what is evaluated."""

from datetime import timedelta

import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("mode", Mode)
def test_a_time_is_evaluated_once_every_shard_has_come_there(database_url: str, mode: Mode) -> None:
    with connect(database_url, autocommit=True) as connection:
        instance_store.create(connection, Instance(mode=mode, name="test"))
        (now,) = connection.execute("SELECT now()").fetchone() or (None,)

        def ask(back: timedelta) -> bool:
            row = connection.execute("SELECT evaluated_at(%s)", [now - back]).fetchone()
            return bool(row and row[0])

        hour, none = timedelta(hours=1), timedelta(0)
        assert not ask(none), "nothing was ever evaluated"
        connection.execute("DELETE FROM evaluation_state")
        for shard, back in ((0, none), (1, hour)):
            connection.execute(
                "INSERT INTO evaluation_state (shard, cursor, watermark, evaluated_to, engine)"
                " VALUES (%s, '0', %s, %s, 'test')",
                [shard, now - hour, now - back],
            )
        assert ask(2 * hour)
        assert ask(hour)
        # An exercise stands at what its player has sent, here an hour back.
        assert ask(none) == (mode is Mode.EXERCISE)
        connection.execute("UPDATE evaluation_state SET evaluated_to = %s", [now])
        assert ask(none)
        connection.execute(
            "INSERT INTO set_aside (rule, subject, since, problem) VALUES ('x', '', %s, 'x')",
            [now - hour],
        )
        assert not ask(none)
        assert ask(2 * hour), "it was evaluated then"
