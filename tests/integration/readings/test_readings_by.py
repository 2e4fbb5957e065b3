"""What pieces of time are told equals what the readings say, rolled up or not, without a seam."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypervisor.database.connect import connect
from hypervisor.readings import rollup
from sensors._quality import Quality
from tests.integration.evaluation.world import World, make_world
from tests.integration.readings.filling import ENERGY, LEVEL, numbers, store
from tests.integration.readings.reckoning import require_equal, roll, told

pytestmark = pytest.mark.integration

AUTUMN = datetime(2023, 10, 28, 20, tzinfo=UTC)  # before the night of 25 hours
SPRING = datetime(2024, 3, 30, 20, tzinfo=UTC)  # before the one of 23


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(make_world(database_url, connect(database_url))) as made:
        made.register(["orge"])
        made.connection.execute(
            "INSERT INTO series (device, quantity) SELECT id, 'lamp_energy' FROM device"
        )
        made.connection.commit()
        roll(made.url)  # it knows now what rises
        yield made


# Ten minutes: a few hours, in which much meets; the night of the change; late in a year.
TIMES = st.integers(0, 20) | st.integers(0, 300) | st.integers(0, 60_000)
ROW = st.tuples(
    st.sampled_from([LEVEL, ENERGY]),
    TIMES,
    st.integers(0, 50),
    st.sampled_from([0, 0, 0, int(Quality.OUT_OF_RANGE), int(Quality.INVALIDATED)]),
    st.integers(1, 9),
)
BATCHES = st.lists(st.lists(ROW, min_size=1, max_size=20), min_size=2, max_size=4)
SPAN = st.tuples(TIMES, TIMES)
WHOLE = timedelta(days=60)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    batches=BATCHES,
    rolled=st.sampled_from([[True, False, True, False], [True, True, False, False], [False] * 4]),
    span=SPAN,
    since=st.sampled_from([AUTUMN, SPRING]),
)
def test_it_equals_the_readings_whether_they_are_rolled_up_yet_or_not(
    world: World,
    batches: list[list[tuple[int, int, int, int, int]]],
    rolled: list[bool],
    span: tuple[int, int],
    since: datetime,
) -> None:
    connection, step = world.connection, timedelta(minutes=10)
    series = numbers(connection)
    asked = (since + min(span) * step, since + (max(span) + 1) * step)
    for batch, now in zip(batches, rolled, strict=False):
        store(
            connection,
            [
                (series[which], since + at * step, value / 10, quality, arrived)
                for which, at, value, quality, arrived in batch
            ],
        )
        if now:
            roll(world.url)
        require_equal(connection, asked)
    require_equal(connection, (since - WHOLE, since + 60_000 * step + WHOLE))
    connection.execute(
        "TRUNCATE reading, reading_version, rollup_hour, rollup_day, rollup_suspect, feed"
    )
    connection.commit()  # for the next example


def test_before_the_limit_of_readings_it_tells_hours_at_best(world: World) -> None:
    connection, border = world.connection, datetime(2023, 11, 2, tzinfo=UTC)  # of two chunks
    series, minute = numbers(connection), timedelta(minutes=1)
    span = (border - 180 * minute, border + 180 * minute)
    rows = [
        (series[which], border + at * minute, 300.0 + at, 0, 1)
        for which in (LEVEL, ENERGY)
        for at in range(-175, 180, 10)
    ]

    def said(every: str) -> dict[tuple[int, datetime], str]:
        return {key: str(one) for key, one in told(connection, every, span).items()}

    store(connection, rows)
    before = {every: said(every) for every in ("00:10", "01:00", "1 day")}
    with connection.transaction():
        rollup.freeze(connection, border - timedelta(days=7), border)
        connection.execute("DELETE FROM reading WHERE time < %s", [border])
    after = {every: said(every) for every in before}
    assert after["01:00"] == before["01:00"]
    assert after["1 day"] == before["1 day"]
    kept = {key: one for key, one in before["00:10"].items() if key[1] >= border}
    hours = {key: one for key, one in before["01:00"].items() if key[1] < border}
    assert after["00:10"] == {**hours, **kept}
    roll(world.url)  # what follows the limit still rises from what stood before it
    assert said("01:00") == before["01:00"]
