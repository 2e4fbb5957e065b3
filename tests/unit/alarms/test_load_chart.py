"""The drawing of the alarms of each ten minutes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypervisor.alarms.load import WINDOW, Raised, Standing, measure
from hypervisor.alarms.service_load import LoadReport
from hypervisor.alarms.settings import AlarmSettings
from hypervisor.alarms.views_load import BOTTOM, LEFT, RIGHT, SPANS, Drawing, LoadSheet, draw_load
from hypervisor.base.instants import micros

PARIS = ZoneInfo("Europe/Paris")


def sheet(counts: Sequence[int], *, ends: datetime, span: str = "day") -> LoadSheet:
    begins = micros(ends - SPANS[span])
    raised = [
        Raised(at=begins + window * WINDOW + 1, rule="r", subject="s", title="t", severity="minor")
        for window, count in enumerate(counts)
        for _ in range(count)
    ]
    report = LoadReport(
        load=measure(raised, begins, micros(ends)),
        raised=raised,
        standing=Standing(alarms=0, long=0, stale=0),
        chattering=(),
        settings=AlarmSettings(),
    )
    return LoadSheet(report=report, counts=counts)


def day(*first: int, ends: datetime = datetime(2024, 10, 10, 12, tzinfo=UTC)) -> Drawing:
    return draw_load(sheet([*first, *[0] * (144 - len(first))], ends=ends), PARIS)


def test_nothing_has_no_bar_and_no_worst() -> None:
    drawing = day()
    assert (drawing.bars, drawing.over, drawing.worst) == ("", "", None)
    assert drawing.peak < drawing.average < BOTTOM


def test_more_than_the_target_stands_out() -> None:
    found = day(3, 12, 10)
    assert found.bars.count("M") == 2
    assert found.over.count("M") == 1
    assert found.worst is not None
    assert found.worst[1] < found.peak
    assert found.spells[0][0] > LEFT


def test_every_three_hours_on_the_readers_clock() -> None:
    found = day()
    hours = [tick.time.hour for tick in found.ticks if tick.time]
    assert hours == [15, 18, 21, 0, 3, 6, 9, 12]
    assert [tick.strong for tick in found.ticks].index(True) == 3


def test_a_week_over_the_end_of_summer_time() -> None:
    ends = datetime(2024, 10, 30, 12, tzinfo=UTC)
    found = draw_load(sheet([0] * 1_008, ends=ends, span="week"), PARIS)
    times = [tick.time for tick in found.ticks if tick.time]
    assert [at.hour for at in times] == [0] * 7
    apart = {b.at - a.at for a, b in zip(found.ticks, found.ticks[1:], strict=False)}
    assert max(apart) - min(apart) > 5  # one of the days has 25 hours
    assert all(LEFT <= tick.at <= RIGHT for tick in found.ticks)
