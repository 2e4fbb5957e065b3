"""The load of EEMUA 191, on an afternoon counted by hand."""

from dataclasses import replace

from hypervisor.alarms.load import WINDOW, Flood, Frequent, Raised, count_windows, measure


def _raised(window: int, times: int, severity: str = "minor", rule: str = "r") -> list[Raised]:
    return [
        Raised(
            at=window * WINDOW + 1 + n, rule=rule, subject="s", title=f"{rule} s", severity=severity
        )
        for n in range(times)
    ]


def test_rates_and_floods() -> None:
    raised = [
        *_raised(1, 10),  # not yet more than ten
        *_raised(3, 11),  # a flood begins
        *_raised(4, 6),
        *_raised(5, 5),
        *_raised(6, 4),  # fewer than five: it is over
        *_raised(9, 12),
    ]
    load = measure(raised, 0, 12 * WINDOW)
    assert load.alarms == 48
    assert (load.average, load.peak, load.peak_at) == (4.0, 12, 9 * WINDOW)
    assert load.over == 16.7  # two windows of twelve
    assert [
        (flood.begins // WINDOW, flood.ends // WINDOW, flood.alarms) for flood in load.floods
    ] == [
        (3, 6, 22),
        (9, 10, 12),
    ]
    assert measure(raised, 0, 10 * WINDOW).floods[-1].ends == 10 * WINDOW


def test_frequent_and_priorities() -> None:
    raised = [
        *_raised(0, 1, "critical", "a"),
        *_raised(0, 3, "major", "b"),
        *_raised(0, 15, "minor", "c"),
        *_raised(0, 1, "info", "d"),
    ]
    load = measure(raised, 0, WINDOW)
    assert [(frequent.rule, frequent.times, frequent.percent) for frequent in load.frequent] == [
        ("c", 15, 75.0),
        ("b", 3, 15.0),
        ("a", 1, 5.0),
        ("d", 1, 5.0),
    ]
    assert load.priorities == {"high": 5.0, "medium": 15.0, "low": 80.0}


def test_nothing_and_what_lies_outside() -> None:
    load = measure(_raised(5, 3), 0, 5 * WINDOW)
    assert (load.alarms, load.average, load.peak, load.peak_at, load.over) == (0, 0.0, 0, None, 0.0)
    assert (load.floods, load.frequent) == ((), ())
    assert load.priorities == {"high": 0.0, "medium": 0.0, "low": 0.0}


def test_alarms_of_each_window_from_the_first_on() -> None:
    at = [0, 1, WINDOW, WINDOW + 1, 3 * WINDOW, 3 * WINDOW + 1]
    raised = [Raised(at=one, rule="r", subject="s", title="t", severity="minor") for one in at]
    assert count_windows(raised, 0, 3 * WINDOW) == [2, 1, 1]  # (begins, ends]
    assert count_windows(raised, 0, 3 * WINDOW + 1) == [2, 1, 1, 1]
    assert count_windows([], 0, 1) == [0]
    assert measure(raised, 0, 3 * WINDOW).alarms == 4


def test_what_is_raised_is_told_with_its_title_the_ten_most_frequent_alone() -> None:
    raised = [one for n in range(12) for one in _raised(0, 12 - n, rule=f"r{n:02}")]
    raised += _raised(0, 12, rule="a")
    load = measure(raised, 0, WINDOW)
    assert [one.rule for one in load.frequent] == ["a", *(f"r{n:02}" for n in range(9))]
    first = load.frequent[0]
    assert first == Frequent(rule="a", subject="s", title="a s", times=12, percent=13.3)


def test_the_first_of_the_fullest_windows_is_the_peak() -> None:
    load = measure([*_raised(2, 3), *_raised(1, 3)], 0, 4 * WINDOW)
    assert (load.peak, load.peak_at) == (3, WINDOW)


def test_a_span_that_is_no_whole_number_of_windows() -> None:
    load = measure(_raised(0, 11), 0, WINDOW + 1)
    assert (load.begins, load.ends, load.over, load.average) == (0, WINDOW + 1, 50.0, 11.0)
    short = measure([replace(one, at=8) for one in _raised(0, 1)], 7, 8)
    assert (short.alarms, short.average, short.peak_at) == (1, WINDOW, 7)
    assert count_windows(_raised(0, 2), WINDOW, WINDOW) == [0]


def test_a_severity_that_nobody_knows_is_of_low_priority() -> None:
    raised = [*_raised(0, 1, "grave"), *_raised(0, 2, "critical")]
    assert measure(raised, 0, WINDOW).priorities == {"high": 66.7, "medium": 0.0, "low": 33.3}


def test_two_floods_that_follow_one_another() -> None:
    raised = [*_raised(0, 11), *_raised(1, 4), *_raised(2, 11)]
    load = measure(raised, 0, 3 * WINDOW)
    assert load.floods == (
        Flood(begins=0, ends=WINDOW, alarms=11),
        Flood(begins=2 * WINDOW, ends=3 * WINDOW, alarms=11),
    )
