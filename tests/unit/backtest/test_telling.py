"""An answer as values for machines and as tables for people, word for word."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from hypervisor.backtest.differences import compare
from hypervisor.backtest.formatting import format_answer
from hypervisor.backtest.model import Evaluation, RaisedAlarm
from hypervisor.backtest.scoring import Scored, score
from hypervisor.backtest.service import Answer
from hypervisor.backtest.tables import tables
from tests.unit.backtest.making import alarm, entries, judged

EVENTS = "- {name: above 4 m, site: pont, crossings: level > 4 m}"
CLIMBING = alarm(8, 30, worse=(12, "major"))
SHORT = alarm(100, 101, site="moulin")
LASTING = alarm(230, None)


def judgement(*result: RaisedAlarm) -> Evaluation:
    return replace(judged(*result, hours=235), rows=12_345)


def answer(*result: RaisedAlarm, notes: tuple[str, ...] = ()) -> Answer:
    """Two crossings at the bridge: one was told two hours before, one not at all."""
    judgment = judgement(*result)
    crossings = [alarm(10, 20, rule="event:1"), alarm(200, 210, rule="event:1")]
    scored = score(entries(EVENTS), judgment, crossings)
    return Answer(evaluation=judgment, scored=replace(scored, notes=notes))


def plain(*result: RaisedAlarm) -> Answer:
    """Held against no event."""
    return Answer(evaluation=judgement(*result), scored=Scored(scores=(), notes=()))


def against(each: Answer, other: Answer) -> Answer:
    changes = compare(each.evaluation.alarms, other.evaluation.alarms)
    return replace(each, other=other, changes=tuple(changes))


def shown(each: Answer) -> list[list[str]]:
    """What is printed, a list of words a line; words are apart by two spaces."""
    console = Console(file=StringIO(), width=110)
    for part in tables(each):
        console.print(part)
    assert isinstance(console.file, StringIO)
    lines = [line.strip() for line in console.file.getvalue().splitlines()]
    return [
        [word.strip() for word in line.split("  ") if word.strip()]
        for line in lines
        if line and set(line) != {"─"}
    ]


def entry(rule: str, site: str, began: str, ended: str | None, *steps: list[str]) -> dict[str, Any]:
    return {
        "rule": rule,
        "subject": site,
        "since": began,
        "began": began,
        "ended": ended,
        "severity": [*steps],
        "stale": [],
        "site": site,
        "title": "high",
        "category": "hazard",
        "domain": "flood",
    }


BEFORE = entry(
    "flood-level",
    "pont",
    "2022-01-01T08:00:00Z",
    "2022-01-02T06:00:00Z",
    ["2022-01-01T08:00:00Z", "minor"],
    ["2022-01-01T12:00:00Z", "major"],
)
AFTER = entry(
    "flood-level",
    "pont",
    "2022-01-10T14:00:00Z",
    None,
    ["2022-01-10T14:00:00Z", "minor"],
)


def test_machines_are_told_all_of_it_in_seconds_and_rfc_3339() -> None:
    result = format_answer(answer(CLIMBING, SHORT, LASTING, notes=("of one nothing is said",)))
    between = entry(
        "flood-level",
        "moulin",
        "2022-01-05T04:00:00Z",
        "2022-01-05T05:00:00Z",
        ["2022-01-05T04:00:00Z", "minor"],
    )
    assert result == {
        "from": "2022-01-01T00:00:00Z",
        "to": "2022-01-10T19:00:00Z",
        "rows": 12_345,
        "subjects": 2,
        "alarms": [BEFORE, between, AFTER],
        "load": {
            "alarms": 3,
            "a_day": 0.3064,
            "busiest_day": {"day": "2022-01-01", "alarms": 1},
            "most_in_10_min": 1,
            "most_standing": 1,
            "in_alarm_s": 100_800.0,
        },
        "rules": [
            {
                "rule": "flood-level",
                "subjects": 2,
                "alarms": 3,
                "in_alarm_s": 100_800.0,
                "in_alarm_part": 0.059574,
                "standing_at_end": 1,
            }
        ],
        "begun": [],
        "scores": [
            {
                "events": "above 4 m",
                "rule": "flood-level",
                "hits": 1,
                "misses": 1,
                "false_alarms": 1,
                "pod": 0.5,
                "far": 0.5,
                "csi": 0.3333,
                "lead_s": 7200.0,
                "outcomes": [
                    {
                        "event": "pont",
                        "sites": ["pont"],
                        "crossed": "2022-01-01T10:00:00Z",
                        "until": "2022-01-01T20:00:00Z",
                        "rule": "flood-level",
                        "began": "2022-01-01T08:00:00Z",
                        "lead_s": 7200.0,
                    },
                    {
                        "event": "pont",
                        "sites": ["pont"],
                        "crossed": "2022-01-09T08:00:00Z",
                        "until": "2022-01-09T18:00:00Z",
                        "rule": None,
                        "began": None,
                        "lead_s": None,
                    },
                ],
                "false": [AFTER],
            }
        ],
        "notes": ["of one nothing is said"],
    }


def test_where_nothing_rang_there_is_no_busiest_day_and_no_ratio() -> None:
    result = format_answer(answer())
    assert result["load"]["busiest_day"] is None
    assert (result["load"]["a_day"], result["load"]["in_alarm_s"]) == (0.0, 0.0)
    (score_of,) = result["scores"]
    assert (score_of["pod"], score_of["far"], score_of["csi"]) == (0.0, None, 0.0)
    assert score_of["lead_s"] is None
    assert "against" not in result
    assert "differences" not in result


def test_machines_are_told_what_would_differ_and_by_how_much() -> None:
    other = answer(alarm(9, 30, worse=(12, "major")), LASTING)
    result = format_answer(against(answer(CLIMBING, SHORT), other))
    assert result["against"] == format_answer(other)
    assert [each["changes"] for each in result["differences"]] == [
        [{"change": "later", "by_s": 3600.0}, {"change": "shorter", "by_s": 3600.0}],
        [{"change": "gone", "by_s": None}],
        [{"change": "new", "by_s": None}],
    ]
    assert result["differences"][0]["before"] == BEFORE
    assert result["differences"][1]["after"] is None
    assert (result["differences"][2]["before"], result["differences"][2]["after"]) == (None, AFTER)


def test_people_are_shown_alarms_rules_load_scores_and_each_event() -> None:
    assert shown(answer(CLIMBING, SHORT, LASTING, notes=("of one nothing is said",))) == [
        ["12,345 readings of 2 subjects, 2022-01-01 00:00 to 2022-01-10 19:00 UTC"],
        ["alarms (UTC)"],
        ["began", "lasted", "severity", "subject", "rule"],
        ["2022-01-01 08:00", "22 h", "major", "pont", "flood-level"],
        ["2022-01-05 04:00", "1 h", "minor", "moulin", "flood-level"],
        ["2022-01-10 14:00", "5 h, active", "minor", "pont", "flood-level"],
        ["rules"],
        ["rule", "subjects", "alarms", "in alarm", "of the time"],
        ["flood-level", "2", "3", "1 d 4 h", "5.96%"],
        ["load: 3 alarms, 0.31 a day; most on one day 1 (2022-01-01); in 10 min 1; at once 1"],
        ["above 4 m"],
        ["rule", "hits", "misses", "false", "POD", "FAR", "CSI", "lead (median)"],
        ["flood-level", "1", "1", "1", "0.50", "0.50", "0.33", "2 h before"],
        ["above 4 m: each (UTC)"],
        ["event", "crossed", "first alarm", "lead", "rule"],
        ["hit", "pont", "2022-01-01 10:00", "2022-01-01 08:00", "2 h before", "flood-level"],
        ["MISS", "pont", "2022-01-09 08:00", "none"],
        ["false", "pont", "2022-01-10 14:00", "flood-level"],
        ["note: of one nothing is said"],
    ]


def test_people_are_told_that_nothing_rang() -> None:
    assert shown(plain()) == [
        ["12,345 readings of 2 subjects, 2022-01-01 00:00 to 2022-01-10 19:00 UTC"],
        ["no alarm"],
        ["rules"],
        ["rule", "subjects", "alarms", "in alarm", "of the time"],
        ["flood-level", "2", "0", "0 min", "0.00%"],
        ["load: 0 alarms, 0 a day; in 10 min 0; at once 0"],
    ]


def test_people_are_shown_what_would_differ_beside_the_scores_of_both() -> None:
    other = answer(alarm(9, 30, worse=(12, "major")), LASTING)
    result = shown(against(answer(CLIMBING, SHORT), other))
    assert result[1:7] == [
        ["2 alarms now, 2 with the change"],
        ["what would differ (UTC)"],
        ["change", "began", "would begin", "subject", "rule"],
        [
            *("later by 1 h, shorter by 1 h", "2022-01-01 08:00", "2022-01-01 09:00"),
            *("pont", "flood-level"),
        ],
        ["gone", "2022-01-05 04:00", "moulin", "flood-level"],
        ["new", "2022-01-10 14:00", "pont", "flood-level"],
    ]
    assert ["alarms (UTC)"] not in result
    assert [line[0] for line in result if "above 4 m" in line[0]] == [
        "above 4 m",
        "above 4 m: each (UTC)",
        "above 4 m, with the change",
    ]
    assert result[-1] == ["flood-level", "1", "1", "1", "0.50", "0.50", "0.33", "1 h before"]
    same = shown(against(plain(SHORT), plain(SHORT)))
    assert same[1:3] == [["1 alarms now, 1 with the change"], ["no alarm would differ"]]


def test_all_rules_together_come_first_and_are_called_any_of_them() -> None:
    rules = ("flood-level", "flood-rise")
    judgment = judged(alarm(9, 30), rules=rules)
    crossings = [alarm(10, 20, rule="event:1"), alarm(10, 20, rule="event:2")]
    asked_for = entries(f"{EVENTS}\n{EVENTS.replace('above 4 m', 'too high')}")
    result = shown(Answer(evaluation=judgment, scored=score(asked_for, judgment, crossings)))
    assert [
        line[:3]
        for line in result
        if line[0] in {"above 4 m", "too high", "any of them", *rules} and "UTC" not in line[0]
    ][2:] == [
        ["above 4 m"],
        ["any of them", "1", "0"],
        ["flood-level", "1", "0"],
        ["flood-rise", "0", "1"],
        ["too high"],
        ["any of them", "1", "0"],
        ["flood-level", "1", "0"],
        ["flood-rise", "0", "1"],
    ]


@pytest.mark.parametrize(("count", "more"), [(40, []), (42, ["… and 2 more; --json lists all"])])
def test_of_long_lists_people_are_shown_forty_lines(count: int, more: list[str]) -> None:
    alarms = [alarm(n, n + 0.5) for n in range(count)]
    result = shown(plain(*alarms))
    assert sum(line[-1] == "flood-level" for line in result) == 40
    assert [line[0] for line in result if line[0].startswith("…")] == more
    changed = shown(against(plain(), plain(*alarms)))
    assert sum(line[0] == "new" for line in changed) == 40
    assert [line[0] for line in changed if line[0].startswith("…")] == more


def test_of_a_table_what_does_not_fit_is_folded_and_nothing_is_cut() -> None:
    console = Console(file=StringIO(), width=50)
    console.print(list(tables(plain(alarm(8, 9))))[1])
    assert isinstance(console.file, StringIO)
    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "alarms (UTC)",
        "",
        "                     severit",
        " began      lasted   y         subject   rule",
        " ────────────────────────────────────────────────",
        " 2022-01-   1 h      minor     pont      flood-le",
        " 01 08:00                                vel",
        "",
    ]
