"""Panes of a chart: gaps, marks of quality, thresholds, lanes of states, lamps and alarms."""

import itertools
from collections.abc import Iterator

import pytest

from hypervisor.base.reader import reading
from hypervisor.charts.draw import draw_chart, time_scale
from hypervisor.charts.lanes import draw_alarms, draw_bars, draw_strip, list_state_spans, wrap_words
from hypervisor.charts.lines import (
    count_shared_letters,
    draw_lines,
    fit_label,
    list_gaps,
    split_at_gaps,
    spread_labels,
)
from hypervisor.charts.model import (
    AlarmLane,
    AlarmPane,
    BarPane,
    Chart,
    Crossing,
    Extrapolation,
    LaneRow,
    Limit,
    LinePane,
    StripPane,
)
from hypervisor.charts.shapes import Mark
from hypervisor.readings.queries_charts import FlaggedReading
from sensors._quality import Quality
from sensors._quantity import Kind
from tests.unit.charts.charts import HOUR, OVER, READER, START, of_class, spans, texts, trace

RISING = [(hour, 1.0 + hour / 10) for hour in range(9)]


@pytest.fixture(autouse=True)
def _reader() -> Iterator[None]:
    with reading(READER):
        yield


def test_silence_is_a_gap_and_the_line_stops() -> None:
    told = trace([(0, 1.0), (1, 1.0), (6, 1.2), (7, 1.3)])
    assert list_gaps(told, OVER) == [(START + HOUR, START + 6 * HOUR)]
    assert [len(run) for run in split_at_gaps(told, OVER)] == [2, 2]


def test_a_gauge_that_fell_silent_is_hatched_up_to_now_and_no_further() -> None:
    told = trace([(0, 1.0), (1, 1.0), (2, 1.2)])
    shapes = list(draw_lines(LinePane(title="", traces=[told]), OVER, 0))
    assert spans(shapes, "no") == [(2.0, 8.0)]
    assert "missing" in texts(shapes)


def test_what_speaks_on_change_is_never_missing() -> None:
    assert list_gaps(trace([(0, 1.0)], stale_s=None), OVER) == []


def test_suspect_and_manual_readings_are_marked() -> None:
    told = trace(
        RISING,
        marked=[
            FlaggedReading(at=START + HOUR, value=9.0, quality=Quality.OUT_OF_RANGE),
            FlaggedReading(at=START + 2 * HOUR, value=None, quality=Quality.SENSOR_FAULT),
            FlaggedReading(at=START + 3 * HOUR, value=1.3, quality=Quality.MANUAL),
        ],
    )
    shapes = list(draw_lines(LinePane(title="", traces=[told]), OVER, 0))
    assert len(of_class(shapes, "x")) == 2
    assert len(of_class(shapes, "q")) == 1
    assert "2 set aside or suspect" in texts(shapes)
    assert "manual reading 03:00" in texts(shapes)


def test_thresholds_are_named_with_the_mark_of_their_alarm() -> None:
    pane = LinePane(
        title="Level, m",
        traces=[trace(RISING)],
        limits=[
            Limit(label="attention", value=1.4, priority=3),
            Limit(label="alert", value=1.6, priority=2),
            Limit(label="zero", value=1.1, priority=None),
        ],
        main=True,
    )
    shapes = list(draw_lines(pane, OVER, 0))
    assert {"attention 1.40", "alert 1.60", "zero 1.10"} <= set(texts(shapes))
    assert [shape.priority for shape in shapes if isinstance(shape, Mark)] == [3, 2]
    assert len(of_class(shapes, "strip")) == 2


def test_names_beside_a_chart_never_lie_on_one_another() -> None:
    places = spread_labels([100, 98, 96, 20], top=10, bottom=120)
    assert all(a - b >= 17 for a, b in itertools.pairwise(places))
    assert places[0] == 100


def test_the_present_rate_is_carried_on_and_says_that_it_is_no_forecast() -> None:
    ahead = Extrapolation(
        at=START + 8 * HOUR,
        value=1.8,
        rate=0.1 / HOUR,
        slack=0.02 / HOUR,
        until=START + 14 * HOUR,
        reaches=[Crossing(at=START + 9 * HOUR, value=1.9, label="school")],
    )
    shapes = list(draw_lines(LinePane(title="", traces=[trace(RISING)], ahead=ahead), OVER, 0))
    assert "at the present rate, no forecast" in texts(shapes)
    assert "09:00 school" in texts(shapes)
    (line,) = of_class(shapes, "pr")
    assert not isinstance(line, Mark)
    assert str(line.attributes["d"]).startswith("M800.0 ")


def test_an_amount_is_drawn_over_the_time_that_it_fell_in() -> None:
    rain = trace([(2, 5.0), (3, 0.0)], unit="mm", kind=Kind.INCREMENT)
    shapes = list(draw_bars(BarPane(title="Rain", trace=rain), OVER, 0))
    ((left, right),) = spans(shapes, "rain")
    assert left == pytest.approx(1.0)
    assert right == pytest.approx(2.0, abs=0.02)


def test_a_state_holds_from_before_the_chart_until_it_changes() -> None:
    door = trace([(3, 1.0), (5, 0.0)], kind=Kind.STATE, stale_s=None, before=(START - HOUR, 0.0))
    found = [
        ((a - START) / HOUR, (b - START) / HOUR, value)
        for a, b, value in list_state_spans(door, OVER)
    ]
    assert found == [(0, 3, 0), (3, 5, 1), (5, 8, 0)]


def test_a_lamp_without_supply_is_not_missing() -> None:
    dark = trace([(0, 100.0), (1, 100.0)], unit="%")
    always = LaneRow(name="lamp-1", trace=dark)
    switched = LaneRow(name="lamp-2", trace=dark, speaks=[(START + 5 * HOUR, START + 7 * HOUR)])
    shapes = list(draw_strip(StripPane(title="", rows=[always, switched]), OVER, 0))
    assert spans(shapes, "no") == [(1.0, 8.0), (5.0, 7.0)]


def test_an_alarm_is_full_until_somebody_acknowledged_it() -> None:
    lane = AlarmLane(
        number=1,
        label="Level",
        steps=[(START + HOUR, 3), (START + 4 * HOUR, 2)],
        until=None,
        seen=START + 2 * HOUR,
        state="ack",
    )
    shapes = list(draw_alarms(AlarmPane(lanes=[lane]), OVER, 0))
    full = list(spans([s for s in shapes if "a" not in _css(s)], "band"))
    clear = spans([shape for shape in shapes if "a" in _css(shape)], "band")
    assert full == [(1.0, 2.0)]
    assert clear == [(2.0, 4.0), (4.0, 8.0)]


def _css(shape: object) -> list[str]:
    return str(getattr(shape, "css", "")).split()


def test_a_long_name_is_cut_rather_than_laid_over_the_bar() -> None:
    lane = AlarmLane(
        number=1, label="x" * 90, steps=[(START + 2 * HOUR, 1)], until=None, seen=None, state="un"
    )
    said = texts(list(draw_alarms(AlarmPane(lanes=[lane]), OVER, 0)))
    assert any(0 < len(one) < 40 and one.startswith("xxx") for one in said)


@pytest.mark.parametrize("width", [320.0, 884.0, 1_700.0])
def test_nothing_is_drawn_beside_the_canvas(width: float) -> None:
    chart = Chart(
        first=OVER.first,
        last=OVER.last,
        now=OVER.now,
        width=width,
        panes=(LinePane(title="Level, m", traces=[trace(RISING)], main=True), AlarmPane(lanes=())),
    )
    drawing = draw_chart(chart)
    over = time_scale(chart)
    assert 0 < over.left < over.right < width
    rects = [s for s in drawing.shapes if not isinstance(s, Mark) and s.tag == "rect"]
    assert all(
        float(rect.attributes["x"]) + float(rect.attributes["width"]) <= width for rect in rects
    )
    assert drawing.data["series"][0]["points"][0] == [round(START), 1.0]


def test_a_threshold_keeps_its_value_whatever_it_is_called() -> None:
    assert fit_label("alert", "1.90") == "alert 1.90"
    told = fit_label("free speed of the road", "105.0")
    assert told.endswith(" 105.0")
    assert len(told) <= 16


def test_words_wrap_and_names_lose_what_they_share() -> None:
    assert wrap_words("rain over the catchment, mm/h", 12) == [
        "rain over",
        "the",
        "catchment,",
        "mm/h",
    ]
    names = ["Current of phase 1", "Current of phase 2"]
    assert [name[count_shared_letters(names) :] for name in names] == ["1", "2"]
    assert count_shared_letters(["Gust", "Wind"]) == 0
