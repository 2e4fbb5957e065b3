"""How long alarms waited for somebody."""

from datetime import timedelta

from hypervisor.alarms.load import AcknowledgeDelay, ResponseTimes, summarize

MINUTE = timedelta(minutes=1)


def answered(severity: str, *minutes: float | None) -> list[AcknowledgeDelay]:
    return [
        AcknowledgeDelay(severity=severity, after=None if m is None else m * MINUTE)
        for m in minutes
    ]


def test_by_severity_the_highest_first() -> None:
    found = summarize([*answered("minor", None), *answered("critical", 1, 3, 2, None)])
    assert found == [
        ResponseTimes(
            severity="critical",
            raised=4,
            answered=3,
            median=2 * MINUTE,
            most=3 * MINUTE,
            longest=3 * MINUTE,
        ),
        ResponseTimes(severity="minor", raised=1, answered=0, median=None, most=None, longest=None),
    ]


def test_nine_of_ten_are_within() -> None:
    (found,) = summarize(answered("major", *range(1, 12)))
    assert (found.median, found.most, found.longest) == (6 * MINUTE, 10 * MINUTE, 11 * MINUTE)
