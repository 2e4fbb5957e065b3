"""Interlocks: true, false, or not known; conditions that none can be."""

import numpy as np
import pytest

from rules._errors import RuleError
from rules._inputs import Calendar, Device, Steps, Subject
from rules._interlock import read_condition, rule_at
from rules._readings import Reported, Sent, columns, standing
from sensors._domain import catalogue
from sensors._quality import Quality
from sensors._quantity import Kind, Reporting

WORDS = catalogue()
MINUTE = 60_000_000
START = 1_700_000_000_000_000


def _make_subject(*levels: tuple[int, float, Quality]) -> Subject:
    """A site with these levels (minute, m, quality), expected every five minutes."""
    sent = [
        Sent(
            series="level",
            time=START + minute * MINUTE,
            value=value,
            quality=int(quality),
            received_at=START + minute * MINUTE,
        )
        for minute, value, quality in levels
    ]
    reported = Reported(
        device="gauge",
        kind=Kind.GAUGE,
        reporting=Reporting.PERIODIC,
        nonnegative=False,
        interval=5 * MINUTE,
    )
    always = Steps(at=np.array([0], dtype=np.int64), value=np.ones(1))
    return Subject(
        key="mill",
        series={"level": columns(standing(sent), reported)},
        devices={"gauge": Device(commissioned=0, in_service=always)},
        calendar=Calendar(zone="UTC", lon=2.4, lat=48.6),
        thresholds={"alert": Steps(at=np.array([0], dtype=np.int64), value=np.array([2.0]))},
    )


def _ask(condition: str, *levels: tuple[int, float, Quality], at: int) -> bool | None:
    rule = read_condition(condition, WORDS, domain="flood")
    times = np.array([START + at * MINUTE])
    (ruling,) = rule_at(rule, _make_subject(*levels), WORDS, times)
    return ruling.holds


GOOD, BAD = Quality.GOOD, Quality.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("levels", "at", "holds"),
    [
        ([(0, 1.5, GOOD)], 4, True),
        ([(0, 2.5, GOOD)], 4, False),
        ([(0, 1.5, GOOD)], 90, None),  # silent since
        ([], 4, None),
        ([(0, 1.5, BAD)], 4, None),  # a suspect reading says nothing
        ([(0, 2.5, GOOD), (3, 1.5, GOOD)], 4, True),
        ([(0, 1.5, GOOD), (5, 2.5, GOOD)], 4, True),  # what comes later does not count
    ],
)
def test_an_interlock_is_true_false_or_not_known(
    *, levels: list[tuple[int, float, Quality]], at: int, holds: bool | None
) -> None:
    assert _ask("level < threshold.alert", *levels, at=at) is holds


def test_a_ruling_says_what_it_saw() -> None:
    rule = read_condition("level < threshold.alert", WORDS, domain="flood")
    subject = _make_subject((0, 2.5, GOOD))
    known, unknown = rule_at(rule, subject, WORDS, np.array([START + MINUTE, START + 600 * MINUTE]))
    assert [seen.text for seen in known.seen] == ["level 2.5 m", "threshold.alert 2 m"]
    assert [seen.text for seen in unknown.seen] == ["level ?", "threshold.alert 2 m"]


def test_either_side_of_or_is_enough() -> None:
    assert _ask("level < threshold.alert or hour < 24", (0, 2.5, GOOD), at=90) is True
    assert _ask("level < threshold.alert and hour < 24", (0, 2.5, GOOD), at=90) is None
    assert _ask("level < threshold.alert and hour < 2", (0, 2.5, GOOD), at=90) is False
    assert _ask("not level < threshold.alert", (0, 2.5, GOOD), at=4) is True


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("leval < 3 m", "unknown series 'leval'; did you mean 'level'?"),
        ("level < 3", "write its unit, as 3 m"),
        ("silent(level, 1 h)", "silent cannot stand in an interlock"),
        ("hour > 3", "names no series"),
        ("level <", "expected"),
    ],
)
def test_what_is_no_interlock_is_refused_with_a_sentence(condition: str, sentence: str) -> None:
    with pytest.raises(RuleError, match=sentence.replace("?", r"\?").replace("'", ".")):
        read_condition(condition, WORDS)


def test_every_default_can_be_asked() -> None:
    for domain in WORDS.domains.values():
        for kind in domain.commands:
            choices = {choice.name for each in kind.parameters for choice in each.choices}
            for interlock in kind.interlocks:
                read_condition(interlock.condition, WORDS, domain=domain.name)
                assert interlock.choice in choices | {""}
