"""What people are told of an alarm: transition by transition, and what its series last said."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hypervisor.alarms.log import Alarm, as_text
from hypervisor.base.instants import parse
from hypervisor.evaluation.transitions import ShownValue, last_values, list_transitions
from rules._pack import load_pack
from rules._reconcile import Change, ChangeKind
from rules._rule_state import Episode
from sensors._domain import catalogue

HOUR = 3_600_000_000
DAY = parse("2024-01-01T00:00Z")
NOW = parse("2024-01-01T12:00Z")
FIRST = Episode(
    rule="flood-high",
    subject="mill",
    since=DAY,
    began=DAY + HOUR,
    ended=None,
    severity=((DAY + HOUR, "minor"),),
    stale=(),
)


def at(hours: float) -> int:
    return DAY + round(hours * HOUR)


def alarm(episode: Episode) -> Alarm:
    return Alarm(
        id=7,
        site=1,
        place="mill",
        domain="flood",
        category="hazard",
        episode=episode,
        title="Mill high",
        advice="look",
        last_value=None,
        withdrawn=None,
        noticed=NOW,
        changed=NOW,
    )


def became(
    kind: ChangeKind,
    episode: Episode | None,
    before: Episode | None = None,
    *,
    cause: str = "",
    into: int | None = None,
) -> list[tuple[str, float, str]]:
    """Kind, hour and reason of each transition."""
    change = Change(kind=kind, identity=None if before is None else 7, episode=episode, into=into)
    now = alarm(episode or before or FIRST)
    transitions = list_transitions(
        now, None if before is None else alarm(before), change, cause=cause, now=NOW
    )
    for each in transitions:
        assert (each.alarm, each.noticed, each.other) == (7, NOW, into)
        assert each.snapshot == as_text(now)
    return [(each.kind, (each.event - DAY) / HOUR, each.reason) for each in transitions]


def test_a_new_alarm_is_raised_climbs_and_ends_in_the_order_of_time() -> None:
    whole = replace(
        FIRST,
        ended=at(9),
        severity=((at(1), "minor"), (at(5), "major"), (at(7), "minor")),
        stale=((at(2), at(3)), (at(6), at(9))),
        reason="the water fell",
    )
    assert became(ChangeKind.RAISED, whole) == [
        ("raised", 1, "minor"),
        ("stale", 2, "its inputs are unknown"),
        ("fresh", 3, "its inputs are known again"),
        ("severity", 5, "major"),
        ("stale", 6, "its inputs are unknown"),
        ("severity", 7, "minor"),
        ("cleared", 9, "the water fell"),
    ]


def test_an_alarm_that_goes_on_tells_only_what_is_new() -> None:
    before = replace(
        FIRST,
        severity=((at(1), "minor"), (at(2), "major")),
        stale=((at(2), at(3)), (at(4), None)),
    )
    after = replace(
        before,
        severity=(*before.severity, (at(6), "critical")),
        stale=((at(2), at(3)), (at(4), at(5)), (at(7), None)),
    )
    assert became(ChangeKind.PROGRESSED, after, before) == [
        ("fresh", 5, "its inputs are known again"),
        ("severity", 6, "critical"),
        ("stale", 7, "its inputs are unknown"),
    ]
    over = replace(before, ended=at(8), stale=((at(2), at(3)), (at(4), at(8))))
    assert became(ChangeKind.PROGRESSED, over, before) == [("cleared", 8, "")]
    assert became(ChangeKind.PROGRESSED, over, over) == []


@pytest.mark.parametrize(
    ("kind", "cause", "transition"),
    [
        (ChangeKind.WITHDRAWN, "", ("withdrawn", 1, "the readings no longer show it")),
        (ChangeKind.WITHDRAWN, "a boat", ("withdrawn", 1, "a boat")),
        (ChangeKind.MERGED, "", ("merged", 1, "merged into alarm 3")),
        (ChangeKind.MERGED, "a boat", ("merged", 1, "merged into alarm 3: a boat")),
    ],
)
def test_an_alarm_that_is_no_more_says_why(
    kind: ChangeKind, cause: str, transition: tuple[str, float, str]
) -> None:
    assert became(kind, None, FIRST, cause=cause, into=3) == [transition]


def test_a_new_alarm_of_the_past_says_why_or_how_it_went() -> None:
    over = replace(FIRST, ended=at(2))
    assert became(ChangeKind.RETROSPECTIVE, over, cause="late reading") == [
        ("retrospective", 1, "late reading")
    ]
    assert became(ChangeKind.RETROSPECTIVE, over) == [("raised", 1, "minor"), ("cleared", 2, "")]
    assert became(ChangeKind.SPLIT, over, into=3) == [("split", 1, "split from alarm 3")]
    assert became(ChangeKind.SPLIT, over, into=3, cause="late reading") == [
        ("split", 1, "split from alarm 3: late reading")
    ]


ENDED = replace(FIRST, ended=at(8), stale=((at(3), at(4)),))


@pytest.mark.parametrize(
    ("after", "hour", "words"),
    [
        (
            replace(ENDED, since=at(0.5), began=at(1.5), severity=((at(1.5), "minor"),)),
            0,
            (
                "began 2024-01-01T01:30:00Z instead of 2024-01-01T01:00:00Z,"
                " its severity steps changed"
            ),
        ),
        (
            replace(ENDED, began=at(2)),
            1,
            "began 2024-01-01T02:00:00Z instead of 2024-01-01T01:00:00Z",
        ),
        (
            replace(ENDED, ended=None),
            8,
            "ongoing instead of ended 2024-01-01T08:00:00Z",
        ),
        (
            replace(ENDED, ended=at(6)),
            6,
            "ended 2024-01-01T06:00:00Z instead of ended 2024-01-01T08:00:00Z",
        ),
        (
            replace(ENDED, severity=((at(1), "minor"), (at(5), "major"))),
            5,
            "its severity steps changed",
        ),
        (replace(ENDED, stale=((at(3), at(5)),)), 3, "its stale spans changed"),
        (replace(ENDED, reason="closed"), 1, "its reason changed"),
    ],
)
def test_a_past_that_is_otherwise_is_told_with_what_differs_from_when_on(
    after: Episode, hour: float, words: str
) -> None:
    assert became(ChangeKind.REVISED, after, ENDED) == [("revised", hour, words)]
    assert became(ChangeKind.REVISED, after, ENDED, cause="late reading") == [
        ("revised", hour, f"{words}: late reading")
    ]


RULE = load_pack(
    """
- id: flood-high
  title: "{site}"
  when: level > 3 m
  severity: major
  advice: look
  wrong when: never
  tests: []
""",
    file="flood.yaml",
    domain="flood",
).rules[0]


def last(*readings: tuple[float, float, int], until: float | None = None) -> Any:
    """What the level last said, of readings (hour, value, quality)."""
    columns = SimpleNamespace(
        time=np.array([at(hour) for hour, _, _ in readings], dtype=np.int64),
        value=np.array([value for _, value, _ in readings]),
        quality=np.array([quality for _, _, quality in readings], dtype=np.int16),
    )
    level = SimpleNamespace(quantity=catalogue().quantities["level"])
    territory: Any = SimpleNamespace(
        rules={"flood-high": SimpleNamespace(at=lambda time: RULE if time == at(99) else None)},
        subjects={"mill": SimpleNamespace(series={"level": level})},
    )
    judged: Any = SimpleNamespace(
        task=SimpleNamespace(pair=("flood-high", "mill"), horizon=at(99)),
        subject=SimpleNamespace(series={"level": columns}),
    )
    shown = ShownValue(
        evaluated=judged, severity="major", until=None if until is None else at(until)
    )
    first, again = last_values(territory, [shown, shown])
    assert first == again
    return first


def test_the_trend_is_the_change_since_the_reading_an_hour_before() -> None:
    assert last((0, 1.0, 0), (1, 2.0, 0), (1.5, 2.1, 0), (2, 2.5, 0)) == {
        "quantity": "level",
        "value": 2.5,
        "unit": "m",
        "time": "2024-01-01T02:00:00Z",
        "trend": "rising",
        "per_hour": 0.5,
        "judged": None,
    }
    falls = last((1.25, 2.0, 0), (1.5, 2.1, 0), (2, 1.5, 0))
    assert (falls["trend"], falls["per_hour"]) == ("falling", -0.666667)


def test_a_change_of_less_than_its_resolution_is_steady() -> None:
    assert last((0, 1.0, 0), (1, 1.0005, 0))["trend"] == "steady"
    assert last((0, 1.0, 0), (1, 1.001, 0))["trend"] == "rising"
    assert last((0, 1.001, 0), (1, 1.0, 0))["trend"] == "falling"


def test_of_a_single_reading_there_is_no_trend() -> None:
    single = last((0, 1.0, 0), (5, 2.0, 0))
    assert (single["trend"], single["per_hour"], single["value"]) == (None, None, 2.0)


def test_what_is_not_believed_or_came_after_the_end_is_not_what_it_last_said() -> None:
    readings = ((0, 1.0, 0), (1, 2.0, 0), (2, 9.0, 2), (3, np.nan, 0), (4, 3.0, 0))
    assert last(*readings)["value"] == 3.0
    assert last(*readings, until=3.5)["value"] == 2.0
    assert last(*readings, until=1)["value"] == 2.0
    assert last(*readings, until=-1) is None
