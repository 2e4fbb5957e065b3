"""How readings, times and alarms are written in tests and cases, and what is said of a slip."""

import math
from typing import Any

import pytest

from rules import _replay
from rules._cases import run_cases
from rules._duration import HOUR, SECOND
from rules._errors import RuleError
from rules._inputs import Steps
from rules._log import alarm_lines, alarm_text, episodes
from rules._pack import load_pack
from rules._pack_table import Table, part_of
from rules._pack_test import run_tests
from rules._readings import (
    DAY_ZERO,
    Reported,
    Sent,
    columns,
    read_readings,
    read_time,
    standing,
    time_text,
)
from rules._rule_state import Episode, Phase, StateChange, Truth
from rules._vocabulary import open_vocabulary
from sensors._domain import catalogue
from sensors._errors import Place
from sensors._quality import Quality
from sensors._quantity import Kind, Reporting

HERE = Place(file="f", line=3, column=9)
MINUTE = 60 * SECOND
DAY = 24 * HOUR
SUSPECT, FULL, BROKEN = (
    int(flag) for flag in (Quality.OUT_OF_RANGE, Quality.SATURATED, Quality.SENSOR_FAULT)
)


def at(minutes: float) -> int:
    """A time of the usual day."""
    return DAY_ZERO + round(minutes * MINUTE)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("00:00", 0), ("7:05", 25_500), ("23:59:58", 86_398), ("1d00:00", 86_400)),
        *(("2d01:02:03", 176_523), (" 12:30 ", 45_000), ("100d00:01", 8_640_060)),
    ],
)
def test_a_time_is_of_the_first_of_january_or_a_day_after(text: str, seconds: int) -> None:
    assert DAY_ZERO == 1_704_067_200 * SECOND
    assert read_time(text, HERE) == DAY_ZERO + seconds * SECOND


@pytest.mark.parametrize("text", ["", "noon", "1:2", "1d", "24", "1000d00:00", "00:00:0"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(RuleError) as caught:
        read_time(text, HERE)
    assert str(caught.value) == f"f:3:9: {text!r} is not a time; expected HH:MM or 1dHH:MM"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "00:00"), (59, "00:00:59"), (60, "00:01"), (3_599, "00:59:59"), (3_600, "01:00")),
        *((86_399, "23:59:59"), (86_400, "1d00:00"), (176_523, "2d01:02:03"), (-60, "-1d23:59")),
    ],
)
def test_a_time_is_told_as_it_is_read(seconds: int, text: str) -> None:
    assert time_text(DAY_ZERO + seconds * SECOND) == text
    assert time_text(DAY_ZERO + seconds * SECOND + 999_999) == text


def test_readings_are_read_with_their_marks_and_arrivals() -> None:
    found = read_readings(
        "level", "00:05=3.1 00:10=-2? 00:15=4^@01:00 00:20=null@1d00:00 00:25=true 0:30=1e1?^", HERE
    )
    assert [(one.time, one.quality, one.received_at) for one in found] == [
        (at(5), 0, at(5)),
        (at(10), SUSPECT, at(10)),
        (at(15), FULL, at(60)),
        (at(20), BROKEN, at(1440)),
        (at(25), 0, at(25)),
        (at(30), SUSPECT | FULL, at(30)),
    ]
    values = [one.value for one in found]
    assert values[:3] + values[4:] == [3.1, -2.0, 4.0, 1.0, 10.0]
    assert math.isnan(values[3])
    assert {one.series for one in found} == {"level"}
    assert read_readings("door", "00:00=false", HERE)[0].value == 0.0
    with pytest.raises(RuleError) as caught:
        read_readings("level", "00:05=3 00:10:4", HERE)
    assert str(caught.value) == (
        "f:3:9: '00:10:4' is not a reading; expected time=value, then ? or ^, then @time"
    )


def sent(time: int, value: float, received: int, quality: int = 0) -> Sent:
    return Sent(series="x", time=time, value=value, quality=quality, received_at=received)


def test_of_several_versions_of_a_reading_the_one_that_first_came_last_stands() -> None:
    first, second = sent(5, 1.0, 6), sent(5, 2.0, 8)
    assert standing([second, first]) == [second]
    assert standing([first, second, sent(5, 1.0, 9)]) == [second]  # again: ignored
    assert standing([sent(5, 1.0, 9), second, first]) == [second]  # its first arrival counts
    assert standing([sent(5, 2.0, 6), first]) == [first]  # of equal arrivals the later written
    assert standing([first, sent(5, 1.0, 7, SUSPECT)]) == [sent(5, 1.0, 7, SUSPECT)]
    assert standing([sent(9, 1.0, 9), sent(2, 1.0, 3)]) == [sent(2, 1.0, 3), sent(9, 1.0, 9)]
    assert standing([]) == []


def test_stored_rows_are_columns_that_hold_for_three_intervals() -> None:
    reported = Reported(
        device="one",
        kind=Kind.COUNTER,
        reporting=Reporting.ON_CHANGE,
        nonnegative=True,
        interval=5 * MINUTE,
    )
    found = columns([sent(at(5), 1.5, at(6)), sent(at(10), 2.5, at(17), FULL)], reported)
    assert found.time.tolist() == [at(5), at(10)]
    assert found.value.tolist() == [1.5, 2.5]
    assert found.quality.tolist() == [0, FULL]
    assert found.received_at.tolist() == [at(6), at(17)]
    assert (found.device, found.kind, found.reporting) == ("one", Kind.COUNTER, Reporting.ON_CHANGE)
    assert found.nonnegative is True
    for steps, span in ((found.interval, 5), (found.stale_after, 15)):
        assert (steps.at.tolist(), steps.value.tolist()) == ([DAY_ZERO], [span * MINUTE])


def moment(minutes: float, phase: Phase, **more: Any) -> StateChange:
    return StateChange(time=at(minutes), phase=phase, when=Truth.TRUE, clear=Truth.FALSE, **more)


def active(minutes: float, **more: Any) -> StateChange:
    return moment(minutes, Phase.ACTIVE, **{"since": at(5), "began": at(10), **more})


def test_a_log_folds_from_moments() -> None:
    found = episodes(
        "r",
        "s",
        [
            moment(5, Phase.PENDING, since=at(5)),
            active(10, severity="minor"),
            active(15, severity="minor", stale=True, stale_since=at(14)),
            active(20, severity="major", stale=True, stale_since=at(14)),
            active(25, severity="major"),
            active(30, severity="minor", stale=True, stale_since=at(29)),
            moment(35, Phase.INACTIVE, reason="out of service"),
            moment(40, Phase.PENDING, since=at(40)),
            moment(45, Phase.INACTIVE),
            active(50, since=at(50), began=at(50), severity="minor"),
            active(
                55, since=at(50), began=at(50), severity="minor", stale=True, stale_since=at(54)
            ),
        ],
    )
    assert found == [
        Episode(
            rule="r",
            subject="s",
            since=at(5),
            began=at(10),
            ended=at(35),
            severity=((at(10), "minor"), (at(20), "major"), (at(30), "minor")),
            stale=((at(14), at(25)), (at(29), at(35))),
            reason="out of service",
        ),
        Episode(
            rule="r",
            subject="s",
            since=at(50),
            began=at(50),
            ended=None,
            severity=((at(50), "minor"),),
            stale=((at(54), None),),
        ),
    ]
    assert episodes("r", "s", []) == []
    assert alarm_lines(found, frozenset({"severity", "reason"})) == [
        (
            "since 00:05, began 00:10, ended 00:35, severity ['00:10 minor', '00:20 major',"
            " '00:30 minor'], stale ['00:14 to 00:25', '00:29 to 00:35'], reason out of service"
        ),
        (
            "since 00:50, began 00:50, lasting, severity ['00:50 minor'], stale ['00:54 on'],"
            " reason None"
        ),
    ]
    assert alarm_lines(found[1:], frozenset()) == [
        "since 00:50, began 00:50, lasting, stale ['00:54 on']"
    ]


def test_an_alarm_as_it_is_written_is_a_line_too() -> None:
    written = {"since": "00:05", "began": "00:10", "ended": "00:20"}
    assert alarm_text(written, frozenset()) == "since 00:05, began 00:10, ended 00:20, stale []"
    assert alarm_text({**written, "ended": ""}, frozenset({"severity", "reason"})) == (
        "since 00:05, began 00:10, lasting, severity [], stale [], reason None"
    )
    line = "since 00:05, began 00:10, lasting, severity ['a b', 'c'], stale [], reason None"
    assert part_of(line, frozenset({"began", "ended"})) == "began 00:10, lasting"
    assert part_of(line, frozenset({"since", "severity"})) == "since 00:05, severity ['a b', 'c']"
    assert part_of(line, frozenset({"stale", "reason"})) == "stale [], reason None"


def table(**body: object) -> Table:
    return Table({"every": "5 min", "expect": "nothing", **body}, HERE, catalogue())


def refused(**body: object) -> str:
    """What is said of a test with this in it."""

    def read() -> None:
        made = table(**body)
        made.sent()
        made.expected()

    with pytest.raises(RuleError) as caught:
        read()
    assert caught.value.place == HERE
    return caught.value.problem


def test_a_table_is_read_in_its_steps() -> None:
    found, last = table(level="1 2? - null 3^*2 -*3", rain="-4.5").sent()
    assert [(one.series, one.time, one.quality, one.received_at) for one in found] == [
        ("level", at(0), 0, at(0)),
        ("level", at(5), SUSPECT, at(5)),
        ("level", at(15), BROKEN, at(15)),
        ("level", at(20), FULL, at(20)),
        ("level", at(25), FULL, at(25)),
        ("rain", at(0), 0, at(0)),
    ]
    values = [one.value for one in found]
    assert values[:2] + values[3:] == [1, 2, 3, 3, -4.5]
    assert math.isnan(values[2])
    assert last == at(25)
    assert table(level="1 1", until="02:00").sent()[1] == at(120)
    assert table(level="null").sent()[0][0].quality == BROKEN
    assert table(level="1 -*5").sent()[1] == at(0)


def test_a_table_of_another_day_is_shifted_there() -> None:
    made = table(day="2024-07-14", level="1 1", until="02:00", fed="06:00 to 07:00")
    assert made.shift == 195 * DAY
    assert [one.time - DAY_ZERO for one in made.sent()[0]] == [195 * DAY, 195 * DAY + 5 * MINUTE]
    assert made.sent()[1] == at(120) + 195 * DAY
    device = made.subject([]).devices["device"]
    assert device.commissioned == DAY_ZERO + 195 * DAY
    assert device.fed is not None
    assert device.fed.at[0] == DAY_ZERO + 194 * DAY + 6 * HOUR
    assert table(level="1").shift == 0


def test_a_supply_comes_every_day_from_the_day_before_for_a_month() -> None:
    def fed(written: object) -> list[tuple[float, float]]:
        device = table(level="1", fed=written).subject([]).devices["device"]
        assert device.fed is not None
        assert len(device.fed.at) % 32 == 0
        size = 2 * len(device.fed.at) // 32
        pairs = zip(device.fed.at.tolist(), device.fed.value.tolist(), strict=True)
        return [((time - DAY_ZERO) / HOUR, value) for time, value in list(pairs)[:size]]

    assert fed("06:00 to 17:30") == [(-18, 1), (-6.5, 0), (6, 1), (17.5, 0)]
    assert fed("17:00 to 06:00") == [(-18, 0), (-7, 1), (6, 0), (17, 1)]
    assert fed(["17:00 to 20:00", "20:00 to 06:00"])[:3] == [(-18, 0), (-7, 1), (-4, 1)]
    assert fed(["01:00 to 04:00", "02:00 to 03:00"])[:4] == [(-23, 1), (-22, 1), (-21, 1), (-20, 0)]


def test_a_plan_is_full_light_where_it_says_so() -> None:
    made = table(level="1", planned="17:00 to 06:00")
    assert made.is_planned
    assert not table(level="1").is_planned
    plan = made.subject([]).plan
    assert plan is not None
    assert plan.value[:4].tolist() == [0, 100, 0, 100]


def test_members_have_the_supply_and_a_group_has_not() -> None:
    rows = {"light_level": "1 2", "lamp_fault": "0"}
    made = table(
        level="5", fed="17:00 to 06:00", members={"l-08 to l-09": rows, "x": {"lamp_fault": 1}}
    )
    readings, _ = made.sent()
    subject = made.subject(readings)
    assert list(subject.devices) == ["device", "l-8", "l-9", "x"]
    assert subject.devices["device"].fed is None
    assert subject.devices["l-8"].fed is subject.devices["x"].fed is not None
    assert made.words == ["lamp_fault", "light_level"]
    assert subject.group == {
        "lamp_fault": ("lamp_fault@l-8", "lamp_fault@l-9", "lamp_fault@x"),
        "light_level": ("light_level@l-8", "light_level@l-9", "light_level@x"),
    }
    assert set(subject.series) == {
        "level",
        *("light_level@l-8", "lamp_fault@l-8", "light_level@l-9", "lamp_fault@l-9"),
        "lamp_fault@x",
    }
    assert subject.series["light_level@l-9"].value.tolist() == [1, 2]
    assert subject.series["light_level@l-9"].device == "l-9"
    assert subject.series["level"].device == "device"
    assert subject.series["lamp_fault@x"].reporting is Reporting.ON_CHANGE
    for device in subject.devices.values():
        assert (device.in_service.at.tolist(), device.in_service.value.tolist()) == (
            [DAY_ZERO],
            [1.0],
        )


def test_sites_upstream_have_their_own_readings_limits_and_ways() -> None:
    made = table(
        level="1",
        upstream={"mill": {"lag": "1 h", "thresholds": {"alert": "150 cm"}, "level": "2 3"}},
    )
    readings, _ = made.sent()
    subject = made.subject(readings)
    (mill,) = subject.upstream
    assert (mill.site, mill.lag, list(mill.devices)) == ("mill", HOUR, ["mill"])
    assert mill.series["level"].value.tolist() == [2, 3]
    assert mill.series["level"].interval.value.tolist() == [5 * MINUTE]
    assert mill.series["level"].device == "mill"
    assert mill.thresholds["alert"].value.tolist() == [1.5]
    assert mill.thresholds["alert"].at.tolist() == [DAY_ZERO]
    assert subject.series["level"].value.tolist() == [1]
    assert list(subject.series) == ["level"]
    assert made.upstream_words == {"level"}


def test_a_limit_is_a_number_with_its_unit() -> None:
    made = table(level="1", thresholds={"alert": "310 cm", "frost": "-2.5 Cel", "danger": ".5 m"})
    assert {name: steps.value.tolist() for name, steps in made.thresholds.items()} == {
        "alert": [3.1],
        "frost": [-2.5],
        "danger": [0.5],
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"every": "0 s"}, "`every` needs a duration above zero"),
        ({"level": "1,5"}, "'1,5' is not a reading; expected a number, - (no row) or null (a row"),
        ({"level": "1*"}, "'1*' is not a reading"),
        ({"levle": "1"}, "a test has no 'levle'; did you mean 'level'?"),
        ({"upstraem": {}}, "a test has no 'upstraem'; did you mean 'upstream'?"),
        ({"thresholds": {"alrt": "1 m"}}, "unknown threshold 'alrt'; did you mean 'alert'?"),
        ({"thresholds": {"alert": "1"}}, "'1' is not a threshold; expected a value such as 3.1 m"),
        ({"thresholds": {"alert": "m"}}, "'m' is not a threshold; expected a value such as 3.1 m"),
        ({"thresholds": {"alert": "1 mm/h"}}, "cannot be converted into 'm'"),
        ({"upstream": {"mill": {"level": "1"}}}, "site mill upstream needs a `lag`, such as 2 h"),
        (
            {"upstream": {"mill": {"lag": "1 h", "levle": "1"}}},
            "a site upstream has no 'levle'; did you mean 'level'?",
        ),
        ({"upstream": [1]}, "expected `upstream`: a mapping of mappings"),
        ({"upstream": {"mill": "1 h"}}, "expected `upstream`: a mapping of mappings"),
        ({"members": [1]}, "expected `members`: {lamp-1: {lamp_fault: 0 1}}"),
        ({"members": {"a": "1"}}, "member 'a' has no series; expected a mapping"),
        ({"members": {"a": {"x": 1}}}, "a member has no 'x'; expected one of"),
        ({"fed": "17:00"}, "'17:00' is not a time span; expected one such as 17:00 to 06:00"),
        ({"fed": ["17:00 to noon"]}, "'noon' is not a time"),
        ({"expect": "none"}, "a test needs `expect`: nothing, or a list of alarms"),
        ({"expect": []}, "a test needs `expect`: nothing, or a list of alarms"),
        ({"expect": None}, "a test needs `expect`: nothing, or a list of alarms"),
        ({"expect": [{"begin": "1"}]}, "an alarm has no 'begin'; did you mean 'began'?"),
    ],
)
def test_a_slip_in_a_test_is_told(body: dict[str, object], told: str) -> None:
    assert told in refused(**body)


def test_a_test_needs_its_step() -> None:
    with pytest.raises(RuleError, match=r"^f:3:9: a test needs `every`$"):
        Table({"level": "1", "expect": "nothing"}, HERE, catalogue())


def test_what_a_test_expects_is_compared_as_far_as_it_tells() -> None:
    assert table().expected() == ([], frozenset({"began", "ended"}))
    lines, told = table(
        expect=[{"began": "00:05"}, {"began": "00:20", "ended": "00:30"}]
    ).expected()
    assert lines == ["began 00:05, lasting", "began 00:20, ended 00:30"]
    assert told == {"began", "ended"}
    lines, told = table(expect=[{"began": "00:05", "stale": ["00:20 on"]}]).expected()
    assert lines == ["began 00:05, lasting, stale ['00:20 on']"]


PACK = """
- id: flood-x
  title: "{site}: x"
  when: WHEN
  severity: minor
  advice: Look.
  wrong when: It is not so.
  tests:
    - {name: a, every: 5 min, TEST}
"""


def differences(when: str, test: str) -> tuple[str, ...]:
    text = PACK.replace("WHEN", when).replace("TEST", test)
    (tested,) = run_tests(load_pack(text, file="f", domain="flood"), catalogue())
    assert (tested.rule, tested.name, str(tested.place)) == ("flood-x", "a", "f:9:1")
    return tested.differences


def test_a_test_that_fails_says_what_was_expected_and_what_was_found() -> None:
    both = (
        "expected began 00:10, lasting, found began 00:05, lasting",
        ("judged one arrival at a time: expected began 00:10, lasting, found began 00:05, lasting"),
    )
    assert differences("level > 2 m", "level: 1 3, expect: [{began: '00:10'}]") == both
    assert differences("level > 2 m", "level: 1 3, expect: [{began: '00:05'}]") == ()
    assert differences("level > 2 m", "level: 1 3, expect: nothing")[0] == (
        "expected no alarm, found began 00:05, lasting"
    )
    assert differences("level > 4 m", "level: 1 3, expect: [{began: '00:05'}]")[0] == (
        "expected began 00:05, lasting, found no alarm"
    )
    day = "day: 2024-07-14, level: 1 3 1, expect: [{began: '00:05', ended: '00:10'}]"
    assert differences("level > 2 m", day) == ()
    stale = (
        "day: 2024-07-14, until: '01:00', level: 3, expect: [{began: '00:00', stale: ['00:15 on']}]"
    )
    assert differences("level > 2 m", stale) == ()


@pytest.mark.parametrize(
    ("when", "test", "lacking"),
    [
        ("level > 2 m", "rain: 1", "level"),
        ("level > threshold.alert", "level: 1", "threshold alert"),
        ("level > 2 m and upstream(rain) > 1 mm", "level: 1", "rain upstream"),
        ("level > 2 m and planned_on", "level: 1", "planned, as 17:00 to 06:00"),
        ("level > rain * 1 m/mm", "discharge: 1", "level, rain"),
    ],
)
def test_a_test_must_give_what_its_rule_reads(when: str, test: str, lacking: str) -> None:
    assert differences(when, f"{test}, expect: nothing") == (
        f"cannot be read: f:9:1: the test does not give {lacking}",
    )


def cases(text: str) -> list[tuple[str, ...]]:
    found = run_cases(text, file="f", words=open_vocabulary(catalogue()))
    return [one.differences for one in found]


CASE = """
- name: a
  rule: {when: level > 3}
  readings: {level: "00:00=4 00:05=2 00:10=4"}
  log: [{since: "00:00", began: "00:00", ended: "00:05"}, {since: "00:10", began: "00:10"}]
"""


def test_a_case_that_fails_says_what_is_missing_and_what_is_too_much() -> None:
    assert cases(CASE) == [()]
    (found,) = cases(CASE.replace('ended: "00:05"', 'ended: "00:07"'))
    assert found == (
        "expected since 00:00, began 00:00, ended 00:07, stale []",
        "found    since 00:00, began 00:00, ended 00:05, stale []",
    )
    turned = CASE.replace(
        '{since: "00:00", began: "00:00", ended: "00:05"}, {since: "00:10", began: "00:10"}',
        '{since: "00:10", began: "00:10"}, {since: "00:00", began: "00:00", ended: "00:05"}',
    )
    (found,) = cases(turned)
    assert found == (
        (
            "the order differs: ['since 00:00, began 00:00, ended 00:05, stale []',"
            " 'since 00:10, began 00:10, lasting, stale []']"
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{when: level > 3}", "{when: level >}", "f:3:23: expected a value, found the end"),
        ("  rule: {when: level > 3}\n", "", "f:2:9: the case of line 2 has no rule"),
        ('log: [{since: "00:00", ', "log: [{", "f:5:9: an alarm needs `since`"),
        ('since: "00:10", began: "00:10"', 'since: "00:10"', "f:5:59: an alarm needs `began`"),
        ("log:", "report: {level: daily}\n  log:", "f:5:19: unknown word 'daily'; expected one of"),
        ("log:", "kinds: {level: guage}\n  log:", "unknown word 'guage'; did you mean 'gauge'?"),
        ("log:", "deaf: [[1]]\n  log:", "f:5:10: expected a pair, found 1"),
        ("log:", 'deaf: [["00:00", "00:01", x]]\n  log:', "f:5:10: expected a pair, found 3"),
        ("log:", "thresholds: {alert: high}\n  log:", "f:5:23: 'high' is not a number"),
        (
            "log:",
            "revisions: [['00:05', gone]]\n  log:",
            "expected a rule, a mapping; found 'gone'",
        ),
        ("log:", "revisions: [['00:05', zz]]\n  log:", "expected a rule, a mapping; found 'zz'"),
        ("log:", "upstream: {mill: {}}\n  log:", "f:5:20: site mill needs a `lag`, such as 2 h"),
        ("log:", "upstream: {mill: {lg: 1}}\n  log:", "site mill has no 'lg'; did you mean 'lag'?"),
        ("log:", "calendar: {zoe: x}\n  log:", "calendar has no 'zoe'; did you mean 'zone'?"),
    ],
)
def test_a_slip_in_a_case_is_told_where_it_is(old: str, new: str, told: str) -> None:
    assert old in CASE
    ((found,),) = cases(CASE.replace(old, new, 1))
    assert found.startswith("cannot be read: f:")
    assert told in found


def test_a_case_that_is_judged_otherwise_in_cuts_says_of_which_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_replay, "lookback", lambda *_: 1)  # an engine that forgets
    sums = """
- name: a
  rule: {when: "sum(rain, 20 min) > 3"}
  readings: {rain: "00:00=1 00:05=1 00:10=1 00:15=1 00:20=1 00:25=0 00:30=0 00:35=0"}
  log: [{since: "00:15", began: "00:15", ended: "00:25"}]
"""
    (found,) = cases(sums.replace('"00:25"', '"00:30"'))
    assert found
    lines = cases(sums)[0]
    told = [line.partition(":")[0] for line in lines]
    assert {"judged 1 arrivals at a time", "judged 3 arrivals at a time"} <= set(told)
    assert all("expected since" in line or "found    since" in line for line in lines)


def test_a_case_without_a_name_says_so() -> None:
    (found,) = run_cases(
        "\n- rule: {when: level > 3}\n", file="f", words=open_vocabulary(catalogue())
    )
    assert (found.name, found.line, found.passed) == ("(without a name)", 2, True)
    (waits,) = run_cases(
        CASE.replace("log:", "wether: rain\n  log:"), file="f", words=open_vocabulary(catalogue())
    )
    assert (waits.name, waits.line, waits.passed) == ("a", 2, False)
    assert waits.waiting is not None
    assert waits.waiting.startswith("f:5:11: a case has no 'wether' yet; ")


def test_a_fact_that_always_holds_is_there_from_the_first_day() -> None:
    assert Steps.of([(DAY_ZERO, 1.0)]).at.tolist() == [1_704_067_200_000_000]
