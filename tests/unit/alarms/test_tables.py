"""Alarms as a command prints them."""

from typing import Any

import pytest

from hypervisor.alarms.tables import print_alarms, print_load

ALARM: dict[str, Any] = {
    "id": 7,
    "severity": [["2024-10-10T06:00:00Z", "major"], ["2024-10-10T07:00:00Z", "minor"]],
    "state": "unacknowledged",
    "category": "hazard",
    "title": "Orge: high",
    "began": "2024-10-10T06:00:00Z",
    "active": False,
    "ended": "2024-10-10T08:00:00Z",
    "withdrawn": None,
    "stale": [],
    "suppressed": [],
    "last_value": {"value": 3.25, "unit": "m", "trend": "rising"},
}
JUDGED = {"function": "mean", "over": "3 h", "value": 2.5, "unit": "m"}
LAST = ALARM["last_value"]
LOAD: dict[str, Any] = {
    "from": "2024-10-10T00:00:00Z",
    "to": "2024-10-11T00:00:00Z",
    "alarms": 12,
    "per_10_min": {
        "average": 0.5,
        "percent_of_time_over_10": 1.5,
        "peak": 11,
        "peak_at": "2024-10-10T06:00:00Z",
    },
    "floods": [{"from": "2024-10-10T06:00:00Z", "to": "2024-10-10T06:20:00Z", "alarms": 11}],
    "standing": {"alarms": 3, "long": 1, "stale": 2},
    "priorities_percent": {"low": 80.0},
    "priorities_target_percent": {"low": 75.0},
    "chattering": [{"rule": "r", "subject": "orge"}],
    "frequent": [
        {"rule": "r", "subject": "orge", "title": "Orge: high", "times": 9, "percent": 75.0},
        {"rule": "r", "subject": "gif", "title": "Gif: high", "times": 3, "percent": 25.0},
    ],
}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


@pytest.mark.parametrize(
    ("changes", "severity", "end", "value"),
    [
        ({}, "major", "2024-10-10 08:00", "3.25 m rising"),
        ({"active": True, "ended": None}, "minor", "ongoing", "3.25 m rising"),
        (
            {"withdrawn": "2024-10-10T09:00:00Z"},
            "major",
            "withdrawn 2024-10-10 09:00",
            "3.25 m rising",
        ),
        (
            {"ended": None, "stale": [["2024-10-10T07:30:00Z", None]]},
            *("major", "stale 2024-10-10 07:30", "3.25 m rising"),
        ),
        (
            {"ended": None, "stale": [["2024-10-10T07:30:00Z", "x"]]},
            "major",
            "ongoing",
            "3.25 m rising",
        ),
        (
            {"last_value": {**LAST, "judged": JUDGED}},
            *("major", "2024-10-10 08:00", "mean of 3 h: 2.5 m, now 3.25 m rising"),
        ),
        ({"last_value": {**LAST, "unit": "1", "trend": None}}, "major", "2024-10-10 08:00", "3.25"),
    ],
)
def test_a_line_of_an_alarm(
    capsys: pytest.CaptureFixture[str], changes: dict[str, Any], severity: str, end: str, value: str
) -> None:
    print_alarms([{**ALARM, **changes}], {})
    _, line = capsys.readouterr().out.splitlines()
    row = cells(line)
    assert (row[0], row[1], row[-2], row[-1]) == ("7", severity, end, value)


def test_no_alarm_and_one_without_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    print_alarms([], {})
    assert capsys.readouterr().out == "no alarms\n"
    print_alarms([{**ALARM, "last_value": None}], {})
    assert cells(capsys.readouterr().out.splitlines()[1])[-1] == "2024-10-10 08:00"


def test_the_load(capsys: pytest.CaptureFixture[str]) -> None:
    print_load(LOAD)
    printed = [cells(line) for line in capsys.readouterr().out.splitlines()]
    assert ["span (UTC)", "2024-10-10 00:00 to 2024-10-11 00:00"] in printed
    assert ["priorities", "low 80 % (recommended 75 %)"] in printed
    assert ["per 10 min", "0.5 on average, at most 11 at 2024-10-10 06:00"] in printed
    assert ["floods", "2024-10-10 06:00 to 2024-10-10 06:20: 11"] in printed
    assert ["standing at the end", "3, of which 1 for long"] in printed
    assert printed[-2:] == [
        ["Orge: high", "9", "75 %", "chattered"],
        ["Gif: high", "3", "25 %"],
    ]
    print_load({**LOAD, "frequent": []})
    assert "most frequent" not in capsys.readouterr().out
