"""What an alert does to the alarm before it, in any order of arrival."""

import pytest

from hypervisor.external.episodes import SETTLING, Former, Step, follow
from hypervisor.external.model import Alert

OPEN = Former(starts=100)
OVER = Former(starts=100, ended=200, noticed=1_000)
CLOSED = Former(starts=100, ended=200, noticed=1_000, closed=True)
LATE, LATER = 1_000 + SETTLING - 1, 1_000 + SETTLING


def firing(starts: int) -> Alert:
    return Alert(fingerprint="f", firing=True, starts=starts)


def resolved(starts: int, ends: int | None = None) -> Alert:
    return Alert(fingerprint="f", firing=False, starts=starts, ends=ends)


@pytest.mark.parametrize(
    ("former", "alert", "now", "step"),
    [
        (None, firing(100), 100, Step.RAISE),
        (OPEN, firing(100), 150, Step.REPEAT),
        (OPEN, firing(90), 150, Step.REPEAT),  # a second Prometheus saw it earlier
        (OPEN, firing(120), 150, Step.REPLACE),  # its end was lost
        (OPEN, resolved(100, 200), 200, Step.END),
        (OPEN, resolved(100), 200, Step.END),
        (OPEN, resolved(10, 50), 200, Step.IGNORE),  # the end of the one before
        (None, resolved(100, 200), 200, Step.NOTICE),
        (OVER, resolved(100, 200), 300, Step.IGNORE),
        (OVER, resolved(250, 280), 300, Step.NOTICE),
        (OVER, firing(100), LATE, Step.IGNORE),  # overtaken by its own end
        (OVER, firing(100), LATER, Step.RAISE),  # it fires again, as its source repeats
        (OVER, firing(201), LATE, Step.RAISE),
        (CLOSED, firing(100), LATER, Step.IGNORE),  # an operator closed it: until it was over
        (CLOSED, firing(300), LATER, Step.RAISE),
    ],
)
def test_an_alert_follows_the_alarm_before(
    former: Former | None, alert: Alert, now: int, step: Step
) -> None:
    assert follow(former, alert, now) is step
