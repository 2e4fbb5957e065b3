"""What is said of warnings: not shown where they are no help, marked where they are often wrong."""

import pytest

from hypervisor.forecast.events import Tally
from hypervisor.forecast.gate import caution, judge_warnings

HOUR = 3_600_000_000
LINE = Tally(events=10, warnings=12, false_alarms=5, leads=(HOUR,) * 7, horizon=3 * HOUR)


def tally(*, hits: int, warnings: int, false: int) -> Tally:
    return Tally(
        events=10, warnings=warnings, false_alarms=false, leads=(HOUR,) * hits, horizon=3 * HOUR
    )


@pytest.mark.parametrize(
    ("own", "closed", "marked"),
    [
        (tally(hits=8, warnings=10, false=2), None, None),
        (
            tally(hits=8, warnings=13, false=5),
            None,
            "warnings here were wrong 5 times of 13",
        ),
        (
            tally(hits=8, warnings=24, false=14),
            "at the gauge's usual levels its warnings were wrong 14 times of 24",
            "warnings here were wrong 14 times of 24",
        ),
        (
            tally(hits=6, warnings=11, false=5),
            (
                "its warnings are worse than those of the straight line at the gauge's usual levels"
                " (6 of 10 crossings warned of, 1.0 h before; 5 of 11 false;"
                " the straight line: 7 of 10 crossings warned of, 1.0 h before; 5 of 12 false)"
            ),
            "warnings here were wrong 5 times of 11",
        ),
        # Too few warnings to say so.
        (tally(hits=7, warnings=7, false=4), None, "warnings here were wrong 4 times of 7"),
        (tally(hits=7, warnings=4, false=2), None, None),
    ],
)
def test_warnings_are_closed_or_marked_by_what_they_were_worth(
    own: Tally, closed: str | None, marked: str | None
) -> None:
    assert judge_warnings(own, LINE, blind=False) == closed
    assert caution(own) == marked


def test_a_gauge_that_sees_nothing_but_itself_says_so() -> None:
    reason = judge_warnings(tally(hits=5, warnings=20, false=12), LINE, blind=True)
    assert reason is not None
    assert "no gauge upstream and no rain" in reason
