"""What is older than the settings keep goes, and nothing else; in an exercise by its own clock."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.instants import moment
from hypervisor.database import audit
from hypervisor.database.connect import connect
from hypervisor.database.steps import Steps
from hypervisor.readings import queries_corrections, queries_history, queries_retention
from hypervisor.stack import housekeeping, personal_data
from hypervisor.stack.housekeeping import Sweep
from sensors._row import NEVER
from tests.integration.evaluation.world import Sent, World, make_world, us

pytestmark = pytest.mark.integration

DAY = 24 * 60  # minutes
DAYS = {"readings": 30, "dead_letters": 30, "imported": None}
NOW = 100 * DAY


@pytest.fixture
def old(database_url: str) -> Iterator[World]:
    """A gauge that spoke once a day for a hundred days of a scenario, judged to its end."""
    world = make_world(database_url, connect(database_url))
    world.register(["mill", "weir"])
    world.join()
    world.store(Sent(site="mill", at=day * DAY, value=2.0) for day in range(100))
    world.beat(NOW)
    world.settle()
    yield world
    world.close()


def sweep(world: World, *, agree: bool = False, **days: int | None) -> Sweep:
    with connect(world.url, autocommit=True) as connection:
        return housekeeping.sweep(connection, {**DAYS, **days}, agree=agree)


def stored(world: World, name: str = "mill") -> list[int]:
    """The days of which readings are stored."""
    series = world.numbers[name, "level"]
    found = queries_history.read_spans(world.connection, [(series, us(-1000 * DAY), None)])
    world.connection.commit()
    return [round((time - us(0)) / us_day()) for time in found["time"].tolist()]


def us_day() -> int:
    return us(DAY) - us(0)


def test_what_is_older_goes_and_nothing_younger(old: World) -> None:
    done = sweep(old)
    left = stored(old)
    assert left == list(range(left[0], 100))
    assert 70 - 7 < left[0] <= 70  # by chunks of seven days, never too much
    assert done.readings == left[0]
    assert sweep(old).readings == 0


def test_what_cannot_be_deleted_keeps_nothing_else(
    old: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(personal_data, "sweep", fail)
    said: list[str] = []
    steps = Steps(say=said.append)
    with connect(old.url, autocommit=True) as connection:
        done = housekeeping.sweep(connection, DAYS, run=steps.run)
    assert said == ["deleting personal data failed (KeyError: 'x'); again in 1 s"]
    assert len(stored(old)) == 100 - done.readings < 100


def test_what_could_not_be_deleted_is_not_counted(
    old: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(queries_retention, "drop_chunk", fail)
    said: list[str] = []
    with connect(old.url, autocommit=True) as connection:
        done = housekeeping.sweep(connection, DAYS, run=Steps(say=said.append).run)
    assert (done.readings, len(stored(old)), len(said)) == (0, 100, 1)


def test_it_is_audited_with_counts(old: World) -> None:
    done = sweep(old)
    acts = audit.list_acts(old.connection, kind="retention")
    assert sum(act.details["readings"] for act in acts) == done.readings > 0
    assert {act.author for act in acts} == {"housekeeping"}


def test_a_look_changes_nothing(old: World) -> None:
    with connect(old.url, autocommit=True) as connection:
        would = housekeeping.preview(connection, DAYS)
    assert stored(old) == list(range(100))
    assert would.readings == sweep(old).readings
    assert "readings before 2024-03-11" in would.text()


def test_in_an_exercise_now_is_the_scenarios(old: World) -> None:
    assert sweep(old, readings=120).readings == 0  # though by the wall all of it is older


def test_nothing_goes_that_was_not_judged_yet(old: World) -> None:
    old.connection.execute("UPDATE evaluation_state SET watermark = %s", ["2024-01-20T00:00Z"])
    old.connection.commit()
    assert sweep(old).readings == 0
    old.connection.execute("UPDATE evaluation_state SET watermark = NULL")
    old.connection.commit()
    assert sweep(old, readings=1, agree=True).readings == 0


def test_the_last_good_reading_of_a_series_stays(old: World) -> None:
    """A door that was opened long ago is open still."""
    old.store(
        [
            Sent(site="weir", at=3 * DAY, value=1.0),
            Sent(site="weir", at=4 * DAY, value=2.0),
            Sent(site="weir", at=5 * DAY, value=None, quality=2),
        ]
    )
    done = sweep(old)
    assert stored(old, "weir") == [4]
    assert sum(chunk.kept for chunk in done.chunks) == 1
    assert sweep(old).readings == 0


def test_imported_history_stays_unless_a_setting_says_otherwise(old: World) -> None:
    old.store(
        Sent(site="mill", at=day * DAY, value=2.0, received=NEVER) for day in range(-400, -390)
    )
    sweep(old)
    assert stored(old)[:10] == list(range(-400, -390))
    done = sweep(old, imported=300, agree=True)
    assert done.readings == 10
    assert stored(old)[0] > 60


def test_versions_go_with_their_readings(old: World) -> None:
    old.store([Sent(site="mill", at=DAY, value=2.5, received=NOW)])
    old.store([Sent(site="mill", at=99 * DAY, value=2.5, received=NOW)])
    sweep(old)
    rows = old.connection.execute("SELECT time FROM reading_version").fetchall()
    assert len(rows) == 2  # both of day 99


def test_a_manual_observation_goes_like_any_reading(old: World) -> None:
    series = old.numbers["mill", "battery"]
    with old.connection.transaction():
        for day in (1, 2):
            act = audit.record(old.connection, kind="observe", subject="x", reason="seen")
            seen = queries_corrections.StoredReading(
                series=series,
                time=_at(day),
                value=50.0,
                quality=32,
                received_at=None,
                act=None,
            )
            queries_corrections.observe(old.connection, seen, act=act, at=_at(day))
    done = sweep(old)
    rows = old.connection.execute("SELECT time FROM reading WHERE series_id = %s", [series])
    assert [row[0] for row in rows] == [_at(2)]  # the last of its series
    assert done.readings > 1


def _at(day: int) -> datetime:
    return moment(us(day * DAY))


def test_a_shorter_setting_waits_until_somebody_agrees(old: World) -> None:
    sweep(old, readings=90)
    first = stored(old)[0]
    waiting = sweep(old, readings=30)
    assert waiting.shorter == ("raw_retention_days is 30 now and was 90",)
    assert stored(old)[0] == first
    agreed = sweep(old, readings=30, agree=True)
    assert agreed.shorter == ()
    assert stored(old)[0] > 60
    assert sweep(old, readings=400).shorter == ()  # longer needs nobody


def test_dead_letters_go_by_their_own_setting(old: World) -> None:
    old.connection.cursor().executemany(
        "INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker)"
        " VALUES ('t', '', 'r', 'd', %s, 'one')",
        [[_at(day)] for day in (10, 60, 90)],
    )
    old.connection.commit()
    assert sweep(old, readings=400).dead_letters == 2


def test_a_live_instance_keeps_by_the_wall(database_url: str) -> None:
    world = make_world(database_url, connect(database_url), mode=Mode.LIVE)
    world.register(["mill"])
    world.join()
    world.store(Sent(site="mill", at=day * DAY, value=2.0) for day in range(100))
    world.beat(1000 * DAY)  # judged to 2026-09-27
    world.settle()
    assert sweep(world).readings > 0
    world.close()
